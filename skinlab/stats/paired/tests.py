"""Differences of independent units -> p-values: label swap (McNemar), signed rank, Holm.

One idea carries the first three: where two models are equally good, exchanging their answers to a
unit (an image, or all images of a patient) changes the sign of the unit's difference and nothing
else. The distribution of the sum under all exchanges is found exactly, by convolution. With one
image a unit it is McNemar's exact test; of ranks it is Wilcoxon's.

Sources: McNemar (1947) Psychometrika 12:153; Fagerland, Lydersen & Laake (2013) BMC Med Res
Methodol 13:91 (mid-p); Wilcoxon (1945) Biometrics Bull 1:80; Holm (1979) Scand J Stat 6:65.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skinlab.stats.counts import Floats, Ints

DIGITS = 10  # differences that are equal but for rounding must rank as equal
EXACT_RANKS = 50


@dataclass(frozen=True)
class SwapTest:
    """Result of exchanging the labels A and B within units.

    Attributes:
        exact: Two-sided p-value.
        mid: Mid-p: what was observed counts by half.
        discordant: Units whose difference is not 0; with none, both p-values are 1.
    """

    exact: float
    mid: float
    discordant: int


def label_swap(differences: Ints) -> SwapTest:
    """Test that the sum of the differences is 0 in expectation, by exact label swap.

    Args:
        differences: ``(m,)`` whole numbers: right answers of A minus those of B in each unit.

    Returns:
        With units of one image, McNemar's exact and mid-p test (for as many cases that only A has
        right as only B, mid-p is 1 less half the probability of that).
    """
    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return SwapTest(1.0, 1.0, 0)
    probability = _sums(sizes)
    reach = int(sizes.sum())
    distance = np.abs(np.arange(-reach, reach + 1, 2))
    observed = abs(int(differences.sum()))
    beyond = float(probability[distance > observed].sum())
    same = float(probability[distance == observed].sum())
    return SwapTest(min(1.0, beyond + same), min(1.0, beyond + same / 2), len(sizes))


def _sums(sizes: Ints) -> Floats:
    """Return the distribution of ``sum of +-size``: of ``-reach, -reach + 2, ..., reach``."""
    total: Floats = np.ones(1)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        spread = np.zeros(int(size) * int(count) + 1)
        spread[:: int(size)] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        total = np.convolve(total, spread)
    return total


@dataclass(frozen=True)
class SignedRank:
    """Result of Wilcoxon's signed rank test.

    Attributes:
        p: Two-sided p-value.
        statistic: The smaller sum of ranks.
        used: Units whose difference is not 0.
        exact: Whether the p-value is exact (ties included) or from the normal approximation.
    """

    p: float
    statistic: float
    used: int
    exact: bool


def signed_rank(differences: Floats) -> SignedRank:
    """Test that differences are symmetric about 0.

    Differences are rounded to 10 digits before they are ranked; zeros are left out. Exact up to 50
    units, with ties too; beyond, the normal approximation with its correction for ties.

    Args:
        differences: ``(m,)`` one a unit.
    """
    rounded = np.round(differences, DIGITS)
    rounded = rounded[rounded != 0]
    if not len(rounded):
        return SignedRank(1.0, 0.0, 0, exact=True)
    ranks = stats.rankdata(np.abs(rounded))
    positive = float(ranks[rounded > 0].sum())
    statistic = min(positive, float(ranks.sum()) - positive)
    if len(rounded) <= EXACT_RANKS:
        doubled = np.round(2 * ranks * np.sign(rounded)).astype(np.int64)  # midranks are halves
        return SignedRank(label_swap(doubled).exact, statistic, len(rounded), exact=True)
    found = stats.wilcoxon(rounded, method="approx", correction=False)
    return SignedRank(float(found.pvalue), statistic, len(rounded), exact=False)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p-values; None stays None and is not counted in the family."""
    known = [i for i, p in enumerate(p_values) if p is not None]
    order = sorted(known, key=lambda i: p_values[i] or 0.0)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * (p_values[i] or 0.0)))
        adjusted[i] = largest
    return adjusted
