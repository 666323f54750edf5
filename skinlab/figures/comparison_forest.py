"""Differences -> a forest: a bar for each interval about 0, the margin as a band, in a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from skinlab.figures.comparison_text import UNITS, level_text, name_of, p_text, signed
from skinlab.tables.comparison import Comparison, Difference

WIDTH, EDGE = 320, 20


def forest(
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
        label = name_of(d) if grouped else d.class_name
        arms = "" if d.a is None or d.b is None else f" · A {d.a:.3f} · B {d.b:.3f}"
        size = f"<small>n = {d.n_images}{arms}</small>"
        p = "" if d.p is None else p_text(d.p)
        holm = "" if d.p_holm is None else p_text(d.p_holm)
        verdict = f"<td>{verdict_cell(d)}</td>" if comparison.margin is not None else ""
        rows.append(
            f"<tr><th scope='row'>{escape(label)} {size}</th><td>{_bar(d, reach, comparison)}</td>"
            f"<td class='number'>{value_cell(d)}</td><td>{p}</td><td>{holm}</td>{verdict}</tr>"
        )
    heads = [f"A − B ({level_text(differences)})", "p", "Holm p"]
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
    label = escape(f"{name_of(d)}: {d}", quote=True)
    return f"<svg viewBox='0 0 {WIDTH} 20' role='img' aria-label='{label}'>{drawn}</svg>"


def _x(value: float, reach: float) -> float:
    return WIDTH / 2 + value / reach * (WIDTH / 2 - EDGE)


def verdict_cell(d: Difference) -> str:
    """Return the words of the decision with the interval that decided, as HTML."""
    if d.decision is None:
        return ""
    words = (d.decision.equivalence, d.decision.noninferiority)
    labels = ("equivalence ", "non-inferiority ")
    texts = [
        f"<span class='verdict {word.replace(' ', '-')}'>"
        f"{label if word == 'not shown' else ''}{word}</span>"
        for label, word in zip(labels, words, strict=True)
    ]
    limits = f"{signed(d.decision.low)} to {signed(d.decision.high)}"
    return "<br>".join(texts) + f"<small><br>{d.decision.level:.0%}: {limits}</small>"


def value_cell(d: Difference, mark: str = "") -> str:
    """Return the difference with its interval, or why there is none, as HTML.

    Args:
        d: The difference.
        mark: HTML that leads to the method, behind the interval.
    """
    if d.value is None:
        return f"<span class='na'>n/a<small>{escape(d.reason)}</small></span>"
    value = f"<b>{signed(d.value)}</b>"
    if d.low is None or d.high is None:
        return f"{value} <small>no interval: {escape(d.reason)}</small>"
    return f"{value} <small>{signed(d.low)} to {signed(d.high)}{mark}</small>"
