"""Operating point, calibration and subgroups stand on the page with the digits of the JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest

from skinlab.figures.report_page import page
from skinlab.figures.report_subgroups import sections
from skinlab.tables.report import Estimate, EvaluationReport


def estimate(metric: str, value: float | None, **about: object) -> Estimate:
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    reason = "too few: 4 patients" if value is None else ""
    made = Estimate(metric, value, low, high, reason=reason)
    return replace(made, tree_level="group", n_images=40, n_patients=30, **about)  # type: ignore[arg-type]


@pytest.fixture
def report() -> EvaluationReport:
    sex = [
        estimate("accuracy", 0.812, subgroup="sex=女性"),
        estimate("accuracy", None, subgroup="sex=<other>"),
        estimate("accuracy_difference", 0.123, subgroup="sex=女性", p=0.01, p_holm=0.0345),
    ]
    named = {"class_name": "malignant"}
    return EvaluationReport(
        "test",
        "malignant",
        (
            estimate("log_loss", 0.71),
            estimate("sensitivity_at_operating_point", 0.951, method="Wilson", **named),
            estimate("log_loss_after_temperature", 0.62),
            *sex,
        ),
        (),
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
    text = next(iter(sections(report)))
    for said in (
        "0.2345",
        "sensitivity &gt;= 0.95",
        "val (60 images)",
        "seed 7",
        "0.951",
        "Wilson",
    ):
        assert said in text
    assert "39 true positive, 2 false negative" in text


def test_calibration_stands_before_and_after(report: EvaluationReport) -> None:
    text = list(sections(report))[1]
    assert text.index("0.710") < text.index("0.620")


def test_subgroups_stand_with_their_gap_and_too_few_is_no_number(report: EvaluationReport) -> None:
    text = list(sections(report))[2]
    for said in ("女性", "0.812", "0.123", "0.0345", "too few: 4 patients", "&lt;other&gt;"):
        assert said in text


def test_they_stand_on_the_page(report: EvaluationReport) -> None:
    text = page(report, {})
    assert "At the operating point" in text
    assert "<h2>Subgroups</h2>" in text


def test_a_report_without_them_has_no_empty_sections() -> None:
    assert list(sections(EvaluationReport("test", "", (), ()))) == []
