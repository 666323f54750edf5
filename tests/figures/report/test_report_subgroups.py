"""Groups of images stand on the page with their gap to the rest; too few is no number."""

from __future__ import annotations

from dataclasses import replace

from skinlab.figures.document import Footnotes
from skinlab.figures.report.subgroups import subgroups
from skinlab.tables.report import Estimate, EvaluationReport


def estimate(metric: str, value: float | None, **about: object) -> Estimate:
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    reason = "too few: 4 patients" if value is None else ""
    made = Estimate(metric, value, low, high, reason=reason, method="Wilson; Holm over 6 gaps")
    return replace(made, tree_level="group", n_images=40, n_patients=30, **about)  # type: ignore[arg-type]


REPORT = EvaluationReport(
    "test",
    "malignant",
    (
        estimate("accuracy", 0.812, subgroup="sex=女性"),
        estimate("mcc", None, subgroup="sex=女性"),
        estimate("accuracy", None, subgroup="sex=<other>"),
        estimate("mcc", None, subgroup="sex=<other>"),
        estimate("accuracy_difference", 0.123, subgroup="sex=女性", p=0.01, p_holm=0.0345),
    ),
    (),
)


def test_subgroups_stand_with_their_gap() -> None:
    marks = Footnotes()
    text = subgroups(REPORT, marks)
    for said in ("女性", "0.812", "0.123", "0.0345", "&lt;other&gt;"):
        assert said in text
    assert "Holm" not in marks.html()


def test_a_group_that_is_too_few_has_one_line() -> None:
    text = subgroups(REPORT, Footnotes())
    assert text.count("too few: 4 patients") == 2  # mcc of the women, and all of the others
    assert text.count("<tr>") == 1 + 2 + 1


def test_a_report_without_subgroups_has_no_section() -> None:
    assert subgroups(EvaluationReport("test", "", (), ()), Footnotes()) == ""
