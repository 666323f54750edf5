from itertools import combinations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from skinlab.stats.factors.design import Factor, describe, model_matrix
from skinlab.stats.factors.effects import best_subsets, main_effects, permutation


def table(seed: int, n: int = 20) -> tuple[list[Factor], np.ndarray]:
    rng = np.random.default_rng(seed)
    factors = [Factor.of(name, rng.integers(0, 2, n).tolist()) for name in "abcd"]
    return factors, 70 + 2 * factors[0].columns[:, 0] + rng.normal(size=n)


@pytest.mark.parametrize("seed", range(3))
def test_subsets_agree_with_statsmodels_aic(seed: int) -> None:
    factors, response = table(seed)
    found = best_subsets(factors, response, within=1e9)
    assert len(found) == 16
    for subset in found:
        chosen = [f for f in factors if f.name in subset.factors]
        columns = model_matrix(chosen) if chosen else np.ones((20, 1))
        k = len(chosen) + 2
        expected = sm.OLS(response, columns).fit().aic + 2 + 2 * k * (k + 1) / (20 - k - 1)
        assert subset.aicc == pytest.approx(expected)


@pytest.mark.parametrize("ones", [1, 2, 3, 7])
def test_a_permutation_p_is_a_complete_enumeration(ones: int) -> None:
    rng = np.random.default_rng(ones)
    response = rng.normal(size=8).round(1)
    factor = Factor.of("a", [1] * ones + [0] * (8 - ones))
    observed = abs(response[:ones].mean() - response[ones:].mean())
    gaps = []
    for rows in combinations(range(8), ones):
        inside = np.isin(np.arange(8), rows)
        gaps.append(abs(response[inside].mean() - response[~inside].mean()))
    found = permutation(factor, response, 100_000, seed=0)
    assert found.p == pytest.approx(np.mean(np.array(gaps) >= observed - 1e-12))
    assert (found.exact, found.splits) == (True, len(gaps))


def test_random_splits_come_near_the_exact_p() -> None:
    factors, response = table(5, n=16)
    exact = permutation(factors[1], response, 100_000, seed=0)
    drawn = permutation(factors[1], response, 4000, seed=0)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.03)


def test_main_effects_of_one_factor_are_a_t_test() -> None:
    rng = np.random.default_rng(2)
    factor = Factor.of("flip", ["on"] * 6 + ["off"] * 9)
    response = rng.normal(70, 1, 15)
    fit = main_effects([factor], response, describe([factor], tuple("abcdefghijklmno")), 0.95)
    expected = stats.ttest_ind(response[:6], response[6:])
    limits = expected.confidence_interval(0.95)
    effect = fit.effects[0]
    assert effect.p == pytest.approx(expected.pvalue)
    assert (effect.low, effect.high) == pytest.approx((limits.low, limits.high))
    assert effect.holm == effect.p


def test_a_term_that_another_one_equals_has_no_effect_of_its_own() -> None:
    factors, response = table(0)
    twins = [*factors, Factor.of("twin", factors[0].on.astype(int).tolist())]
    design = describe(twins, tuple(map(str, range(20))))
    effects = {e.term: e for e in main_effects(twins, response, design, 0.95).effects}
    assert effects["a 1"].value is None
    assert "twin 1" in effects["a 1"].reason
    alone = main_effects(factors, response, describe(factors, tuple(map(str, range(20)))), 0.95)
    assert effects["b 1"].value == pytest.approx(alone.effects[1].value)
    assert effects["b 1"].p == pytest.approx(alone.effects[1].p)
