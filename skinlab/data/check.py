"""Manifest and label tree -> everything that is wrong or odd, all of it at once.

An error would make a result wrong or stop a training; a note is for a person to look at.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinlab.data.pictures import Inspected, Progress, inspect_pictures
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.manifest import WINDOW, Manifest

FEWEST_SPLITS = 3  # train, val and test, where nothing is split yet
FEWEST_FOLDS = 3  # one tests, the next one validates, the others train
SHOWN = 5  # examples in one note


@dataclass(frozen=True)
class Findings:
    """Result of a check.

    Attributes:
        errors: What must be put right.
        notes: What a person should know.
        images: Number of rows.
        patients: Number of distinct patient ids.
    """

    errors: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    images: int
    patients: int

    def refuse(self) -> None:
        """Raise `InputError` with all errors; do nothing where there are none."""
        if self.errors:
            raise InputError(self.errors)

    def summary(self) -> str:
        """Return one line of counts."""
        return (
            f"{self.images} images, {self.patients} patients: "
            f"{len(self.errors)} errors, {len(self.notes)} notes"
        )


def check(
    manifest: Manifest,
    tree: LabelTree | None = None,
    *,
    level: Level = "diagnosis",
    workers: int | None = None,
    progress: Progress | None = None,
    memory: Path | None = None,
) -> Findings:
    """Look at every row and every file of a data set.

    Args:
        manifest: From `Manifest.open`, which lets bad rows through to here.
        tree: Classes; None takes the diagnoses as they stand.
        level: Level of the tree whose classes must be in every split.
        workers: Processes that decode; None chooses.
        progress: Called with how many photographs are done and how many there are.
        memory: Folder that remembers what unchanged files hold; None looks at all of them.
    """
    table = list(manifest.problems())
    if not len(manifest):
        table.append(Problem("has no rows", "give at least one photograph", manifest.path))
    rows, positions = _openable(manifest, table)
    pictures: list[Inspected | None] = [None] * len(manifest)
    seen = inspect_pictures(rows, workers, progress, memory)
    for position, picture in zip(positions, seen, strict=True):
        pictures[position] = picture
    labels, bad_labels = _labels(manifest, tree, level)
    errors = [
        *table,
        *bad_labels,
        *_bad_pictures(manifest, pictures),
        *_leaking_copies(manifest, pictures),
        *_bad_classes(manifest, labels),
    ]
    notes = [
        *_two_labels(manifest, pictures, labels),
        *_odd_pictures(manifest, pictures),
        *_odd_patients(manifest),
        *_odd_splits(manifest, labels),
    ]
    patients = {value for value in manifest.column("patient_id") if value}
    return Findings(_in_order(errors), _in_order(notes), len(manifest), len(patients))


def _lines(manifest: Manifest) -> list[int]:
    return [int(line) for line in manifest.frame.index]


def _in_order(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems by line, those of the whole file first."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.line or 0))


def _openable(manifest: Manifest, problems: Sequence[Problem]) -> tuple[Manifest, list[int]]:
    """Return the rows whose paths are safe to open (masks that are not left out), and where."""
    bad = {
        name: {problem.line for problem in problems if problem.what.startswith(name)}
        for name in ("image_path", "mask_path")
    }
    lines = _lines(manifest)
    positions = [i for i, line in enumerate(lines) if line not in bad["image_path"]]
    masks = zip(lines, manifest.column("mask_path"), strict=True)
    safe = ["" if line in bad["mask_path"] else mask for line, mask in masks]
    openable = manifest.with_column("mask_path", safe)
    return openable.where(np.array(positions, dtype=np.int64)), positions


def _labels(
    manifest: Manifest, tree: LabelTree | None, level: Level
) -> tuple[list[str], list[Problem]]:
    """Return each row's class (empty where unknown) and a problem for each unknown diagnosis."""
    raw = manifest.column("diagnosis")
    if tree is None:
        return raw, []
    labels: list[str] = []
    problems: list[Problem] = []
    for line, name in zip(_lines(manifest), raw, strict=True):
        try:
            labels.append(tree.leaf(name).at(level))
        except KeyError as error:
            labels.append("")
            if name:  # a blank diagnosis is named by the manifest itself
                what, fix = str(error.args[0]).split("; ", 1)
                fix = f"{fix} (label tree {tree.path.name})"
                problems.append(Problem(what, fix, manifest.path, line))
    return labels, problems


