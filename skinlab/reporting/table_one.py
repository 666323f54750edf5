"""Manifest -> table 1: who is in each split, what is missing, and how far the splits differ.

Age, sex and skin type are counted by patient; site, device, source of the label and class by image.
Age of a patient is the mean over the photographs; a patient with two values of sex or skin type is
counted as ``several``.

Standardized differences: of means over the root of the mean variance (Austin 2009, Stat Med
28:3083); of shares the multinomial distance of Yang & Dalton (2012, SAS Global Forum, paper 335),
which for two values is Austin's. 0.1 and more is often called an imbalance. Missing values are
counted and left out of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skinlab.reporting.flow import diagnoses, in_order, split_names, used_rows
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest

BY_PATIENT = ("sex", "skin_type")
BY_IMAGE = ("site", "device", "label_source")
FEW = 5
LARGEST = 40  # values of one variable; beyond, the rest is joined
SEVERAL = "several"


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Attributes:
        text: As it is shown: ``12 (40 %)``, ``61.2 (14.0)``.
        patients: Patients behind it; None where no patient is known.
    """

    text: str
    patients: int | None

    @property
    def small(self) -> bool:
        """Whether so few patients are behind it that one may be recognized."""
        return self.patients is not None and 0 < self.patients < FEW


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        variable: Age, sex, …
        value: ``mean (SD)``, ``female``, ``missing``.
        unit: ``patient`` or ``image``.
        cells: One a column of the table.
        differences: Standardized difference of each split to the reference; None where undefined.
    """

    variable: str
    value: str
    unit: str
    cells: tuple[Cell, ...]
    differences: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class TableOne:
    """The table.

    Attributes:
        columns: Splits, then ``all``.
        compared: What the differences compare, one a column: ``val - train``.
        rows: Lines.
        notes: Sentences below it.
    """

    columns: tuple[str, ...]
    compared: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Data:
    """The rows that are used: their splits, persons (the images where no patient is known)."""

    manifest: Manifest
    labels: list[str]
    split: NDArray[np.object_]
    person: NDArray[np.object_]
    known: bool
    columns: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    def where(self, column: str) -> NDArray[np.bool_]:
        if column == "all":
            return np.ones(len(self.split), dtype=bool)
        return np.asarray(self.split == column)

    def people(self, rows: NDArray[np.bool_]) -> int | None:
        return len(set(self.person[rows])) if self.known else None


def table_one(manifest: Manifest, tree: LabelTree | None = None) -> TableOne:
    """Return table 1 of the rows that are used (see `reporting.flow`).

    Args:
        manifest: From `Manifest.open`.
        tree: Label tree, for the names of the classes.
    """
    data = _data(manifest, tree)
    rows = [*_sizes(data), *_age(data)]
    for name in BY_PATIENT:
        rows += _shares(data, name, _per_person(data, data.manifest.column(name)))
    for name in BY_IMAGE:
        rows += _shares(data, name, None)
    rows += _classes(data, tree)
    return TableOne(
        data.columns,
        tuple(f"{one} - {other}" for one, other in data.pairs),
        tuple(rows),
        tuple(_notes(data, rows)),
    )


def _data(manifest: Manifest, tree: LabelTree | None) -> _Data:
    used = manifest.where(used_rows(manifest, tree))
    splits = in_order(split_names(used))
    columns = used.column("patient_id"), used.column("lesion_id"), used.column("sample_id")
    person = [p or (f"lesion {x}" if x else f"image {i}") for p, x, i in zip(*columns, strict=True)]
    reference = "train" if "train" in splits else "the rest"
    return _Data(
        manifest=used,
        labels=diagnoses(used, tree),
        split=np.array(split_names(used), dtype=object),
        person=np.array(person, dtype=object),
        known=any(columns[0]),
        columns=(*splits, "all"),
        pairs=tuple((s, reference) for s in splits if s != reference) if len(splits) > 1 else (),
    )


def _sizes(data: _Data) -> Iterator[Row]:
    for word, column in (("patients", "patient_id"), ("lesions", "lesion_id"), ("images", "")):
        values = np.array(data.manifest.column(column), dtype=object)
        cells = []
        for name in data.columns:
            rows = data.where(name)
            number = len(set(values[rows]) - {""}) if column else int(rows.sum())
            missing = column and not any(values)
            cells.append(Cell("not known" if missing else str(number), data.people(rows)))
        yield Row(word, "n", "", tuple(cells))


def _per_person(data: _Data, values: list[str]) -> dict[object, str]:
    """Return each person's value; ``several`` where photographs differ, empty where none says."""
    found: dict[object, set[str]] = {}
    for person, value in zip(data.person, values, strict=True):
        found.setdefault(person, set()).update({value} - {""})
    return {p: SEVERAL if len(v) > 1 else next(iter(v), "") for p, v in found.items()}


