"""CSV or Parquet on disk <-> a frame of text: no type is guessed, line numbers are kept."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text, write_bytes, write_text

SEPARATORS = (",", ";", "\t")


def read_table(path: Path, required: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table as text.

    Args:
        path: ``.csv`` (comma, semicolon or tab; UTF-8 or cp932) or ``.parquet``.
        required: Columns that must be there.

    Returns:
        A frame of ``str`` (empty text where nothing stands), stripped and NFC. Its index is the
        line of the file, so that a message can name it.

    Raises:
        InputError: Every problem of the file's shape at once.
    """
    frame = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    if missing := [name for name in required if name not in frame.columns]:
        found = ", ".join(frame.columns)
        raise InputError(
            Problem(f"lacks the column(s) {', '.join(missing)}", f"it has {found}", path, 1)
        )
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    return parse_table(read_text(path), path)


def parse_table(text: str, path: Path | str) -> pd.DataFrame:
    """Read a table that stands in a text, as `read_table` reads a file.

    Args:
        text: CSV with a header line.
        path: What messages call it.

    Raises:
        InputError: Every problem of its shape at once.
    """
    header = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    problems: list[Problem] = []
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                what = f"has {len(row)} cells where the header has {len(columns)}"
                problems.append(Problem(what, "quote cells with commas", path, reader.line_num))
                continue
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    except csv.Error as error:
        problems.append(Problem(f"is not CSV ({error})", "check the quotes", path, reader.line_num))
        columns = []
    if not columns and not problems:
        problems.append(Problem("is empty", "give a table with a header line", path))
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        problems.append(
            Problem(f"repeats the column(s) {', '.join(repeated)}", "name each once", path, 1)
        )
    if problems:
        raise InputError(problems)
    return pd.DataFrame(rows, columns=columns, index=pd.Index(lines, dtype="int64"), dtype=object)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"is not Parquet ({error})", "write it again", path)) from error
    cells = {str(name): [_text(value) for value in frame[name]] for name in frame.columns}
    lines = pd.Index(range(2, len(frame) + 2), dtype="int64")
    return pd.DataFrame(cells, index=lines, dtype=object)


def _text(value: object) -> str:
    """Return a cell of Parquet as it would stand in a CSV: stripped, NFC, empty where missing."""
    if value is None or (isinstance(value, float) and value != value) or value is pd.NaT:
        return ""
    return "" if value is pd.NA else unicodedata.normalize("NFC", str(value)).strip()


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as ``.csv`` (UTF-8, LF, shortest exact floats) or ``.parquet``, atomically."""
    if path.suffix == ".parquet":
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        write_bytes(path, buffer.getvalue())
    else:
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))
