"""The difference to the rest: Newcombe where people are independent, resampled where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep

from skinlab.stats.cases import Cases
from skinlab.stats.rank import Bools
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.subgroups.gaps import OF_POSITIVE, OVERALL, Compared, Side, gaps
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate

SPEC = EvaluationSpec(resamples=1000)
CLASSES = ("ill", "well", "other")


def drawn(n: int, seed: int, images: int = 1, right: float = 1.5) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), truth] += right
    table = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(n)]}, dtype=object)
    frame = frame.assign(patient_id=[f"p{i // images}" for i in range(n)])
    return Predictions(frame.assign(target=[CLASSES[t] for t in truth]), table, CLASSES)


def gap(
    predictions: Predictions, mine: Bools, name: str = "", spec: EvaluationSpec = SPEC
) -> dict[str, Estimate]:
    repeat = np.zeros(len(predictions), np.int64)
    if name:
        index = CLASSES.index(name)
        matrix = np.array([[1.0, 0.0] if c == index else [0.0, 1.0] for c in range(3)])
        predictions = predictions.folded(matrix, (name, "rest"))
    cases = Cases.of(predictions, repeat)
    level = Compared("diagnosis", predictions, cases, OF_POSITIVE if name else OVERALL, name)
    return gaps(level, [Side.of(cases, mine), Side.of(cases, ~mine)], spec)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_independent_people_it_is_newcombe_s_interval(seed: int) -> None:
    table = drawn(150, seed)
    mine = np.arange(150) < 60
    right = table.answer == table.target
    found = gap(table, mine)["accuracy"]
    expected = right[mine].mean() - right[~mine].mean()
    counts = (right[mine].sum(), 60, right[~mine].sum(), 90)
    theirs = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert found.value == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(theirs)
    assert found.method == "Newcombe, two independent groups"
    assert (found.n_images, found.n_patients) == (150, 150)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_each_value_is_the_difference_of_scikit_learn_s(seed: int) -> None:
    table = drawn(200, seed, images=2)
    mine = np.arange(200) % 4 < 2
    found = gap(table, mine) | gap(table, mine, "ill")
    y, p, a = table.target, table.probabilities, table.answer

    def both(metric: object) -> float:
        assert callable(metric)
        return float(metric(mine) - metric(~mine))

    assert found["balanced_accuracy"].value == pytest.approx(
        both(lambda rows: balanced_accuracy_score(y[rows], a[rows]))
    )
    assert found["macro_auroc"].value == pytest.approx(
        both(lambda rows: roc_auc_score(y[rows], p[rows], multi_class="ovr"))
    )
    called = p[:, 0] >= 0.5
    assert found["sensitivity"].value == pytest.approx(
        both(lambda rows: recall_score(y[rows] == 0, called[rows]))
    )
    for estimate in found.values():
        assert estimate.low is not None
        assert estimate.value is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.p is not None
        assert "patient bootstrap of both groups" in estimate.method


def test_the_resampled_interval_is_near_newcombe_s_where_both_are_right() -> None:
    table = drawn(800, 6)
    mine = np.arange(800) < 400
    plain = gap(table, mine)["accuracy"]
    # The same images, two a patient, but images of a patient have nothing in common.
    paired = replace(table, frame=table.frame.assign(patient_id=[f"p{i // 2}" for i in range(800)]))
    resampled = gap(paired, mine)["accuracy"]
    assert "bootstrap" in resampled.method
    assert resampled.value == plain.value
    assert (resampled.low, resampled.high) == pytest.approx((plain.low, plain.high), abs=0.012)


def test_a_patient_in_both_groups_brings_both_and_is_counted_once() -> None:
    table = drawn(200, 7, images=2)
    mine = np.arange(200) % 2 == 0  # one image of each patient on either side
    found = gap(table, mine)["accuracy"]
    assert (found.n_images, found.n_patients) == (200, 100)
    assert "100 patients are in both groups" in found.method


def test_what_a_patient_has_in_common_cancels_between_his_two_sides() -> None:
    # Both images of a patient are right, or both wrong: the gap is 0 in every resample.
    table = drawn(100, 8)
    twice = Predictions.stacked([table, table])
    frame = twice.frame.assign(sample_id=[f"s{i}" for i in range(200)])
    found = gap(replace(twice, frame=frame), np.arange(200) < 100)["accuracy"]
    assert found.value == 0
    assert found.low is None
    assert found.reason == "every resample gives the same value"


def test_a_group_that_is_all_right_still_has_an_interval_with_several_images_a_patient() -> None:
    table = drawn(160, 9, images=2)
    mine = np.arange(160) < 60
    perfect = table.probabilities.copy()
    perfect[mine] = np.eye(3)[table.target[mine]]
    found = gap(replace(table, probabilities=perfect), mine)["accuracy"]
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high
    assert "Wilson on patients; patient bootstrap" in found.method


def test_a_class_that_one_side_lacks_is_averaged_on_neither() -> None:
    table = drawn(200, 10)
    mine = (np.arange(200) < 100) & (table.target != 2)
    rest = np.flatnonzero(~mine)
    found = gap(table, mine)["balanced_accuracy"]
    recall = [
        np.mean([np.mean(table.answer[rows][table.target[rows] == c] == c) for c in (0, 1)])
        for rows in (np.flatnonzero(mine), rest)
    ]
    assert found.value == pytest.approx(recall[0] - recall[1])
    assert found.n_classes == 2


def test_too_few_patients_in_a_denominator_have_no_gap() -> None:
    table = drawn(100, 11)
    ill = np.flatnonzero(table.target == 0)
    mine = np.arange(100) < 50
    mine[ill] = False
    mine[ill[:9]] = True
    found = gap(table, mine, "ill")["sensitivity"]
    assert found.value is None
    assert found.reason == "too few: 9 patients on one side, fewer than 10"


def test_neither_names_nor_order_of_rows_change_a_gap() -> None:
    table = drawn(120, 12, images=3)
    mine = np.arange(120) < 48
    order = np.random.default_rng(0).permutation(120)
    turned = replace(
        table,
        frame=table.frame.iloc[order].assign(
            patient_id=[f"z{99 - int(i) // 3}" for i in order],
            sample_id=[f"q{i}" for i in range(120)],
        ),
        probabilities=table.probabilities[order],
    )
    assert gap(turned, mine[order]) == gap(table, mine)
