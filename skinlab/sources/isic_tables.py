"""The tables of the ISIC challenges, one shape a year -> one label a photograph."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skinlab.sources.archive import records
from skinlab.sources.disk import Folder
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text
from skinlab.tables.text import read_table

IMAGE = ("image", "image_id", "image_name")
CLASSES = ("MEL", "NV", "BCC", "AKIEC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
CLASSES_2017 = ("melanoma", "seborrheic_keratosis")
NEITHER_2017 = "nevus"
UNSPECIFIED = "unspecified benign"
WORDS_2016 = {"benign": "benign", "0.0": "benign", "0": "benign"} | dict.fromkeys(
    ("malignant", "1.0", "1"), "malignant"
)


@dataclass(frozen=True)
class Label:
    """What a ground truth says of one photograph.

    Attributes:
        image: The image id.
        diagnosis: Its class.
        line: Line of the table.
        record: The table's other columns.
    """

    image: str
    diagnosis: str
    line: int
    record: Mapping[str, str] = field(default_factory=dict)


def labels_2016(path: Path) -> Iterator[Label]:
    """Read a table without header: image, then ``benign``/``malignant`` or ``0.0``/``1.0``.

    Raises:
        InputError: A row is neither.
    """
    problems = []
    reader = csv.reader(io.StringIO(read_text(path)))
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].lower() in IMAGE:
            continue
        if len(cells) != 2 or cells[1].lower() not in WORDS_2016:
            what = f"{','.join(cells)[:60]!r} is not an image and benign or malignant"
            problems.append(Problem(what, "take the official file", path, reader.line_num))
        else:
            yield Label(cells[0], WORDS_2016[cells[1].lower()], reader.line_num)
    if problems:
        raise InputError(problems)


def one_hot(path: Path) -> Iterator[Label]:
    """Read a table with a column of 0.0/1.0 for each class (2017: two columns, both 0 = nevus).

    Raises:
        InputError: Every row that does not have exactly one class.
    """
    frame = read_table(path)
    key = _image_column(path, list(frame.columns))
    two = set(CLASSES_2017) <= set(frame.columns)
    names = CLASSES_2017 if two else [c for c in CLASSES if c in frame.columns]
    problems = []
    for line, row in records(frame):
        marked = [name for name in names if row[name] in ("1", "1.0")]
        odd = [name for name in names if row[name] not in ("0", "0.0", "1", "1.0")]
        if two and not marked and not odd:
            marked = [NEITHER_2017]
        if len(marked) != 1 or odd:
            what = f"{row[key]} is marked as {' and '.join(marked) or 'no class'}"
            fix = "take the official file: one class a row, 0.0 or 1.0"
            problems.append(Problem(what, fix, path, line))
        else:
            yield Label(row[key], marked[0], line)
    if problems:
        raise InputError(problems)


def words(path: Path) -> Iterator[Label]:
    """Read the table of 2020: the diagnosis in words, ``unknown`` for most benign ones."""
    frame = read_table(path, ("diagnosis", "benign_malignant", "target"))
    key = _image_column(path, list(frame.columns))
    for line, row in records(frame):
        diagnosis = row["diagnosis"]
        if diagnosis in ("unknown", ""):
            diagnosis = UNSPECIFIED if row["target"] in ("0", "0.0") else "melanoma"
        yield Label(row[key], diagnosis, line, row)


def duplicate_groups(place: Folder) -> dict[str, str]:
    """Return the group of each photograph in the organisers' list of duplicate pairs of 2020."""
    files = place.tables("ISIC_2020_Training_Duplicates*.csv")
    if not files:
        return {}
    frame = read_table(place.place(files[0]), ("image_name_1", "image_name_2"))
    group: dict[str, set[str]] = {}
    for one, two in zip(frame["image_name_1"], frame["image_name_2"], strict=True):
        joined = group.get(one, {one}) | group.get(two, {two})
        group.update(dict.fromkeys(joined, joined))
    return {image: f"isic2020_{min(together)}" for image, together in group.items()}


def _image_column(path: Path, columns: list[str]) -> str:
    """Return the name of the column with the image id."""
    for name in IMAGE:
        if name in columns:
            return name
    what = f"has no column {', '.join(IMAGE)}"
    raise InputError(Problem(what, f"it has {', '.join(columns)}", path, 1))