def _bad_pictures(manifest: Manifest, pictures: Sequence[Inspected | None]) -> Iterator[Problem]:
    columns = ("image_path", "mask_path", "sha256", "width", "height")
    rows = zip(*(manifest.column(name) for name in columns), strict=True)
    for line, row, found in zip(_lines(manifest), rows, pictures, strict=True):
        if found is None:
            continue
        image, mask, sha256, width, height = row
        if found.error[0]:
            yield Problem(f"{image} {found.error[0]}", found.error[1], manifest.path, line)
            continue
        if found.mask_error[0]:
            what = f"{mask} {found.mask_error[0]}"
            yield Problem(what, found.mask_error[1], manifest.path, line)
        if sha256 and sha256 != found.sha256:
            what = f"{image} is not the file that was imported (sha256 {found.sha256[:12]}…)"
            yield Problem(what, "restore it, or import the data set again", manifest.path, line)
        elif (width and width != str(found.width)) or (height and height != str(found.height)):
            what = f"{image} is {found.width}x{found.height}, the manifest says {width}x{height}"
            yield Problem(what, "import the data set again", manifest.path, line)


def _leaking_copies(manifest: Manifest, pictures: Sequence[Inspected | None]) -> Iterator[Problem]:
    """Yield pictures with the same pixels in two splits or of two patients."""
    files = manifest.column("sha256")
    fix = "keep one of them, or correct the other"
    pixels = ["" if found is None else found.pixels for found in pictures]
    for kind, name in (("split", "split"), ("patient", "patient_id")):
        values = manifest.column(name)
        for row, before in _conflicts(pixels, values):
            if kind == "split" and files[row] and files[row] == files[before]:
                continue  # the manifest's own check has named the equal fingerprints
            yield _two_lines(manifest, kind, values, row, before, fix)


def _two_labels(
    manifest: Manifest, pictures: Sequence[Inspected | None], labels: Sequence[str]
) -> Iterator[Problem]:
    """Yield pictures with the same pixels and window that have two diagnoses."""
    windows = zip(*(manifest.column(name) for name in WINDOW), strict=True)
    keys = [
        "" if found is None or not found.pixels else f"{found.pixels} {window}"
        for found, window in zip(pictures, windows, strict=True)
    ]
    fix = "at least one of the labels is wrong"
    for row, before in _conflicts(keys, labels):
        yield _two_lines(manifest, "diagnosis", labels, row, before, fix)


