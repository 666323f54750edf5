"""Photograph file -> upright RGB pixels -> deterministic image operations, run once and cached."""
