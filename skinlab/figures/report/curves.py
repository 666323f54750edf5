"""EvaluationReport -> sections on ROC, calibration and the operating point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from skinlab.figures.document import Footnotes, cells, picture, section, table
from skinlab.figures.report.estimates import interval_head, size_of, value_cell
from skinlab.figures.report.performance import overall_table
from skinlab.figures.report.words import AFTER, AT_POINT, CALIBRATION, name_of
from skinlab.tables.report import Estimate, EvaluationReport


def ranking(report: EvaluationReport, pictures: Mapping[str, bytes]) -> str:
    """Return the section with the ROC curves of each level."""
    shown = [
        picture(pictures[f"roc_{matrix.tree_level}"], f"ROC curves, {matrix.tree_level}", "curves")
        for matrix in report.confusion
        if f"roc_{matrix.tree_level}" in pictures
    ]
    if not shown:
        return ""
    lead = (
        "<p>Each class against all others, by its probability. Intervals of the AUROC are in "
        "brackets; n are the images of the class. Of two classes the positive one is drawn.</p>"
    )
    return section("ROC curves", lead + "".join(shown))


def calibration(report: EvaluationReport, pictures: Mapping[str, bytes], marks: Footnotes) -> str:
    """Return the section on probabilities: curves, scores, and what one temperature changes."""
    content = []
    for matrix in report.confusion:
        level = matrix.tree_level
        whole = [e for e in report.estimates if _whole(e) and e.tree_level == level]
        scores = sorted(
            (e for e in whole if e.metric in CALIBRATION),
            key=lambda e: list(CALIBRATION).index(e.metric),
        )
        png = pictures.get(f"reliability_{level}")
        if not scores and not png:
            continue
        content.append(f"<h3>{escape(level.capitalize())}</h3>")
        if png:
            content.append(picture(png, f"Reliability curves, {level}", "curves"))
            content.append(f"<p><small>{_rules(report, level)}</small></p>")
        if scores:
            content.append(overall_table(scores, marks))
    if heated := [e for e in report.estimates if e.metric.endswith(AFTER)]:
        content.append("<h3>Before and after one temperature, fitted on validation</h3>")
        content.append(_heated(heated, report, marks))
    return section("Calibration", "".join(content)) if content else ""


def _rules(report: EvaluationReport, level: str) -> str:
    curves = [c for c in report.reliability if c.tree_level == level]
    said = dict.fromkeys(("classes" if c.class_name else "answers", c.rule) for c in curves)
    rules = "; ".join(f"{what}: {rule}" for what, rule in said)
    methods = "; ".join(dict.fromkeys(c.method for c in curves))
    return escape(
        f"On the line, what was said came true. Gray bars: images of each bin. Bins of the {rules}."
        f" {curves[0].level:.0%} intervals: {methods}."
    )


def _heated(after: list[Estimate], report: EvaluationReport, marks: Footnotes) -> str:
    before = {(e.tree_level, e.metric): e for e in report.estimates if _whole(e)}
    rows = []
    for e in after:
        first = before.get((e.tree_level, e.metric.removesuffix(AFTER)))
        numbers = [value_cell(x, marks) if x else "" for x in (first, e)]
        rows.append(cells([escape(e.tree_level), escape(name_of(e)), *numbers]))
    return table(["level", "", "before", "after"], rows, "calibration")


def operating_point(report: EvaluationReport, marks: Footnotes) -> str:
    """Return the section on the frozen threshold: where it comes from, what it does here."""
    point = [e for e in report.estimates if e.metric.endswith(AT_POINT) and not e.subgroup]
    if not point:
        return ""
    rows = [
        cells([escape(name_of(e)), value_cell(e, marks), size_of(e).replace(",", "<br>")])
        for e in point
    ]
    counts = report.operating_point.get("counts", {})
    said = ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts.items())
    content = _members(report) + "<h3>What it does on these images</h3>"
    content += table(["", interval_head(point), "of"], rows, "point")
    return section("Operating point", content + (f"<p>{escape(said)}.</p>" if said else ""))


def _members(report: EvaluationReport) -> str:
    """Return which threshold each model has and where it comes from."""
    rows = list(_member_rows(report))
    heads = ["", "threshold", "rule", "chosen on", "reached there", "remark"]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    shown = table(heads, (cells(map(escape, row)) for row in rows), "point")
    return "<h3>Where it was chosen</h3>" + shown if rows else ""


def _member_rows(report: EvaluationReport) -> Iterator[list[str]]:
    for member in report.operating_point.get("members", ()):
        point: dict[str, Any] = member.get("operating_point") or {}
        threshold = point.get("threshold")
        name = ", ".join(f"{k} {member[k]}" for k in ("seed", "fold") if member.get(k))
        there = ", ".join(
            f"{key} {point[key]:.3f}"
            for key in ("sensitivity", "specificity")
            if point.get(key) is not None
        )
        yield [
            name or "the model",
            "none" if threshold is None else f"{threshold:.6g}",
            str(point.get("rule", "")),
            f"{member.get('chosen_on', '')} ({member.get('n_images', 0)} images)",
            there,
            str(point.get("reason", "")),
        ]


def _whole(e: Estimate) -> bool:
    return not (e.class_name or e.subgroup or e.aggregated)
