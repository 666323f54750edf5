"""Probabilities and truth -> Brier score, log loss, top-k, expected calibration error.

Per-image terms, so that any weighting of patients is a weighted sum of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.counts import Floats, Ints, quotient

BINS = 15
SMALLEST = 1e-15


def brier_terms(probabilities: Floats, target: Ints) -> Floats:
    """Return ``sum_k (p_k - y_k)**2`` of each image, in [0, 2] (Brier 1950).

    For two classes this is twice the score of the positive class alone.

    Args:
        probabilities: ``(n, k)``.
        target: ``(n,)``.

    Returns:
        ``(n,)``.
    """
    truth = np.eye(probabilities.shape[1])[target]
    terms: Floats = ((probabilities - truth) ** 2).sum(axis=1)
    return terms


def log_loss_terms(probabilities: Floats, target: Ints) -> Floats:
    """Return ``-ln p_truth`` of each image, p at least 1e-15, ``(n,)``."""
    chosen = probabilities[np.arange(len(target)), target]
    return -np.log(np.clip(chosen, SMALLEST, 1.0))


def top_k_hits(probabilities: Floats, target: Ints, k: int) -> NDArray[np.bool_]:
    """Return whether the truth is among the k largest probabilities of each image, ``(n,)``.

    Of equal probabilities the first column counts as larger, so that top-1 is the answer.
    """
    own = probabilities[np.arange(len(target)), target][:, None]
    earlier = np.arange(probabilities.shape[1]) < target[:, None]
    ahead = (probabilities > own) | ((probabilities == own) & earlier)
    hits: NDArray[np.bool_] = ahead.sum(axis=1) < k
    return hits


def brier_of_shares(truth: Floats, n: Floats) -> Floats:
    """Return the Brier score of always saying the shares of the classes, ``(...)``.

    What a skill score is measured against; 0 where all images have one class.

    Args:
        truth: ``(k, ...)`` images of each class.
        n: ``(...)`` all images.
    """
    shares = quotient(truth, n)
    score: Floats = 1 - (shares**2).sum(axis=0)
    return np.where(score < SMALLEST, 0.0, score)


def equal_width_bins(confidence: Floats, bins: int = BINS) -> Ints:
    """Return the bin of each confidence: ``(l, u]`` of equal width; 0 belongs to the first.

    The rule of Guo et al. (2017). A half-open rule the other way round gives other numbers on
    confidences that lie on an edge.
    """
    edges = np.arange(1, bins + 1) / bins
    return np.searchsorted(edges, confidence, "left").clip(max=bins - 1).astype(np.int64)


def equal_mass_bins(confidence: Floats, bins: int = BINS) -> Ints:
    """Return the bin of each confidence: quantiles, ``(l, u]``; equal confidences stay together."""
    edges = np.unique(np.quantile(confidence, np.arange(1, bins + 1) / bins, method="inverted_cdf"))
    return np.searchsorted(edges, confidence, "left").clip(max=len(edges) - 1).astype(np.int64)


def gaps(confidence: Floats, right: NDArray[np.bool_], bin_of: Ints, bins: int = BINS) -> Floats:
    """Return each image's ``confidence - right`` in the column of its bin, ``(n, bins)``.

    The expected calibration error is the sum over bins of the absolute sums, divided by n. It is
    above 0 in small samples even for a perfectly calibrated model.
    """
    table = np.zeros((len(confidence), bins))
    table[np.arange(len(confidence)), bin_of] = confidence - right
    return table
