"""Comparison -> a folder: comparison.json, comparison.csv, comparison.html.

The page is one file: no script, nothing loaded from anywhere, so it opens from disk, can be mailed,
and prints. Differences are drawn as a forest about 0, the margin as a band.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from skinlab.figures.comparison_forest import forest, value_cell, verdict_cell
from skinlab.figures.comparison_text import (
    CLASS_METRICS,
    METRICS,
    UNITS,
    headline,
    level_text,
    name_of,
    p_text,
    signed,
)
from skinlab.figures.document import Footnotes, document, footer, header, listed, section, table
from skinlab.tables.comparison import ArmSummary, Comparison, Difference
from skinlab.tables.files import write_text

MORE_STYLE = """
.forest th small { display: block; margin-left: 0; }
.forest .zero { stroke: #1a1a1a; } .forest .band { fill: #d9e6f2; }
.forest td { padding-right: .8rem; }
.forest td.number { white-space: nowrap; }
.verdict { white-space: nowrap; } .verdict.equivalent, .verdict.non-inferior { color: #0b6b2f; }
.verdict.different, .verdict.inferior { color: #a34700; }
td.number { white-space: nowrap; }
.overall td, .classes td { vertical-align: top; }
p.lead { max-width: 52rem; }
@media print { thead th { font-size: 7.5pt; }
  .forest svg { width: 190px; } .overall { font-size: 7.5pt; } }
"""


def write_comparison(comparison: Comparison, folder: Path, *, when: str = "") -> Path:
    """Write everything about a comparison into a folder; equal comparisons give equal bytes.

    Where the folder holds an earlier comparison of the same predictions with another margin, the
    new one says so: a margin that was chosen after the result decides nothing.

    Args:
        comparison: The numbers.
        folder: Gets ``comparison.json``, ``comparison.csv``, ``comparison.html``.
        when: Date and time for the head of the page.

    Returns:
        The path of the page.

    Raises:
        RunError: The folder cannot be written.
    """
    noted = comparison.after(folder / "comparison.json")
    noted.save(folder)
    path = folder / "comparison.html"
    write_text(path, page(noted, when=when))
    return path


def page(comparison: Comparison, *, when: str = "") -> str:
    """Return the page.

    Args:
        comparison: The numbers.
        when: Date and time.
    """
    title = f"{comparison.a.name} against {comparison.b.name}"
    parts = [
        _head(comparison, title, when),
        section("In short", forest(headline(comparison), comparison, grouped=True)),
        _listed("What to know", comparison.notes),
        *(_level(comparison, level) for level in comparison.levels),
        _listed("Methods", comparison.methods),
        section("Family of hypotheses", _family(comparison)),
        footer(
            "All digits of every number, every test and every interval: comparison.json and "
            "comparison.csv."
        ),
    ]
    return document(title, parts, style=MORE_STYLE)


def _head(comparison: Comparison, title: str, when: str) -> str:
    facts = [("A", _arm(comparison.a)), ("B (reference)", _arm(comparison.b))]
    facts += [("Table", comparison.split), ("When", when), ("Positive class", comparison.positive)]
    first = comparison.differences[0]
    facts.append(("Cases", f"{first.n_images} images of {first.n_patients} patients"))
    margin = "none given" if comparison.margin is None else f"±{comparison.margin:g}"
    facts.append(("Margin, given with the command", margin))
    for arm, name in ((comparison.a, "A"), (comparison.b, "B")):
        prints = ", ".join(text[:12] for text in arm.fingerprints)
        facts.append((f"Fingerprint of predictions {name}", prints))
    return header(title, dict(facts))


def _arm(arm: ArmSummary) -> str:
    if len(arm.seeds) == 1:
        return arm.name
    return f"{arm.name}: {len(arm.seeds)} training seeds ({', '.join(arm.seeds)})"


def _listed(title: str, sentences: Sequence[str]) -> str:
    return section(title, listed(sentences)) if sentences else ""


def _family(comparison: Comparison) -> str:
    count = len(comparison.family_members)
    text = f"“{comparison.family}”, {count} main p-values, adjusted by Holm: "
    return f"<p class='lead'>{escape(text + '; '.join(comparison.family_members))}.</p>"


def _level(comparison: Comparison, level: str) -> str:
    content = []
    for case, unit in UNITS.items():
        chosen = list(comparison.select(level, case))
        if not chosen:
            continue
        content.append(f"<h3>Overall, {unit}</h3>")
        marks = Footnotes()
        overall = [d for d in chosen if not d.class_name]
        content.append(_overall(overall, comparison, marks) + marks.html())
        recall = [d for d in chosen if d.metric == "sensitivity"]
        content.append(f"<h3>Sensitivity (recall) of each class, {unit}</h3>")
        content.append(forest(recall, comparison))
        content.append(f"<h3>Each class against the rest, {unit}</h3>")
        marks = Footnotes()
        content.append(_classes([d for d in chosen if d.class_name], marks) + marks.html())
    return section(level.capitalize(), "".join(content), "level")


def _overall(differences: Sequence[Difference], comparison: Comparison, marks: Footnotes) -> str:
    seeds = max(len(comparison.a.seeds), len(comparison.b.seeds)) > 1
    heads = ["", "A", "B", f"A − B ({level_text(differences)})", "p-values"]
    if seeds:
        heads[3:3] = ["SD over seeds, A / B"]
    if comparison.margin is not None:
        heads.append(f"within ±{comparison.margin:g}")
    order = {metric: place for place, metric in enumerate(METRICS)}
    rows = []
    for d in sorted(differences, key=lambda d: order[d.metric]):
        cells = [f"<th scope='row'>{escape(name_of(d))}</th>"]
        cells += [f"<td>{_number(value)}</td>" for value in (d.a, d.b)]
        if seeds:
            cells.append(f"<td>{_number(d.seed_sd_a)} / {_number(d.seed_sd_b)}</td>")
        value = value_cell(d, marks.mark(_method(d))) + _others(d)
        cells += [f"<td class='number'>{value}</td>", f"<td>{_tests(d)}</td>"]
        if comparison.margin is not None:
            cells.append(f"<td>{verdict_cell(d)}</td>")
        rows.append("".join(cells))
    return table(heads, rows, "overall")


def _classes(differences: Sequence[Difference], marks: Footnotes) -> str:
    by_class: dict[str, list[Difference]] = {}
    for d in differences:
        by_class.setdefault(d.class_name, []).append(d)
    rows = []
    for name, found in by_class.items():
        cells = [f"<th scope='row'>{escape(name)}</th>"]
        for d in found:
            p = f"<small>p {p_text(d.p)}</small>" if d.p is not None else ""
            cells.append(f"<td>{value_cell(d, marks.mark(_method(d)))}{p}</td>")
        rows.append("".join(cells))
    heads = [f"A − B ({level_text(differences)})", *CLASS_METRICS.values()]
    return table(heads, rows, "classes")


def _method(d: Difference) -> str:
    if not d.method:
        return ""
    test = f"; p: {d.tests[0].name}" if d.tests else ""
    return f"{d.method}; unit: {d.unit}{test}"


def _tests(d: Difference) -> str:
    texts = [f"{p_text(t.p)} <small>{escape(t.name)}{_note(t.note)}</small>" for t in d.tests]
    if d.p_holm is not None:
        texts.insert(1, f"{p_text(d.p_holm)} <small>of the first, Holm-adjusted</small>")
    return "<br>".join(texts)


def _others(d: Difference) -> str:
    """Return the further intervals, one a line: Tango's, or that of the sampling error alone."""
    return "".join(
        f"<br><small>{escape(re.split('[:,]', other.method)[0])}: "
        f"{signed(other.low)} to {signed(other.high)}</small>"
        for other in d.others
    )


def _note(note: str) -> str:
    return f" ({escape(note)})" if note else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
