"""Numbers with 95% intervals: numpy, scipy, statsmodels; no torch."""
