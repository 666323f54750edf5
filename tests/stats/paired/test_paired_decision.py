"""Equivalence and non-inferiority against statsmodels' two one-sided tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from skinlab.stats.paired.decision import decide


@pytest.mark.parametrize(
    ("limits", "equivalence", "noninferiority"),
    [
        ((-0.02, 0.03), "equivalent", "non-inferior"),
        ((-0.02, 0.08), "not shown", "non-inferior"),
        ((-0.08, 0.01), "not shown", "not shown"),
        ((-0.2, -0.06), "different", "inferior"),
        ((0.06, 0.2), "different", "non-inferior"),
        ((-0.05, 0.01), "not shown", "not shown"),  # on the margin is not inside it
    ],
)
def test_the_interval_and_the_margin_decide(
    limits: tuple[float, float], equivalence: str, noninferiority: str
) -> None:
    found = decide(limits, 0.05, 0.9, "any")
    assert (found.equivalence, found.noninferiority) == (equivalence, noninferiority)
    assert (found.margin, found.level) == (0.05, 0.9)


@pytest.mark.parametrize("seed", range(6))
def test_an_interval_of_90_percent_inside_is_two_one_sided_tests_at_5_percent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(0.0, 0.1, size=40)
    b = a + rng.normal(0.005 * seed, 0.06, size=40)
    interval = stats.ttest_rel(a, b).confidence_interval(0.9)
    p = ttost_paired(a, b, -0.03, 0.03)[0]
    found = decide((float(interval.low), float(interval.high)), 0.03, 0.9, "t")
    assert (found.equivalence == "equivalent") == (p < 0.05)
