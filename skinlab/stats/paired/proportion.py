"""Two right-or-wrong answers to the same cases -> interval of the difference of the proportions.

For independent cases. Counts may be real numbers, so that an effective sample size can be given.

Sources: Newcombe (1998) Stat Med 17:2635, method 10 (Wilson limits squared and added, with the
continuity-corrected phi); Tango (1998) Stat Med 17:891 (score interval). Recommended side by side
by Fagerland, Lydersen & Laake (2014) Stat Med 33:2850.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize, stats

from skinlab.stats.proportion import Limits, wilson

_STEP = 1e-9


@dataclass(frozen=True)
class PairedCounts:
    """How often which of two answers was right.

    Attributes:
        both: Both right.
        only_a: A right, B wrong.
        only_b: B right, A wrong.
        neither: Both wrong.
    """

    both: float
    only_a: float
    only_b: float
    neither: float

    def __post_init__(self) -> None:
        """Refuse counts that are none."""
        cells = (self.both, self.only_a, self.only_b, self.neither)
        if not all(math.isfinite(cell) and cell >= 0 for cell in cells):
            raise ValueError(f"no counts of pairs: {cells}")

    @property
    def n(self) -> float:
        """Number of cases."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def difference(self) -> float:
        """Share right of A minus that of B, in [-1, 1]; NaN without cases."""
        return (self.only_a - self.only_b) / self.n if self.n else math.nan

    def scaled(self, n: float) -> PairedCounts:
        """Return the same shares among `n` cases."""
        share = n / self.n
        cells = (self.both, self.only_a, self.only_b, self.neither)
        return PairedCounts(*(cell * share for cell in cells))


def newcombe_paired(counts: PairedCounts, level: float = 0.95) -> Limits:
    """Return Newcombe's paired interval (method 10) of ``share of A - share of B``.

    Args:
        counts: The four cells.
        level: Confidence level in (0, 1).

    Returns:
        Limits in [-1, 1]; NaN without cases.
    """
    n = counts.n
    if n == 0:
        return math.nan, math.nan
    right_a, right_b = counts.both + counts.only_a, counts.both + counts.only_b
    share_a, share_b, phi = right_a / n, right_b / n, corrected_phi(counts)
    low_a, high_a = wilson(min(right_a, n), n, level)
    low_b, high_b = wilson(min(right_b, n), n, level)
    below = _joined(share_a - low_a, high_b - share_b, phi)
    above = _joined(high_a - share_a, share_b - low_b, phi)
    return max(-1.0, counts.difference - below), min(1.0, counts.difference + above)


def corrected_phi(counts: PairedCounts) -> float:
    """Return the correlation of the two answers; where positive, with Newcombe's correction.

    ``max(ad - bc - n/2, 0)`` replaces a positive ``ad - bc``; 0 where a margin is empty.
    """
    a, b, c, d = counts.both, counts.only_a, counts.only_b, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product = a * d - b * c
    if product > 0:
        product = max(product - counts.n / 2, 0.0)
    return product / math.sqrt(margins)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))


def tango(counts: PairedCounts, level: float = 0.95) -> Limits:
    """Return Tango's score interval of ``share of A - share of B``.

    All differences that the score test does not reject at ``1 - level``.

    Args:
        counts: The four cells; only `n` and the discordant ones matter.
        level: Confidence level in (0, 1).

    Returns:
        Limits in [-1, 1]; NaN without cases.
    """
    if counts.n == 0:
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + level) / 2))
    value = counts.difference

    def excess(difference: float) -> float:
        """Return how far the score at a difference is beyond the critical value."""
        distance = abs(counts.only_a - counts.only_b - counts.n * difference)
        return distance - z * math.sqrt(_score_variance(counts, difference))

    # Without discordance the variance at the estimate is 0, and so is the score: a step beside it.
    low, high = -1.0, 1.0
    if excess(low) > 0:
        low = float(optimize.brentq(excess, low, value - _STEP, xtol=1e-13))
    if excess(high) > 0:
        high = float(optimize.brentq(excess, value + _STEP, high, xtol=1e-13))
    return low, high


def _score_variance(counts: PairedCounts, difference: float) -> float:
    """Return the variance of ``only_a - only_b`` under a difference, by restricted likelihood."""
    n, b, c = counts.n, counts.only_a, counts.only_b
    linear = (2 * n - b + c) * difference - b - c
    constant = -c * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear**2 - 8 * n * constant))
    share = (root - linear) / (4 * n)  # of cases that only B has right
    return max(0.0, n * (2 * share + difference * (1 - difference)))
