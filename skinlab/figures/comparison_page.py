"""Comparison -> a folder: comparison.json, comparison.csv, comparison.html; and lines of text.

The page is one file: no script, nothing loaded from anywhere, so it opens from disk, can be mailed,
and prints. Differences are drawn as a forest about 0, the margin as a band.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from skinlab.figures.look import font_face
from skinlab.figures.report_page import Footnotes
from skinlab.figures.report_style import STYLE
from skinlab.tables.comparison import ArmSummary, CaseUnit, Comparison, Difference
from skinlab.tables.files import read_text, write_text
from skinlab.tables.report import RESEARCH_USE

METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy (mean recall)",
    "macro_auroc": "AUROC, macro one-vs-rest",
    "macro_f1": "F1, macro",
    "mcc": "Matthews correlation",
    "kappa": "Cohen’s kappa",
    "truth_probability": "Mean probability of the truth",
    "brier": "Brier score (lower is better)",
    "log_loss": "Log loss, nats (lower is better)",
}
CLASS_METRICS = {
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "Average precision",
}
HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")
UNITS: dict[CaseUnit, str] = {"image": "per image", "patient": "per patient"}
WIDTH, EDGE = 320, 20
MORE_STYLE = """
.forest th small { display: block; margin-left: 0; }
.forest .zero { stroke: #1a1a1a; } .forest .band { fill: #d9e6f2; }
.forest .worse { fill: #a34700; } .forest td { padding-right: .8rem; }
.forest td.number { white-space: nowrap; }
.verdict { white-space: nowrap; } .verdict.equivalent, .verdict.non-inferior { color: #0b6b2f; }
.verdict.different, .verdict.inferior { color: #a34700; }
td.number { white-space: nowrap; }
.overall td, .classes td { vertical-align: top; }
p.lead { max-width: 52rem; }
@media print { .forest svg { width: 190px; } .overall { font-size: 7.5pt; } }
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
    noted = with_earlier_margin(comparison, folder / "comparison.json")
    noted.save(folder)
    path = folder / "comparison.html"
    write_text(path, page(noted, when=when))
    return path


def with_earlier_margin(comparison: Comparison, earlier: Path) -> Comparison:
    """Return the comparison with a note on another margin that the same predictions had before."""
    try:
        before = json.loads(read_text(earlier)) if earlier.is_file() else {}
        arms = [tuple(before[arm]["fingerprints"]) for arm in ("a", "b")]
        margin, notes = before["margin"], list(before["notes"])
    except (ValueError, KeyError, TypeError):
        return comparison
    if arms != [comparison.a.fingerprints, comparison.b.fingerprints]:
        return comparison
    kept = [note for note in notes if note.startswith("An earlier comparison")]
    if margin != comparison.margin:
        said = "no margin" if margin is None else f"the margin {margin:g}"
        kept.append(f"An earlier comparison of the same predictions had {said}.")
    return comparison.with_notes(tuple(dict.fromkeys(kept)))


def as_text(comparison: Comparison) -> str:
    """Return the main lines: overall numbers of each level per image, then the notes."""
    a, b = comparison.a.name, comparison.b.name
    lines = [f"A = {a}, B = {b}; differences are A minus B"]
    lines += [_line(d) for d in headline(comparison) if d.case == "image"]
    lines += [f"note: {note}" for note in comparison.notes]
    return "\n".join(lines)


def _line(d: Difference) -> str:
    text = f"{_name(d)} ({d.tree_level}): {d}"
    if d.p is not None:
        text += f", p {p_text(d.p)} ({d.tests[0].name})"
    if d.p_holm is not None:
        text += f", Holm p {p_text(d.p_holm)}"
    if d.decision:
        text += f"; within ±{d.decision.margin:g}: {d.decision.equivalence}"
    return text


def headline(comparison: Comparison) -> list[Difference]:
    """Return the differences that come first: overall at each level, then the positive group.

    Coarse levels first; per image, then per patient.
    """
    found = []
    for level in reversed(comparison.levels):
        for case in UNITS:
            for d in comparison.select(level, case):
                positive = comparison.positive and d.class_name == comparison.positive
                called = positive and d.metric in ("sensitivity", "specificity")
                if (not d.class_name and d.metric in HEADLINE) or called:
                    found.append(d)
    return found


def page(comparison: Comparison, *, when: str = "") -> str:
    """Return the page.

    Args:
        comparison: The numbers.
        when: Date and time.
    """
    title = f"{comparison.a.name} against {comparison.b.name}"
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta http-equiv='Content-Security-Policy' "
        "content=\"default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'\">",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(title)}</title><style>{{font}}{STYLE}{MORE_STYLE}</style></head><body>",
        _head(comparison, title, when),
        _section("In short", _forest(headline(comparison), comparison, grouped=True)),
        _listed("What to know", comparison.notes),
        *(_level(comparison, level) for level in comparison.levels),
        _listed("Methods", comparison.methods),
        _section("Family of hypotheses", _family(comparison)),
        f"<footer>{RESEARCH_USE} All digits of every number, every test and every interval: "
        "comparison.json and comparison.csv.</footer></body></html>\n",
    ]
    text = "\n".join(parts)
    return text.replace("{font}", font_face(text), 1)


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
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts if v)
    return (
        f"<header><p class='use'>{RESEARCH_USE}</p><h1>{escape(title)}</h1><dl>{rows}</dl></header>"
    )


def _arm(arm: ArmSummary) -> str:
    if len(arm.seeds) == 1:
        return arm.name
    return f"{arm.name}: {len(arm.seeds)} training seeds ({', '.join(arm.seeds)})"


def _section(title: str, content: str, kind: str = "") -> str:
    return f"<section class='{kind}'><h2>{escape(title)}</h2>{content}</section>"


def _listed(title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return _section(title, f"<ul>{items}</ul>") if items else ""


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
        content.append(_overall([d for d in chosen if not d.class_name], comparison))
        recall = [d for d in chosen if d.metric == "sensitivity"]
        content.append(f"<h3>Sensitivity (recall) of each class, {unit}</h3>")
        content.append(_forest(recall, comparison))
        content.append(f"<h3>Each class against the rest, {unit}</h3>")
        marks = Footnotes()
        content.append(_classes([d for d in chosen if d.class_name], marks) + marks.html())
    return _section(level.capitalize(), "".join(content), "level")


def _overall(differences: Sequence[Difference], comparison: Comparison) -> str:
    seeds = max(len(comparison.a.seeds), len(comparison.b.seeds)) > 1
    heads = ["", "A", "B", f"A − B ({_level_text(differences)})", "p-values", "method"]
    if seeds:
        heads[3:3] = ["SD over seeds, A / B"]
    if comparison.margin is not None:
        heads.insert(-1, f"within ±{comparison.margin:g}")
    order = {metric: place for place, metric in enumerate(METRICS)}
    rows = []
    for d in sorted(differences, key=lambda d: order[d.metric]):
        cells = [f"<th scope='row'>{escape(_name(d))}</th>"]
        cells += [f"<td>{_number(value)}</td>" for value in (d.a, d.b)]
        if seeds:
            cells.append(f"<td>{_number(d.seed_sd_a)} / {_number(d.seed_sd_b)}</td>")
        cells += [f"<td class='number'>{_value(d)}</td>", f"<td>{_tests(d)}</td>"]
        if comparison.margin is not None:
            cells.append(f"<td>{_verdict(d)}</td>")
        method = f"{d.method}; unit: {d.unit}" if d.method else ""
        cells.append(f"<td><small>{escape(method)}</small></td>")
        rows.append("".join(cells))
    return _table(heads, rows, "overall")


def _classes(differences: Sequence[Difference], marks: Footnotes) -> str:
    by_class: dict[str, list[Difference]] = {}
    for d in differences:
        by_class.setdefault(d.class_name, []).append(d)
    rows = []
    for name, found in by_class.items():
        cells = [f"<th scope='row'>{escape(name)}</th>"]
        for d in found:
            p = f"<small>p {p_text(d.p)}</small>" if d.p is not None else ""
            cells.append(f"<td>{_value(d)}{marks.mark(_method(d))}{p}</td>")
        rows.append("".join(cells))
    heads = [f"A − B ({_level_text(differences)})", *CLASS_METRICS.values()]
    return _table(heads, rows, "classes")


def _level_text(differences: Sequence[Difference]) -> str:
    return f"{differences[0].level:.0%} CI"


def _method(d: Difference) -> str:
    if not d.method:
        return ""
    test = f"; p: {d.tests[0].name}" if d.tests else ""
    return f"{d.method}; unit: {d.unit}{test}"


def _value(d: Difference) -> str:
    if d.value is None:
        return f"<span class='na'>n/a<small>{escape(d.reason)}</small></span>"
    value = f"<b>{_signed(d.value)}</b>"
    if d.low is None or d.high is None:
        return f"{value} <small>no interval: {escape(d.reason)}</small>"
    return f"{value} <small>{_signed(d.low)} to {_signed(d.high)}</small>"


def _tests(d: Difference) -> str:
    texts = [f"{p_text(t.p)} <small>{escape(t.name)}{_note(t.note)}</small>" for t in d.tests]
    if d.p_holm is not None:
        texts.insert(1, f"{p_text(d.p_holm)} <small>of the first, Holm-adjusted</small>")
    return "<br>".join(texts)


def _note(note: str) -> str:
    return f" ({escape(note)})" if note else ""


def _verdict(d: Difference) -> str:
    if d.decision is None:
        return ""
    words = (d.decision.equivalence, d.decision.noninferiority)
    labels = ("equivalence ", "non-inferiority ")
    texts = [
        f"<span class='verdict {word.replace(' ', '-')}'>"
        f"{label if word == 'not shown' else ''}{word}</span>"
        for label, word in zip(labels, words, strict=True)
    ]
    limits = f"{_signed(d.decision.low)} to {_signed(d.decision.high)}"
    return "<br>".join(texts) + f"<small><br>{d.decision.level:.0%}: {limits}</small>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _signed(value: float) -> str:
    """Return three digits with a sign; a true minus, and no sign for 0."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def p_text(p: float | None) -> str:
    """Return a p-value as it is printed: ``0.034``, ``< 0.001``, ``n/a``."""
    if p is None:
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _name(d: Difference) -> str:
    return f"{CLASS_METRICS[d.metric]}: {d.class_name}" if d.class_name else METRICS[d.metric]


def _table(heads: Iterable[str], rows: Iterable[str], kind: str) -> str:
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<div class='wide'><table class='{kind}'><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _forest(
    differences: Sequence[Difference], comparison: Comparison, *, grouped: bool = False
) -> str:
    """Return a table with a bar for each interval about 0; for metrics where larger is better."""
    reach = scale(differences, comparison.margin)
    rows, before = [], ""
    for d in differences:
        group = f"{d.tree_level}, {UNITS[d.case]}"
        if grouped and group != before:
            rows.append(f"<tr class='rule'><th colspan='6'>{escape(group)}</th></tr>")
            before = group
        label = _name(d) if grouped else d.class_name
        arms = "" if d.a is None or d.b is None else f" · A {d.a:.3f} · B {d.b:.3f}"
        size = f"<small>n = {d.n_images}{arms}</small>"
        p = "" if d.p is None else p_text(d.p)
        holm = "" if d.p_holm is None else p_text(d.p_holm)
        verdict = f"<td>{_verdict(d)}</td>" if comparison.margin is not None else ""
        rows.append(
            f"<tr><th scope='row'>{escape(label)} {size}</th><td>{_bar(d, reach, comparison)}</td>"
            f"<td class='number'>{_value(d)}</td><td>{p}</td><td>{holm}</td>{verdict}</tr>"
        )
    heads = [f"A − B ({_level_text(differences)})", "p", "Holm p"]
    if comparison.margin is not None:
        heads.append(f"within ±{comparison.margin:g}")
    texts = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return (
        f"<div class='wide'><table class='forest'><thead><tr><th></th><th>{_axis(reach)}</th>"
        f"{texts}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def scale(differences: Sequence[Difference], margin: float | None) -> float:
    """Return the end of the axis: 1, 2 or 5 times a power of ten beyond every limit and margin."""
    ends = [abs(x) for d in differences for x in (d.low, d.high, d.value) if x is not None]
    largest = max([*ends, margin or 0.0, 0.01])
    power = 10.0 ** math.floor(math.log10(largest))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= largest * (1 - 1e-9))


def _axis(reach: float) -> str:
    ticks = "".join(
        f"<text x='{_x(share * reach, reach):g}' y='25' text-anchor='middle'>"
        f"{(f'{share * reach:+g}' if share else '0').replace('-', '−')}</text>"
        for share in (-1, -0.5, 0, 0.5, 1)
    )
    sides = (
        f"<text x='{EDGE}' y='11'>B better</text>"
        f"<text x='{WIDTH - EDGE}' y='11' text-anchor='end'>A better</text>"
    )
    return f"<svg viewBox='0 0 {WIDTH} 28' role='presentation'>{sides}{ticks}</svg>"


def _bar(d: Difference, reach: float, comparison: Comparison) -> str:
    drawn = ""
    if comparison.margin is not None and d.decision is not None:
        left, right = (_x(side * comparison.margin, reach) for side in (-1, 1))
        drawn += f"<path class='band' d='M{left:.1f} 0H{right:.1f}V20H{left:.1f}Z'/>"
    for share in (-1, -0.5, 0, 0.5, 1):
        x = _x(share * reach, reach)
        kind = "grid" if share else "zero"
        drawn += f"<line class='{kind}' x1='{x:g}' x2='{x:g}' y1='0' y2='20'/>"
    if d.value is not None:
        if d.low is not None and d.high is not None:
            ends = f"x1='{_x(d.low, reach):.1f}' x2='{_x(d.high, reach):.1f}'"
            drawn += f"<line class='ci' {ends} y1='10' y2='10'/>"
        drawn += f"<rect x='{_x(d.value, reach) - 4:.1f}' y='6' width='8' height='8'/>"
    label = escape(f"{_name(d)}: {d}", quote=True)
    return f"<svg viewBox='0 0 {WIDTH} 20' role='img' aria-label='{label}'>{drawn}</svg>"


def _x(value: float, reach: float) -> float:
    return WIDTH / 2 + value / reach * (WIDTH / 2 - EDGE)
