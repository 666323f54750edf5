"""FactorReport -> a folder: factors.json, factors.csv, factors.html, and text for a terminal.

The page is one file without script, its picture inside, that opens from disk and prints.
"""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from skinlab.figures.document import document, footer, header, section, table
from skinlab.figures.document import picture as inside
from skinlab.figures.look import save
from skinlab.figures.main_effects import draw_main_effects, effect_numbers
from skinlab.stats.factors.analysis import FactorReport, ResponseReport
from skinlab.stats.factors.effects import Effect
from skinlab.stats.factors.words import (
    alias_lines,
    alias_sentence,
    p_text,
    paragraphs,
    sentences,
    short,
)
from skinlab.tables.files import write_json, write_text
from skinlab.tables.report import RESEARCH_USE
from skinlab.tables.text import write_table

OWN_STYLE = """
table.numbers td { white-space: nowrap; }
table.numbers td.clear { font-weight: 600; }
table.cross td { text-align: center; padding: .2rem .5rem; }
table.cross td.empty { background: #fbe3d6; }
table.cross td.strong { outline: 2px solid #d55e00; outline-offset: -2px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 2rem; }
.two > div { break-inside: avoid; }
img { max-width: 100%; }
@media print { img { max-width: 100%; max-height: 170mm; } }
"""


def write_factors(report: FactorReport, folder: Path, *, title: str = "") -> Path:
    """Write everything about a factor table into a folder; the same report gives the same bytes.

    Args:
        report: The numbers.
        folder: Gets ``factors.json``, ``factors.csv``, ``factors.html``, ``main_effects.png`` and
            the numbers drawn in ``main_effects.json``.
        title: What was analyzed.

    Returns:
        The path of the page.

    Raises:
        RunError: The folder cannot be written.
    """
    said = list(sentences(report))
    write_json(folder / "factors.json", {**asdict(report), "says": said, "use": RESEARCH_USE})
    write_table(folder / "factors.csv", flat_rows(report))
    numbers = effect_numbers(report)
    picture = save(draw_main_effects(numbers), folder / "main_effects.png", numbers.json())
    path = folder / "factors.html"
    write_text(path, page(report, picture, title=title))
    return path


def flat_rows(report: FactorReport) -> pd.DataFrame:
    """Return main effects, marginal means, single factors and noise, one number a row."""
    records: list[dict[str, Any]] = []
    for response in report.responses:
        about: dict[str, Any] = {"response": response.name}
        for e in response.fit.effects:
            record = about | {"kind": "main effect", "factor": e.factor, "term": e.term}
            record |= {"value": e.value, "low": e.low, "high": e.high, "level": report.level}
            records.append(record | {"p": e.p, "holm": e.holm, "vif": e.vif, "reason": e.reason})
        for m in response.means:
            record = about | {"kind": "marginal mean", "factor": m.factor, "term": m.level}
            records.append(record | {"value": m.value, "n": m.n})
        for a in response.alone:
            record = about | {"kind": "factor alone", "factor": a.factor, "value": a.difference}
            records.append(record | {"p": a.p, "n": a.n_on, "splits": a.splits})
        noise = response.noise
        for kind, value in (
            ("SD of one run", noise.sd),
            ("range of one run", noise.single_run),
            ("least difference of two runs", noise.least_difference),
        ):
            records.append(about | {"kind": kind, "value": value, "df": noise.df})
        for need in response.seeds:
            record = about | {"kind": "runs per arm", "term": f"{need.difference:g} points"}
            records.append(record | {"value": need.runs})
    return pd.DataFrame(records)


def as_text(report: FactorReport) -> str:
    """Return the main effects and the sentences for a terminal."""
    lines = []
    for response in report.responses:
        fit = response.fit
        lines.append(f"{short(response.name)}: main effects in points, {_quality(response)}")
        rows = [["", f"{report.level:.0%} CI", "", "p", "Holm", "VIF"]]
        rows += [[short(e.term), *_effect_cells(e)] for e in fit.effects]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  " + "  ".join(padded).rstrip())
        lines.append("")
    return "\n".join([*lines, *(f"- {sentence}" for sentence in sentences(report))])


def _quality(response: ResponseReport) -> str:
    fit = response.fit
    if fit.r2_adjusted is None or fit.residual_sd is None:
        return f"R2 {fit.r2:.2f}, no residual degrees of freedom"
    return (
        f"R2 {fit.r2:.2f} (adjusted {fit.r2_adjusted:.2f}), residual SD {fit.residual_sd:.2f} "
        f"({fit.residual_df} df)"
    )


