"""Repeated settings -> how much one run means: pure error, lack of fit, the winner's noise, seeds.

Sources: Montgomery, Design and Analysis of Experiments, ch. 10 (pure error, lack of fit); the
expected largest of n normal values by integration (Harter 1961 Biometrika 48:151).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, stats
from statsmodels.stats.power import TTestIndPower

from skinlab.stats.factors.design import Floats
from skinlab.stats.factors.effects import Fit


@dataclass(frozen=True)
class Noise:
    """The spread of equal runs, in points.

    Attributes:
        sd: Of one run; None when nothing tells it.
        df: Degrees of freedom it stands on.
        source: ``repeated settings`` or ``residual of the main effects``.
        single_run: Half of the range that one run stands for: t times `sd`.
        least_difference: Two single runs differ beyond this only: t times sd times root 2.
        lack_of_fit_p: Whether settings differ by more than main effects and pure error say.
        lack_of_fit_df: Degrees of freedom of that test's numerator.
    """

    sd: float | None
    df: int
    source: str
    single_run: float | None
    least_difference: float | None
    lack_of_fit_p: float | None
    lack_of_fit_df: int


@dataclass(frozen=True)
class Winner:
    """The best row against the noise.

    Attributes:
        label: Of the row.
        marked: Whether the table marks it; else it is the largest of the response.
        value: Its response.
        low: Lower end of what its single run stands for.
        high: Upper end.
        inside: Labels of the other rows in that range.
        same_setting: Labels of the other rows with its setting.
        peers: Rows that share its level of `shared`, itself included.
        shared: The factor with the smallest p; empty when none is below 0.05 (then all rows).
        lead: Its value less the mean of the peers.
        expected_lead: Of the best of as many equal runs, on average.
    """

    label: str
    marked: bool
    value: float
    low: float | None
    high: float | None
    inside: tuple[str, ...]
    same_setting: tuple[str, ...]
    peers: int
    shared: str
    lead: float
    expected_lead: float | None


@dataclass(frozen=True)
class SeedsNeeded:
    """Runs per arm that find a difference with the given power (two-sided t test, 0.05)."""

    difference: float
    runs: int
    power: float


def noise(response: Floats, setting: NDArray[np.int64], fit: Fit, level: float) -> Noise:
    """Return the pure error of repeated settings, else the residual of the fit.

    Args:
        response: ``(n,)`` in points.
        setting: ``(n,)`` equal numbers for equal settings.
        fit: The main effects.
        level: Of the ranges.
    """
    sums = np.bincount(setting, response)
    counts = np.bincount(setting)
    ss = float(((response - (sums / counts)[setting]) ** 2).sum())
    df, source = len(response) - len(counts), "repeated settings"
    lack_df, lack_p = fit.residual_df - df, None
    if df > 0 and lack_df > 0 and ss > 0:
        ratio = max(0.0, fit.residual_ss - ss) / lack_df / (ss / df)
        lack_p = float(stats.f.sf(ratio, lack_df, df))
    if df == 0:
        ss, df, source = fit.residual_ss, fit.residual_df, "residual of the main effects"
        lack_df = 0
    if df == 0:
        return Noise(None, 0, "no repeated setting and no residual", None, None, None, 0)
    sd = math.sqrt(ss / df)
    t = float(stats.t.ppf((1 + level) / 2, df))
    return Noise(sd, df, source, t * sd, t * sd * math.sqrt(2), lack_p, max(0, lack_df))


def expected_best(n: int) -> float:
    """Return how many SD the best of n equal normal runs lies above their mean, on average."""
    if n < 1:
        raise ValueError("the best of no run")
    if n == 1:
        return 0.0

    def term(x: float) -> float:
        return float(n * x * stats.norm.pdf(x) * stats.norm.cdf(x) ** (n - 1))

    return float(integrate.quad(term, -12, 12, limit=200)[0])


def seeds_needed(
    sd: float, differences: Sequence[float], power: float = 0.8
) -> tuple[SeedsNeeded, ...]:
    """Return the runs per arm for each difference in points (statsmodels), at least 2."""
    found = []
    for difference in differences:
        runs = 2
        # Below 2 runs an arm statsmodels finds no root; the t test needs 2 anyway.
        if sd > 0 and TTestIndPower().power(difference / sd, 2, 0.05) < power:
            size = TTestIndPower().solve_power(difference / sd, alpha=0.05, power=power)
            runs = math.ceil(float(size) - 1e-9)
        found.append(SeedsNeeded(difference, runs, power))
    return tuple(found)


def winner(
    response: Floats,
    setting: NDArray[np.int64],
    labels: Sequence[str],
    spread: Noise,
    marked: int | None,
    peers: NDArray[np.bool_],
    shared: str,
) -> Winner:
    """Compare the marked row (else the largest) with what one run can mean."""
    best = int(np.argmax(response)) if marked is None else marked
    value, half = float(response[best]), spread.single_run
    others = [i for i in range(len(response)) if i != best]
    inside: tuple[str, ...] = ()
    if half is not None:
        inside = tuple(labels[i] for i in others if abs(response[i] - value) <= half)
    n = int(peers.sum())
    return Winner(
        label=labels[best],
        marked=marked is not None,
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        inside=inside,
        same_setting=tuple(labels[i] for i in others if setting[i] == setting[best]),
        peers=n,
        shared=shared,
        lead=value - float(response[peers].mean()),
        expected_lead=None if spread.sd is None else expected_best(n) * spread.sd,
    )
