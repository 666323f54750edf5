"""FactorReport -> main effects with intervals, and every run against the noise of the best one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinlab.figures.look import INK, look
from skinlab.stats.factors.analysis import FactorReport
from skinlab.stats.factors.effects import Effect
from skinlab.stats.factors.words import short

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"  # Okabe & Ito; also told apart by fill


@dataclass(frozen=True)
class ResponsePanel:
    """What is drawn of one response, in points.

    Attributes:
        name: Of the response.
        effects: A term each.
        runs: Label and value of each run, best first.
        best: Label of the best run.
        low: Lower end of what its single run stands for, or None.
        high: Upper end.
    """

    name: str
    effects: tuple[Effect, ...]
    runs: tuple[tuple[str, float], ...]
    best: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class EffectNumbers:
    """What is drawn: a row of two panels a response."""

    panels: tuple[ResponsePanel, ...]
    level: float

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def effect_numbers(report: FactorReport) -> EffectNumbers:
    """Return what the picture shows."""
    panels = []
    for response in report.responses:
        runs = sorted(zip(report.labels, response.values, strict=True), key=lambda run: -run[1])
        best = response.winner
        panel = ResponsePanel(
            response.name, response.fit.effects, tuple(runs), best.label, best.low, best.high
        )
        panels.append(panel)
    return EffectNumbers(tuple(panels), report.level)


def draw_main_effects(numbers: EffectNumbers) -> Figure:
    """Draw a row of two panels for each response."""
    terms = max(len(panel.effects) for panel in numbers.panels)
    runs = min(max(len(panel.runs) for panel in numbers.panels), 40)
    height = max(0.42 * terms + 1.2, 0.19 * runs + 1.2)
    with look():
        figure = Figure(figsize=(10, height * len(numbers.panels)), layout="constrained")
        grid = figure.subplots(len(numbers.panels), 2, squeeze=False)
        for (left, right), panel in zip(grid, numbers.panels, strict=True):
            draw_effects(left, panel, numbers.level)
            _runs(right, panel)
    return figure


def draw_effects(axes: Axes, panel: ResponsePanel, level: float) -> None:
    """Draw a point and its interval a term; filled where the interval leaves out 0."""
    for y, e in enumerate(panel.effects):
        if e.value is None:
            axes.text(0, y, " cannot be told apart", va="center", color=GREY)
            continue
        clear = e.low is not None and e.high is not None and (e.low > 0 or e.high < 0)
        color = BLUE if clear else GREY
        if e.low is not None and e.high is not None:
            axes.plot([e.low, e.high], [y, y], color=color, lw=2)
        axes.plot([e.value], [y], "o", color=color, mfc=color if clear else "white", ms=6)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(range(len(panel.effects)), [short(e.term) for e in panel.effects])
    axes.set_ylim(len(panel.effects) - 0.5, -0.5)
    axes.set_xlabel(f"effect on {short(panel.name)}, points ({level:.0%} interval)")
    _plain(axes)


def _runs(axes: Axes, panel: ResponsePanel) -> None:
    """Draw every run, best first, and the range that the best single run stands for."""
    shown = panel.runs[:40]
    if panel.low is not None and panel.high is not None:
        axes.axvspan(panel.low, panel.high, color=ORANGE, alpha=0.15, lw=0)
    for y, (label, value) in enumerate(shown):
        best = label == panel.best
        axes.plot([value], [y], "D" if best else "o", color=ORANGE if best else BLUE, ms=5)
    axes.set_yticks(range(len(shown)), [label for label, _ in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(f"{short(panel.name)}, % (shaded: what one run like {panel.best} stands for)")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
