import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats.proportion import (
    clopper_pearson,
    design_effect,
    effective_trials,
    jeffreys,
    predictive_limits,
    predictive_values,
    proportion_limits,
    wilson,
)
from skinlab.stats.spec import EvaluationSpec, Proportion

CASES = [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (7, 20), (45, 50), (317, 1200)]
METHODS: tuple[Proportion, ...] = ("wilson", "clopper_pearson", "jeffreys")


@pytest.mark.parametrize(("x", "n"), CASES)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_scipy_and_statsmodels(x: int, n: int, level: float) -> None:
    scipy = binomtest(x, n).proportion_ci(level, method="wilson")
    assert wilson(x, n, level) == pytest.approx((scipy.low, scipy.high), abs=1e-12)
    theirs = proportion_confint(x, n, alpha=1 - level, method="wilson")
    assert wilson(x, n, level) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(("x", "n"), CASES)
def test_clopper_pearson_agrees_with_scipy_and_statsmodels(x: int, n: int) -> None:
    scipy = binomtest(x, n).proportion_ci(0.95, method="exact")
    assert clopper_pearson(x, n) == pytest.approx((scipy.low, scipy.high), abs=1e-9)
    theirs = proportion_confint(x, n, method="beta")
    assert clopper_pearson(x, n) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(("x", "n"), [c for c in CASES if 0 < c[0] < c[1]])
def test_jeffreys_agrees_with_statsmodels_inside(x: int, n: int) -> None:
    assert jeffreys(x, n) == pytest.approx(proportion_confint(x, n, method="jeffreys"), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 5, 400])
def test_none_and_all_successes_end_at_0_and_1_with_positive_width(
    method: Proportion, n: int
) -> None:
    low, high = proportion_limits(method, 0, n)
    assert low == 0
    assert 0 < high < 1
    mirrored = proportion_limits(method, n, n)
    assert mirrored == pytest.approx((1 - high, 1), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_no_trials_are_undefined(method: Proportion) -> None:
    assert all(math.isnan(limit) for limit in proportion_limits(method, 0, 0))


@pytest.mark.parametrize(("x", "n"), [(3, 2), (-1, 5), (math.nan, 5), (1, math.inf)])
def test_impossible_counts_are_refused(x: float, n: float) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        wilson(x, n)


@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from(METHODS))
def test_the_interval_holds_the_estimate_and_shrinks_with_n(
    n: int, share: float, method: Proportion
) -> None:
    x = round(share * n)
    low, high = proportion_limits(method, x, n)
    assert low <= x / n <= high
    wide = high - low
    low, high = proportion_limits(method, 4 * x, 4 * n)
    assert high - low < wide


def test_one_image_a_patient_has_design_effect_one_and_copies_have_their_number() -> None:
    hits = np.array([1.0] * 30 + [0.0] * 30)
    assert design_effect(hits, np.ones(60)) == pytest.approx(60 / 59)
    assert design_effect(3 * hits, np.full(60, 3.0)) == pytest.approx(3 * 60 / 59)


def test_design_effect_equals_the_cluster_robust_variance_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(40), rng.integers(1, 6, 40))
    hit = (rng.random(len(patient)) < np.repeat(rng.beta(1, 1, 40), np.bincount(patient))) * 1.0
    fit = sm.OLS(hit, np.ones((len(hit), 1))).fit(
        cov_type="cluster", cov_kwds={"groups": patient, "use_correction": False}
    )
    p, n = hit.mean(), len(hit)
    theirs = fit.cov_params()[0, 0] * 40 / 39 / (p * (1 - p) / n)
    hits, images = np.bincount(patient, hit), np.bincount(patient).astype(np.float64)
    assert design_effect(hits.astype(np.float64), images) == pytest.approx(theirs)


def test_design_effect_is_undefined_at_the_ends_and_for_one_patient() -> None:
    ones = np.ones(5)
    assert math.isnan(design_effect(ones, ones))
    assert math.isnan(design_effect(0 * ones, ones))
    assert math.isnan(design_effect(np.array([1.0]), np.array([2.0])))


def test_few_patients_count_for_less_than_their_images() -> None:
    x, n = np.array([3.0, 0.0, 2.0, 3.0]), np.full(4, 3.0)
    assert 1 <= effective_trials(x, n) < 4


def test_a_spec_that_gives_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        EvaluationSpec(level=95)
    with pytest.raises(ValueError, match="resamples"):
        EvaluationSpec(resamples=10)


@pytest.mark.parametrize(("sens", "spec"), [(0.9, 0.8), (0.4, 0.99), (1.0, 0.7)])
def test_at_its_own_prevalence_a_table_has_its_own_predictive_values(
    sens: float, spec: float
) -> None:
    positives, negatives = 300, 700
    tp, tn = sens * positives, spec * negatives
    ppv, npv = predictive_values(np.array(sens), np.array(spec), 0.3)
    assert ppv == pytest.approx(tp / (tp + negatives - tn))
    assert npv == pytest.approx(tn / (tn + positives - tp))


def test_predictive_values_of_answering_nothing_are_undefined() -> None:
    ppv, npv = predictive_values(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.1)
    assert np.isnan([ppv[0], npv[1]]).all()
    assert [ppv[1], npv[0]] == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize("prevalence", [0.02, 0.5])
@pytest.mark.parametrize(("sens", "spec"), [((45, 50), (80, 100)), ((9, 30), (195, 200))])
def test_predictive_limits_are_the_delta_method_on_the_logit(
    sens: tuple[float, float], spec: tuple[float, float], prevalence: float
) -> None:
    def logits(se: float, sp: float) -> NDArray[np.float64]:
        both = np.array(predictive_values(np.array(se), np.array(sp), prevalence))
        return np.asarray(np.log(both / (1 - both)))

    p, q, h = sens[0] / sens[1], spec[0] / spec[1], 1e-6
    by_p = (logits(p + h, q) - logits(p - h, q)) / (2 * h)
    by_q = (logits(p, q + h) - logits(p, q - h)) / (2 * h)
    half = 1.959963985 * np.sqrt(by_p**2 * p * (1 - p) / sens[1] + by_q**2 * q * (1 - q) / spec[1])
    for side, found in enumerate(predictive_limits(sens, spec, prevalence)):
        ends = logits(p, q)[side] + np.array([-1, 1]) * half[side]
        assert found == pytest.approx(1 / (1 + np.exp(-ends)), abs=1e-6)


def test_all_right_leaves_predictive_limits_of_positive_width() -> None:
    for low, high in predictive_limits((20, 20), (50, 50), 0.1):
        assert 0 < low < high < 1


@pytest.mark.parametrize(("sens", "spec", "prevalence"), [(0.9, 0.8, 0.05), (0.8, 0.95, 0.3)])
def test_coverage_of_predictive_limits_by_complete_enumeration(
    sens: float, spec: float, prevalence: float
) -> None:
    # Every table of 40 positives and 60 negatives, weighted by its probability.
    m, n = 40, 60
    truth = [float(x) for x in predictive_values(np.array(sens), np.array(spec), prevalence)]
    held = np.zeros(2)
    for x in range(m + 1):
        for y in range(n + 1):
            weight = stats.binom.pmf(x, m, sens) * stats.binom.pmf(y, n, spec)
            if weight > 1e-9:
                limits = predictive_limits((x, m), (y, n), prevalence)
                held += [
                    weight * (low <= t <= high)
                    for t, (low, high) in zip(truth, limits, strict=True)
                ]
    assert ((held > 0.93) & (held < 0.98)).all(), held
