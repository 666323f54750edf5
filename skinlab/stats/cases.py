"""Predictions and a label tree -> the cases of each level, ready to be counted and resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skinlab.stats.bootstrap import canonical_patients, carriers_of, rarest_label
from skinlab.stats.counts import Floats, Ints, confusion_counts
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LEVELS, LabelTree, Level
from skinlab.tables.predictions import Predictions

# Sums over leaves differ in the last bits with the order of summation; ties must not.
DIGITS = 12


@dataclass(frozen=True, eq=False)
class Cases:
    """The images of one level.

    Attributes:
        classes: The ``k`` class names.
        target: ``(n,)`` class of the truth.
        probabilities: ``(n, k)``, to 12 digits.
        patient: ``(n,)`` number of the patient in ``0..patients-1``, by content.
        repeat: ``(n,)`` number of the repetition (training seed) in ``0..repeats-1``.
    """

    classes: tuple[str, ...]
    target: Ints
    probabilities: Floats
    patient: Ints
    repeat: Ints

    @classmethod
    def of(cls, predictions: Predictions, repeat: Ints) -> Self:
        """Take the cases of a table; patients are renumbered by what they hold."""
        table = predictions.probabilities.round(DIGITS)
        target = predictions.target
        content = np.column_stack([target, repeat, table])
        patient = canonical_patients(predictions.patients, content)
        return cls(predictions.classes, target, table, patient, repeat)

    @cached_property
    def answer(self) -> Ints:
        """Class of the largest probability, ``(n,)``; the first of equals."""
        answer: Ints = self.probabilities.argmax(axis=1)
        return answer

    @cached_property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.patient.max()) + 1

    @cached_property
    def repeats(self) -> int:
        """Number of repetitions."""
        return int(self.repeat.max()) + 1

    @cached_property
    def images(self) -> int:
        """Number of images, each counted once however often it was predicted (mean if unequal)."""
        return round(len(self.target) / self.repeats)

    @cached_property
    def labels(self) -> Ints:
        """Stratum of each patient, ``(patients,)``."""
        return rarest_label(self.patient, self.target, self.patients, len(self.classes))

    @cached_property
    def carriers(self) -> Ints:
        """Number of patients that carry each class, ``(k,)``."""
        return carriers_of(self.patient, self.target, len(self.classes))

    def has_rare_class(self, few: int) -> bool:
        """Whether a class occurs, but in fewer than `few` patients."""
        return bool(((self.carriers > 0) & (self.carriers < few)).any())

    @cached_property
    def confusion(self) -> Ints:
        """Counts ``(k, k)``, rows truth, summed over repetitions."""
        return confusion_counts(self.target, self.answer, len(self.classes))

    def rows(self, repeat: int) -> NDArray[np.bool_]:
        """Which rows belong to a repetition, ``(n,)``."""
        chosen: NDArray[np.bool_] = self.repeat == repeat
        return chosen


def folded_levels(
    predictions: Predictions, tree: LabelTree | None
) -> list[tuple[Level, Predictions]]:
    """Return the predictions at their own level and at every coarser one of the tree.

    Classes come in the order of the tree. A level with the same classes as the next coarser one
    is left out. Without a tree there is one level, ``diagnosis``.

    Raises:
        InputError: The classes are at no level of the tree.
    """
    if tree is None:
        return [("diagnosis", predictions)]
    start = next(
        (lv for lv in reversed(LEVELS) if set(predictions.classes) <= set(tree.classes(lv))), None
    )
    if start is None:
        unknown = sorted(set(predictions.classes) - {n for lv in LEVELS for n in tree.classes(lv)})
        what = f"classes {', '.join(unknown) or 'of different levels'} are not in the label tree"
        fix = f"rename the p_<class> columns after {tree.path.name or 'the tree'}, or leave it out"
        raise InputError(Problem(what, fix, predictions.path))
    found: list[tuple[Level, Predictions]] = []
    for level in LEVELS[LEVELS.index(start) :]:
        rows = [tree.classes(start).index(name) for name in predictions.classes]
        matrix = tree.fold(start, level)[rows]
        kept = np.flatnonzero(matrix.sum(axis=0))
        names = [tree.classes(level)[column] for column in kept]
        if len(names) >= 2:
            found.append((level, predictions.folded(matrix[:, kept], names)))
    return found


def repetitions(predictions: Predictions) -> tuple[Ints, tuple[str, ...]]:
    """Tell apart predictions of the same images by several trained models.

    Returns:
        ``(n,)`` numbers and the names of the repetitions; one nameless one when each image occurs
        once. The column ``seed`` tells them apart, else ``run_id``.

    Raises:
        InputError: An image occurs twice and no column tells the two apart.
    """
    frame = predictions.frame
    if not len(frame):
        raise InputError(Problem("has no rows", "give at least one image", predictions.path))
    if not frame["sample_id"].duplicated().any():
        return np.zeros(len(frame), np.int64), ("",)
    for column in ("seed", "run_id"):
        if column in frame.columns and not frame.duplicated(["sample_id", column]).any():
            names = sorted(set(frame[column]))
            place = {name: i for i, name in enumerate(names)}
            return np.array([place[v] for v in frame[column]], np.int64), tuple(names)
    raise InputError(list(_twice(predictions)))


def _twice(predictions: Predictions) -> Sequence[Problem]:
    frame = predictions.frame
    key = ["sample_id", "seed"] if "seed" in frame.columns else ["sample_id"]
    again: pd.Series[bool] = frame.duplicated(key)
    fix = "keep one row an image, or tell models apart in a column seed or run_id"
    return [
        Problem(f"sample {sample!r} stands there twice", fix, predictions.path, line)
        for line, sample in zip(frame.index[again].tolist(), frame["sample_id"][again], strict=True)
    ]
