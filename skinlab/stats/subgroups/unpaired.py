"""Two groups of different people -> the interval of their difference, and its p.

Each group brings an estimate with its own interval; the distances to the limits are squared and
added (MOVER). With Wilson's limits this is Newcombe's interval for two independent proportions.

Sources: Newcombe (1998) Stat Med 17:873, method 10; Zou & Donner (2008) Stat Med 27:1693; Altman &
Bland (2011) BMJ 343:d2304 (p from an interval).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from skinlab.stats.counts import Floats
from skinlab.stats.proportion import Limits


def difference_limits(a: float, a_limits: Limits, b: float, b_limits: Limits) -> Limits:
    """Return the interval of ``a - b`` from two independent estimates with their intervals.

    Args:
        a: Estimate of one group.
        a_limits: Its limits, which hold it.
        b: Estimate of the other.
        b_limits: Its limits.
    """
    below = math.hypot(a - a_limits[0], b_limits[1] - b)
    above = math.hypot(a_limits[1] - a, b - b_limits[0])
    return a - b - below, a - b + above


def p_from_interval(value: float, limits: Limits, level: float) -> float:
    """Return a two-sided p against 0: below ``1 - level`` exactly where the interval excludes 0.

    The distance from the estimate to the limit on the side of 0 counts as `z` standard errors.

    Args:
        value: Estimated difference.
        limits: Its interval, of positive width.
        level: Confidence level of the interval.
    """
    toward_zero = value - limits[0] if value > 0 else limits[1] - value
    if value == 0 or toward_zero <= 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stats.norm.sf(stats.norm.ppf((1 + level) / 2) * abs(value) / toward_zero))


def p_from_replicates(replicates: Floats) -> float | None:
    """Return a two-sided p against 0 from bootstrap replicates of a difference.

    Twice the smaller share of replicates on one side of 0, never 0 itself: ``(k + 1) / (B + 1)``.

    Args:
        replicates: ``(b,)``; NaN where undefined.
    """
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        return None
    fewer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(defined) + 1))
