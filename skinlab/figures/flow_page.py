"""Flow and table 1 -> flow.json, flow.txt, flow.png, flow.pdf and table_one.csv, .html, .tex."""

from __future__ import annotations

from html import escape
from pathlib import Path

from skinlab.figures.document import document, header, listed, table_of
from skinlab.figures.flow_diagram import diagram, draw_flow
from skinlab.figures.look import pdf, png
from skinlab.reporting.flow import Flow
from skinlab.reporting.latex import latex
from skinlab.reporting.table_one import Row, TableOne, as_frame
from skinlab.tables.files import write_bytes, write_json, write_text
from skinlab.tables.report import RESEARCH_USE
from skinlab.tables.text import write_table


def write_flow(flow: Flow, table: TableOne, folder: Path) -> Path:
    """Write both into a folder and return the path of the diagram; equal flows are equal bytes.

    Raises:
        RunError: The folder cannot be written.
    """
    write_json(folder / "flow.json", {**flow.json(), "use": RESEARCH_USE})
    write_text(folder / "flow.txt", flow.text())
    figure = draw_flow(diagram(flow))
    write_bytes(folder / "flow.png", png(figure))
    write_bytes(folder / "flow.pdf", pdf(figure))
    write_table(folder / "table_one.csv", as_frame(table))
    write_json(folder / "table_one.json", {**table.json(), "use": RESEARCH_USE})
    write_text(folder / "table_one.tex", latex(table))
    write_text(folder / "table_one.html", page(table, flow.name))
    return folder / "flow.png"


OWN_STYLE = """
.one td, .one th { white-space: nowrap; } .one tr.group th { padding-top: .7rem; }
.one td.value { padding-left: 1.2rem; } .one td.high { font-weight: 700; }
"""


def page(table: TableOne, name: str) -> str:
    """Return table 1 as a page that loads nothing."""
    title = f"Table 1: {name}"
    heads = ["", *table.columns, *(f"std. difference {pair}" for pair in table.compared)]
    body, before = [], ""
    for row in table.rows:
        if row.unit and row.variable != before:
            head = f"{escape(row.variable)}<small> by {row.unit}</small>"
            body.append(f"<tr class='group'><th colspan='{len(heads)}'>{head}</th></tr>")
        before = row.variable
        body.append(_line(row, len(table.compared)))
    parts = [header(title), table_of(heads, "".join(body), "one"), listed(table.notes)]
    return document(title, parts, style=OWN_STYLE)


def _line(row: Row, compared: int) -> str:
    label = row.value if row.unit else row.variable
    cells = [f"<td class='value'>{escape(label)}</td>"]
    cells += [f"<td>{escape(c.text)}{' †' if c.small else ''}</td>" for c in row.cells]
    for difference in row.differences or (None,) * compared:
        high = " class='high'" if difference is not None and abs(difference) >= 0.1 else ""
        cells.append(f"<td{high}>{'' if difference is None else f'{difference:.2f}'}</td>")
    return f"<tr>{''.join(cells)}</tr>"
