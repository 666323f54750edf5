"""What every archive hands over: a manifest, what was left out and why, and its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from skinlab.sources.disk import Folder, describe
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.manifest import MISSING_WORDS, REQUIRED, Manifest

NOT_ON_DISK = "the photograph is not on disk"
ORDER = (
    *REQUIRED,
    "mask_path",
    "lesion_id",
    "duplicate_group",
    "sha256",
    "width",
    "height",
    "age",
    "sex",
    "site",
    "skin_type",
    "device",
    "label_source",
)


@dataclass(frozen=True)
class Facts:
    """What a reader must know of an archive before using it.

    Attributes:
        title: Its name in full.
        source: Where it is published.
        licence: Under which terms.
        citation: What to cite.
        faults: Known faults, a sentence each.
        labels: Label tree in ``data_manifests/labels`` made for it; empty when there is none.
    """

    title: str
    source: str = "not stated"
    licence: str = "not stated"
    citation: str = "not stated"
    faults: tuple[str, ...] = ()
    labels: str = ""


@dataclass(frozen=True)
class Dropped:
    """Rows of a table, or files, that are not in the manifest, and why.

    Attributes:
        reason: Why, in words.
        count: How many.
        where: The table or the folder they stand in.
    """

    reason: str
    count: int
    where: str


@dataclass(frozen=True)
class Scan:
    """An archive as found on disk."""

    manifest: Manifest
    facts: Facts
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True)
class Row:
    """One photograph of an archive, before its file is looked for.

    Attributes:
        name: Id or file name by which the picture is found on disk.
        cells: Columns of the manifest and any other.
        line: Line of the archive's table.
    """

    name: str
    cells: Mapping[str, str]
    line: int


def scan(
    folder: Folder,
    table: Path,
    rows: Sequence[Row],
    facts: Facts,
    mask_name: Callable[[str], str] | None = None,
) -> Scan:
    """Find the pictures of an archive's rows and put everything into a manifest.

    Args:
        folder: The archive on disk.
        table: The table the rows came from, for messages.
        rows: One a photograph.
        facts: What is known of the archive.
        mask_name: Name of a picture -> name of its mask; None where masks are not looked for.
    """
    found = folder.find(row.name for row in rows)
    masks: dict[str, str] = {}
    if mask_name is not None:
        names = {row.name: mask_name(row.name) for row in rows}
        by_mask = folder.find(names.values(), masks=True)
        if not by_mask:  # the ISIC challenges keep masks in folders called GroundTruth
            by_mask = folder.find(set(names.values()) - set(names))
        masks = {name: by_mask[mask] for name, mask in names.items() if mask in by_mask}
    kept = [row for row in rows if row.name in found]
    if not kept:
        what = f"holds none of the {len(rows)} photographs named in {table.name}"
        example = f"; the first would be {rows[0].name}" if rows else ""
        raise InputError(Problem(what, f"name the folder with the pictures{example}", folder.root))
    cells = [
        {"image_path": found[row.name], "mask_path": masks.get(row.name, ""), **row.cells}
        for row in kept
    ]
    manifest = assemble(folder, table, cells, [row.line for row in kept])
    missing = len(rows) - len(kept)
    return Scan(manifest, facts, dropped_if(missing, NOT_ON_DISK, table.name))


def assemble(
    folder: Folder, table: Path, cells: Sequence[Mapping[str, str]], lines: Sequence[int]
) -> Manifest:
    """Make the manifest of rows whose pictures are known; size and fingerprint are read here.

    The columns stand in the order of `ORDER`, then as they came; optional columns without any value
    are left out.
    """
    pictures = describe(folder, [row["image_path"] for row in cells])
    full = [
        {"sha256": p.sha256, "width": p.width, "height": p.height, **row}
        for row, p in zip(cells, pictures, strict=True)
    ]
    names = dict.fromkeys([*ORDER, *(name for row in full for name in row)])
    columns = {name: [row.get(name, "") for row in full] for name in names}
    used = {name: v for name, v in columns.items() if name in REQUIRED or any(v)}
    frame = pd.DataFrame(used, index=pd.Index(list(lines), dtype="int64"), dtype=object)
    return Manifest(frame, table, folder.root)


def records(frame: pd.DataFrame) -> list[tuple[int, dict[str, str]]]:
    """Return each row with its line, as text by column."""
    rows = frame.to_dict("records")
    return [
        (int(line), {str(k): str(v) for k, v in row.items()})
        for line, row in zip(frame.index, rows, strict=True)
    ]


def dropped_if(count: int, reason: str, where: str) -> tuple[Dropped, ...]:
    """Return the one entry, or nothing where nothing was left out."""
    return (Dropped(reason, count, where),) if count else ()


def known(value: str) -> str:
    """Return a cell, empty where it holds a word for a missing value."""
    return "" if value.strip().casefold() in MISSING_WORDS else value.strip()


def whole(value: str) -> str:
    """Return a number without its empty decimals: ``80.0`` -> ``80``."""
    value = known(value)
    return value.removesuffix(".0") if value.replace(".", "", 1).isdigit() else value


def lower(value: str) -> str:
    """Return a category in small letters, empty where it is unknown."""
    return known(value).lower()


def others(row: Mapping[str, str], taken: Sequence[str]) -> dict[str, str]:
    """Return the columns that ride along: all that are not in `taken`, under their own names."""
    return {name: value for name, value in row.items() if name not in taken and name}
