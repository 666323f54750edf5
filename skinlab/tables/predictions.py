"""One row an image: ids, truth, probabilities; from skinlab's models or anyone's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.tables.text import read_table, write_table

REQUIRED = ("sample_id", "patient_id", "target")
PREFIX = "p_"
TOLERANCE = 1e-4


def image_hash(sample: str, patient: str) -> str:
    """Return 16 hex digits that stand for an image of a patient.

    Both are hashed together: tables of strangers may both count their images from 1.
    """
    return digest(sample, patient)[:16]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities with their truth.

    Attributes:
        frame: ``sample_id, patient_id, target`` and other text columns (``lesion_id``, ``fold``,
            ``seed``, manifest columns), one row an image.
        probabilities: ``(n, k)`` in [0, 1]; rows sum to 1.
        classes: The ``k`` class names, in the order of the columns.
        path: Where it was read from, for messages.
    """

    frame: pd.DataFrame
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    path: Path = Path()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.frame)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a table in this format.

        Raises:
            InputError: Every bad row: not a number, not summing to 1, unknown target.
        """
        frame = read_table(path, REQUIRED)
        columns = [name for name in frame.columns if name.startswith(PREFIX)]
        classes = tuple(name.removeprefix(PREFIX) for name in columns)
        if len(classes) < 2:
            what = f"has {len(classes)} columns of probabilities"
            raise InputError(Problem(what, "name two or more p_<class>", path, 1))
        problems = []
        table = np.zeros((len(frame), len(classes)))
        rows = zip(frame.index, frame["target"], frame[columns].to_numpy(), strict=True)
        for position, (line, target, cells) in enumerate(rows):
            try:
                table[position] = [float(cell) for cell in cells]
            except ValueError:
                problems.append(Problem("a probability is not a number", "", path, int(line)))
                continue
            total = float(table[position].sum())
            if not abs(total - 1) <= TOLERANCE or table[position].min() < 0:
                what = f"probabilities sum to {total:.6g}, or one is negative"
                problems.append(Problem(what, "give softmax outputs", path, int(line)))
            if target not in classes:
                what = f"target {target!r} is none of {', '.join(classes)}"
                problems.append(Problem(what, "name a class", path, int(line)))
        if not len(frame):
            problems.append(Problem("has no rows", "give at least one image", path))
        if problems:
            raise InputError(problems)
        return cls(frame.drop(columns=columns), table, classes, path)

    def save(self, path: Path) -> None:
        """Write the table atomically; floats keep all their digits."""
        columns = {PREFIX + c: self.probabilities[:, i] for i, c in enumerate(self.classes)}
        probabilities = pd.DataFrame(columns, index=self.frame.index)
        write_table(path, pd.concat([self.frame, probabilities], axis=1))

    @cached_property
    def target(self) -> NDArray[np.int64]:
        """Class index of the truth, ``(n,)``."""
        index = {name: i for i, name in enumerate(self.classes)}
        return np.fromiter((index[str(t)] for t in self.frame["target"]), np.int64, len(self))

    @cached_property
    def answer(self) -> NDArray[np.int64]:
        """Class index of the largest probability, ``(n,)``; the first of equals."""
        answer: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return answer

    @cached_property
    def patients(self) -> NDArray[np.int64]:
        """Patient number of each row, ``(n,)``, in order of first appearance.

        A row without a patient takes its lesion, else stands for itself.
        """
        lesions = self.frame.get("lesion_id", pd.Series([""] * len(self), index=self.frame.index))
        rows = zip(self.frame["patient_id"], lesions, self.frame["sample_id"], strict=True)
        keys = [("p", p) if p else ("l", lesion) if lesion else ("i", i) for p, lesion, i in rows]
        numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys], dtype=np.int64)

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """Return the predictions of some rows."""
        return replace(self, frame=self.frame[rows], probabilities=self.probabilities[rows])

    def folded(self, matrix: NDArray[np.float64], classes: Sequence[str]) -> Self:
        """Return the predictions of coarser classes: probabilities and truth summed over leaves.

        Args:
            matrix: ``(k, m)`` of 0/1 from `LabelTree.fold`, rows in the order of `classes` here.
            classes: The ``m`` coarser names.
        """
        coarse = matrix.argmax(axis=1)
        target = [classes[coarse[t]] for t in self.target]
        return replace(
            self,
            frame=self.frame.assign(target=target),
            probabilities=self.probabilities @ matrix,
            classes=tuple(classes),
        )

    @classmethod
    def stacked(cls, parts: Sequence[Self]) -> Self:
        """Return several tables of the same classes below one another (folds, seeds)."""
        classes = parts[0].classes
        if any(part.classes != classes for part in parts):
            raise InputError("predictions with different classes cannot be stacked")
        frame = pd.concat([part.frame for part in parts], ignore_index=True).fillna("")
        return cls(frame, np.vstack([part.probabilities for part in parts]), classes)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of ids, truth and probabilities (to 12 decimals)."""
        cells = [str(v) for name in REQUIRED for v in self.frame[name]]
        numbers = (self.probabilities.round(12) + 0.0).astype("<f8").tobytes()
        return digest(*self.classes, *cells, hashlib.sha256(numbers).hexdigest())
