"""EvaluationReport -> the sections of its page on operating point, temperature and subgroups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from skinlab.tables.report import Estimate, EvaluationReport

AT_POINT, AFTER, GAP = "_at_operating_point", "_after_temperature", "_difference"
WORDS = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "ppv_at_prevalence": "PPV at the stated prevalence",
    "npv_at_prevalence": "NPV at the stated prevalence",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_auroc": "AUROC, macro",
    "log_loss": "Log loss (nats)",
    "brier": "Brier score",
    "ece": "ECE, equal width",
    "ece_equal_mass": "ECE, equal mass",
}


def sections(report: EvaluationReport) -> Iterator[str]:
    """Yield the sections that the report has numbers for."""
    point = [e for e in report.estimates if e.metric.endswith(AT_POINT) and not e.subgroup]
    if point:
        yield _section("At the operating point", _members(report) + _point(point, report))
    after = [e for e in report.estimates if e.metric.endswith(AFTER)]
    if after:
        yield _section("Calibration before and after one temperature", _calibration(after, report))
    columns = dict.fromkeys(e.subgroup.split("=", 1)[0] for e in report.estimates if e.subgroup)
    if columns:
        yield _section("Subgroups", "".join(_column(name, report) for name in columns))


def _members(report: EvaluationReport) -> str:
    """Return which threshold each model has and where it comes from."""
    rows = []
    for member in report.operating_point.get("members", ()):
        point: dict[str, Any] = member.get("operating_point") or {}
        threshold = point.get("threshold")
        name = ", ".join(f"{k} {member[k]}" for k in ("seed", "fold") if member.get(k))
        chosen = f"{member.get('chosen_on', '')} ({member.get('n_images', 0)} images)"
        there = ", ".join(
            f"{key} {point[key]:.3f}"
            for key in ("sensitivity", "specificity")
            if point.get(key) is not None
        )
        cells = [
            name or "the model",
            "none" if threshold is None else f"{threshold:.6g}",
            str(point.get("rule", "")),
            chosen,
            there,
            str(point.get("reason", "")),
        ]
        rows.append(cells)
    heads = ["", "threshold", "rule", "chosen on", "reached there", "remark"]
    if not any(cells[-1] for cells in rows):
        heads, rows = heads[:-1], [cells[:-1] for cells in rows]
    return _table(heads, ([escape(cell) for cell in cells] for cells in rows), "point")


def _point(found: list[Estimate], report: EvaluationReport) -> str:
    rows = []
    for e in found:
        metric = e.metric.removesuffix(AT_POINT)
        rows.append([_word(metric), escape(e.class_name), *_numbers(e)])
    heads = ["", "positive", "estimate", "images", "patients", "interval by"]
    counts = report.operating_point.get("counts", {})
    said = ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts.items())
    return _table(heads, rows, "point") + (f"<p>{escape(said)}.</p>" if said else "")


def _calibration(after: list[Estimate], report: EvaluationReport) -> str:
    before = {(e.tree_level, e.metric): e for e in report.estimates if _whole(e)}
    rows = []
    for e in after:
        metric = e.metric.removesuffix(AFTER)
        first = before.get((e.tree_level, metric))
        rows.append([e.tree_level, _word(metric), _value(first) if first else "", _value(e)])
    return _table(["level", "", "before", "after"], rows, "calibration")


def _column(name: str, report: EvaluationReport) -> str:
    found = [e for e in report.estimates if e.subgroup.split("=", 1)[0] == name]
    gaps = {(e.subgroup, e.metric): e for e in found if e.metric.endswith(GAP)}
    marks: dict[str, str] = {}
    rows, before = [], ""
    for e in found:
        if e.metric.endswith(GAP):
            continue
        gap = gaps.get((e.subgroup, e.metric + GAP))
        p = "" if gap is None or gap.p_holm is None else f"{gap.p_holm:.3g}"
        rows.append(
            [
                "" if e.subgroup == before else f"<b>{escape(e.subgroup.split('=', 1)[1])}</b>",
                _word(e.metric) + (f": {escape(e.class_name)}" if e.class_name else ""),
                _value(e) + _mark(e, marks),
                str(e.n_images),
                str(e.n_patients),
                _value(gap) + _mark(gap, marks) if gap else "",
                p,
            ]
        )
        before = e.subgroup
    heads = [name, "", "estimate", "images", "patients", "difference to the rest", "p (Holm)"]
    said = "".join(f"<dt>{n}</dt><dd>{escape(method)}</dd>" for method, n in marks.items())
    notes = f"<dl class='notes'>{said}</dl>"
    return f"<h3>{escape(name)}</h3>" + _table(heads, rows, "subgroups") + notes


def _mark(e: Estimate, marks: dict[str, str]) -> str:
    """Return the letter of the estimate's method; the family of Holm is the same for a metric."""
    method = e.method.split("; Holm over")[0]
    if not method or e.low is None:
        return ""
    n = len(marks)
    letter = (chr(96 + n // 26) if n >= 26 else "") + chr(97 + n % 26)
    return f"<small><sup>{marks.setdefault(method, letter)}</sup></small>"


def _whole(e: Estimate) -> bool:
    return not (e.class_name or e.subgroup or e.aggregated)


def _word(metric: str) -> str:
    return escape(WORDS.get(metric, metric.replace("_", " ")))


def _numbers(e: Estimate) -> list[str]:
    return [_value(e), str(e.n_images), str(e.n_patients), escape(e.method)]


def _value(e: Estimate) -> str:
    if e.value is None:
        return f"<span class='na'>n/a <small>{escape(e.reason)}</small></span>"
    value = f"<b>{e.value:.3f}</b>"
    if e.low is None or e.high is None:
        return f"{value} <small>no interval: {escape(e.reason)}</small>"
    return f"{value} <small>{e.low:.3f} to {e.high:.3f}</small>"


def _section(title: str, content: str) -> str:
    return f"<section class='level'><h2>{escape(title)}</h2>{content}</section>"


def _table(heads: Iterable[str], rows: Iterable[list[str]], kind: str) -> str:
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<div class='wide'><table class='{kind}'><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
