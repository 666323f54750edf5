"""The difference of two models on the same images, with what patients share taken into account."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from skinlab.stats.paired.measure import Measure, paired_difference
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.errors import InputError
from skinlab.tables.predictions import Predictions

SPEC = EvaluationSpec(resamples=1000)
CLASSES = ("黒色腫", "nevus", "BCC")


def _predictions(answers: np.ndarray, target: np.ndarray, patients: np.ndarray) -> Predictions:
    table = np.full((len(target), len(CLASSES)), 0.1)
    table[np.arange(len(target)), answers] = 0.8
    frame = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(len(target))],
            "patient_id": [f"p{p}" for p in patients],
            "target": [CLASSES[t] for t in target],
        }
    )
    return Predictions(frame, table, CLASSES, Path())


def _pair(
    seed: int, n: int = 120, a: float = 0.8, b: float = 0.6
) -> tuple[Predictions, Predictions]:
    rng = np.random.default_rng(seed)
    target = np.concatenate([np.arange(3), rng.integers(3, size=n - 3)])
    patients = rng.integers(n // 3, size=n)
    made = []
    for right in (a, b):
        wrong = (target + rng.integers(1, 3, size=n)) % 3
        made.append(_predictions(np.where(rng.random(n) < right, target, wrong), target, patients))
    return made[0], made[1]


@pytest.mark.parametrize("measure", ["accuracy", "balanced_accuracy"])
def test_the_difference_is_that_of_scikit_learn(measure: Measure) -> None:
    score = accuracy_score if measure == "accuracy" else balanced_accuracy_score
    a, b = _pair(1)
    found = paired_difference(a, b, measure, SPEC)
    assert found.value == pytest.approx(score(a.target, a.answer) - score(b.target, b.answer))
    assert None not in (found.low, found.value, found.high)
    assert (found.low or 0) <= (found.value or 0) <= (found.high or 0)


def test_the_interval_agrees_with_a_loop_over_resampled_patients() -> None:
    a, b = _pair(2, n=300)
    found = paired_difference(a, b, "accuracy", EvaluationSpec(resamples=4000))
    difference = (a.answer == a.target).astype(float) - (b.answer == b.target)
    patients = [np.flatnonzero(a.patients == p) for p in np.unique(a.patients)]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(4000):
        drawn = [patients[i] for i in rng.integers(len(patients), size=len(patients))]
        means.append(difference[np.concatenate(drawn)].mean())
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_identical_models_differ_by_exactly_nothing() -> None:
    a, _ = _pair(3)
    found = paired_difference(a, a, "balanced_accuracy", SPEC)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_exchanging_the_models_turns_the_sign(seed: int) -> None:
    a, b = _pair(seed)
    one = paired_difference(a, b, "accuracy", SPEC)
    other = paired_difference(b, a, "accuracy", SPEC)
    assert one.value == pytest.approx(-(other.value or 0.0))


def test_renaming_patients_changes_nothing() -> None:
    a, b = _pair(4)
    names = a.frame["patient_id"].map(lambda name: f"Z-{hash(name) % 997}-{name}")
    c, d = (replace(x, frame=x.frame.assign(patient_id=names)) for x in (a, b))
    before, after = (paired_difference(*pair, "accuracy", SPEC) for pair in ((a, b), (c, d)))
    assert before == after


def test_one_patient_has_a_difference_but_no_interval() -> None:
    target = np.array([0, 1, 2])
    a = _predictions(target, target, np.zeros(3))
    b = _predictions(np.array([0, 0, 0]), target, np.zeros(3))
    found = paired_difference(a, b, "accuracy", SPEC)
    assert found.value == pytest.approx(2 / 3)
    assert found.low is None
    assert "too few patients" in found.reason


def test_tables_of_other_images_are_refused() -> None:
    a, b = _pair(5)
    shorter = b.where(np.arange(len(b)) > 0)
    with pytest.raises(InputError, match="not of the same images"):
        paired_difference(a, shorter, "accuracy", SPEC)
