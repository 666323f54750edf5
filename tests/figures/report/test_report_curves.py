"""Curves, calibration and operating point stand on the page with the digits of the JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skinlab.figures.document import Footnotes
from skinlab.figures.report.curves import calibration, operating_point, ranking
from skinlab.tables.report import (
    ConfusionMatrix,
    Estimate,
    EvaluationReport,
    ReliabilityBin,
    ReliabilityCurve,
)

BIN = ReliabilityBin(0.0, 1.0, 8, 8, 0.5, 0.5, 0.2, 0.8)


def estimate(metric: str, value: float | None, **about: object) -> Estimate:
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    reason = "too few: 4 patients" if value is None else ""
    made = Estimate(metric, value, low, high, reason=reason)
    return replace(made, tree_level="group", n_images=40, n_patients=30, **about)  # type: ignore[arg-type]


@pytest.fixture
def report() -> EvaluationReport:
    named = {"class_name": "malignant"}
    return EvaluationReport(
        "test",
        "malignant",
        (
            estimate("log_loss", 0.71),
            estimate("sensitivity_at_operating_point", 0.951, method="Wilson", **named),
            estimate("log_loss_after_temperature", 0.62),
        ),
        (ConfusionMatrix("group", ("malignant", "benign"), ("", ""), ((3, 1), (1, 3))),),
        reliability=(
            ReliabilityCurve("group", "", "15 bins", "Wilson", 0.95, (BIN,)),
            ReliabilityCurve("group", "malignant", "10 bins", "Wilson", 0.95, (BIN,)),
        ),
        operating_point={
            "members": [
                {
                    "chosen_on": "val",
                    "n_images": 60,
                    "seed": "7",
                    "fold": "",
                    "operating_point": {
                        "threshold": 0.2345,
                        "rule": "sensitivity >= 0.95",
                        "sensitivity": 0.96,
                        "specificity": None,
                        "reason": "",
                    },
                }
            ],
            "counts": {"true_positive": 39, "false_negative": 2},
        },
    )


def test_the_point_says_its_threshold_its_rule_and_where_it_was_chosen(
    report: EvaluationReport,
) -> None:
    marks = Footnotes()
    text = operating_point(report, marks)
    said = ("0.2345", "sensitivity &gt;= 0.95", "val (60 images)", "seed 7", "0.951")
    for words in (*said, "39 true positive, 2 false negative"):
        assert words in text
    assert "Wilson; unit: image" in marks.html()


def test_calibration_stands_before_and_after(report: EvaluationReport) -> None:
    text = calibration(report, {}, Footnotes())
    text = text[text.index("Before and after") :]
    assert text.index("0.710") < text.index("0.620")


def test_a_picture_stands_with_the_rule_of_its_bins(report: EvaluationReport) -> None:
    text = calibration(report, {"reliability_group": b"x"}, Footnotes())
    assert "answers: 15 bins; classes: 10 bins" in text
    assert "95% intervals: Wilson" in text
    assert text.count("<img") == 1


def test_a_level_without_curves_has_no_roc(report: EvaluationReport) -> None:
    assert ranking(report, {}) == ""
    assert ranking(report, {"roc_group": b"x"}).count("<img") == 1


def test_a_report_without_them_has_no_empty_sections() -> None:
    empty = EvaluationReport("test", "", (), ())
    assert calibration(empty, {}, Footnotes()) == ""
    assert operating_point(empty, Footnotes()) == ""
