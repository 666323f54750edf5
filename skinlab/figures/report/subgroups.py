"""EvaluationReport -> the section that shows each group of images and its gap to the rest."""

from __future__ import annotations

from html import escape

from skinlab.figures.document import Footnotes, cells, section, table
from skinlab.figures.report.estimates import value_cell
from skinlab.figures.report.words import GAP, name_of
from skinlab.tables.report import EvaluationReport


def subgroups(report: EvaluationReport, marks: Footnotes) -> str:
    """Return a table a column of the manifest; empty where there are no subgroups."""
    columns = dict.fromkeys(e.subgroup.split("=", 1)[0] for e in report.estimates if e.subgroup)
    content = "".join(_column(name, report, marks) for name in columns)
    return section("Subgroups", content) if content else ""


def _column(name: str, report: EvaluationReport, marks: Footnotes) -> str:
    found = [e for e in report.estimates if e.subgroup.split("=", 1)[0] == name]
    gaps = {(e.subgroup, e.metric): e for e in found if e.metric.endswith(GAP)}
    shown = [e for e in found if not e.metric.endswith(GAP)]
    reasons: dict[str, set[str]] = {}
    for e in shown:
        reasons.setdefault(e.subgroup, set()).add("" if e.value is not None else e.reason)
    rows, before = [], ""
    for e in shown:
        alike = len(reasons[e.subgroup]) == 1 and e.value is None
        if alike and e.subgroup == before:
            continue  # one line says why there is no number
        gap = gaps.get((e.subgroup, e.metric + GAP))
        p = "" if gap is None or gap.p_holm is None else f"{gap.p_holm:.3g}"
        value = "" if e.subgroup == before else f"<b>{escape(e.subgroup.split('=', 1)[1])}</b>"
        row = [value, "" if alike else escape(name_of(e)), value_cell(e, marks), str(e.n_images)]
        row += [str(e.n_patients), value_cell(gap, marks) if gap else "", p]
        rows.append(cells(row))
        before = e.subgroup
    heads = [name, "", "estimate", "images", "patients", "difference to the rest", "p (Holm)"]
    return f"<h3>{escape(name)}</h3>" + table(heads, rows, "subgroups")
