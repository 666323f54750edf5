"""ROC and reliability curves of a report, against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import auc, roc_auc_score, roc_curve
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats import calibration
from skinlab.stats.cases import Cases
from skinlab.stats.curves import (
    FEWEST_POINTS,
    POINTS,
    reliability_curves,
    roc_curves,
    roc_points,
    thinned,
)
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.predictions import Predictions

CLASSES = ("melanoma", "nevus", "wart")


def cases(n: int, patients: int, seed: int = 0, repeats: int = 1, k: int = 3) -> Cases:
    rng = np.random.default_rng(seed)
    names = (*CLASSES, *(f"c{i}" for i in range(3, k)))
    target = np.tile(rng.permutation(np.arange(n) % k), repeats)
    table = rng.dirichlet(np.ones(k), n * repeats) + 0.5 * np.eye(k)[target]
    ids = [str(i) for i in range(n)] * repeats
    columns = {"sample_id": ids, "patient_id": [str(int(i) % patients) for i in ids]}
    frame = pd.DataFrame(columns | {"target": [names[t] for t in target]})
    stacked = Predictions(frame, table / table.sum(axis=1, keepdims=True), names)
    return Cases.of(stacked, np.repeat(np.arange(repeats), n))


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("seed", range(3))
def test_corners_are_those_of_scikit_learn(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(80) < 0.4
    score = (rng.random(80) + 0.3 * positive).round(digits)
    points = roc_points(positive, score)
    theirs = roc_curve(positive, score, drop_intermediate=False)
    # Every corner is one of theirs, and the lines between them pass through all of theirs.
    ours = set(zip(*points.round(12).tolist(), strict=True))
    assert ours <= set(zip(*np.round(theirs, 12).tolist(), strict=True))
    assert points.shape[1] <= len(roc_curve(positive, score)[0])
    assert auc(points[0], points[1]) == pytest.approx(roc_auc_score(positive, score), abs=1e-12)
    assert points[:, 0].tolist() == [0, 0, np.inf]
    assert points[:2, -1].tolist() == [1, 1]


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_thinned_curve_is_small_and_keeps_ends_area_and_direction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(3000) < rng.uniform(0.05, 0.95)
    score = rng.normal(size=3000) + rng.uniform(0, 3) * positive
    points = roc_points(positive, score)
    few = thinned(points)
    assert few.shape[1] <= POINTS
    assert (few[:, [0, -1]] == points[:, [0, -1]]).all()
    assert (np.diff(few[:2]) >= 0).all()
    assert auc(few[0], few[1]) == pytest.approx(auc(points[0], points[1]), abs=0.005)


def test_every_class_with_two_sides_has_a_curve_with_its_counts() -> None:
    table = cases(60, 20)
    found = list(roc_curves(table, "fine"))
    assert [curve.class_name for curve in found] == list(CLASSES)
    for c, curve in enumerate(found):
        positive, score = table.target == c, table.probabilities[:, c]
        assert (curve.n_positive, curve.n_negative, curve.tree_level) == (20, 40, "fine")
        area = auc(curve.false_positive_rate, curve.true_positive_rate)
        assert area == pytest.approx(roc_auc_score(positive, score), abs=1e-5)
        assert curve.threshold[0] is None
        called = [t is not None and (score[positive] >= t - 1e-6).mean() for t in curve.threshold]
        assert called[1:] == pytest.approx(curve.true_positive_rate[1:], abs=1e-5)


def test_a_class_without_images_has_no_curve() -> None:
    table = cases(60, 20)
    only = replace(table, target=table.target.clip(max=1))
    assert [curve.class_name for curve in roc_curves(only, "fine")] == ["melanoma", "nevus"]
    named = [curve.class_name for curve in reliability_curves(only, "fine", EvaluationSpec())]
    assert named == ["", "melanoma", "nevus"]


def test_curves_of_many_classes_have_fewer_points() -> None:
    found = list(roc_curves(cases(4000, 1000, k=60), "fine"))
    assert len(found) == 60
    assert max(len(curve.threshold) for curve in found) <= FEWEST_POINTS


def test_the_curve_of_several_seeds_has_the_mean_area() -> None:
    table = cases(300, 100, repeats=3)
    for c, curve in enumerate(roc_curves(table, "fine")):
        areas = [
            roc_auc_score(table.target[rows] == c, table.probabilities[rows, c])
            for rows in (table.rows(r) for r in range(3))
        ]
        assert auc(curve.false_positive_rate, curve.true_positive_rate) == pytest.approx(
            np.mean(areas), abs=0.005
        )
        assert set(curve.threshold) == {None}
        assert (curve.n_positive, curve.n_negative) == (100, 200)


def test_the_reliability_of_answers_gives_back_the_calibration_error() -> None:
    table = cases(200, 50)
    answers = next(reliability_curves(table, "fine", EvaluationSpec()))
    confidence, right = table.probabilities.max(axis=1), table.answer == table.target
    bins = calibration.equal_width_bins(confidence)
    error = np.abs(calibration.gaps(confidence, right, bins).sum(axis=0)).sum() / 200
    stored = sum(b.n_images * abs(b.confidence - b.observed) for b in answers.bins) / 200
    assert stored == pytest.approx(error, abs=1e-5)
    assert sum(b.n_images for b in answers.bins) == 200


def test_class_bins_agree_with_scikit_learn_and_hold_equally_many() -> None:
    table = cases(200, 200)
    curve = list(reliability_curves(table, "fine", EvaluationSpec()))[1]
    assert curve.class_name == "melanoma"
    observed, said = calibration_curve(
        table.target == 0, table.probabilities[:, 0], n_bins=10, strategy="quantile"
    )
    assert [b.n_images for b in curve.bins] == [20] * 10
    assert [b.observed for b in curve.bins] == pytest.approx(observed, abs=1e-6)
    assert [b.confidence for b in curve.bins] == pytest.approx(said, abs=1e-6)
    edges = [(b.low, b.high) for b in curve.bins]
    assert [low for low, _ in edges[1:]] == [high for _, high in edges[:-1]]


def test_shares_of_independent_images_have_the_interval_of_a_proportion() -> None:
    curve = list(reliability_curves(cases(200, 200), "fine", EvaluationSpec()))[1]
    assert curve.method == "Wilson"
    for b in curve.bins:
        low, high = proportion_confint(round(b.observed * 20), 20, method="wilson")
        assert (b.observed_low, b.observed_high) == pytest.approx((low, high), abs=1e-5)


def test_shares_of_clustered_images_have_wider_intervals_and_one_patient_none() -> None:
    def width(patients: int) -> float:
        curve = next(reliability_curves(cases(150, patients), "fine", EvaluationSpec()))
        return sum((b.observed_high or 0) - (b.observed_low or 0) for b in curve.bins)

    assert width(10) > width(150)
    alone = next(reliability_curves(cases(30, 1), "fine", EvaluationSpec()))
    assert {(b.n_patients, b.observed_low) for b in alone.bins} == {(1, None)}
