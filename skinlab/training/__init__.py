"""Fit, callbacks, checkpoints, tracking and the sweep."""
