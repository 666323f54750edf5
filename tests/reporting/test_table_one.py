"""Known counts, Austin's formula, and cells so small that a patient could be recognized."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.reporting.table_one import (
    SEVERAL,
    TableOne,
    as_frame,
    mean_difference,
    share_difference,
    table_one,
)
from skinlab.tables.manifest import Manifest

COLUMNS = ["patient_id", "diagnosis", "split", "age", "sex", "site"]
ROWS = [
    *((f"a{i}", "MM", "train", str(40 + i), "female", "arm") for i in range(10)),
    *((f"a{i}", "NEV", "train", str(40 + i), "female", "背部") for i in range(5)),
    ("b0", "MM", "test", "70", "male", "arm"),
    ("b0", "MM", "test", "72", "male", "arm"),
    ("b1", "NEV", "test", "", "male", ""),
    ("b2", "NEV", "test", "64", "female", "arm"),
    ("b2", "NEV", "test", "64", "male", "arm"),
    ("c", "NEV", "", "99", "male", "arm"),
]


def manifest(rows: Sequence[tuple[str, ...]], columns: list[str] | None = None) -> Manifest:
    frame = pd.DataFrame(rows, columns=columns or COLUMNS, dtype=object)
    ids = [f"s{i}" for i in range(len(rows))]
    return Manifest(frame.assign(sample_id=ids, image_path=ids), Path("c.csv"), Path("nowhere"))


def texts(table: TableOne, variable: str, value: str) -> list[str]:
    row = next(r for r in table.rows if (r.variable, r.value) == (variable, value))
    return [cell.text for cell in row.cells]


def test_patients_images_and_missing_values_are_counted_by_split() -> None:
    table = table_one(manifest(ROWS))
    assert table.columns == ("train", "test", "all")
    assert texts(table, "patients", "n") == ["10", "3", "13"]
    assert texts(table, "images", "n") == ["15", "5", "20"]
    assert texts(table, "lesions", "n") == ["not known"] * 3
    assert texts(table, "sex", "female") == ["10 (100%)", "0 (0%)", "10 (77%)"]
    assert texts(table, "sex", SEVERAL) == ["0 (0%)", "1 (33%)", "1 (8%)"]
    assert texts(table, "site", "missing") == ["0 (0%)", "1 (20%)", "1 (5%)"]
    assert texts(table, "class", "MM") == ["10 (67%)", "2 (40%)", "12 (60%)"]
    assert texts(table, "age, years", "missing") == ["0 (0%)", "1 (33%)", "1 (8%)"]


def test_age_is_one_number_a_patient() -> None:
    table = table_one(manifest(ROWS))
    ages = np.arange(40, 50)
    assert texts(table, "age, years", "mean (SD)")[:2] == [
        f"{ages.mean():.1f} ({ages.std(ddof=1):.1f})",
        f"67.5 ({np.std([71, 64], ddof=1):.1f})",
    ]


def test_cells_of_fewer_than_five_patients_are_marked() -> None:
    table = table_one(manifest(ROWS))
    row = next(r for r in table.rows if (r.variable, r.value) == ("site", "背部"))
    assert [cell.small for cell in row.cells] == [False, False, False]
    row = next(r for r in table.rows if (r.variable, r.value) == ("class", "MM"))
    assert [cell.small for cell in row.cells] == [False, True, False]
    assert any("fewer than 5 patients" in note for note in table.notes)
    frame = as_frame(table)
    marked = frame[(frame["variable"] == "class") & (frame["value"] == "MM")]
    assert list(marked["fewer than 5 patients"]) == ["test"]


def test_a_mean_difference_is_austins() -> None:
    one, other = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0])
    expected = (2.5 - 4) / math.sqrt((one.var(ddof=1) + 4) / 2)
    assert mean_difference(one, other) == pytest.approx(expected)
    assert mean_difference(one, one[:1]) is None
    assert mean_difference(np.ones(3), np.ones(3)) is None


def test_a_difference_of_two_shares_is_austins() -> None:
    p, q = 0.3, 0.5
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert share_difference([70, 30], [50, 50]) == pytest.approx(expected)
    assert share_difference([30, 70], [50, 50]) == pytest.approx(expected)


def test_a_difference_of_several_shares_does_not_depend_on_the_first_value() -> None:
    one, other = [10, 20, 30, 40], [25, 25, 25, 25]
    turned = share_difference(one[::-1], other[::-1])
    assert share_difference(one, other) == pytest.approx(turned)
    assert share_difference(one, [n * 3 for n in one]) == 0
    assert share_difference([0, 0], [1, 2]) is None
    assert share_difference([5], [7]) is None


def test_folds_are_compared_with_the_rest() -> None:
    rows = [(f"p{i}", "NEV", str(i % 3), str(30 + i), "male", "arm") for i in range(12)]
    table = table_one(manifest(rows))
    assert table.compared == ("fold 0 - the rest", "fold 1 - the rest", "fold 2 - the rest")
    age = next(r for r in table.rows if r.value == "mean (SD)")
    ages = np.arange(30.0, 42.0)
    first = mean_difference(ages[::3], np.delete(ages, slice(0, None, 3)))
    assert age.differences[0] == pytest.approx(first)


def test_columns_that_are_not_there_are_named_and_not_counted() -> None:
    table = table_one(manifest([("", "NEV", "train")] * 2, COLUMNS[:3]))
    assert not any(r.variable == "sex" for r in table.rows)
    assert any("Not in the manifest: age, sex, skin_type" in note for note in table.notes)
    assert texts(table, "patients", "n") == ["not known", "not known"]
    assert not any(cell.small for row in table.rows for cell in row.cells)
