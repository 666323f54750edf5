"""Answers are counted, named and put beside each other as the report has them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from skinlab.figures.document import Footnotes
from skinlab.figures.report.performance import (
    classes,
    confused_pairs,
    headline,
    matrices,
    overall_table,
    units,
)
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport

HEADS = ["per image", "per lesion", "per patient"]
MATRIX = ConfusionMatrix(
    "diagnosis", ("母斑", "b", "c"), ("",) * 3, ((3, 1, 0), (0, 2, 0), (0, 0, 1))
)


def one(metric: str, value: float, name: str = "", **about: object) -> Estimate:
    made = Estimate(metric, value, value - 0.1, value + 0.1, name, "diagnosis", method="Wilson")
    return replace(made, n_images=9, n_patients=8, **about)  # type: ignore[arg-type]


REPORT = EvaluationReport(
    "test",
    "母斑",
    (
        one("accuracy", 0.75),
        one("mcc", 0.5),
        one("sensitivity", 0.8, "母斑"),
        one("specificity", 0.7, "母斑"),
        one("auroc", 0.65, "母斑"),
        one("accuracy", 0.72, aggregated="lesion"),
        one("sensitivity", 0.85, "母斑", aggregated="patient"),
    ),
    (MATRIX,),
)


def test_the_headline_names_the_positive_group() -> None:
    assert [(e.metric, e.class_name) for e in headline(REPORT)] == [
        ("accuracy", ""),
        ("sensitivity", "母斑"),
        ("specificity", "母斑"),
    ]


def test_wrong_answers_are_ranked_by_count() -> None:
    matrix = ConfusionMatrix("fine", ("a", "b", "c"), ("",) * 3, ((5, 2, 0), (2, 1, 1), (0, 0, 0)))
    assert confused_pairs(matrix) == [
        ("b", "a", 2, 0.5),
        ("a", "b", 2, pytest.approx(2 / 7)),
        ("b", "c", 1, 0.25),
    ]


def test_the_matrix_of_a_level_stands_with_its_wrong_answers() -> None:
    text = matrices(REPORT, {"confusion_diagnosis": b"x", "confusion_fine": b"y"})
    assert text.count("<img") == 1
    assert "<td>母斑</td><td>b</td><td>1</td><td>25.0%</td>" in text
    right = replace(MATRIX, counts=((3, 0, 0), (0, 2, 0), (0, 0, 1)))
    assert "No wrong answer" in matrices(replace(REPORT, confusion=(right,)), {})


def test_answers_and_probabilities_of_a_class_have_a_table_each() -> None:
    text = classes(REPORT, Footnotes())
    answers, probabilities = text.split("against the rest: probabilities")
    assert "0.700" in answers
    assert "0.650" not in answers
    assert "0.650" in probabilities
    assert "NPV" not in text


def test_a_row_says_how_many_classes_are_averaged_and_the_spread_over_seeds() -> None:
    macro = one("macro_f1", 0.6, n_classes=3, n_seeds=4, seed_sd=0.0123)
    text = overall_table([macro], Footnotes())
    assert "F1, macro over 3 classes" in text
    assert "SD over 4 seeds" in text
    assert "0.012" in text


def test_lesions_and_patients_stand_beside_images() -> None:
    text = units(REPORT, Footnotes())
    assert re.findall(r"<th scope='col'>(.*?)</th>", text) == ["", *HEADS]
    row = next(line for line in text.split("<tr>") if "Sensitivity" in line)
    assert row.index("0.800") < row.index("0.850")
    assert "<td></td>" in row  # no such number per lesion
    assert units(replace(REPORT, estimates=REPORT.estimates[:5]), Footnotes()) == ""