def _effect_cells(e: Effect) -> list[str]:
    """Return value, interval, p, Holm and VIF as text."""
    value = "n/a" if e.value is None else f"{e.value:+.2f}"
    limits = e.reason if e.low is None else f"({e.low:.2f} to {e.high:.2f})"
    vif = "n/a" if e.vif is None else f"{e.vif:.1f}"
    return [value, limits, p_text(e.p), p_text(e.holm), vif]


def page(report: FactorReport, picture: bytes, *, title: str = "") -> str:
    """Return the page.

    Args:
        report: The numbers.
        picture: PNG of the main effects.
        title: What was analyzed.
    """
    name = f"Factors of {title}" if title else "Factors"
    design = report.design
    lead = (
        f"<p>{design.rows} runs, {design.settings} distinct settings of {len(design.factors)} "
        f"factors. Effects are in points of the result, with {report.level:.0%} intervals of "
        "ordinary least squares, all factors fitted together.</p>"
    )
    drawn = inside(picture, "Main effects with intervals; runs")
    parts = [
        header(name, content=lead),
        section("What the table says", _says(report)),
        section("Main effects and runs", drawn, "level"),
        *(_response(response, report) for response in report.responses),
        section("Design", _cross(report) + _aliases(report), "level"),
        footer("All digits: factors.json and factors.csv."),
    ]
    return document(name, parts, style=OWN_STYLE)


def _says(report: FactorReport) -> str:
    groups = []
    for title, group in paragraphs(report):
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in group)
        groups.append(f"<h3>{escape(title)}</h3><ul>{items}</ul>")
    return "".join(groups)


def _response(response: ResponseReport, report: FactorReport) -> str:
    effects = []
    for e in response.fit.effects:
        clear = " class='clear'" if e.p is not None and e.p < 1 - report.level else ""
        value, *rest = _effect_cells(e)
        cells = [f"<td>{escape(short(e.term))}</td><td{clear}>{value}</td>"]
        effects.append("".join([*cells, *(f"<td>{escape(c)}</td>" for c in rest)]))
    means = [
        f"<td>{escape(short(m.factor))} {escape(m.level)}</td><td>{m.value:.2f}</td><td>{m.n}</td>"
        for m in response.means
    ]
    alone = [
        f"<td>{escape(short(a.factor))}</td><td>{a.difference:+.2f}</td><td>{p_text(a.p)}</td>"
        f"<td>{a.splits:,}{'' if a.exact else ' drawn'}</td>"
        for a in response.alone
    ]
    heads = ["", "points", f"{report.level:.0%} CI", "p", "Holm", "VIF"]
    content = (
        f"<p>{_quality(response)}. Grand mean {response.mean:.2f}.</p>"
        f"{table(heads, effects, 'numbers')}<div class='two'>"
        f"<div><h3>Marginal means</h3>{table(['', 'mean', 'runs'], means, 'numbers')}</div>"
        f"<div><h3>Each factor alone, on against off</h3>"
        f"{table(['', 'points', 'p', 'permutations'], alone, 'numbers')}</div></div>"
    )
    return section(short(response.name), content)


def _cross(report: FactorReport) -> str:
    """Return the two-factor tables: counts off/off, off/on, on/off, on/on, and phi."""
    design = report.design
    names = design.factors
    pairs = {(p.first, p.second): p for p in design.pairs}
    rows = []
    for i, first in enumerate(names[:-1]):
        cells = [f"<th scope='row'>{escape(short(first))}</th>"]
        for j, second in enumerate(names[1:], start=1):
            if j <= i:
                cells.append("<td></td>")
                continue
            p = pairs[first, second]
            kind = " ".join(["empty"] * p.empty + ["strong"] * (abs(p.phi) >= 0.7))
            a, b, c, d = p.counts
            cells.append(
                f"<td class='{kind}'>{a} {b}<br>{c} {d}<br><small>{p.phi:.2f}</small></td>"
            )
        rows.append("".join(cells))
    return (
        "<p>Runs with both factors off, the second on, the first on, both on; below, their "
        "correlation phi. Shaded: an empty cell, so the interaction cannot be estimated. Framed: "
        f"|phi| at least 0.7.</p>{table(['', *map(short, names[1:])], rows, 'cross')}"
    )


def _aliases(report: FactorReport) -> str:
    """Return the alias table: a line for effects that cannot be told from each other."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in alias_lines(report.aliases))
    said = f"<p>{escape(alias_sentence(report.aliases))}</p>"
    return f"<h3>Alias table</h3>{said}" + (f"<ul>{lines}</ul>" if lines else "")
