"""Restore a run and predict."""
