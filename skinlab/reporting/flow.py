"""Manifest (and run) -> the flow of patients, lesions and images, with exclusions and reasons.

Rows leave one after another, each for the first reason that applies: a diagnosis that is not in the
label tree, the reason in the column ``exclusion`` of a row without a split, no split and no reason.
So images, lesions and patients add up at every step. A patient leaves with the last photograph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinlab.tables.exclusions import Exclusion, read_exclusions
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import SPLITS, Manifest

REASON = "exclusion"
NO_REASON = "in no split, and no reason is recorded"


@dataclass(frozen=True)
class Count:
    """How many; None where the manifest does not say.

    Attributes:
        images: Photographs.
        patients: Distinct patient ids.
        lesions: Distinct lesion ids.
    """

    images: int
    patients: int | None = None
    lesions: int | None = None

    def __str__(self) -> str:
        """Return ``12 patients, 14 lesions, 30 images`` of what is known."""
        parts = [(self.patients, "patient"), (self.lesions, "lesion"), (self.images, "image")]
        said = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n is not None]
        return ", ".join(said)


@dataclass(frozen=True)
class Left:
    """Who left, and why."""

    reason: str
    count: Count


@dataclass(frozen=True)
class Arm:
    """One split.

    Attributes:
        name: ``train``, ``val``, ``test`` or ``fold N``.
        count: Who is in it.
        classes: Diagnosis -> who has it.
        predicted: Images that a run predicted; None where there is no run or no such table.
    """

    name: str
    count: Count
    classes: dict[str, Count]
    predicted: int | None = None


@dataclass(frozen=True)
class Flow:
    """The whole flow.

    Attributes:
        name: Of the manifest.
        source: Images found before anything was left out; None where that was not recorded.
        before: What was left out before the manifest was made.
        listed: Rows of the manifest.
        excluded: Who left after that, in order.
        used: Who is left.
        arms: The splits; they add up to `used`.
        notes: What a reader must know.
        fingerprint: Of the manifest.
    """

    name: str
    source: Count | None
    before: tuple[Left, ...]
    listed: Count
    excluded: tuple[Left, ...]
    used: Count
    arms: tuple[Arm, ...]
    notes: tuple[str, ...]
    fingerprint: str

    def json(self) -> dict[str, Any]:
        """Return the flow as JSON values."""
        return asdict(self)

    def text(self) -> str:
        """Return the flow as indented lines."""
        lines = []
        if self.source is not None:
            lines += [f"found: {self.source}"]
            lines += [f"  left out before: {left.count}: {left.reason}" for left in self.before]
        lines += [f"in the manifest {self.name}: {self.listed}"]
        lines += [f"  excluded: {left.count}: {left.reason}" for left in self.excluded]
        lines += [f"used: {self.used}"]
        for arm in self.arms:
            predicted = "" if arm.predicted is None else f"; {arm.predicted} images predicted"
            lines += [f"  {arm.name}: {arm.count}{predicted}"]
            lines += [f"    {name}: {count}" for name, count in arm.classes.items()]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines) + "\n"


def flow(manifest: Manifest, tree: LabelTree | None = None) -> Flow:
    """Return the flow of a manifest.

    Args:
        manifest: From `Manifest.open`; bad rows are what a flow is about.
        tree: Label tree of the task; without one no diagnosis is left out.
    """
    recorded = read_exclusions(manifest.path)
    inside = np.ones(len(manifest), dtype=bool)
    excluded = []
    for reason, rows in _reasons(manifest, tree):
        leaving = rows & inside
        if leaving.any():
            before, after = _count(manifest, inside), _count(manifest, inside & ~leaving)
            excluded.append(Left(reason, _minus(before, after)))
            inside &= ~leaving
    listed = _count(manifest, np.ones(len(manifest), dtype=bool))
    return Flow(
        name=manifest.path.stem,
        source=None if recorded is None else _found(listed, recorded),
        before=tuple(Left(e.reason, _of(e)) for e in recorded or ()),
        listed=listed,
        excluded=tuple(excluded),
        used=_count(manifest, inside),
        arms=tuple(_arms(manifest, tree, inside)),
        notes=tuple(_notes(manifest, inside, recorded)),
        fingerprint=manifest.fingerprint,
    )


def used_rows(manifest: Manifest, tree: LabelTree | None = None) -> NDArray[np.bool_]:
    """Return which rows no reason excludes, ``(n,)``."""
    inside = np.ones(len(manifest), dtype=bool)
    for _, rows in _reasons(manifest, tree):
        inside &= ~rows
    return inside


def split_names(manifest: Manifest) -> list[str]:
    """Return the split of each row as it is shown: ``train``, ``fold 0``, empty."""
    return [f"fold {name}" if name.isdigit() else name for name in manifest.column("split")]


def in_order(names: Sequence[str]) -> list[str]:
    """Return the distinct splits: folds by number, then train, val, test."""
    known = {name: (1, i) for i, name in enumerate(SPLITS)}

    def place(name: str) -> tuple[int, int]:
        return known.get(name) or ((0, int(name[5:])) if name.startswith("fold ") else (2, 0))

    return sorted(set(names) - {""}, key=place)


def diagnoses(manifest: Manifest, tree: LabelTree | None) -> list[str]:
    """Return the diagnosis of each row, by the tree where it knows the name."""
    names = manifest.column("diagnosis")
    if tree is None:
        return names
    found = []
    for name in names:
        try:
            found.append(tree.leaf(name).diagnosis)
        except KeyError:
            found.append("")
    return found


def _reasons(manifest: Manifest, tree: LabelTree | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield reasons in order, each with its rows; a row may be in several."""
    known = np.array([bool(name) for name in diagnoses(manifest, tree)], dtype=bool)
    raw = np.array(manifest.column("diagnosis"), dtype=object)
    for name in dict.fromkeys(raw[~known]):
        reason = f"diagnosis {name!r} is not in the label tree" if name else "no diagnosis"
        yield reason, ~known & (raw == name)
    nowhere = np.array([not name for name in manifest.column("split")], dtype=bool)
    said = np.array(manifest.column(REASON), dtype=object)
    for reason in dict.fromkeys(said[nowhere]):
        yield str(reason) or NO_REASON, nowhere & (said == reason)