def _conflicts(keys: Sequence[str], values: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield each row whose value differs from that of the first row with its key."""
    first: dict[str, int] = {}
    for row, (key, value) in enumerate(zip(keys, values, strict=True)):
        if key and value:
            before = first.setdefault(key, row)
            if values[before] != value:
                yield row, before


def _two_lines(
    manifest: Manifest, kind: str, values: Sequence[str], row: int, before: int, fix: str
) -> Problem:
    lines = _lines(manifest)
    what = (
        f"the same picture stands in line {lines[before]} with {kind} {values[before]!r}, "
        f"here with {values[row]!r}"
    )
    return Problem(what, fix, manifest.path, lines[row])


def _bad_classes(manifest: Manifest, labels: Sequence[str]) -> Iterator[Problem]:
    """Yield what makes a training impossible: too few classes, groups or splits."""
    splits = manifest.column("split")
    named = {split for split in splits if split}
    classes = {label for label in labels if label}
    if named == {"test"} or not len(manifest):
        return
    if len(classes) < 2:
        what = f"has only one class ({', '.join(classes) or 'none'})"
        yield Problem(what, "a classifier needs two", manifest.path)
    if len(set(manifest.groups)) < 2:
        what = f"has only one {manifest.group_kind} to split by"
        yield Problem(what, "two or more are needed", manifest.path)
    if not named:
        yield from _too_small(manifest, labels)
        return
    if blank := [line for line, s in zip(_lines(manifest), splits, strict=True) if not s]:
        what = f"split is blank in {len(blank)} rows, filled in others (first: line {blank[0]})"
        yield Problem(what, "split again with `skinlab data split`", manifest.path, blank[0])
    folds = {split for split in named if split.isdigit()}
    yield from _bad_folds(manifest, folds) if folds else _bad_parts(manifest, labels, named)


def _too_small(manifest: Manifest, labels: Sequence[str]) -> Iterator[Problem]:
    groups = defaultdict(set)
    for label, group in zip(labels, manifest.groups, strict=True):
        groups[label].add(group)
    for label, inside in sorted(groups.items()):
        if label and len(inside) < FEWEST_SPLITS:
            what = f"class {label!r} has {len(inside)} {manifest.group_kind}(s), too few to split"
            fix = f"{FEWEST_SPLITS} are needed: join it with another class or leave it out"
            yield Problem(what, fix, manifest.path)


def _bad_folds(manifest: Manifest, folds: set[str]) -> Iterator[Problem]:
    numbers = {int(fold) for fold in folds}
    if len(numbers) < FEWEST_FOLDS:
        what = f"has {len(numbers)} fold(s)"
        yield Problem(what, f"{FEWEST_FOLDS} or more are needed", manifest.path)
    if missing := sorted(set(range(max(numbers) + 1)) - numbers):
        what = f"folds {missing} are missing below fold {max(numbers)}"
        yield Problem(what, "number folds from 0 without gaps", manifest.path)


def _bad_parts(manifest: Manifest, labels: Sequence[str], named: set[str]) -> Iterator[Problem]:
    inside = _classes_by_split(manifest, labels)
    for split in ("train", "val"):
        if split not in named:
            what = f"has no rows in split {split!r}"
            yield Problem(what, "split it with `skinlab data split`", manifest.path)
        elif len(inside[split]) == 1:
            what = f"split {split!r} has only one class ({', '.join(inside[split])})"
            yield Problem(what, "split it again with `skinlab data split`", manifest.path)
    if "train" in named:
        for label in sorted({x for x in labels if x} - inside["train"]):
            what = f"class {label!r} does not occur in split 'train'"
            yield Problem(what, "it cannot be learned: split again", manifest.path)


def _classes_by_split(manifest: Manifest, labels: Sequence[str]) -> dict[str, set[str]]:
    inside: dict[str, set[str]] = defaultdict(set)
    for split, label in zip(manifest.column("split"), labels, strict=True):
        if split and label:
            inside[split].add(label)
    return inside


def _odd_splits(manifest: Manifest, labels: Sequence[str]) -> Iterator[Problem]:
    inside = _classes_by_split(manifest, labels)
    if len(manifest) and not inside:
        yield Problem("is not split yet", "use `skinlab data split`", manifest.path)
        return
    if "train" in inside and "test" not in inside:
        fix = "what is chosen on validation cannot be reported: add a test split"
        yield Problem("has no rows in split 'test'", fix, manifest.path)
    every = {label for label in labels if label}
    for split in sorted(set(inside) - {"train"}):
        if missing := sorted(every - inside[split]):
            what = f"split {split!r} lacks the class(es) {', '.join(missing)}"
            yield Problem(what, "their figures will be n/a there", manifest.path)


def _odd_pictures(manifest: Manifest, pictures: Sequence[Inspected | None]) -> Iterator[Problem]:
    """Yield masks that are odd, conversions and identifiers (each kind once), and copies."""
    conversions: dict[str, list[int]] = defaultdict(list)
    identifiers: dict[str, list[int]] = defaultdict(list)
    copies: dict[str, list[int]] = defaultdict(list)
    masks = manifest.column("mask_path")
    for line, mask, found in zip(_lines(manifest), masks, pictures, strict=True):
        if found is None:
            continue
        for note in found.mask_notes:
            yield Problem(f"mask {mask} {note}", "", manifest.path, line)
        for note in found.notes:
            conversions[note].append(line)
        for warning in found.identifying:
            identifiers[warning].append(line)
        if found.pixels:
            copies[found.pixels].append(line)
    for note, lines in conversions.items():
        what = f"{len(lines)} photograph(s): {note} (first: line {lines[0]})"
        yield Problem(what, "", manifest.path)
    for warning, lines in identifiers.items():
        where = ", ".join(map(str, lines[:SHOWN])) + (", ..." if len(lines) > SHOWN else "")
        what = f"{len(lines)} photograph(s): {warning} (lines {where})"
        fix = "remove its metadata before you share it; this helps to find, it proves no absence"
        yield Problem(what, fix, manifest.path)
    same = [lines for lines in copies.values() if len(lines) > 1]
    if same:
        examples = ", ".join("=".join(map(str, lines)) for lines in same[:SHOWN])
        what = f"{sum(map(len, same))} rows show only {len(same)} pictures (lines {examples})"
        yield Problem(what, "copies count twice in every figure", manifest.path)


def _odd_patients(manifest: Manifest) -> Iterator[Problem]:
    """Yield how patients are known, and ids that look like spellings of one another."""
    patients = manifest.column("patient_id")
    if blank := patients.count(""):
        what = f"patient_id is blank in {blank} of {len(patients)} rows"
        fix = f"these are kept together by {manifest.group_kind}: not proven to be patient-safe"
        yield Problem(what, fix, manifest.path)
    for name in ("patient_id", "lesion_id"):
        spellings: dict[str, Counter[str]] = defaultdict(Counter)
        for value in manifest.column(name):
            if value:
                spellings[_bare(value)][value] += 1
        for variants in spellings.values():
            if len(variants) > 1:
                what = f"{name} {' and '.join(repr(v) for v in sorted(variants))} look alike"
                fix = "they count as different: write one person's id in one way"
                yield Problem(what, fix, manifest.path)
    mangled = [value for value in set(patients) if re.fullmatch(r"\d+(\.\d+)?[eE]\+?\d+", value)]
    if mangled:
        what = f"patient_id {', '.join(sorted(mangled)[:SHOWN])} looks like a spreadsheet's number"
        yield Problem(what, "restore the ids from the original as text", manifest.path)


def _bare(value: str) -> str:
    """Return an id without case, width, separators, leading zeros and empty decimals."""
    text = unicodedata.normalize("NFKC", value).casefold()
    text = re.sub(r"\.0+$", "", text) if re.fullmatch(r"\d+\.0+", text) else text
    text = re.sub(r"[\s_\-./]+", "-", text)
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)
