from dataclasses import replace

import pytest

from skinlab.stats.audit.report import counts_at_point, matrices, self_chosen
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport

COUNTS = ((40, 10), (5, 45))
BY_HAND = EvaluationReport(
    split="test",
    positive="a",
    estimates=(
        Estimate("sensitivity", 0.8, 0.67, 0.89, "a", "diagnosis", n_images=50),
        Estimate("sensitivity", 0.9, 0.79, 0.96, "b", "diagnosis", n_images=50),
        Estimate("accuracy", 0.85, 0.77, 0.91, "", "diagnosis", n_images=100),
        Estimate("balanced_accuracy", 0.85, 0.77, 0.91, "", "diagnosis", n_images=100),
        Estimate("sensitivity_at_operating_point", 0.9, 0.8, 0.96, "a", "diagnosis", n_images=50),
    ),
    confusion=(ConfusionMatrix("diagnosis", ("a", "b"), ("", ""), COUNTS),),
    fingerprints={"predictions": "f"},
)


def said(report: EvaluationReport) -> list[str]:
    return [f"{f.where}: {f.what}" for f in matrices(report)]


def test_numbers_that_follow_from_the_matrix_are_no_finding() -> None:
    assert said(BY_HAND) == []


@pytest.mark.parametrize(
    ("counts", "where"),
    [
        (((45, 10), (5, 45)), "diagnosis, sensitivity of a"),
        (((40, 10), (5, -45)), "confusion matrix, diagnosis"),
        (((0, 0), (5, 45)), "diagnosis, sensitivity of a"),
        (((80, 20), (10, 90)), "diagnosis, sensitivity of a"),
    ],
)
def test_each_contradiction_is_named(counts: tuple[tuple[int, ...], ...], where: str) -> None:
    matrix = replace(BY_HAND.confusion[0], counts=counts)
    assert said(replace(BY_HAND, confusion=(matrix,)))[0].startswith(where)


def test_counts_summed_over_seeds_are_those_of_each_image_once() -> None:
    doubled = tuple(tuple(2 * n for n in row) for row in COUNTS)
    matrix = replace(BY_HAND.confusion[0], counts=doubled, repeats=2)
    assert said(replace(BY_HAND, confusion=(matrix,))) == []


def test_levels_must_hold_the_same_images() -> None:
    group = ConfusionMatrix("group", ("x",), ("",), ((99,),))
    found = said(replace(BY_HAND, confusion=(*BY_HAND.confusion, group)))
    assert found == [
        "confusion matrices: the levels hold different numbers: diagnosis 100, group 99"
    ]


def test_numbers_at_the_frozen_point_must_follow_from_its_counts() -> None:
    counts = {"true_positive": 45, "false_negative": 5, "true_negative": 30, "false_positive": 20}
    assert not list(counts_at_point(replace(BY_HAND, operating_point={"counts": counts})))
    counts["true_positive"] = 44
    assert len(list(counts_at_point(replace(BY_HAND, operating_point={"counts": counts})))) == 1


@pytest.mark.parametrize(
    ("chosen_on", "predictions", "found"),
    [("val", "g", 0), ("test", "g", 1), ("val", "f", 1)],
)
def test_a_point_must_not_be_chosen_where_it_is_judged(
    chosen_on: str, predictions: str, found: int
) -> None:
    point = {"members": [{"chosen_on": chosen_on, "predictions": predictions}]}
    assert len(list(self_chosen(replace(BY_HAND, operating_point=point)))) == found
    flat = {"chosen_on": chosen_on, "predictions": predictions}
    assert len(list(self_chosen(replace(BY_HAND, operating_point=flat)))) == found
