"""Differences under resampling, or of few patients -> interval and p-value that agree.

Percentiles are taken further out for few patients (`bootstrap.expanded_level`), and the bootstrap
p-value is the level at which that interval touches 0.

Simulated coverage stands in `skinlab.stats.paired.comparison`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skinlab.stats.bootstrap import ENOUGH, expanded_level, percentile
from skinlab.stats.counts import Floats
from skinlab.stats.paired.proportion import PairedCounts
from skinlab.stats.proportion import Limits


@dataclass(frozen=True, eq=False)
class Resampled:
    """Replicates of one difference.

    Attributes:
        replicates: ``(b,)``; NaN where undefined.
        deciding: Patients that decide the metric, 2 or more.
    """

    replicates: Floats
    deciding: int

    @property
    def dropped(self) -> int:
        """Replicates in which the difference is undefined."""
        return int(np.isnan(self.replicates).sum())

    @property
    def reason(self) -> str:
        """Why there is no interval; empty when there is one."""
        used = len(self.replicates) - self.dropped
        if used < max(ENOUGH, len(self.replicates) / 2):
            return f"{self.dropped} of {len(self.replicates)} resamples are undefined"
        if np.nanmin(self.replicates) == np.nanmax(self.replicates):
            return "every resample gives the same difference"
        return ""

    def limits(self, level: float) -> Limits:
        """Return the expanded percentile interval."""
        found = percentile(self.replicates, expanded_level(level, self.deciding))
        return found.low, found.high

    def p(self) -> float | None:
        """Return the two-sided p-value of no difference, at least 2/(b + 1); None if undefined."""
        defined = self.replicates[~np.isnan(self.replicates)]
        if len(defined) < max(ENOUGH, len(self.replicates) / 2):
            return None
        tail = (1 + min((defined <= 0).sum(), (defined >= 0).sum())) / (len(defined) + 1)
        if tail >= 0.5:
            return 1.0
        m = self.deciding
        t = float(stats.norm.isf(tail)) * math.sqrt((m - 1) / m)
        return float(2 * stats.t.sf(t, m - 1))


def paired_effective_trials(
    differences: Floats, trials: Floats, counts: PairedCounts, level: float
) -> float:
    """Return the number of independent cases that tell as much of the difference as these.

    The variance of the difference as a ratio of sums over patients, over that of independent cases,
    is the design effect; its uncertainty with m patients counts as in `proportion.
    effective_trials`. Without discordance nothing can be estimated: the number of patients.

    Args:
        differences: ``(m,)`` right answers of A minus those of B of each patient.
        trials: ``(m,)`` cases of each patient, 1 or more.
        counts: The four cells over all cases.
        level: Confidence level.
    """
    m, n, d = len(trials), float(trials.sum()), counts.difference
    independent = (counts.only_a + counts.only_b) / n - d**2
    if m < 2 or independent <= 1e-12:
        return float(m)
    residual = differences - d * trials
    variance = m / (m - 1) * float(residual @ residual) / n**2
    effect = max(1.0, variance / (independent / n))
    tail = (1 + level) / 2
    ratio = float(stats.norm.ppf(tail)) / float(stats.t.ppf(tail, m - 1))
    return min(n, max(1.0, n / effect * ratio**2))
