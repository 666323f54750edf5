"""ReliabilityCurve -> a picture: what was said against what came true, with counts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinlab.figures.look import DPI, LINES, look, shortened
from skinlab.tables.report import EvaluationReport, ReliabilityCurve

MOST_PANELS = 9
COLUMNS = 3
COUNTS = 0.16  # height of the bars of counts, as a share of the panel


@dataclass(frozen=True)
class Panel:
    """One class, or the answers.

    Attributes:
        class_name: The class whose probability is drawn; empty for the answers.
        curve: As the network gave the probabilities.
        after: After the frozen temperature, or None.
    """

    class_name: str
    curve: ReliabilityCurve
    after: ReliabilityCurve | None = None


@dataclass(frozen=True)
class ReliabilityNumbers:
    """What the picture shows.

    Attributes:
        tree_level: Level of the label tree.
        panels: The answers, then classes in order; beyond eight those with the most images.
        left_out: Classes without a panel; their curves are in the report.
    """

    tree_level: str
    panels: tuple[Panel, ...]
    left_out: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def reliability_numbers(report: EvaluationReport, tree_level: str) -> ReliabilityNumbers | None:
    """Return the panels of a level; of two classes the positive one alone, its mirror the other."""
    before = [c for c in report.reliability if _is(c, tree_level) and not c.after_temperature]
    after = {c.class_name: c for c in report.reliability if _is(c, tree_level)}
    after = {name: curve for name, curve in after.items() if curve.after_temperature}
    if not before:
        return None
    named = [curve for curve in before if curve.class_name]
    if len(named) == 2:
        named = [c for c in named if c.class_name == report.positive] or named[:1]
    ranked = sorted(named, key=lambda c: (c.class_name != report.positive, -_came_true(c)))
    kept = {curve.class_name for curve in ranked[: MOST_PANELS - 1]}
    panels = tuple(
        Panel(curve.class_name, curve, after.get(curve.class_name))
        for curve in before
        if not curve.class_name or curve.class_name in kept
    )
    left_out = tuple(curve.class_name for curve in named if curve.class_name not in kept)
    return ReliabilityNumbers(tree_level, panels, left_out)


def _is(curve: ReliabilityCurve, tree_level: str) -> bool:
    return curve.tree_level == tree_level


def _came_true(curve: ReliabilityCurve) -> float:
    return sum(b.n_images * b.observed for b in curve.bins)


def draw_reliability(numbers: ReliabilityNumbers) -> Figure:
    """Draw a panel a class: points with intervals, the diagonal, bars of counts at the bottom."""
    columns = min(COLUMNS, len(numbers.panels))
    rows = -(-len(numbers.panels) // columns)
    with look():
        size = (0.5 + 2.45 * columns, 0.5 + 2.45 * rows)
        figure = Figure(figsize=size, dpi=DPI)
        figure.subplots_adjust(
            left=0.55 / size[0], right=1 - 0.1 / size[0], bottom=0.45 / size[1],
            top=1 - 0.4 / size[1], wspace=0.2, hspace=0.38,
        )  # fmt: skip
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        places: list[Axes] = list(grid.flat)
        for axes, panel in zip(places, numbers.panels, strict=False):
            _draw(axes, panel)
        for place, axes in enumerate(places):
            if place >= len(numbers.panels):
                axes.set_visible(False)
            if place + columns >= len(numbers.panels):
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("probability")
            if place % columns == 0:
                axes.set_ylabel("share that came true")
        if any(panel.after for panel in numbers.panels):
            places[0].legend(loc="upper left", frameon=False, fontsize=7.5, borderaxespad=0.1)
        return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    most = max(b.n_images for b in panel.curve.bins)
    edges = [panel.curve.bins[0].low]
    heights: list[float] = []
    for b in panel.curve.bins:
        if b.low > edges[-1]:  # bins without images in between
            edges.append(b.low)
            heights.append(0.0)
        edges.append(b.high)
        heights.append(COUNTS * b.n_images / most)
    axes.stairs(heights, edges, fill=True, color="#d6d6d6", zorder=0)
    _points(axes, panel.curve, 0, "o", "as the network says")
    if panel.after is not None:
        _points(axes, panel.after, 1, "s", "after temperature")
    counts = [b.n_images for b in panel.curve.bins]
    few, name = min(counts), shortened(panel.class_name) or "the answers"
    said = f"{few}" if few == most else f"{few}–{most}"
    axes.set_title(f"{name}\nn a bin {said}", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.spines[["top", "right"]].set_visible(False)


def _points(axes: Axes, curve: ReliabilityCurve, style: int, marker: str, label: str) -> None:
    color, dashes = LINES[style]
    x, y = [b.confidence for b in curve.bins], [b.observed for b in curve.bins]
    if style == 0:
        limits = [(b, b.observed_low, b.observed_high) for b in curve.bins]
        drawn = [(b.confidence, *pair) for b, *pair in limits if None not in pair]
        if drawn:
            places, lows, highs = zip(*drawn, strict=True)
            axes.vlines(places, lows, highs, color=color, linewidth=1.1, alpha=0.6)
    axes.plot(
        x, y, color=color, linestyle=dashes, linewidth=1.1, marker=marker, markersize=3.6,
        markerfacecolor=color if style == 0 else "white", label=label,
    )  # fmt: skip
