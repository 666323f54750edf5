"""Weights of patients -> metrics: a weight of two is the patient twice, whatever the metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from skinlab.stats.cases import Cases
from skinlab.stats.statistics import Statistics, Values, point_values, replicates
from skinlab.tables.predictions import Predictions

CLASSES = ("melanoma", "nevus", "wart")


def predictions(n: int, patients: int, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    ids = [str(i) for i in range(n)]
    target = rng.permutation(np.arange(n) % 3)
    frame = pd.DataFrame(
        {
            "sample_id": ids,
            "patient_id": [str(i % patients) for i in range(n)],
            "target": [CLASSES[t] for t in target],
        }
    )
    # A quarter of a percent: no two images differ in the last bits alone.
    table = rng.integers(1, 400, (n, 3)) / 400
    return Predictions(frame, table / table.sum(axis=1, keepdims=True), CLASSES)


def values(cases: Cases, weights: list[int]) -> dict[str, float]:
    one, column = Statistics(cases), np.array(weights, float)[:, None]
    found: dict[str, float] = {}
    for part in (one.proportions(column), one.averages(column)):
        found |= {name: float(value[0]) for name, value in part.overall.items()}
        found |= {
            f"{name} {CLASSES[c]}": float(value[c, 0])
            for name, value in part.classes.items()
            for c in range(3)
        }
    return found


@given(st.integers(0, 1000), st.lists(st.integers(0, 3), min_size=5, max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_weight_is_as_many_copies_of_the_patient(seed: int, weights: list[int]) -> None:
    if not any(weights):
        return
    table = predictions(30, 5, seed)
    cases = Cases.of(table, np.zeros(30, np.int64))
    # `Cases` renumbers patients by content: look up which number each row was given.
    rows = np.concatenate([np.repeat(i, weights[p]) for i, p in enumerate(cases.patient)])
    frame = table.frame.iloc[rows].assign(sample_id=[str(i) for i in range(len(rows))])
    copied = Predictions(frame, table.probabilities[rows], CLASSES)
    again = Cases.of(copied, np.zeros(len(rows), np.int64))
    found, expected = values(cases, weights), values(again, [1] * again.patients)
    # A class that no drawn patient carries drops out of averages in one table and is undefined in
    # the other; bins of equal mass are cut on the table itself.
    if set(copied.target) == {0, 1, 2}:
        # Recalibration goes one step from the fit to the whole table.
        one_step = {n for n in expected if n.startswith("calibration")}
        for name in expected.keys() - {"ece_equal_mass"} - one_step:
            assert found[name] == pytest.approx(expected[name], abs=1e-6, nan_ok=True), name


def test_point_values_agree_with_scikit_learn() -> None:
    table = predictions(60, 20, 1)
    cases = Cases.of(table, np.zeros(60, np.int64))
    found = point_values([Statistics(cases)])
    target, answer = table.target, table.answer
    recall = metrics.recall_score(target, answer, average=None)
    assert found.classes["sensitivity"][:, 0] == pytest.approx(recall)
    assert found.classes["f1"][:, 0] == pytest.approx(
        metrics.f1_score(target, answer, average=None)
    )
    assert found.overall["macro_f1"][0] == pytest.approx(
        metrics.f1_score(target, answer, average="macro")
    )
    assert found.overall["log_loss"][0] == pytest.approx(
        metrics.log_loss(target, table.probabilities)
    )


def test_resampling_one_patient_changes_nothing() -> None:
    table = predictions(6, 1, 2)
    cases = Cases.of(table, np.zeros(6, np.int64))
    one = [Statistics(cases)]
    drawn = replicates(cases, one, 20, 0, stratified=False)
    assert np.ptp(drawn.overall["accuracy"]) == 0
    assert drawn.overall["accuracy"][0] == point_values(one).overall["accuracy"][0]


def test_the_mean_over_resamples_is_the_estimate_and_the_seed_decides_the_draws() -> None:
    table = predictions(90, 30, 3)
    cases = Cases.of(table, np.zeros(90, np.int64))
    one = [Statistics(cases)]
    first, same, other = (replicates(cases, one, 2000, s, stratified=False) for s in (0, 0, 1))
    assert (first.overall["accuracy"] == same.overall["accuracy"]).all()
    assert (first.overall["accuracy"] != other.overall["accuracy"]).any()
    # Each patient has three images, so the accuracy is linear in the weights.
    value = point_values(one).overall["accuracy"][0]
    error = first.overall["accuracy"].std() / np.sqrt(2000)
    assert first.overall["accuracy"].mean() == pytest.approx(value, abs=5 * error)


def test_stratified_draws_hold_every_class_and_change_no_ratio() -> None:
    table = predictions(30, 30, 4)
    cases = Cases.of(table, np.zeros(30, np.int64))
    one = [Statistics(cases)]
    plain = replicates(cases, one, 300, 0, stratified=False)
    strict = replicates(cases, one, 300, 0, stratified=True)
    assert (plain.overall["accuracy"] == strict.overall["accuracy"]).all()
    assert not np.isnan(strict.classes["auroc"]).any()


def test_repetitions_are_drawn_too() -> None:
    table = predictions(30, 10, 5)
    frame = pd.concat([table.frame.assign(seed="0"), table.frame.assign(seed="1")])
    right = np.eye(3)[table.target]
    both = Predictions(frame, np.vstack([right, right[:, [1, 2, 0]]]), CLASSES)
    cases = Cases.of(both, np.repeat([0, 1], 30))
    statistics = [Statistics(cases, repeat) for repeat in (0, 1)]
    found: Values = replicates(cases, statistics, 400, 0, stratified=False)
    # One model is always right, the other never: a replicate draws 0, 1 or 2 of the first.
    assert sorted(set(found.overall["accuracy"].round(6))) == [0, 0.5, 1]
    assert point_values(statistics).overall["accuracy"].tolist() == [1, 0]
