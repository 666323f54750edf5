"""Which interval a number gets, and what it says when it gets none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skinlab.stats.cases import Cases
from skinlab.stats.intervals import LevelEstimates
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.statistics import Statistics, point_values, replicates
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate

SPEC = EvaluationSpec(resamples=300)


def estimates(
    truth: list[str], answers: list[str], patients: list[str], spec: EvaluationSpec = SPEC
) -> dict[tuple[str, str], Estimate]:
    """Estimates of a level without going through `evaluate`, by (metric, class)."""
    classes = tuple(sorted({*truth, *answers}))
    table = np.array(
        [[0.8 if c == a else 0.2 / (len(classes) - 1) for c in classes] for a in answers]
    )
    ids = [str(i) for i in range(len(truth))]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": patients, "target": truth})
    cases = Cases.of(Predictions(frame, table, classes), np.zeros(len(truth), np.int64))
    one = [Statistics(cases)]
    level = LevelEstimates(
        cases=cases,
        tree_level="diagnosis",
        spec=spec,
        statistics=one,
        values=point_values(one),
        replicates=replicates(cases, one, spec.resamples, spec.seed, stratified=False),
        stratified=False,
    )
    return {(e.metric, e.class_name): e for e in level.estimates()}


def test_independent_images_get_the_interval_of_a_proportion() -> None:
    ids = [str(i) for i in range(40)]
    found = estimates(["a"] * 20 + ["b"] * 20, ["a"] * 15 + ["b"] * 25, ids)
    e = found["sensitivity", "a"]
    scipy = stats.binomtest(15, 20).proportion_ci(method="wilson")
    assert (e.low, e.high) == pytest.approx((scipy.low, scipy.high))
    assert (e.n_images, e.n_patients, e.method) == (20, 20, "Wilson")


def test_the_width_follows_the_confidence_level() -> None:
    ids = [str(i) for i in range(40)]
    truth, answers = ["a"] * 20 + ["b"] * 20, ["a"] * 15 + ["b"] * 25
    narrow = estimates(truth, answers, ids, EvaluationSpec(level=0.8, resamples=100))
    wide = estimates(truth, answers, ids, EvaluationSpec(level=0.99, resamples=100))
    for name in (("accuracy", ""), ("balanced_accuracy", ""), ("auroc", "a"), ("f1", "a")):
        low, high = narrow[name].low, narrow[name].high
        assert low is not None
        assert high is not None
        assert (wide[name].low or 0) < low
        assert (wide[name].high or 0) > high


def test_one_patient_has_numbers_and_no_interval() -> None:
    found = estimates(["a", "b", "a"], ["a", "b", "b"], ["p"] * 3)
    e = found["accuracy", ""]
    assert e.value == pytest.approx(2 / 3)
    assert (e.low, e.high, e.reason) == (None, None, "one patient: no interval")


def test_a_ratio_over_nothing_is_undefined_with_its_reason() -> None:
    found = estimates(["a", "a", "b"], ["a", "b", "c"], ["1", "2", "3"])
    e = found["sensitivity", "c"]
    assert (e.value, e.reason) == (None, "n = 0: no image has this class")
    assert found["auroc", "c"].value is None


def test_of_an_all_right_group_of_clustered_images_only_patients_count() -> None:
    truth = ["a"] * 30 + ["b"] * 30
    patients = [f"{label}{i // 6}" for i, label in enumerate(truth)]
    e = estimates(truth, truth, patients)["sensitivity", "a"]
    assert e.method == "Wilson on 5 patients (estimate is 1)"
    assert e.low == pytest.approx(stats.binomtest(5, 5).proportion_ci(method="wilson").low)


def test_every_estimate_has_an_interval_or_a_reason_and_never_both() -> None:
    truth = ["a"] * 12 + ["b"] * 12 + ["c"] * 2
    answers = ["a"] * 8 + ["b"] * 14 + ["a"] * 3 + ["b"]
    found = estimates(truth, answers, [str(i // 2) for i in range(26)])
    for e in found.values():
        assert (e.low is None) == (e.high is None)
        assert (e.low is None) == bool(e.reason), e
