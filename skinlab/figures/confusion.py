"""ConfusionMatrix -> a picture with counts, row shares and the groups framed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from skinlab.figures.look import DPI, FRAME, INK, SEQUENTIAL, columns, look, shortened
from skinlab.tables.report import ConfusionMatrix

NUMBERS_UP_TO = 30


@dataclass(frozen=True)
class Block:
    """Neighboring classes of one group: rows and columns ``start`` to ``stop - 1``."""

    group: str
    start: int
    stop: int


@dataclass(frozen=True)
class ConfusionNumbers:
    """What the picture shows.

    Attributes:
        tree_level: Level of the label tree.
        classes: Names of rows (truth) and columns (answer).
        blocks: Groups to be framed; empty where there is one group only.
        counts: ``k`` rows of ``k``.
        shares: Counts divided by their row's sum, None in a row without images.
        repeats: Predictions of each image that the counts hold.
    """

    tree_level: str
    classes: tuple[str, ...]
    blocks: tuple[Block, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float | None, ...], ...]
    repeats: int = 1

    def json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def confusion_numbers(matrix: ConfusionMatrix) -> ConfusionNumbers:
    """Return row shares and the blocks of neighboring classes of one group."""
    shares = tuple(
        tuple(cell / total if (total := sum(row)) else None for cell in row)
        for row in matrix.counts
    )
    blocks, start = [], 0
    for group, run in groupby(matrix.blocks):
        stop = start + len(list(run))
        blocks.append(Block(group, start, stop))
        start = stop
    shown = 1 < len(blocks) < len(matrix.classes)
    return ConfusionNumbers(
        matrix.tree_level,
        matrix.classes,
        tuple(blocks) if shown else (),
        matrix.counts,
        shares,
        matrix.repeats,
    )


def draw_confusion(numbers: ConfusionNumbers) -> Figure:
    """Draw the matrix; 2 to 120 classes stay readable: the figure grows, numbers go when small."""
    k = len(numbers.classes)
    cell = 0.62 if k <= 12 else 0.42 if k <= NUMBERS_UP_TO else 0.17
    names = [shortened(name) for name in numbers.classes]
    margin = 0.5 + 0.1 * max(columns(name) for name in names)
    side = max(cell * k, 2.2)
    with look():
        figure = Figure((side + margin + 1.0, side + margin + 0.6), dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        shares = np.array([[np.nan if s is None else s for s in row] for row in numbers.shares])
        colors = mpl.colormaps[SEQUENTIAL].with_extremes(bad="#eeeeee")
        image = axes.imshow(np.ma.masked_invalid(shares), cmap=colors, vmin=0, vmax=1)
        _label(axes, numbers, names, side / k)
        if k <= NUMBERS_UP_TO:
            _write_cells(axes, numbers, side / k)
        _frame(axes, numbers.blocks)
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=24, pad=0.02)
        bar.set_label("share of the true class (row)")
        return figure


def _label(axes: Axes, numbers: ConfusionNumbers, names: list[str], cell: float) -> None:
    size = float(np.clip(cell * 22, 6, 9.5))
    totals = [sum(row) for row in numbers.counts]
    rows = [f"{name}  n={n}" for name, n in zip(names, totals, strict=True)]
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90 if len(names) > 4 else 0, fontsize=size)
    axes.set_yticks(places, rows, fontsize=size)
    axes.tick_params(length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    repeats = f", sum over {numbers.repeats} seeds" if numbers.repeats > 1 else ""
    axes.set_title(f"{numbers.tree_level}: {sum(totals)} images{repeats}", fontsize=10)
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8 if len(names) <= NUMBERS_UP_TO else 0.3)
    axes.tick_params(which="minor", length=0)


def _write_cells(axes: Axes, numbers: ConfusionNumbers, cell: float) -> None:
    widest = max(len(str(count)) for row in numbers.counts for count in row)
    room = min(9.5, cell * 72 * 0.8 / max(3.2, widest * 0.62 + 0.6))
    with_share = len(numbers.classes) <= 12
    for i, row in enumerate(numbers.counts):
        for j, count in enumerate(row):
            share = numbers.shares[i][j]
            if share is None or (count == 0 and not with_share):
                continue
            text = f"{count}\n{share:.0%}" if with_share else f"{count}"
            color = "white" if share > 0.65 else INK if count else "#8a8a8a"
            axes.text(j, i, text, ha="center", va="center", fontsize=room, color=color)


def _frame(axes: Axes, blocks: tuple[Block, ...]) -> None:
    for block in blocks:
        corner, size = (block.start - 0.5, block.start - 0.5), block.stop - block.start
        axes.add_patch(
            Rectangle(
                corner, size, size, fill=False, edgecolor=FRAME, linewidth=2, linestyle=(0, (3, 2)),
                clip_on=False, zorder=5,
            )
        )  # fmt: skip
        middle = (block.start + block.stop - 1) / 2
        axes.annotate(
            block.group, (1.0, middle), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", rotation=270, va="center", ha="left", color=FRAME,
        )  # fmt: skip
