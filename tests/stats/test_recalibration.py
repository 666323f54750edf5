"""Calibration slope and calibration-in-the-large, against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.special import expit, logit

from skinlab.stats.recalibration import (
    Recalibration,
    calibration_in_the_large,
    calibration_slope,
)

Table = tuple[NDArray[np.bool_], NDArray[np.float64]]


def example(seed: int, n: int = 300, slope: float = 0.6, intercept: float = -0.4) -> Table:
    """Probabilities whose logits are off by a known line."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, n)
    return rng.random(n) < expit(intercept + slope * x), expit(x)


def glm(positive: NDArray[np.bool_], p: NDArray[np.float64]) -> tuple[float, float]:
    binomial, x = sm.families.Binomial(), logit(p)
    slope = sm.GLM(positive.astype(float), sm.add_constant(x), family=binomial).fit(tol=1e-13)
    ones = np.ones((len(x), 1))
    large = sm.GLM(positive.astype(float), ones, family=binomial, offset=x).fit(tol=1e-13)
    return float(slope.params[1]), float(large.params[0])


@pytest.mark.parametrize("seed", range(4))
def test_slope_and_intercept_agree_with_statsmodels(seed: int) -> None:
    positive, p = example(seed)
    slope, large = glm(positive, p)
    assert calibration_slope(positive, p) == pytest.approx(slope, abs=1e-8)
    assert calibration_in_the_large(positive, p) == pytest.approx(large, abs=1e-8)


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_probabilities_of_a_confident_network_are_fitted_too(share: float) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 9, 2000) + logit(share)
    positive, p = rng.random(2000) < expit(0.2 * x), np.clip(expit(x), 1e-11, 1 - 1e-11)
    slope, large = glm(positive, p)
    assert calibration_slope(positive, p) == pytest.approx(slope, abs=1e-7)
    assert calibration_in_the_large(positive, p) == pytest.approx(large, abs=1e-7)


def test_a_large_table_gives_back_the_line_it_was_drawn_from() -> None:
    positive, p = example(0, 200_000)
    assert calibration_slope(positive, p) == pytest.approx(0.6, abs=0.02)
    positive, p = example(0, 200_000, slope=1.0, intercept=-0.5)
    assert calibration_in_the_large(positive, p) == pytest.approx(-0.5, abs=0.02)


def test_perfect_separation_has_no_finite_slope() -> None:
    positive = np.repeat([True, False], 5)
    for p in (np.linspace(0.9, 0.1, 10), np.linspace(0.1, 0.9, 10)):
        assert math.isnan(calibration_slope(positive, p))
        assert math.isfinite(calibration_in_the_large(positive, p))
    # One probability shared by both sides is not enough (quasi-separation).
    assert math.isnan(calibration_slope(np.array([True, True, False]), np.array([0.9, 0.5, 0.5])))
    assert math.isnan(calibration_slope(positive, np.full(10, 0.3)))


def test_one_side_alone_is_undefined() -> None:
    positive = np.ones(4, bool)
    assert math.isnan(calibration_slope(positive, np.linspace(0.1, 0.9, 4)))
    assert math.isnan(calibration_in_the_large(positive, np.linspace(0.1, 0.9, 4)))


def test_certain_probabilities_leave_finite_numbers() -> None:
    positive = np.array([True, True, False, False, True, False])
    p = np.array([1.0, 0.0, 0.0, 1.0, 0.7, 0.4])
    assert math.isfinite(calibration_slope(positive, p))
    assert math.isfinite(calibration_in_the_large(positive, p))


def test_one_step_comes_close_to_fitting_each_resample_again() -> None:
    rng = np.random.default_rng(1)
    positive, p = example(1, 1200)
    patient = np.arange(1200) // 3
    weights = rng.multinomial(400, [1 / 400] * 400, size=30).T.astype(np.float32)
    slope, large = Recalibration(positive, p, patient, 400).at(weights)
    again = [
        glm(positive[rows], p[rows])
        for b in range(30)
        for rows in [np.repeat(np.arange(1200), weights[patient, b].astype(int))]
    ]
    full = np.array(again)
    # What one step misses is small beside the spread of the resamples.
    assert np.abs(slope - full[:, 0]).max() < 0.2 * full[:, 0].std()
    assert np.abs(large - full[:, 1]).max() < 0.1 * full[:, 1].std()


def test_a_resample_without_the_class_is_undefined() -> None:
    positive, p = example(2, 40)
    weights = np.ones((40, 2))
    weights[positive, 1] = 0
    slope, large = Recalibration(positive, p, np.arange(40), 40).at(weights)
    assert np.isnan([slope[1], large[1]]).all()
    assert np.isfinite([slope[0], large[0]]).all()
