"""Scores and truth -> AUROC and average precision, for thousands of weightings at once; DeLong.

A resample of patients is a weight for each of them. The images are sorted once; each weighting
then costs one sparse product and one cumulative sum. Ties count one half (AUROC); average
precision is the step-wise sum over distinct scores, as in scikit-learn.

Source of the variance: DeLong, DeLong & Clarke-Pearson (1988) Biometrics 44:837.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from skinlab.stats.counts import Floats, quotient

Bools = NDArray[np.bool_]


class RankedClass:
    """One class against the rest, ready to be weighted.

    Memory is 8 bytes an image; a weighting of b replicates takes ``12 * b`` bytes a positive
    image more.
    """

    def __init__(
        self, positive: Bools, score: Floats, patient: NDArray[np.int64], patients: int
    ) -> None:
        """Sort the images.

        Args:
            positive: ``(n,)`` whether the image has the class.
            score: ``(n,)`` its probability.
            patient: ``(n,)`` number of its patient in ``0..patients-1``.
            patients: Number of patients.
        """
        # Negatives fall into slots: 2j between distinct positive scores, 2j+1 tied with the j-th.
        scores, place = np.unique(score[positive], return_inverse=True)
        below = np.searchsorted(scores, score[~positive], "left")
        tied = np.append(scores, np.nan)[below] == score[~positive]
        self._negatives = _rows_by_patient(
            2 * below + tied, patient[~positive], 2 * len(scores) + 1, patients
        )
        self._positives = _rows_by_patient(place, patient[positive], len(scores), patients)

    def at(self, weights: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
        """Return AUROC and average precision of each weighting.

        Args:
            weights: ``(patients, b)`` whole numbers: how often each patient was drawn. float32
                is fast; float64 gives average precision to all digits.

        Returns:
            Two arrays ``(b,)``; NaN where no positive image, or (AUROC) no negative one, is left.
        """
        b = weights.shape[1]
        if not self._positives.shape[0]:
            return np.full(b, np.nan), np.full(b, np.nan)
        # Sums of whole numbers below 2**24 are exact in float32, so the AUROC is exact.
        positives = self._positives @ weights
        passed = _running_sum(self._negatives @ weights)
        before, through = passed[0:-1:2], passed[1::2]
        positive, negative = positives.sum(axis=0, dtype=float), passed[-1].astype(float)
        wins = np.einsum("jb,jb->b", positives, before + through, dtype=float, casting="safe") / 2
        auroc = quotient(wins, positive * negative)
        false_alarms = passed[-1] - before
        hits = _running_sum(positives[::-1].copy())[::-1]
        called = hits + false_alarms
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        total = np.einsum("jb,jb->b", positives, precision, dtype=float, casting="safe")
        return auroc, quotient(total, positive)


def auroc(positive: Bools, score: Floats) -> float:
    """Return the area under the ROC curve; NaN when one side is empty.

    Args:
        positive: ``(n,)``.
        score: ``(n,)``, larger = more positive.
    """
    ranked = RankedClass(positive, score, np.zeros(len(score), np.int64), 1)
    return float(ranked.at(np.ones((1, 1)))[0][0])


def delong_variance(positive: Bools, score: Floats) -> float:
    """Return DeLong's variance of the AUROC of independent images.

    NaN when a side has fewer than two images; 0 under perfect separation.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        return math.nan
    ranks = stats.rankdata(score)
    beaten = (ranks[positive] - stats.rankdata(score[positive])) / n
    beating = 1 - (ranks[~positive] - stats.rankdata(score[~positive])) / m
    return float(beaten.var(ddof=1) / m + beating.var(ddof=1) / n)


def delong(positive: Bools, score: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return DeLong's interval of the AUROC, clipped to [0, 1]; NaN when it cannot be had."""
    value, variance = auroc(positive, score), delong_variance(positive, score)
    half = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(variance)
    if math.isnan(half):
        return math.nan, math.nan
    return max(0.0, value - half), min(1.0, value + half)


def _running_sum(table: NDArray[Any]) -> NDArray[Any]:
    """Sum up the rows of a table in place; row by row is 10x faster than cumsum(axis=0)."""
    for above, row in itertools.pairwise(table):
        row += above
    return table


def _rows_by_patient(
    row: NDArray[np.int64], patient: NDArray[np.int64], rows: int, patients: int
) -> sparse.csr_array[np.float32]:
    ones = np.ones(len(row), np.float32)
    return sparse.csr_array((ones, (row, patient)), shape=(rows, patients))
