"""EvaluationReport -> a folder: report.json, report.csv, report.html, and its pictures.

The page is one file: pictures inside, no script, nothing loaded from anywhere, so it opens from
disk, can be mailed, and prints. Its numbers are those of the JSON, to three digits; an undefined
number is ``n/a`` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from skinlab.figures.confusion import confusion_numbers, draw_confusion
from skinlab.figures.document import Footnotes, document, footer, header, listed, section
from skinlab.figures.look import save
from skinlab.figures.reliability import draw_reliability, reliability_numbers
from skinlab.figures.report.curves import calibration, operating_point, ranking
from skinlab.figures.report.estimates import forest
from skinlab.figures.report.performance import classes, headline, matrices, units
from skinlab.figures.report.subgroups import subgroups
from skinlab.figures.roc import draw_roc, roc_numbers
from skinlab.tables.files import write_text
from skinlab.tables.report import EvaluationReport


def write_report(
    report: EvaluationReport, folder: Path, *, title: str = "", when: str = ""
) -> Path:
    """Write everything about a report into a folder; the same report gives the same bytes.

    Args:
        report: The numbers.
        folder: Gets ``report.json``, ``report.csv``, ``report.html`` and, for each level,
            ``confusion_LEVEL.png``, ``roc_LEVEL.png`` and ``reliability_LEVEL.png``, each with its
            numbers in a ``.json`` of the same name.
        title: What was evaluated, for the head of the page.
        when: Date and time for the head of the page.

    Returns:
        The path of the page.

    Raises:
        RunError: The folder cannot be written.
    """
    report.save(folder)
    pictures = {}
    for name, figure, numbers in _figures(report):
        about = {"fingerprints": report.fingerprints, **numbers}
        pictures[name] = save(figure, folder / f"{name}.png", about)
    path = folder / "report.html"
    write_text(path, page(report, pictures, title=title, when=when))
    return path


def _figures(report: EvaluationReport) -> Iterator[tuple[str, Figure, dict[str, Any]]]:
    for matrix in report.confusion:
        level = matrix.tree_level
        counts = confusion_numbers(matrix)
        yield f"confusion_{level}", draw_confusion(counts), counts.json()
        if curves := roc_numbers(report, level):
            yield f"roc_{level}", draw_roc(curves), curves.json()
        if panels := reliability_numbers(report, level):
            yield f"reliability_{level}", draw_reliability(panels), panels.json()


def page(
    report: EvaluationReport, pictures: Mapping[str, bytes], *, title: str = "", when: str = ""
) -> str:
    """Return the page, in the order in which a physician reads.

    Args:
        report: The numbers.
        pictures: Name of a picture (``confusion_LEVEL``, ``roc_LEVEL``, ``reliability_LEVEL``) ->
            its PNG.
        title: What was evaluated.
        when: Date and time.
    """
    name = title or f"Evaluation on {report.split}"
    marks = Footnotes()
    parts = [
        header(name, _facts(report, when)),
        section("In short", forest(headline(report))),
        matrices(report, pictures),
        classes(report, marks),
        ranking(report, pictures),
        calibration(report, pictures, marks),
        operating_point(report, marks),
        subgroups(report, marks),
        units(report, marks),
        _notes(report, marks),
        footer("All digits of every number: report.json and report.csv."),
    ]
    return document(name, filter(None, parts))


def _facts(report: EvaluationReport, when: str) -> dict[str, str]:
    facts = {"Table": report.split, "When": when, "Positive class": report.positive}
    for e in report.estimates:
        if e.metric == "accuracy" and not (e.class_name or e.subgroup or e.aggregated):
            facts["Images"] = f"{e.n_images} of {e.n_patients} patients"
            break
    return facts | {f"Fingerprint of {k}": v[:16] for k, v in report.fingerprints.items()}


def _notes(report: EvaluationReport, marks: Footnotes) -> str:
    methods = marks.html()
    said = f"<h3>Methods, by the letter behind an interval</h3>{methods}" if methods else ""
    notes = listed(report.notes)
    return section("Notes and methods", notes + said) if notes or said else ""
