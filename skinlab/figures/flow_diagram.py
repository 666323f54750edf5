"""Flow -> the diagram: boxes downward, who left to the right, the splits side by side."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from skinlab.figures.look import DPI, INK, look
from skinlab.reporting.flow import Count, Flow

PAPER, LEFT_OUT = "#f4f8fc", "#fdf3ea"
LINE = 0.19  # inches a line of text
PAD, GAP = 0.12, 0.34
WIDTH = 7.2
REASONS = 8
ARMS_A_ROW = 5


@dataclass(frozen=True)
class Box:
    """A box of text.

    Attributes:
        lines: What stands in it; the first is its head.
        aside: What left on the way to the next box; empty where nothing did.
    """

    lines: tuple[str, ...]
    aside: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """Inches, of whichever of the two is higher."""
        return LINE * max(len(self.lines), len(self.aside)) + 2 * PAD


@dataclass(frozen=True)
class Diagram:
    """What the picture shows: boxes from above, then the splits."""

    boxes: tuple[Box, ...]
    arms: tuple[tuple[str, ...], ...]


def diagram(flow: Flow) -> Diagram:
    """Return the text of every box."""
    boxes = []
    if flow.source is not None:
        aside = _left([(x.count, x.reason) for x in flow.before], "left out before")
        boxes.append(Box(("Found", *_lines(flow.source)), aside))
    aside = _left([(x.count, x.reason) for x in flow.excluded], "excluded")
    boxes += [Box(("In the manifest", *_lines(flow.listed)), aside)]
    boxes.append(Box(("Used", *_lines(flow.used))))
    arms = []
    for arm in flow.arms:
        classes = [f"{name} {count.images}" for name, count in arm.classes.items()]
        many = len(classes) > 12
        shown = [f"{len(classes)} classes"] if many else classes
        predicted = [] if arm.predicted is None else [f"{arm.predicted} predicted"]
        arms.append((arm.name, *_lines(arm.count), *predicted, "", *shown))
    return Diagram(tuple(boxes), tuple(arms))


def _lines(count: Count) -> tuple[str, ...]:
    return tuple(str(count).split(", "))


def _left(parts: list[tuple[Count, str]], word: str) -> tuple[str, ...]:
    """Return the lines of a side box; small reasons are joined where there are many."""
    if not parts:
        return ("nothing left out",) if word == "left out before" else ()
    images = sum(count.images for count, _ in parts)
    ordered = sorted(parts, key=lambda part: -part[0].images)
    lines = [f"{word}: {images} images"]
    for count, reason in ordered[:REASONS]:
        lines += textwrap.wrap(f"{count.images}: {reason}", 44, subsequent_indent="   ")[:3]
    if len(ordered) > REASONS:
        rest = sum(count.images for count, _ in ordered[REASONS:])
        lines.append(f"{rest}: {len(ordered) - REASONS} further reasons (flow.json)")
    return tuple(lines)


def draw_flow(numbers: Diagram) -> Figure:
    """Draw the diagram; it grows downward with what it has to say."""
    rows = [numbers.arms[i : i + ARMS_A_ROW] for i in range(0, len(numbers.arms), ARMS_A_ROW)]
    heights = [max(len(arm) for arm in row) * LINE + 2 * PAD for row in rows]
    total = sum(box.height + GAP for box in numbers.boxes) + sum(h + GAP for h in heights)
    with look():
        figure = Figure(figsize=(WIDTH, total), dpi=DPI)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(total, 0))
        axes.axis("off")
        y = GAP / 2
        for i, box in enumerate(numbers.boxes):
            own = LINE * len(box.lines) + 2 * PAD
            _box(axes, (0.3, y, 2.3, own), box.lines, PAPER)
            below = y + box.height + GAP
            if i + 1 < len(numbers.boxes) or rows:
                _arrow(axes, (1.45, y + own), (1.45, below))
            if box.aside:
                side = LINE * len(box.aside) + 2 * PAD
                middle = y + own / 2
                _arrow(axes, (2.6, middle), (3.1, middle))
                _box(axes, (3.1, y, WIDTH - 3.4, side), box.aside, LEFT_OUT)
            y = below
        for row, height in zip(rows, heights, strict=True):
            wide = (WIDTH - 0.4) / max(3, len(row))
            for place, arm in enumerate(row):
                _box(axes, (0.3 + place * wide, y, wide - 0.15, height), arm, PAPER)
            y += height + GAP
    return figure


def _box(
    axes: Axes, place: tuple[float, float, float, float], lines: tuple[str, ...], color: str
) -> None:
    x, y, width, height = place
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.05", facecolor=color,
            edgecolor=INK, linewidth=0.8,
        )
    )  # fmt: skip
    letters = max(math.floor(width / 0.073), 8)
    for i, line in enumerate(lines):
        shown = line if _columns(line) <= letters else line[: letters - 1] + "…"
        axes.text(
            x + 0.1, y + PAD + LINE * (i + 0.5), shown, va="center", ha="left",
            fontsize=8.5 if i else 10, color=INK,
        )  # fmt: skip


def _columns(text: str) -> int:
    return sum(1 if ord(letter) < 0x2E80 else 2 for letter in text)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)
