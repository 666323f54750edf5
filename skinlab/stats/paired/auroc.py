"""Two scores of the same independent images -> difference of AUROC, DeLong's interval and test.

Source: DeLong, DeLong & Clarke-Pearson (1988) Biometrics 44:837.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skinlab.stats.counts import Floats
from skinlab.stats.rank import Bools


@dataclass(frozen=True)
class PairedAuroc:
    """Difference of two correlated areas.

    Attributes:
        a: Area of the first score; NaN when one side is empty.
        b: Area of the second.
        variance: Of ``a - b``; NaN when a side has fewer than two images. 0 where the two scores
            order every pair alike (identical models, or both perfect).
    """

    a: float
    b: float
    variance: float

    @property
    def difference(self) -> float:
        """``a - b``."""
        return self.a - self.b

    def limits(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval, clipped to [-1, 1]; NaN when it cannot be had."""
        half = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(self.variance)
        if math.isnan(half):
            return math.nan, math.nan
        return max(-1.0, self.difference - half), min(1.0, self.difference + half)

    @property
    def z(self) -> float:
        """Return the test statistic; 0 for equal areas without variance, NaN where undefined."""
        if self.variance == 0:
            return 0.0 if self.difference == 0 else math.nan
        return self.difference / math.sqrt(self.variance)

    @property
    def p(self) -> float:
        """Two-sided p-value; 1 for identical models."""
        return float(2 * stats.norm.sf(abs(self.z)))


def paired_delong(positive: Bools, score_a: Floats, score_b: Floats) -> PairedAuroc:
    """Compare two areas under the ROC curve of the same independent images.

    Args:
        positive: ``(n,)`` whether the image has the class.
        score_a: ``(n,)`` its probability by A.
        score_b: ``(n,)`` by B.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) == 0:
        return PairedAuroc(math.nan, math.nan, math.nan)
    (won_a, lost_a), (won_b, lost_b) = (_placements(positive, s) for s in (score_a, score_b))
    if min(m, n) < 2:
        return PairedAuroc(float(won_a.mean()), float(won_b.mean()), math.nan)
    # The variance of the differences of the placements is that of the difference: no cancellation.
    variance = (won_a - won_b).var(ddof=1) / m + (lost_a - lost_b).var(ddof=1) / n
    return PairedAuroc(float(won_a.mean()), float(won_b.mean()), float(variance))


def _placements(positive: Bools, score: Floats) -> tuple[Floats, Floats]:
    """Return for each positive the share of negatives below it, and for each negative the reverse.

    In whole numbers of half pairs before dividing, so that equal orders give equal numbers.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = stats.rankdata(score)
    won = np.round(2 * (ranks[positive] - stats.rankdata(score[positive]))) / (2 * n)
    beaten = np.round(2 * (ranks[~positive] - stats.rankdata(score[~positive]))) / (2 * m)
    return won, 1 - beaten
