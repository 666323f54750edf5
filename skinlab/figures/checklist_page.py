"""Checklist -> checklist-STANDARD.md, .html and .json."""

from __future__ import annotations

from html import escape
from pathlib import Path

from skinlab.figures.document import document, header, table_of
from skinlab.reporting.checklist import Checklist, Filled, Standard, markdown
from skinlab.tables.files import write_json, write_text
from skinlab.tables.report import RESEARCH_USE


def write_checklist(checklist: Checklist, standard: Standard, folder: Path) -> Path:
    """Write a filled checklist into a folder and return the path of its page.

    Raises:
        RunError: The folder cannot be written.
    """
    path = folder / f"checklist-{standard}.html"
    write_json(path.with_suffix(".json"), {**checklist.json(), "use": RESEARCH_USE})
    write_text(path.with_suffix(".md"), markdown(checklist))
    write_text(path, page(checklist))
    return path


OWN_STYLE = """
.check { width: 100%; font-size: .92rem; } .check td { overflow-wrap: anywhere; }
.check p { margin: 0 0 .3rem; } .check .todo { color: #a34700; }
.check .state { white-space: nowrap; font-weight: 600; }
.check tr.MISSING .state { color: #a34700; } .check tr.partly .state { color: #7a5c00; }
.check tr.reported .state { color: #08519c; } .check .topic { width: 24%; }
.check .topic small { display: block; } .check td:first-child { white-space: nowrap; }
"""


def page(checklist: Checklist) -> str:
    """Return the page; one file without scripts that loads nothing."""
    standard = checklist.standard
    title = f"{standard.title}: {checklist.run}"
    facts = {"Run": checklist.run, "State": checklist.summary, "Source": standard.source}
    lead = (
        "<p>Questions are in skinlab’s own words: compare numbering and wording with the published "
        "checklist. Answers are what the software can see in the run, with the place; whether they "
        "suffice is for the authors to judge.</p>"
    )
    heads = ["no.", "topic", "state", "answer and place"]
    body = "".join(map(_row, checklist.items))
    parts = [header(standard.title, facts), lead, table_of(heads, body, "check")]
    return document(title, parts, style=OWN_STYLE)


def _row(filled: Filled) -> str:
    item = filled.item
    known = "".join(
        f"<p>{escape(a.text)} <small>{escape(a.place)}</small></p>"
        for a in (*filled.found, *filled.stated)
    )
    todo = "".join(f"<p class='todo'>MISSING: {escape(a.todo)}</p>" for a in filled.missing)
    return (
        f"<tr class='{filled.state}'><td>{escape(item.number or '–')}</td>"
        f"<td class='topic'>{escape(item.topic)}<small>{escape(item.question)}</small></td>"
        f"<td class='state'>{filled.state}</td><td>{known}{todo}</td></tr>"
    )