def _count(manifest: Manifest, rows: NDArray[np.bool_]) -> Count:
    def distinct(name: str) -> int | None:
        values = manifest.column(name)
        if not any(values):
            return None
        return len({v for v, kept in zip(values, rows, strict=True) if kept and v})

    return Count(int(rows.sum()), distinct("patient_id"), distinct("lesion_id"))


def _minus(a: Count, b: Count) -> Count:
    def less(x: int | None, y: int | None) -> int | None:
        return None if x is None or y is None else x - y

    return Count(a.images - b.images, less(a.patients, b.patients), less(a.lesions, b.lesions))


def _of(e: Exclusion) -> Count:
    return Count(e.images, e.patients, e.lesions)


def _found(listed: Count, recorded: Sequence[Exclusion]) -> Count:
    """Return what was there before; patients only where every line says how many left."""

    def total(now: int | None, parts: list[int | None]) -> int | None:
        known = [part for part in parts if part is not None]
        return None if now is None or len(known) < len(parts) else now + sum(known)

    return Count(
        listed.images + sum(e.images for e in recorded),
        total(listed.patients, [e.patients for e in recorded]),
        total(listed.lesions, [e.lesions for e in recorded]),
    )


def _arms(manifest: Manifest, tree: LabelTree | None, inside: NDArray[np.bool_]) -> Iterator[Arm]:
    splits = np.array(split_names(manifest), dtype=object)
    labels = np.array(diagnoses(manifest, tree), dtype=object)
    order = list(tree.classes("diagnosis")) if tree else sorted(set(labels))
    for name in in_order(list(splits[inside])):
        rows = inside & (splits == name)
        classes = {c: _count(manifest, rows & (labels == c)) for c in order}
        yield Arm(name, _count(manifest, rows), classes)


def _notes(
    manifest: Manifest, inside: NDArray[np.bool_], recorded: Sequence[Exclusion] | None
) -> Iterator[str]:
    if recorded is None:
        yield (
            "What was left out before the manifest was made is not recorded: import again, or "
            f"write {manifest.path.stem}.exclusions.csv (reason,images) beside it."
        )
    for name, word in (("patient_id", "patient"), ("lesion_id", "lesion")):
        values = np.array(manifest.column(name), dtype=object)
        blank = int((inside & (values == "")).sum())
        if blank and any(values):
            yield f"{blank} of the images used have no {word} id; they are in no count of {word}s."
        places: dict[str, set[str]] = {}
        for value, split in zip(
            values[inside], np.array(split_names(manifest))[inside], strict=True
        ):
            places.setdefault(value, set()).add(split)
        torn = sum(len(where) > 1 for value, where in places.items() if value)
        if torn:
            yield f"{torn} {word}(s) stand in several splits: the splits do not add up, and leak."
    if not any(manifest.column("patient_id")):
        yield "No patient is known: the splits are not proven to be patient-safe."
    reasons = np.array([bool(text) for text in manifest.column(REASON)], dtype=bool)
    if used := int((reasons & inside).sum()):
        yield f"{used} image(s) carry a reason for exclusion and are used all the same."
    masks = np.array([bool(path) for path in manifest.column("mask_path")], dtype=bool)
    if masks.any():
        yield f"{int((inside & ~masks).sum())} of the images used have no mask."
