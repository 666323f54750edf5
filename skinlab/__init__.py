"""Skin-image AI experiments: every number with its interval, every split safe by patient."""

__version__ = "0.1.0"