def _age(data: _Data) -> Iterator[Row]:
    texts = data.manifest.column("age")
    if not any(texts):
        return
    held: dict[object, list[float]] = {}
    for person, text in zip(data.person, texts, strict=True):
        held.setdefault(person, []).extend(_number(text))
    ages = {person: float(np.mean(values)) for person, values in held.items() if values}
    groups = {}
    cells: dict[str, list[Cell]] = {"mean (SD)": [], "median (quartiles)": [], "missing": []}
    for name in data.columns:
        people = set(data.person[data.where(name)])
        known = np.array([ages[p] for p in people if p in ages])
        groups[name] = known
        n = len(known) if data.known else None
        mean, spread = (known.mean(), known.std(ddof=1)) if len(known) > 1 else (math.nan, math.nan)
        cells["mean (SD)"].append(Cell(f"{mean:.1f} ({spread:.1f})" if len(known) > 1 else "–", n))
        low, middle, high = np.percentile(known, [25, 50, 75]) if len(known) else (math.nan,) * 3
        text = f"{middle:.0f} ({low:.0f}–{high:.0f})" if len(known) else "–"
        cells["median (quartiles)"].append(Cell(text, n))
        gone = len(people) - len(known)
        cells["missing"].append(Cell(_share(gone, len(people)), gone if data.known else None))
    for value, row in cells.items():
        differences: tuple[float | None, ...] = ()
        if value == "mean (SD)":
            differences = tuple(
                mean_difference(*(_ages(data, ages, side) for side in _sides(data, pair)))
                for pair in data.pairs
            )
        yield Row("age, years", value, "patient", tuple(row), differences)


def _ages(data: _Data, ages: dict[object, float], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array([ages[p] for p in set(data.person[rows]) if p in ages])


def _sides(data: _Data, pair: tuple[str, str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    one = data.where(pair[0])
    return one, ~one if pair[1] == "the rest" else data.where(pair[1])


def _number(text: str) -> list[float]:
    try:
        value = float(text)
    except ValueError:
        return []
    return [value] if math.isfinite(value) else []


def _shares(data: _Data, name: str, by_person: dict[object, str] | None) -> Iterator[Row]:
    """Yield the values of a column with their shares of patients or of images."""
    texts = data.manifest.column(name)
    if not any(texts):
        return
    values = np.array(texts, dtype=object)
    if by_person is not None:
        values = np.array([by_person[p] for p in data.person], dtype=object)
    order = sorted(set(values) - {""}, key=lambda v: (-int((values == v).sum()), v))
    if all(value.isdecimal() for value in order):  # skin types have an order of their own
        order.sort(key=int)
    if len(order) > LARGEST:
        rest = set(order[LARGEST:])
        values = np.array(["other" if v in rest else v for v in values], dtype=object)
        order = [*order[:LARGEST], "other"]
    yield from _lines(data, name, values, order, by_person is not None)


def _classes(data: _Data, tree: LabelTree | None) -> Iterator[Row]:
    order = list(tree.classes("diagnosis")) if tree else sorted(set(data.labels))
    yield from _lines(data, "class", np.array(data.labels, dtype=object), order, by_person=False)


def _lines(
    data: _Data, name: str, values: NDArray[np.object_], order: list[str], by_person: bool
) -> Iterator[Row]:
    unit = "patient" if by_person else "image"

    def number(rows: NDArray[np.bool_]) -> int:
        return len(set(data.person[rows])) if by_person else int(rows.sum())

    differences = tuple(
        share_difference(*([number(side & (values == v)) for v in order] for side in sides))
        for sides in (_sides(data, pair) for pair in data.pairs)
    )
    missing = [""] if (values == "").any() else []
    for i, value in enumerate([*order, *missing]):
        cells = []
        for column in data.columns:
            rows = data.where(column) & (values == value)
            text = _share(number(rows), number(data.where(column)))
            cells.append(Cell(text, data.people(rows)))
        yield Row(name, value or "missing", unit, tuple(cells), () if i else differences)


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"


def mean_difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return the standardized difference of two means; None where it is undefined."""
    if len(one) < 2 or len(other) < 2:
        return None
    spread = math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    return float((one.mean() - other.mean()) / spread) if spread else None


def share_difference(one: list[int], other: list[int]) -> float | None:
    """Return the standardized difference of two distributions over the same values, 0 or more.

    Args:
        one: Counts of each value.
        other: Of the other side.
    """
    if not sum(one) or not sum(other) or len(one) < 2:
        return None
    p, q = np.array(one) / sum(one), np.array(other) / sum(other)
    gap, p, q = (p - q)[1:], p[1:], q[1:]
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    if not gap.any():
        return 0.0
    squared = float(gap @ np.linalg.pinv(spread) @ gap)
    return math.sqrt(squared) if squared > 0 else None


def _notes(data: _Data, rows: list[Row]) -> Iterator[str]:
    yield (
        "Age, sex and skin type by patient, the rest by image; shares are of the column, missing "
        "values included."
    )
    if data.pairs:
        yield (
            "Standardized differences: means over the root of the mean variance (Austin 2009), "
            "shares as a multinomial distance (Yang & Dalton 2012), missing values left out."
        )
    if not data.known:
        yield "No patient id is known: a lesion, else an image, stands for a patient."
    if any(cell.small for row in rows for cell in row.cells):
        yield f"† fewer than {FEW} patients: think of who could be recognized before publishing it."
    absent = [
        name for name in ("age", *BY_PATIENT, *BY_IMAGE) if not any(data.manifest.column(name))
    ]
    if absent:
        yield f"Not in the manifest: {', '.join(absent)}."


def as_frame(table: TableOne) -> pd.DataFrame:
    """Return the table as text, one row a line, small cells marked in a column of their own."""
    rows = []
    for row in table.rows:
        line: dict[str, object] = {"variable": row.variable, "value": row.value, "unit": row.unit}
        line |= {name: cell.text for name, cell in zip(table.columns, row.cells, strict=True)}
        differences = row.differences or (None,) * len(table.compared)
        line |= {
            f"difference {name}": "" if d is None else f"{d:.3f}"
            for name, d in zip(table.compared, differences, strict=True)
        }
        small = [n for n, cell in zip(table.columns, row.cells, strict=True) if cell.small]
        line[f"fewer than {FEW} patients"] = " ".join(small)
        rows.append(line)
    return pd.DataFrame(rows)
