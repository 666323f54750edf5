"""Estimates -> cells and forests of a page: the number, its interval, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from skinlab.figures.document import Footnotes
from skinlab.figures.report.words import name_of
from skinlab.tables.report import Estimate, EvaluationReport

BAR = 320


def found(report: EvaluationReport, metric: str, level: str, name: str = "") -> Estimate | None:
    """Return an estimate of the whole set, per image; None where the report does not have it."""
    try:
        return report.find(metric, level, name)
    except KeyError:
        return None


def method_of(estimate: Estimate) -> str:
    """Return how the interval was made and what was resampled; empty where there is none.

    The family of Holm is the same for all gaps of a metric and said in the notes.
    """
    method = estimate.method.split("; Holm over")[0]
    return f"{method}; unit: {estimate.unit}" if method and estimate.low is not None else ""


def value_cell(estimate: Estimate, marks: Footnotes) -> str:
    """Return a number with its interval and the letter of its method, as HTML."""
    if estimate.value is None:
        return f"<span class='na'>n/a <small>{escape(estimate.reason)}</small></span>"
    value = f"<b>{estimate.value:.3f}</b>"
    if estimate.low is None or estimate.high is None:
        return f"{value} <small>no interval: {escape(estimate.reason)}</small>"
    between = "–" if estimate.low >= 0 else " to "
    limits = f"{estimate.low:.3f}{between}{estimate.high:.3f}"
    return f"{value} <small class='limits'>{limits}{marks.mark(method_of(estimate))}</small>"


def size_of(estimate: Estimate) -> str:
    """Return ``12 images, 9 patients``."""
    return f"{estimate.n_images} images, {estimate.n_patients} patients"


def interval_head(estimates: Iterable[Estimate]) -> str:
    """Return ``estimate (95% CI)``."""
    levels = sorted({e.level for e in estimates})
    return f"estimate ({' / '.join(f'{level:.0%}' for level in levels)} CI)"


def forest(estimates: list[Estimate], *, with_level: bool = True) -> str:
    """Return a table with a bar for each interval; for metrics in [0, 1].

    Args:
        estimates: In the order of the rows.
        with_level: Whether levels of the tree are headings and rows are named by metric; else rows
            are named by class.
    """
    rows = []
    before = ""
    for e in estimates:
        label = name_of(e) if with_level else e.class_name
        if with_level and e.tree_level != before:
            rows.append(f"<tr class='rule'><th colspan='3'>{escape(e.tree_level)}</th></tr>")
            before = e.tree_level
        text = escape(str(e).replace(f"{e.level:.0%} CI ", ""))
        rows.append(
            f"<tr><th scope='row'>{escape(label)} <small>{size_of(e)}</small></th>"
            f"<td>{_bar(e)}</td><td>{text}</td></tr>"
        )
    head = f"<tr><th></th><th>{_axis()}</th><th>{escape(interval_head(estimates))}</th></tr>"
    return (
        f"<div class='wide'><table class='forest'><thead>{head}</thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _ticks() -> Iterator[tuple[float, str]]:
    for step in range(5):
        yield _x(step / 4), f"{step / 4:g}"


def _axis() -> str:
    texts = "".join(
        f"<text x='{x:g}' y='11' text-anchor='middle'>{label}</text>" for x, label in _ticks()
    )
    return f"<svg viewBox='0 0 {BAR} 14' role='presentation'>{texts}</svg>"


def _bar(e: Estimate) -> str:
    lines = "".join(
        f"<line class='grid' x1='{x:g}' x2='{x:g}' y1='0' y2='18'/>" for x, _ in _ticks()
    )
    if e.value is not None:
        if e.low is not None and e.high is not None:
            lines += f"<line class='ci' x1='{_x(e.low):.1f}' x2='{_x(e.high):.1f}' y1='9' y2='9'/>"
        lines += f"<rect x='{_x(e.value) - 4:.1f}' y='5' width='8' height='8'/>"
    return f"<svg viewBox='0 0 {BAR} 18' role='img' aria-label='{escape(str(e))}'>{lines}</svg>"


def _x(share: float) -> float:
    return 10 + share * (BAR - 20)
