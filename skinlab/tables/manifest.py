"""The manifest: one row an image, checked at the door, with the group that must never be split."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skinlab.tables.box import Box
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.tables.text import read_table, write_table

REQUIRED = ("sample_id", "image_path", "patient_id", "diagnosis", "split")
WINDOW = ("x0", "y0", "x1", "y1")
SPLITS = ("train", "val", "test")
MISSING_WORDS = frozenset({"na", "n/a", "nan", "none", "null", "unknown", "-", "?"})
ELSEWHERE = re.compile(r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*:|[\\/~$%])|\\\\|\x00")


@dataclass(frozen=True, eq=False)
class Manifest:
    """Photographs of one data set and what is known of each.

    Attributes:
        frame: Columns `REQUIRED` and any others, all text; the index is the line in the file.
        path: The CSV or Parquet file, for messages.
        root: Folder that ``image_path`` and ``mask_path`` are relative to.
    """

    frame: pd.DataFrame
    path: Path
    root: Path

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.frame)

    @classmethod
    def read(cls, path: Path, root: Path) -> Self:
        """Read a manifest and refuse it with every bad row that can be seen without its images.

        Raises:
            InputError: All problems at once: ids, paths, splits, windows, leaks.
        """
        manifest = cls(read_table(path, REQUIRED), path, root)
        if problems := list(manifest.problems()):
            raise InputError(problems)
        return manifest

    @classmethod
    def open(cls, path: Path, root: Path) -> Self:
        """Read a manifest whose rows may be bad, for `check` to name them all.

        A table that was never split may lack the column ``split``; it is empty then.

        Raises:
            InputError: The file is not a table or lacks another required column.
        """
        frame = read_table(path, [name for name in REQUIRED if name != "split"])
        return cls(frame if "split" in frame.columns else frame.assign(split=""), path, root)

    def save(self, path: Path) -> None:
        """Write the table atomically."""
        write_table(path, self.frame)

    def column(self, name: str) -> list[str]:
        """Return one column as text; all empty where the manifest does not have it."""
        if name not in self.frame.columns:
            return [""] * len(self)
        return [str(value) for value in self.frame[name]]

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return the manifest of some rows, by mask or position."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(self, frame=self.frame.iloc[positions])

    def with_column(self, name: str, values: Mapping[str, str] | list[str]) -> Self:
        """Return the manifest with one column set, by position or by ``sample_id``."""
        if isinstance(values, Mapping):
            values = [values.get(sample, "") for sample in self.column("sample_id")]
        return replace(self, frame=self.frame.assign(**{name: values}))

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """What must stay together, a name a row: patient, else lesion, else cluster, else image.

        Rows that share a lesion or a near-duplicate cluster with a patient's row join that patient.
        """
        return _connected(
            [
                _prefixed("patient", self.column("patient_id")),
                _prefixed("lesion", self.column("lesion_id")),
                _prefixed("cluster", self.column("duplicate_group")),
                _prefixed("content", self.column("sha256")),
            ],
            _prefixed("image", self.column("sample_id")),
        )

    @cached_property
    def group_kind(self) -> str:
        """The weakest key groups are made of: ``patient``, ``lesion``, ``cluster``, ``image``."""
        keys = {"patient": "patient_id", "lesion": "lesion_id", "cluster": "duplicate_group"}
        weakest = "patient"
        order = [*keys, "image"]
        for row in zip(*(self.column(name) for name in keys.values()), strict=True):
            kind = next((k for k, value in zip(keys, row, strict=True) if value), "image")
            weakest = max(weakest, kind, key=order.index)
        return weakest

    def window(self, position: int) -> Box | None:
        """Return the row's window, or None where the whole photograph counts."""
        if not set(WINDOW) <= set(self.frame.columns):
            return None
        values = [str(self.frame[name].iloc[position]) for name in WINDOW]
        return Box(*map(float, values)) if all(values) else None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of every cell, independent of the order of columns and of the file format."""
        columns = sorted(self.frame.columns)
        return digest(*columns, *(cell for name in columns for cell in self.column(name)))

    def problems(self) -> Iterator[Problem]:
        """Yield everything that is wrong with the table itself; pictures are not opened."""
        yield from _bad_ids(self)
        yield from _bad_paths(self)
        yield from _bad_splits(self)
        yield from _bad_windows(self)
        yield from leaks(self)


def missing_word(value: str) -> bool:
    """Return whether a cell holds a word for a missing value, in any case or width."""
    return unicodedata.normalize("NFKC", value).strip().casefold() in MISSING_WORDS


def _prefixed(kind: str, values: list[str]) -> list[str]:
    return [f"{kind}:{value}" if value else "" for value in values]


def _connected(keys: list[list[str]], fallback: list[str]) -> tuple[str, ...]:
    """Union rows that share any key; each group is named by its strongest key (union-find)."""
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    rank = {"patient": 0, "lesion": 1, "cluster": 2, "content": 3, "image": 4}
    firsts: list[str] = []
    for *row, image in zip(*keys, fallback, strict=True):
        present = [key for key in row if key] or [image]
        firsts.append(present[0])
        for other in present[1:]:
            # The smallest name wins, so that a group's name does not depend on the order of rows.
            ends = sorted(
                (find(present[0]), find(other)), key=lambda k: (rank[k.split(":", 1)[0]], k)
            )
            parent[ends[1]] = ends[0]
    return tuple(find(key) for key in firsts)


def _lines(manifest: Manifest) -> list[int]:
    return [int(line) for line in manifest.frame.index]


def _bad_ids(manifest: Manifest) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, sample in zip(_lines(manifest), manifest.column("sample_id"), strict=True):
        if not sample:
            yield Problem("sample_id is blank", "give each image an id", manifest.path, line)
        elif sample in seen:
            what = f"sample_id {sample!r} stands in line {seen[sample]} too"
            yield Problem(what, "give each image an id of its own", manifest.path, line)
        seen.setdefault(sample, line)
    for name in ("patient_id", "lesion_id", "duplicate_group", "diagnosis"):
        for line, value in zip(_lines(manifest), manifest.column(name), strict=True):
            if name == "diagnosis" and not value:
                yield Problem("diagnosis is blank", "fill it or drop the row", manifest.path, line)
            if value and missing_word(value):
                what = f"{name} is {value!r}, a word for a missing value"
                yield Problem(what, "leave the cell empty or give it", manifest.path, line)


def _bad_paths(manifest: Manifest) -> Iterator[Problem]:
    for name in ("image_path", "mask_path"):
        for line, value in zip(_lines(manifest), manifest.column(name), strict=True):
            if not value:
                if name == "image_path":
                    yield Problem("image_path is blank", "name the file", manifest.path, line)
            elif ELSEWHERE.search(value) or ".." in PureWindowsPath(value).parts:
                what = f"{name} {value!r} is not a path inside the data set's folder"
                fix = "give it relative to the folder of the data set, without '..'"
                yield Problem(what, fix, manifest.path, line)


def _bad_splits(manifest: Manifest) -> Iterator[Problem]:
    values = manifest.column("split")
    folds = any(value.isdigit() for value in values)
    for line, value in zip(_lines(manifest), values, strict=True):
        if value and value not in SPLITS and not value.isdigit():
            what = f"split {value!r} is neither {', '.join(SPLITS)} nor a fold number"
            yield Problem(what, "use `skinlab data split`", manifest.path, line)
        elif folds and value and not value.isdigit() and value != "test":
            what = f"split {value!r} stands beside fold numbers"
            yield Problem(what, "use fold numbers (and test) only", manifest.path, line)


def _bad_windows(manifest: Manifest) -> Iterator[Problem]:
    fix = "give x0,y0,x1,y1 in 0..1, or leave all four empty"
    present = [name for name in WINDOW if name in manifest.frame.columns]
    if present and len(present) < len(WINDOW):
        what = f"has the window column(s) {', '.join(present)} but not all of {', '.join(WINDOW)}"
        yield Problem(what, "give all four or none", manifest.path, 1)
        return
    rows = zip(*(manifest.column(name) for name in WINDOW), strict=True)
    for line, row in zip(_lines(manifest), rows, strict=True):
        if not any(row):
            continue
        try:
            Box(*(float(value) for value in row))
        except ValueError as error:
            what = str(error) if all(row) else f"window {','.join(row)!r} has an empty corner"
            yield Problem(what, fix, manifest.path, line)


def leaks(manifest: Manifest) -> Iterator[Problem]:
    """Yield every patient, lesion, cluster or identical image that stands in two splits."""
    first: dict[tuple[str, str], tuple[str, int]] = {}
    words = {
        "patient_id": "patient",
        "lesion_id": "lesion",
        "duplicate_group": "near-duplicate group",
        "sha256": "identical image",
    }
    for name, word in words.items():
        rows = zip(_lines(manifest), manifest.column(name), manifest.column("split"), strict=True)
        for line, value, split in rows:
            if not value or not split:
                continue
            before, before_line = first.setdefault((name, value), (split, line))
            if before != split:
                what = (
                    f"{word} {value!r} is in split {split!r} here and in {before!r} "
                    f"in line {before_line}"
                )
                fix = "split again with `skinlab data split`, which keeps patients together"
                yield Problem(what, fix, manifest.path, line)
