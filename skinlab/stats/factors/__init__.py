"""A table of settings and results: main effects, noise of one run, what the design confounds."""
