"""Interval of a difference and a margin -> equivalence and non-inferiority."""

from __future__ import annotations

from skinlab.stats.proportion import Limits
from skinlab.tables.comparison import Decision, OneSided, Verdict


def decide(limits: Limits, margin: float, level: float, method: str) -> Decision:
    """Decide equivalence (two one-sided tests) and non-inferiority of A to B.

    Args:
        limits: Interval of A minus B at `level`; larger is better.
        margin: Largest difference that does not matter, above 0.
        level: ``1 - 2 alpha``.
        method: How the interval was made.

    Source: Schuirmann (1987) J Pharmacokinet Biopharm 15:657.
    """
    low, high = limits
    equivalence: Verdict = "not shown"
    if -margin < low and high < margin:
        equivalence = "equivalent"
    elif high < -margin or low > margin:
        equivalence = "different"
    noninferiority: OneSided = "not shown"
    if low > -margin:
        noninferiority = "non-inferior"
    elif high < -margin:
        noninferiority = "inferior"
    return Decision(margin, level, low, high, method, equivalence, noninferiority)
