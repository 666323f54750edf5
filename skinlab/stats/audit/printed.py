"""A printed table, or a skinlab report -> cells: what stands where, to which precision.

A printed table is a CSV with a row a number:

    label,metric,class,value,low,high[,n_images][,n_patients][,level]

`label` is the row of the table (a model, a data set), `metric` and `class` its column, the numbers
exactly as printed (all their digits, no rounding), as shares in [0, 1] or as percentages.
``report.csv`` of skinlab is understood too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.report import EvaluationReport

NEEDED = ("metric", "value", "low", "high")
EXACT = 5e-10  # half of the last digit of a number that was not rounded
LONGEST_ROUNDED = 6
RECALL = ("accuracy", "sensitivity", "recall")
OVERALL_RECALL = ("balanced_accuracy", "macro_recall", "macro_sensitivity")
PROPORTIONS = (*RECALL, "specificity", "ppv", "npv", "precision")


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        label: Row of the table; tree level, subgroup and unit of a skinlab report.
        metric: As printed, in lower case with underscores.
        class_name: Empty for a number over all classes.
        value: Share, or None where it is undefined.
        low: Lower limit or None.
        high: Upper limit or None.
        half: Half of the last printed digit: what rounding may have hidden.
        level: Confidence level.
        n_images: In the denominator, or None where the table does not say.
        n_patients: In the denominator, or None.
        repeats: Training seeds whose mean it is.
        line: Of the file; 0 when there is none.
    """

    label: str
    metric: str
    class_name: str
    value: float | None
    low: float | None
    high: float | None
    half: float = EXACT
    level: float = 0.95
    n_images: int | None = None
    n_patients: int | None = None
    repeats: int = 1
    line: int = 0

    @property
    def column(self) -> str:
        """``accuracy of MF``."""
        return f"{self.metric} of {self.class_name}" if self.class_name else self.metric

    @property
    def where(self) -> str:
        """Row and column."""
        return f"{self.label}, {self.column}" if self.label else self.column

    @property
    def limits(self) -> tuple[float, float] | None:
        """Both limits, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def is_proportion(self) -> bool:
        """Whether it is successes divided by trials."""
        return self.metric.removesuffix("_at_operating_point") in PROPORTIONS


def is_printed(frame: pd.DataFrame) -> bool:
    """Whether a table has the columns of one that can be audited cell by cell."""
    return set(NEEDED) <= set(frame.columns)


def printed_cells(frame: pd.DataFrame) -> tuple[Cell, ...]:
    """Read the cells of a printed table (text, as `read_table` gives it).

    Raises:
        InputError: A cell that should be a number and is not, with its line.
    """
    problems: list[Problem] = []
    scale = 100 if _is_percent(frame) else 1
    cells = [_cell(row, scale, problems) for row in _records(frame)]
    if problems:
        raise InputError(problems)
    return tuple(cells)


def report_cells(report: EvaluationReport) -> tuple[Cell, ...]:
    """Return every estimate of a report as a cell that was not rounded."""
    return tuple(
        Cell(
            label=" ".join(x for x in (e.tree_level, e.subgroup, e.aggregated) if x),
            metric=e.metric,
            class_name=e.class_name,
            value=e.value,
            low=e.low,
            high=e.high,
            level=e.level,
            n_images=e.n_images,
            n_patients=e.n_patients,
            repeats=e.n_seeds,
        )
        for e in report.estimates
    )


def _records(frame: pd.DataFrame) -> Iterable[dict[str, str]]:
    for line, row in frame.iterrows():
        yield {str(k): str(v) for k, v in row.items()} | {"line": str(line)}


def _is_percent(frame: pd.DataFrame) -> bool:
    """Whether most values are above 1, as percentages are."""
    found = [float(text) for text in frame["value"] if _is_number(text)]
    return bool(found) and sum(value > 1 for value in found) > len(found) / 2


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _cell(row: dict[str, str], scale: int, problems: list[Problem]) -> Cell:
    line = int(row["line"])

    def number(name: str) -> float | None:
        text = row.get(name, "")
        if text == "":
            return None
        if not _is_number(text):
            what = f"{name} {text!r} is not a number"
            problems.append(Problem(what, "leave it empty where it is undefined", "", line))
            return None
        return float(text)

    texts = [row.get(name, "") for name in ("value", "low", "high")]
    digits = max((len(text.partition(".")[2]) for text in texts), default=0)
    half = EXACT if digits > LONGEST_ROUNDED else 0.5 * 10.0**-digits / scale
    shares = [None if x is None else x / scale for x in map(number, ("value", "low", "high"))]
    parts = [row.get(n, "") for n in ("label", "tree_level", "subgroup", "aggregated")]
    images, patients, repeats = (number(n) for n in ("n_images", "n_patients", "n_seeds"))
    return Cell(
        label=" ".join(part for part in parts if part),
        metric=row["metric"].casefold().replace(" ", "_"),
        class_name=row.get("class", row.get("class_name", "")),
        value=shares[0],
        low=shares[1],
        high=shares[2],
        half=half,
        level=number("level") or 0.95,
        n_images=None if images is None else round(images),
        n_patients=None if patients is None else round(patients),
        repeats=round(repeats or 1),
        line=line,
    )
