"""RocCurve of each class -> a picture: the curves, their AUROC, the frozen operating point."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinlab.figures.look import DPI, INK, LINES, look, shortened
from skinlab.tables.report import Estimate, EvaluationReport, RocCurve

OTHERS = "#c8c8c8"


@dataclass(frozen=True)
class RocLine:
    """One class against all others.

    Attributes:
        class_name: The class that is called.
        n_positive: Images of the class.
        n_negative: Other images.
        auroc: With its interval, as text; empty where the report has none.
        false_positive_rate: From 0 to 1.
        true_positive_rate: Of the same points.
        named: Whether it has a color of its own; beyond eight classes those with fewest images are
            drawn alike.
    """

    class_name: str
    n_positive: int
    n_negative: int
    auroc: str
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    named: bool


@dataclass(frozen=True)
class OperatingMark:
    """Where the frozen threshold leads on these images.

    Attributes:
        class_name: The positive class.
        x: 1 - specificity, with its limits (None where there is no interval).
        y: Sensitivity, with its limits.
    """

    class_name: str
    x: tuple[float, float | None, float | None]
    y: tuple[float, float | None, float | None]


@dataclass(frozen=True)
class RocNumbers:
    """What the picture shows.

    Attributes:
        tree_level: Level of the label tree.
        lines: A line a class; of two classes the positive one alone, as the other is its mirror.
        point: The frozen operating point, at the level where it stands.
    """

    tree_level: str
    lines: tuple[RocLine, ...]
    point: OperatingMark | None = None

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def roc_numbers(report: EvaluationReport, tree_level: str) -> RocNumbers | None:
    """Return the curves of a level in the order of its classes; None where it has none."""
    curves = [curve for curve in report.roc if curve.tree_level == tree_level]
    if len(curves) == 2:
        positive = [curve for curve in curves if curve.class_name == report.positive]
        curves = positive or curves[:1]
    if not curves:
        return None
    ranked = sorted(curves, key=lambda c: (c.class_name != report.positive, -c.n_positive))
    named = {curve.class_name for curve in ranked[: len(LINES)]}
    lines = tuple(_line(report, curve, curve.class_name in named) for curve in curves)
    return RocNumbers(tree_level, lines, _mark(report, tree_level))


def _line(report: EvaluationReport, curve: RocCurve, named: bool) -> RocLine:
    found = [e for e in report.select("auroc", curve.tree_level) if not e.subgroup]
    auroc = [_area(e) for e in found if e.class_name == curve.class_name]
    return RocLine(
        curve.class_name,
        curve.n_positive,
        curve.n_negative,
        auroc[0] if auroc else "",
        curve.false_positive_rate,
        curve.true_positive_rate,
        named,
    )


def _area(e: Estimate) -> str:
    if e.value is None:
        return ""
    limits = "" if e.low is None or e.high is None else f" ({e.low:.3f}–{e.high:.3f})"
    return f"{e.value:.3f}{limits}"


def _mark(report: EvaluationReport, tree_level: str) -> OperatingMark | None:
    found = {
        e.metric: e
        for e in report.estimates
        if e.metric.endswith("_at_operating_point") and e.tree_level == tree_level
        if not e.subgroup and e.value is not None
    }
    y, x = (found.get(f"{name}_at_operating_point") for name in ("sensitivity", "specificity"))
    if x is None or y is None or x.value is None or y.value is None:
        return None
    low, high = (None if limit is None else 1 - limit for limit in (x.high, x.low))
    return OperatingMark(y.class_name, (1 - x.value, low, high), (y.value, y.low, y.high))


def draw_roc(numbers: RocNumbers) -> Figure:
    """Draw the plane with its legend beside it."""
    with look():
        figure = Figure(figsize=(7.6, 4.4), dpi=DPI)
        axes = figure.add_axes((0.08, 0.11, 0.5, 0.82))
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
        unnamed = [line for line in numbers.lines if not line.named]
        for line in unnamed:
            axes.plot(
                line.false_positive_rate, line.true_positive_rate, color=OTHERS, linewidth=0.8
            )
        styles = iter(LINES)
        for line in numbers.lines:
            if line.named:
                color, dashes = next(styles)
                axes.plot(
                    line.false_positive_rate, line.true_positive_rate, color=color, linewidth=1.7,
                    linestyle=dashes, label=_label(line),
                )  # fmt: skip
        if unnamed:
            label = f"{len(unnamed)} rarer classes"
            axes.plot([], [], color=OTHERS, linewidth=0.8, label=label)
        if numbers.point is not None:
            _draw_mark(axes, numbers.point)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set_xlabel("1 − specificity")
        axes.set_ylabel("sensitivity")
        axes.set_title(f"{numbers.tree_level}: each class against the rest", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8.5,
            handlelength=3.2, labelspacing=0.9, borderaxespad=0.0,
        )  # fmt: skip
        return figure


def _label(line: RocLine) -> str:
    area = f"AUROC {line.auroc}, " if line.auroc else ""
    return f"{shortened(line.class_name)}\n{area}n = {line.n_positive}"


def _draw_mark(axes: Axes, point: OperatingMark) -> None:
    (x, left, right), (y, low, high) = point.x, point.y
    if left is not None and right is not None:
        axes.plot([left, right], [y, y], color=INK, linewidth=1.2, zorder=4)
    if low is not None and high is not None:
        axes.plot([x, x], [low, high], color=INK, linewidth=1.2, zorder=4)
    axes.plot(
        [x], [y], marker="D", markersize=7, color="white", markeredgecolor=INK,
        markeredgewidth=1.5, linestyle="none", zorder=5,
        label=f"frozen operating point\nsensitivity {y:.3f}, specificity {1 - x:.3f}",
    )  # fmt: skip
