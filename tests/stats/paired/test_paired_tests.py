"""Label swap, signed rank and Holm against statsmodels, scipy and complete enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from skinlab.stats.paired.tests import holm, label_swap, signed_rank

FEW = st.lists(st.integers(-4, 4), min_size=1, max_size=9)


def _single(only_a: int, only_b: int, same: int = 5) -> np.ndarray:
    return np.array([1] * only_a + [-1] * only_b + [0] * same)


@pytest.mark.parametrize("pair", [(1, 7), (7, 1), (0, 4), (12, 3), (40, 62)])
def test_single_images_give_the_exact_test_of_statsmodels(pair: tuple[int, int]) -> None:
    found = label_swap(_single(*pair))
    table = [[5, pair[0]], [pair[1], 5]]
    assert found.exact == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-12)
    pmf = stats.binom.pmf(min(pair), sum(pair), 0.5)
    assert found.mid == pytest.approx(found.exact - pmf, rel=1e-12)
    assert found.discordant == sum(pair)


def test_the_published_example_has_its_published_p_values() -> None:
    found = label_swap(_single(1, 7, 13))  # Fagerland, Lydersen & Laake 2013: .070 and .039
    assert found.exact == pytest.approx(0.0703125)
    assert found.mid == pytest.approx(0.0390625)


def test_as_many_one_way_as_the_other_takes_half_the_probability_off_one() -> None:
    found = label_swap(_single(3, 3))
    assert found.exact == 1.0
    assert found.mid == pytest.approx(1 - stats.binom.pmf(3, 6, 0.5) / 2)


def test_no_discordant_pair_gives_one_and_says_so() -> None:
    found = label_swap(np.zeros(7, np.int64))
    assert (found.exact, found.mid, found.discordant) == (1.0, 1.0, 0)


@given(FEW)
def test_clustered_swaps_agree_with_complete_enumeration(differences: list[int]) -> None:
    d = np.array(differences)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(d))))
    sums = np.abs(signs @ d)
    found = label_swap(d)
    assert found.exact == pytest.approx((sums >= abs(d.sum())).mean())
    same = (sums == abs(d.sum())).mean()
    assert found.mid == pytest.approx((sums > abs(d.sum())).mean() + same / 2 if d.any() else 1.0)
    assert label_swap(-d) == found


def test_the_signed_rank_test_is_that_of_scipy_without_ties() -> None:
    for seed in range(5):
        x = np.random.default_rng(seed).normal(0.3, size=10 + 8 * seed)
        reference = stats.wilcoxon(x, method="exact")
        found = signed_rank(x)
        assert found.p == pytest.approx(reference.pvalue, rel=1e-9)
        assert found.statistic == pytest.approx(reference.statistic)


def test_large_samples_take_the_normal_approximation_of_scipy() -> None:
    x = np.random.default_rng(1).normal(0.1, size=400).round(1)
    found = signed_rank(x)
    assert found.p == pytest.approx(stats.wilcoxon(x, method="approx").pvalue)
    assert not found.exact


@settings(deadline=None)
@given(FEW)
def test_ties_are_exact_by_complete_enumeration(differences: list[int]) -> None:
    d = np.array([x for x in differences if x])
    if not len(d):
        assert signed_rank(np.array(differences, float)).p == 1.0
        return
    ranks = stats.rankdata(np.abs(d))
    signs = np.array(list(itertools.product([-1, 1], repeat=len(d))))
    sums = np.abs(signs @ ranks)
    expected = (sums >= abs(np.sign(d) @ ranks) - 1e-9).mean()
    assert signed_rank(np.array(differences, float)).p == pytest.approx(expected)


def test_differences_are_rounded_before_they_are_ranked() -> None:
    raw = np.array([0.3 - 0.2, 0.2 - 0.1, 0.1, -0.1, 0.7, 0.5 - 0.4])
    assert len(set(np.abs(raw))) > 2
    assert signed_rank(raw) == signed_rank(np.array([0.1, 0.1, 0.1, -0.1, 0.7, 0.1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_an_undefined_p_value_leaves_the_family() -> None:
    found = holm([0.01, None, 0.04])
    assert found[1] is None
    assert (found[0], found[2]) == pytest.approx((0.02, 0.04))
    assert holm([None]) == [None]
