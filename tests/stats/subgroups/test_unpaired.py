"""Two groups of different people: Newcombe's interval, and a p that says the same as it does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from skinlab.stats.proportion import wilson
from skinlab.stats.subgroups.unpaired import difference_limits, p_from_interval, p_from_replicates


def newcombe(x: int, n: int, y: int, m: int, level: float = 0.95) -> tuple[float, float]:
    return difference_limits(x / n, wilson(x, n, level), y / m, wilson(y, m, level))


@pytest.mark.parametrize(
    ("x", "n", "y", "m"), [(56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 0, 29), (0, 10, 0, 20)]
)
def test_with_wilson_limits_it_is_newcombe_s_interval_of_statsmodels(
    x: int, n: int, y: int, m: int
) -> None:
    theirs = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff")
    assert newcombe(x, n, y, m) == pytest.approx(theirs)


def test_it_is_the_interval_that_newcombe_printed() -> None:
    # Newcombe (1998) Stat Med 17:873, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10.
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)


COUNTS = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS, st.sampled_from([0.9, 0.95, 0.99]))
def test_p_is_below_alpha_exactly_where_the_interval_excludes_0(
    a: tuple[int, int], b: tuple[int, int], level: float
) -> None:
    low, high = newcombe(*a, *b, level)
    value = a[0] / a[1] - b[0] / b[1]
    assert low <= value <= high
    if min(abs(low), abs(high)) > 1e-9:
        p = p_from_interval(value, (low, high), level)
        assert 0 <= p <= 1
        assert (p < 1 - level) == (low > 0 or high < 0)


@given(COUNTS, COUNTS)
def test_seen_from_the_other_group_it_is_the_mirror_image(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    low, high = newcombe(*a, *b)
    assert newcombe(*b, *a) == pytest.approx((-high, -low))


def test_p_is_near_that_of_the_score_test_in_large_groups() -> None:
    for x, n, y, m in ((560, 700, 600, 800), (300, 1000, 340, 1000), (45, 500, 60, 480)):
        expected = proportions_ztest([x, y], [n, m])[1]
        ours = p_from_interval(x / n - y / m, newcombe(x, n, y, m), 0.95)
        assert ours == pytest.approx(expected, rel=0.15, abs=0.002)


def test_no_difference_has_p_1() -> None:
    assert p_from_interval(0.0, newcombe(5, 10, 5, 10), 0.95) == 1


def test_p_of_a_normal_bootstrap_is_that_of_the_z_test() -> None:
    drawn = np.random.default_rng(0).normal(0.2, 0.1, size=20000)
    assert p_from_replicates(drawn) == pytest.approx(2 * stats.norm.sf(2), rel=0.1)
    assert p_from_replicates(-drawn) == pytest.approx(2 * stats.norm.sf(2), rel=0.1)


def test_a_bootstrap_never_gives_p_0_and_leaves_out_what_is_undefined() -> None:
    assert p_from_replicates(np.ones(99)) == pytest.approx(0.02)
    assert p_from_replicates(np.r_[np.ones(99), np.nan]) == pytest.approx(0.02)
    assert p_from_replicates(np.zeros(10)) == 1
    assert p_from_replicates(np.full(5, np.nan)) is None
