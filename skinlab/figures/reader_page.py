"""ReaderStudy -> readers.json, readers.csv, readers.html and the readers on the ROC plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path

import pandas as pd

from skinlab.figures.document import (
    cells,
    document,
    footer,
    header,
    listed,
    section,
    table,
    table_of,
)
from skinlab.figures.document import picture as inside
from skinlab.figures.look import pdf, save
from skinlab.figures.reader_plane import draw_plane, plane_numbers
from skinlab.stats.readers.measures import Difference
from skinlab.stats.readers.study import ReaderStudy
from skinlab.tables.files import write_bytes, write_json, write_text
from skinlab.tables.report import RESEARCH_USE, Estimate
from skinlab.tables.text import write_table

TITLES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy of the diagnosis",
}


def write_readers(study: ReaderStudy, folder: Path, *, title: str = "") -> Path:
    """Write a study into a folder and return the path of its page.

    Args:
        study: The numbers.
        folder: Gets ``readers.json``, ``readers.csv``, ``readers.html`` and, where a positive
            class is named, ``reader_plane.png`` with its numbers, and ``reader_plane.pdf``.
        title: What was compared.

    Raises:
        RunError: The folder cannot be written.
    """
    write_json(folder / "readers.json", {**asdict(study), "use": RESEARCH_USE})
    write_table(folder / "readers.csv", flat_table(study))
    picture = b""
    if study.positive:
        numbers = plane_numbers(study)
        figure = draw_plane(numbers)
        about = {"fingerprints": study.fingerprints, **numbers.json()}
        picture = save(figure, folder / "reader_plane.png", about)
        write_bytes(folder / "reader_plane.pdf", pdf(figure))
    path = folder / "readers.html"
    write_text(path, page(study, picture, title=title))
    return path


def flat_table(study: ReaderStudy) -> pd.DataFrame:
    """Return every number as a row: who, which measure, of whom, estimate, test."""
    rows = []
    for r in study.results:
        for measure in r.measures:
            difference = r.difference[measure]
            about = {"reader": r.reader, "group": r.group, "missing": r.missing}
            tested = {
                key: getattr(difference, key)
                for key in ("only_reader", "only_model", "p_exact", "p_mid", "p_holm", "test")
            }
            rows.append(about | {"of": "reader"} | _cells(r.measures[measure]))
            rows.append(about | {"of": "model"} | _cells(r.model[measure]))
            rows.append(about | {"of": "reader minus model"} | _cells(difference.estimate) | tested)
    for of, estimates in (("mean", study.mean), ("mean minus model", study.mean_difference)):
        rows += [{"reader": "mean", "of": of} | _cells(e) for e in estimates.values()]
    everyone = [*study.model.values(), study.auroc]
    rows += [{"reader": "", "of": "model on all cases"} | _cells(e) for e in everyone]
    rows += [{"reader": e.class_name, "of": "agreement"} | _cells(e) for e in study.agreement]
    return pd.DataFrame(rows)


def _cells(e: Estimate) -> dict[str, object]:
    names = ("metric", "value", "low", "high", "level", "method", "unit", "n_images", "n_patients")
    return {name: getattr(e, name) for name in (*names, "reason", "tree_level")}


def page(study: ReaderStudy, picture: bytes, *, title: str = "") -> str:
    """Return the page; it is one file without scripts that loads nothing.

    Args:
        study: The numbers.
        picture: PNG of the plane; empty where there is none.
        title: What was compared.
    """
    name = title or "Readers and model"
    parts = [
        _head(study, name),
        section("What to know", listed(study.notes)) if study.notes else "",
        _plane(picture),
        *(_measure(study, measure) for measure in study.model),
        _agreement(study),
        footer("All digits of every number: readers.json and readers.csv."),
    ]
    return document(name, filter(None, parts), style=OWN_STYLE)


OWN_STYLE = """
td, th { white-space: nowrap; } .readers td small { display: block; }
.readers tr.mean { border-top: 2px solid #999; font-weight: 600; }
td.wrap { white-space: normal; }
"""


def _head(study: ReaderStudy, name: str) -> str:
    facts = {
        "Readers": str(len(study.results)),
        "Cases": f"{study.cases} images of {study.patients} patients",
        "Positive class": study.positive or "none named",
        "The model calls by": study.rule if study.positive else "",
        "AUROC of the model": str(study.auroc),
        **{f"Fingerprint of {k}": v[:16] for k, v in study.fingerprints.items()},
    }
    return header(name, facts)


def _plane(png: bytes) -> str:
    if not png:
        return ""
    lead = (
        "<p>Crosses are intervals of each reader’s own cases; the curve is the model on all of "
        "them. A reader above the curve finds more at the same rate of false alarms.</p>"
    )
    return section("On the ROC plane", inside(png, "Readers on the ROC plane of the model") + lead)


def _measure(study: ReaderStudy, measure: str) -> str:
    heads = ["reader", "cases", "reader", "model, same cases", "reader − model", "only right"]
    heads += ["p exact", "mid-p", "p Holm"]
    rows = "".join(_row(contents, kind) for contents, kind in _rows(study, measure))
    methods = dict.fromkeys(e.method for e in _estimates(study, measure) if e.method)
    tests = dict.fromkeys(r.difference[measure].test for r in study.results)
    said = "; ".join([*methods, *(f"p: {test}" for test in tests if test)])
    level = f"{study.model[measure].level:.0%} intervals. "
    about = (
        f"<p><small>{level}Only right: cases that only the reader / only the model had right. "
        f"{escape(said)}.</small></p>"
    )
    return section(TITLES[measure], table_of(heads, rows, "readers") + about)


def _estimates(study: ReaderStudy, measure: str) -> Iterator[Estimate]:
    for r in study.results:
        yield from (r.measures[measure], r.model[measure], r.difference[measure].estimate)
    yield from (study.mean[measure], study.mean_difference[measure], study.model[measure])


def _row(contents: list[str], kind: str) -> str:
    return f"<tr class='{kind}'>{cells(contents)}</tr>"


def _rows(study: ReaderStudy, measure: str) -> Iterator[tuple[list[str], str]]:
    for r in study.results:
        e, d = r.measures[measure], r.difference[measure]
        unanswered = f"{r.missing} unanswered" if r.missing else ""
        about = "; ".join(filter(None, (r.group, unanswered)))
        row = [escape(r.reader) + f"<small>{escape(about)}</small>", str(e.n_images)]
        row += [_interval(e), _interval(r.model[measure]), _signed(d.estimate)]
        yield [*row, *_tested(d)], "reader"
    if len(study.results) > 1:
        mean, model = study.mean[measure], study.model[measure]
        row = ["mean reader", str(mean.n_images), _interval(mean), _interval(model)]
        yield [*row, _signed(study.mean_difference[measure]), "", "", "", ""], "mean"


def _tested(d: Difference) -> list[str]:
    if d.p_exact is None or d.p_mid is None:
        return ["", "", "", ""]
    holm = "" if d.p_holm is None else _p(d.p_holm)
    return [f"{d.only_reader} / {d.only_model}", _p(d.p_exact), _p(d.p_mid), holm]


def _p(p: float) -> str:
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


def _interval(e: Estimate) -> str:
    return _value(e, "{:.3f}", "–")


def _signed(e: Estimate) -> str:
    return _value(e, "{:+.3f}", " to ")


def _value(e: Estimate, digits: str, between: str) -> str:
    if e.value is None:
        return f"<span class='na'>n/a<small>{escape(e.reason)}</small></span>"
    value = digits.format(e.value)
    if e.low is None or e.high is None:
        return f"{value}<small>no interval: {escape(e.reason)}</small>"
    return f"{value}<small>{digits.format(e.low)}{between}{digits.format(e.high)}</small>"


def _agreement(study: ReaderStudy) -> str:
    rows = []
    for e in study.agreement:
        who = escape(e.class_name or "all readers")
        rows.append(cells([escape(e.tree_level), e.metric, who, _interval(e), str(e.n_images)]))
    heads = ("level", "kappa", "between", "value", "cases")
    return section("Agreement between readers", table(heads, rows, "readers")) if rows else ""
