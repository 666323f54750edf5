"""What was left out before a manifest was made: ``NAME.exclusions.csv`` beside ``NAME.csv``.

``reason, images, where`` and, where known, ``patients, lesions``. `data import` writes it; a person
may add lines (withdrawn consent, poor quality). A table without rows says that nothing was left
out; no table says that nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.text import read_table, write_table

COLUMNS = ("reason", "images", "where", "patients", "lesions")


@dataclass(frozen=True)
class Exclusion:
    """Photographs that are not in the manifest, and why.

    Attributes:
        reason: Why, in words.
        images: How many.
        where: The table or folder they stand in.
        patients: Patients that were left out with all their photographs; None where not known.
        lesions: Lesions likewise.
    """

    reason: str
    images: int
    where: str = ""
    patients: int | None = None
    lesions: int | None = None


def exclusions_of(manifest: Path) -> Path:
    """Return where the exclusions of a manifest stand."""
    return manifest.with_suffix(".exclusions.csv")


def write_exclusions(manifest: Path, exclusions: Sequence[Exclusion]) -> Path:
    """Write the exclusions beside a manifest and return their path."""
    path = exclusions_of(manifest)
    rows = [{k: "" if v is None else v for k, v in asdict(one).items()} for one in exclusions]
    write_table(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    return path


def read_exclusions(manifest: Path) -> tuple[Exclusion, ...] | None:
    """Return the exclusions of a manifest; None where none were recorded.

    Raises:
        InputError: A line without a reason, or whose counts are no counts.
    """
    path = exclusions_of(manifest)
    if not path.exists():
        return None
    frame = read_table(path, COLUMNS[:2])
    problems, found = [], []
    for line, row in zip(frame.index.tolist(), frame.to_dict("records"), strict=True):
        counts = {name: str(row.get(name, "")) for name in ("images", "patients", "lesions")}
        bad = [name for name, text in counts.items() if text and not text.isdecimal()]
        if not row["reason"] or not counts["images"] or bad:
            what = f"{bad[0]} is {counts[bad[0]]!r}" if bad else "reason or images is blank"
            problems.append(Problem(what, "give a reason and whole numbers", path, line))
            continue
        numbers = {name: int(text) if text else None for name, text in counts.items()}
        found.append(
            Exclusion(
                str(row["reason"]),
                numbers["images"] or 0,
                str(row.get("where", "")),
                numbers["patients"],
                numbers["lesions"],
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(found)
