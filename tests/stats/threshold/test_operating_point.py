"""A threshold reaches its target on validation, and no better one does; decisions follow it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, roc_curve

from skinlab.stats.spec import OperatingPointSpec, Rule
from skinlab.stats.threshold.operating_point import choose, curve, decided, scores, two_sides
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions

TREE = """positive: malignant
classes:
  malignant: {melanoma: [], BCC: []}
  benign: {nevus: [], wart: []}
"""


def sides(positive: list[bool], score: list[float]) -> Predictions:
    """Two sides with these truths and probabilities of the first."""
    p = np.array(score)
    ids = [f"s{i}" for i in range(len(p))]
    target = ["ill" if x else "well" for x in positive]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids, "target": target}, dtype=object)
    return Predictions(frame, np.column_stack([p, 1 - p]), ("ill", "well"))


FOUR = sides([True, True, False, False], [0.9, 0.4, 0.6, 0.1])


def test_the_highest_threshold_that_reaches_a_sensitivity_is_taken() -> None:
    half = choose(FOUR, OperatingPointSpec("sensitivity", 0.5))
    assert (half.threshold, half.sensitivity, half.specificity) == (0.9, 0.5, 1.0)
    every = choose(FOUR, OperatingPointSpec("sensitivity", 0.95))
    assert (every.threshold, every.sensitivity, every.specificity) == (0.4, 1.0, 0.5)
    assert (every.n_positive, every.n_negative, every.reason) == (2, 2, "")


def test_the_lowest_threshold_that_reaches_a_specificity_is_taken() -> None:
    found = choose(FOUR, OperatingPointSpec("specificity", 0.5))
    assert (found.threshold, found.sensitivity, found.specificity) == (0.4, 1.0, 0.5)


def test_equal_probabilities_are_called_together() -> None:
    tied = sides([True, True, True, False], [0.5, 0.5, 0.9, 0.5])
    found = choose(tied, OperatingPointSpec("sensitivity", 0.6))
    assert (found.threshold, found.sensitivity, found.specificity) == (0.5, 1.0, 0.0)


def test_nineteen_of_twenty_reach_95_percent_whatever_the_last_bit_says() -> None:
    table = sides([True] * 20, [i / 100 for i in range(1, 21)])
    found = choose(table, OperatingPointSpec("sensitivity", 0.95))
    assert found.threshold == 0.02
    assert found.specificity is None


def test_an_unattainable_target_calls_everything_and_says_so() -> None:
    table = sides([False, True, False], [0.9, 0.5, 0.4])
    found = choose(table, OperatingPointSpec("ppv", 0.9))
    assert (found.threshold, found.sensitivity, found.specificity) == (0.0, 1.0, 0.0)
    assert "no threshold reaches ppv >= 0.9" in found.reason


def test_a_specificity_that_only_silence_reaches_is_said() -> None:
    table = sides([True, False], [0.5, 0.5])
    found = choose(table, OperatingPointSpec("specificity", 0.9))
    assert found.sensitivity == 0
    assert found.threshold is not None
    assert found.threshold > 0.5
    assert "nothing is called positive" in found.reason


@pytest.mark.parametrize(
    ("rule", "positive", "defined"),
    [
        ("sensitivity", [False, False], False),
        ("sensitivity", [True, True], True),
        ("specificity", [True, True], False),
        ("specificity", [False, False], True),
        ("youden", [True, True], False),
        ("youden", [False, False], False),
        ("ppv", [True, True], False),
    ],
)
def test_one_class_in_validation_leaves_no_threshold_where_the_rule_needs_both(
    rule: Rule, positive: list[bool], defined: bool
) -> None:
    found = choose(sides(positive, [0.2, 0.7]), OperatingPointSpec(rule, 0.9))
    assert (found.threshold is not None) == defined
    assert ("no image of" in found.reason) != defined


def test_youden_takes_what_scikit_learn_s_curve_says() -> None:
    rng = np.random.default_rng(5)
    for n in (20, 75, 300):
        positive = rng.random(n) < 0.4
        score = (rng.normal(size=n) + positive).clip(-3, 3) / 6 + 0.5
        score = score.round(2)
        fpr, tpr, thresholds = roc_curve(positive, score, drop_intermediate=False)
        found = choose(sides(positive.tolist(), score.tolist()), OperatingPointSpec("youden"))
        best = (tpr - fpr).max()
        equal = thresholds[np.isclose(tpr - fpr, best)]
        assert found.threshold == pytest.approx(equal.min())
        assert found.sensitivity is not None
        assert found.specificity is not None
        assert found.sensitivity + found.specificity - 1 == pytest.approx(best)


def test_the_curve_is_scikit_learn_s() -> None:
    rng = np.random.default_rng(2)
    for n in (5, 40, 200):
        positive = np.r_[True, False, rng.random(n) < 0.3]
        score = rng.random(n + 2).round(1)
        thresholds, shares = curve(positive, score)
        fpr, tpr, theirs = roc_curve(positive, score, drop_intermediate=False)
        assert shares["sensitivity"] == pytest.approx(tpr)
        assert 1 - shares["specificity"] == pytest.approx(fpr)
        assert thresholds[1:] == pytest.approx(theirs[1:])
        for threshold, ppv, npv in zip(thresholds, shares["ppv"], shares["npv"], strict=True):
            tn, fp, fn, tp = confusion_matrix(positive, score >= threshold).ravel()
            assert math.isnan(ppv) if tp + fp == 0 else ppv == pytest.approx(tp / (tp + fp))
            assert math.isnan(npv) if tn + fn == 0 else npv == pytest.approx(tn / (tn + fn))


def test_a_stated_threshold_is_taken_as_it_is() -> None:
    found = choose(FOUR, OperatingPointSpec("threshold", 0.5))
    assert (found.threshold, found.sensitivity, found.specificity) == (0.5, 0.5, 0.5)
    alone = choose(sides([True], [0.9]), OperatingPointSpec("threshold", 0.5))
    assert (alone.threshold, alone.specificity) == (0.5, None)


CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=40)


@given(CASES, st.integers(0, 100), st.sampled_from(["sensitivity", "specificity"]))
def test_the_target_is_reached_and_no_threshold_is_better_on_the_other_side(
    cases: list[tuple[bool, int]], percent: int, rule: Rule
) -> None:
    positive, score = [p for p, _ in cases], [s / 20 for _, s in cases]
    spec = OperatingPointSpec(rule, percent / 100)
    found = choose(sides(positive, score), spec)
    if found.threshold is None:
        assert len(set(positive)) == 1
        return
    reached = getattr(found, rule)
    assert reached >= percent / 100 - 1e-9
    other = "specificity" if rule == "sensitivity" else "sensitivity"
    if (best := getattr(found, other)) is None:
        return
    _, shares = curve(np.array(positive), np.array(score))
    enough = shares[rule] >= percent / 100 - 1e-9
    assert best == pytest.approx(shares[other][enough].max())


@given(CASES, st.permutations(range(5)))
def test_the_order_of_rows_changes_no_threshold(
    cases: list[tuple[bool, int]], order: list[int]
) -> None:
    again = [cases[i] for i in order if i < len(cases)] + cases[5:]
    if sorted(again) != sorted(cases):
        return
    points = [
        choose(sides([p for p, _ in table], [s / 20 for _, s in table]), OperatingPointSpec())
        for table in (cases, again)
    ]
    assert points[0] == points[1]


def test_an_image_at_the_threshold_is_called_positive() -> None:
    point = choose(FOUR, OperatingPointSpec("threshold", 0.6))
    assert decided(FOUR, point).answer.tolist() == [0, 1, 0, 1]
    assert decided(FOUR, point).probabilities.sum(axis=1).tolist() == [1, 1, 1, 1]


def test_decisions_without_a_threshold_or_of_another_class_cannot_be() -> None:
    nothing = choose(sides([False], [0.1]), OperatingPointSpec())
    with pytest.raises(ValueError, match="no threshold"):
        decided(FOUR, nothing)
    other = FOUR.folded(np.eye(2)[::-1], ("well", "ill"))
    with pytest.raises(ValueError, match="another class"):
        decided(other, choose(FOUR, OperatingPointSpec()))


def fine() -> Predictions:
    frame = pd.DataFrame(
        {"sample_id": ["a", "b"], "patient_id": ["p", "q"], "target": ["BCC", "wart"]}, dtype=object
    )
    table = np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]])
    return Predictions(frame, table, ("melanoma", "BCC", "nevus", "wart"))


def test_the_positive_probability_is_the_sum_over_its_classes(tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    tree = LabelTree.read(tmp_path / "tree.yaml")
    found = two_sides(fine(), tree)
    assert found.classes == ("malignant", "benign")
    assert scores(found).tolist() == [0.3, 0.3]  # not 0.30000000000000004
    assert found.target.tolist() == [0, 1]
    one = two_sides(fine(), None, "BCC")
    assert one.classes == ("BCC", "not BCC")
    assert scores(one).tolist() == [0.2, 0.2]


def test_an_unknown_positive_class_is_refused_with_what_would_do() -> None:
    with pytest.raises(InputError, match=r"positive class '' is none of .*give --labels TREE"):
        two_sides(fine(), None)
