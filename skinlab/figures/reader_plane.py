"""ReaderStudy -> the readers as points on the model's ROC plane."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinlab.figures.look import DPI, INK, look
from skinlab.stats.readers.study import ReaderStudy
from skinlab.tables.report import Estimate

# Okabe & Ito (2008): told apart with all kinds of color vision; shapes differ as well.
MODEL, READER, MEAN = "#0072b2", "#d55e00", "#000000"
NAMED_UP_TO = 12


@dataclass(frozen=True)
class Point:
    """One person, or the model at its operating point.

    Attributes:
        name: What stands beside it.
        kind: ``reader``, ``mean`` or ``model``.
        x: 1 - specificity, with its limits (None where there is no interval).
        y: Sensitivity, with its limits.
    """

    name: str
    kind: str
    x: tuple[float, float | None, float | None]
    y: tuple[float, float | None, float | None]


@dataclass(frozen=True)
class PlaneNumbers:
    """What the picture shows.

    Attributes:
        positive: The positive class.
        curve: ``(1 - specificity, sensitivity)`` of the model.
        auroc: Of the model, as text with its interval.
        points: Readers, their mean, the model.
        left_out: Readers without sensitivity or specificity.
    """

    positive: str
    curve: tuple[tuple[float, float], ...]
    auroc: str
    points: tuple[Point, ...]
    left_out: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def plane_numbers(study: ReaderStudy) -> PlaneNumbers:
    """Return the curve and the points of a study that names its positive class."""
    people = [(r.reader, "reader", r.measures) for r in study.results]
    if len(study.results) > 1:
        people.append((f"mean of {len(study.results)} readers", "mean", study.mean))
    people.append(("model", "model", study.model))
    points, left_out = [], []
    for name, kind, measures in people:
        found = _point(name, kind, measures)
        if found is None:
            left_out.append(name)
        else:
            points.append(found)
    return PlaneNumbers(
        study.positive, study.curve, str(study.auroc), tuple(points), tuple(left_out)
    )


def _point(name: str, kind: str, measures: dict[str, Estimate]) -> Point | None:
    found, spared = measures.get("sensitivity"), measures.get("specificity")
    if found is None or spared is None or found.value is None or spared.value is None:
        return None
    high = None if spared.low is None else 1 - spared.low
    low = None if spared.high is None else 1 - spared.high
    return Point(name, kind, (1 - spared.value, low, high), (found.value, found.low, found.high))


def draw_plane(numbers: PlaneNumbers) -> Figure:
    """Draw the plane: the model's curve, a cross of intervals for each reader."""
    with look():
        figure = Figure(figsize=(6.2, 5.6), dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8, linestyle=(0, (4, 3)))
        if numbers.curve:
            x, y = zip(*numbers.curve, strict=True)
            label = f"model, AUROC {numbers.auroc}"
            axes.plot(x, y, color=MODEL, linewidth=1.6, label=label, drawstyle="default")
        for point in numbers.points:
            _draw(axes, point)
        _name(axes, [p for p in numbers.points if p.kind == "reader"])
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set_xlabel(f"1 − specificity ({numbers.positive})")
        axes.set_ylabel(f"sensitivity ({numbers.positive})")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower right", frameon=False, fontsize=8)
    return figure


def _draw(axes: Axes, point: Point) -> None:
    color, marker, size = {
        "reader": (READER, "o", 5.0),
        "mean": (MEAN, "D", 6.5),
        "model": (MODEL, "s", 7.0),
    }[point.kind]
    faint = 0.35 if point.kind == "reader" else 0.9
    (x, left, right), (y, low, high) = point.x, point.y
    if left is not None and right is not None:
        axes.plot([left, right], [y, y], color=color, linewidth=1, alpha=faint, zorder=3)
    if low is not None and high is not None:
        axes.plot([x, x], [low, high], color=color, linewidth=1, alpha=faint, zorder=3)
    label = {"reader": "_", "mean": point.name, "model": "model where it calls"}[point.kind]
    if point.kind == "reader" and "reader" not in axes.get_legend_handles_labels()[1]:
        label = "reader"
    axes.plot(
        [x], [y], marker=marker, markersize=size, color=color, markeredgecolor="white",
        markeredgewidth=0.6, linestyle="none", label=label, zorder=4,
    )  # fmt: skip


def _name(axes: Axes, readers: list[Point]) -> None:
    """Write the readers' names beside their points while there are few enough to be read."""
    if len(readers) > NAMED_UP_TO:
        return
    # Neighbors along the curve write to different sides, so that close points stay readable.
    sides = ((6, -9, "left"), (-6, 4, "right"), (6, 4, "left"), (-6, -9, "right"))
    ordered = sorted(readers, key=lambda p: (p.x[0] - p.y[0], p.name))
    for number, point in enumerate(ordered):
        right, up, side = sides[number % len(sides)]
        axes.annotate(
            point.name, (point.x[0], point.y[0]), xytext=(right, up), textcoords="offset points",
            fontsize=7.5, color=INK, ha=side, zorder=5,
        )  # fmt: skip
