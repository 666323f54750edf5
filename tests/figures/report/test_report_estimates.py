"""A number on a page has its interval and method, or says why it has none."""

from __future__ import annotations

import pytest

from skinlab.figures.document import Footnotes
from skinlab.figures.report.estimates import forest, found, interval_head, value_cell
from skinlab.tables.report import Estimate, EvaluationReport

CLEAR = Estimate("accuracy", 0.71234, 0.61, 0.81, "", "fine", method="Wilson; Holm over 3 gaps")


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (CLEAR, "<b>0.712</b> <small class='limits'>0.610–0.810<sup>a</sup></small>"),
        (Estimate("x", -0.1, -0.2, 0.05), "<b>-0.100</b> <small class='limits'>-0.200 to 0.050"),
        (Estimate("x", 1.0, None, None, reason="a < b"), "<small>no interval: a &lt; b</small>"),
        (Estimate("x", None, None, None, reason="n = 0"), "n/a <small>n = 0</small>"),
    ],
)
def test_a_cell_has_interval_or_reason(estimate: Estimate, said: str) -> None:
    assert said in value_cell(estimate, Footnotes())


def test_the_family_of_holm_is_no_method_of_an_interval() -> None:
    marks = Footnotes()
    value_cell(CLEAR, marks)
    assert "<dd>Wilson; unit: image</dd>" in marks.html()


def test_a_bar_is_drawn_to_scale() -> None:
    text = forest([CLEAR])
    assert "<rect x='219.7'" in text  # 10 + 0.71234 * 300 - 4
    assert "x1='193.0' x2='253.0'" in text
    assert interval_head([CLEAR]) == "estimate (95% CI)"


def test_an_estimate_that_is_not_there_is_none() -> None:
    report = EvaluationReport("test", "", (CLEAR,), ())
    assert found(report, "accuracy", "fine") is CLEAR
    assert found(report, "accuracy", "group") is None
