import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from skinlab.stats import bootstrap
from skinlab.stats.bootstrap import (
    canonical_patients,
    carriers_of,
    draws,
    expanded_level,
    logit_interval,
    percentile,
    rarest_label,
)


def all_draws(strata: NDArray[np.int64], b: int = 300) -> NDArray[np.float32]:
    return np.concatenate([weights for _, weights in draws(strata, b, 0)], axis=1)


def test_a_plain_draw_has_as_many_patients_as_the_sample_and_each_equally_often() -> None:
    weights = all_draws(np.zeros(40, np.int64), 2000)
    assert (weights.sum(axis=0) == 40).all()
    assert weights.mean(axis=1) == pytest.approx(np.ones(40), abs=0.12)
    # A multinomial count has variance 1 - 1/m.
    assert weights.var() == pytest.approx(1 - 1 / 40, rel=0.02)


def test_a_stratified_draw_keeps_the_number_of_patients_of_each_label() -> None:
    strata = np.array([2, 0, 0, 1, 2, 2, 1, 2])
    weights = all_draws(strata)
    for label in range(3):
        assert (weights[strata == label].sum(axis=0) == (strata == label).sum()).all()
    assert weights[strata == 2].max() > 1


def test_the_block_size_does_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    strata = np.array([0, 1, 1, 0, 1])
    expected = all_draws(strata)
    monkeypatch.setattr(bootstrap, "BLOCK_BYTES", 32 * 5 * 9)
    assert (all_draws(strata) == expected).all()


@given(st.permutations(range(12)), st.permutations(range(5)))
def test_names_and_order_of_rows_do_not_change_the_order_of_patients(
    rows: list[int], names: list[int]
) -> None:
    patient = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 4])
    content = np.random.default_rng(0).random((12, 3))
    expected = canonical_patients(patient, content)
    shuffled = canonical_patients(np.array(names)[patient][rows], content[rows])
    assert (shuffled == expected[rows]).all()


def test_the_stratum_of_a_patient_is_the_rarest_class_it_carries() -> None:
    patient = np.array([0, 0, 1, 2, 3, 3])
    target = np.array([0, 1, 0, 0, 0, 2])
    assert rarest_label(patient, target, 4, 3).tolist() == [1, 0, 0, 2]


def test_a_patient_carries_a_class_once_however_many_images_show_it() -> None:
    patient, target = np.array([0, 0, 0, 1, 2]), np.array([1, 1, 0, 1, 0])
    assert carriers_of(patient, target, 3).tolist() == [2, 2, 0]


def test_undefined_replicates_are_dropped_and_counted() -> None:
    values = np.append(np.linspace(0, 1, 201), [np.nan] * 9)
    interval = percentile(values)
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975))
    assert (interval.used, interval.dropped) == (201, 9)


def test_mostly_undefined_replicates_give_no_interval() -> None:
    values = np.append(np.linspace(0, 1, 150), [np.nan] * 151)
    assert np.isnan(percentile(values).low)


def test_percentiles_of_few_patients_are_taken_further_out() -> None:
    assert (1 - expanded_level(0.95, 20)) / 2 == pytest.approx(0.0159, abs=5e-4)
    assert expanded_level(0.95, 100_000) == pytest.approx(0.95, abs=1e-4)
    assert expanded_level(0.95, 2) > expanded_level(0.95, 10) > expanded_level(0.95, 50) > 0.95


def test_the_expanded_interval_of_a_mean_is_that_of_student() -> None:
    # The bootstrap of a mean is close to normal with variance s**2 (m-1)/m; Student's t is s**2.
    sample = np.random.default_rng(5).normal(size=25)
    means = sample @ all_draws(np.zeros(25, np.int64), 40_000) / 25
    found = percentile(means, expanded_level(0.95, 25))
    student = stats.t.interval(0.95, 24, sample.mean(), stats.sem(sample))
    assert (found.low, found.high) == pytest.approx(student, abs=0.03)


def test_the_logit_interval_is_the_standard_error_on_that_scale() -> None:
    drawn = np.random.default_rng(0).normal(0.7, 0.01, 4000)
    found = logit_interval(drawn, 0.7, 100_000)
    assert (found.low, found.high) == pytest.approx((0.7 - 0.0196, 0.7 + 0.0196), abs=1e-3)
    scaled = logit_interval(drawn / 5, 0.14, 100_000, largest=0.2)
    assert (scaled.low, scaled.high) == pytest.approx((found.low / 5, found.high / 5))
    few = logit_interval(drawn, 0.7, 5)
    assert few.high - few.low > 1.4 * (found.high - found.low)


@pytest.mark.parametrize("value", [0.0, 0.2])
def test_the_logit_interval_of_an_extreme_value_stays_inside_its_range(value: float) -> None:
    drawn = np.abs(value - np.random.default_rng(1).exponential(0.01, 500))
    found = logit_interval(drawn, value, 12, largest=0.2)
    assert 0 < found.low < found.high < 0.2


def test_the_logit_interval_of_too_few_or_equal_replicates() -> None:
    half = np.append(np.full(500, np.nan), np.linspace(0.4, 0.5, 499))
    assert np.isnan(logit_interval(half, 0.5, 10).low)
    assert logit_interval(half, 0.5, 10).dropped == 500
    same = logit_interval(np.full(200, 0.1), 0.1, 10, largest=0.2)
    assert (same.low, same.high) == (0.1, 0.1)
