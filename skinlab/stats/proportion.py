"""Successes among trials -> interval of a proportion: Wilson, Clopper-Pearson, Jeffreys.

Also of the predictive values that sensitivity and specificity give at a stated prevalence.

All take real numbers as well as whole ones, so that an effective sample size (n divided by the
design effect) can be given. Undefined (0 trials) is NaN, never 0 or 1. The estimate lies inside
every interval; 0 and n successes give an interval of positive width that ends in 0 or 1.

Sources: Wilson (1927) JASA 22:209; Clopper & Pearson (1934) Biometrika 26:404; Brown, Cai &
DasGupta (2001) Stat Sci 16:101 (Jeffreys with its ends set at 0 and n); Korn & Graubard (1998)
Surv Methodol 24:193 (effective sample size with few clusters).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from skinlab.stats.spec import Proportion

NAMES: dict[Proportion, str] = {
    "wilson": "Wilson",
    "clopper_pearson": "Clopper-Pearson",
    "jeffreys": "Jeffreys",
}
Limits = tuple[float, float]


def wilson(successes: float, trials: float, level: float = 0.95) -> Limits:
    """Return Wilson's score interval, without continuity correction.

    Args:
        successes: In ``[0, trials]``.
        trials: 0 or more; may be an effective size.
        level: Confidence level in (0, 1).

    Returns:
        Lower and upper limit; NaN when there are no trials.
    """
    _check(successes, trials, level)
    if trials == 0:
        return math.nan, math.nan
    z = float(special.ndtri((1 + level) / 2))
    share = successes / trials
    center = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if successes == 0 else max(0.0, (center - half) / scale)
    high = 1.0 if successes == trials else min(1.0, (center + half) / scale)
    return low, high


def clopper_pearson(successes: float, trials: float, level: float = 0.95) -> Limits:
    """Return the exact (conservative) interval; arguments as in `wilson`."""
    _check(successes, trials, level)
    if trials == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    failures = trials - successes
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures == 0 else float(special.betaincinv(successes + 1, failures, 1 - tail))
    return low, high


def jeffreys(successes: float, trials: float, level: float = 0.95) -> Limits:
    """Return the equal-tailed Jeffreys interval, its ends set to 0 and 1 at 0 and n successes."""
    _check(successes, trials, level)
    if trials == 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    failures = trials - successes
    a, b = successes + 0.5, failures + 0.5
    low = 0.0 if successes == 0 else float(special.betaincinv(a, b, tail))
    high = 1.0 if failures == 0 else float(special.betaincinv(a, b, 1 - tail))
    return low, high


def proportion_limits(
    method: Proportion, successes: float, trials: float, level: float = 0.95
) -> Limits:
    """Return the interval named by `method`."""
    intervals = {"wilson": wilson, "clopper_pearson": clopper_pearson, "jeffreys": jeffreys}
    return intervals[method](successes, trials, level)


def predictive_values(
    sensitivity: NDArray[np.float64], specificity: NDArray[np.float64], prevalence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return PPV and NPV at a stated prevalence, by Bayes' rule.

    Args:
        sensitivity: ``(...)``.
        specificity: ``(...)``.
        prevalence: In (0, 1).

    Returns:
        Two arrays ``(...)``; NaN where nothing would be called (PPV) or rejected (NPV).
    """
    called = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    rejected = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    with np.errstate(invalid="ignore"):
        ppv = np.where(sum(called) == 0, np.nan, called[0] / sum(called))
        npv = np.where(sum(rejected) == 0, np.nan, rejected[0] / sum(rejected))
    return ppv, npv


def predictive_limits(
    sensitivity: tuple[float, float],
    specificity: tuple[float, float],
    prevalence: float,
    level: float = 0.95,
) -> tuple[Limits, Limits]:
    """Return the logit intervals of PPV and NPV at a stated prevalence.

    Where a proportion is 0 or 1, z**2/2 is added to its successes and failures (the adjusted
    interval). Source: Mercaldo, Lau & Zhou (2007) Stat Med 26:2170.

    Args:
        sensitivity: Images of the class that were called, and all of them; more than 0.
        specificity: Other images that were not called, and all of them; more than 0.
        prevalence: In (0, 1).
        level: Confidence level.
    """
    z = float(special.ndtri((1 + level) / 2))
    (se, var_se), (sp, var_sp) = (_adjusted(x, n, z) for x, n in (sensitivity, specificity))
    odds = math.log(prevalence / (1 - prevalence))
    ppv = math.log(se / (1 - sp)) + odds
    npv = math.log(sp / (1 - se)) - odds
    half_ppv = z * math.sqrt(var_se / se**2 + var_sp / (1 - sp) ** 2)
    half_npv = z * math.sqrt(var_se / (1 - se) ** 2 + var_sp / sp**2)
    pairs = ((ppv, half_ppv), (npv, half_npv))
    first, second = ((_expit(mid - half), _expit(mid + half)) for mid, half in pairs)
    return first, second


def design_effect(successes: NDArray[np.float64], trials: NDArray[np.float64]) -> float:
    """Return how many times the patients' clustering multiplies a proportion's variance.

    The variance is that of a ratio of sums over patients (Taylor linearization, with its m/(m-1)),
    divided by p(1-p)/n.

    Args:
        successes: ``(m,)`` successes of each patient.
        trials: ``(m,)`` trials of each patient, 1 or more.

    Returns:
        1 or more; NaN where it cannot be estimated (fewer than two patients, or p is 0 or 1).
    """
    m, n = len(trials), float(trials.sum())
    share = float(successes.sum()) / n if n else math.nan
    if m < 2 or not 0 < share < 1:
        return math.nan
    residual = successes - share * trials
    variance = m / (m - 1) * float(residual @ residual) / n**2
    return max(1.0, variance / (share * (1 - share) / n))


def effective_trials(
    successes: NDArray[np.float64], trials: NDArray[np.float64], level: float = 0.95
) -> float:
    """Return the number of independent trials that tell as much as the clustered ones.

    ``n / deff``, multiplied by ``(z / t)**2`` with ``m - 1`` degrees of freedom because the design
    effect of a few patients is itself uncertain (Korn & Graubard 1998); at least 1.
    """
    m, n = len(trials), float(trials.sum())
    deff = design_effect(successes, trials)
    tail = (1 + level) / 2
    ratio = float(special.ndtri(tail)) / float(special.stdtrit(m - 1, tail))
    return min(n, max(1.0, n / deff * ratio**2))


def _adjusted(successes: float, trials: float, z: float) -> tuple[float, float]:
    """Return a proportion strictly between 0 and 1 and its variance."""
    if successes in (0, trials):
        successes, trials = successes + z * z / 2, trials + z * z
    share = successes / trials
    return share, share * (1 - share) / trials


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _check(successes: float, trials: float, level: float) -> None:
    if not (0 <= successes <= trials and math.isfinite(trials) and 0 < level < 1):
        raise ValueError(f"no proportion: {successes} of {trials} at level {level}")
