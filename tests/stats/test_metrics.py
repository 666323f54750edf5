"""The lists of metrics fit together, and fit what an evaluation really gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinlab.stats.evaluate import evaluate
from skinlab.stats.metrics import (
    AT_PREVALENCE,
    AVERAGES,
    BRIEF,
    CAN_BE_ZERO,
    CLASS_METRICS,
    EMPTY,
    LARGEST,
    LINES,
    SKEWED,
    TWO_SIDED,
)
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport

TREE = LabelTree(
    (Leaf("a", "a", "bad"), Leaf("b", "b", "good"), Leaf("c", "c", "good")), positive="bad"
)


def report() -> EvaluationReport:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "sample_id": [str(i) for i in range(60)],
            "patient_id": [str(i // 2) for i in range(60)],
            "target": ["a", "a", "b", "b", "c", "c"] * 10,
        }
    )
    predictions = Predictions(frame, rng.dirichlet(np.ones(3), 60), ("a", "b", "c"))
    spec = EvaluationSpec(resamples=100, ordinal=True, prevalence=0.1)
    return evaluate(predictions, TREE, spec=spec)


def test_every_metric_that_a_list_names_is_given_by_an_evaluation() -> None:
    given = {e.metric for e in report().estimates}
    named = {*AVERAGES, *EMPTY, *LARGEST, *CAN_BE_ZERO, *SKEWED, *TWO_SIDED, *LINES}
    assert named | {*CLASS_METRICS, *AT_PREVALENCE, *BRIEF} <= given


def test_a_class_has_the_metrics_of_its_list_in_that_order() -> None:
    found = report()
    of_class = [
        e.metric
        for e in found.estimates
        if (e.class_name, e.tree_level, e.aggregated) == ("b", "diagnosis", "")
    ]
    assert of_class == list(CLASS_METRICS)
    per_patient = [e.metric for e in found.estimates if e.class_name == "b" and e.aggregated]
    assert per_patient == list(BRIEF)


def test_the_largest_value_is_that_of_a_perfect_table() -> None:
    perfect = report()
    frame = pd.DataFrame({"sample_id": [str(i) for i in range(30)], "target": list("abc") * 10})
    table = np.eye(3)[np.arange(30) % 3] * 0.7 + 0.1
    predictions = Predictions(frame.assign(patient_id=frame["sample_id"]), table, ("a", "b", "c"))
    perfect = evaluate(predictions, spec=EvaluationSpec(resamples=100))
    for e in perfect.estimates:
        if e.metric in LARGEST:
            assert e.value is not None
            assert abs(e.value - LARGEST[e.metric]) < 1e-12, e.metric
            assert e.low is not None, e.metric
