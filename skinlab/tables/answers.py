"""Readers' answers: one row a reader and a case, checked at the door."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.text import read_table

REQUIRED = ("reader", "sample_id", "answer")
NUMBERS = {"confidence": (0.0, 1.0), "seconds": (0.0, float("inf"))}


@dataclass(frozen=True, eq=False)
class Answers:
    """What people answered to photographs.

    Attributes:
        frame: ``reader, sample_id, answer`` and, where known, ``confidence`` (0 to 1),
            ``seconds``, ``group`` (such as years of experience). All text; the index is the line
            of the file. An empty ``answer`` is a case that the reader left out.
        path: Where it was read from, for messages.
    """

    frame: pd.DataFrame
    path: Path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a table.

        Raises:
            InputError: Every row without reader or case, answered twice, or with a bad number.
        """
        answers = cls(read_table(path, REQUIRED), path)
        if problems := list(answers.problems()):
            raise InputError(problems)
        return answers

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the table itself."""
        if not len(self.frame):
            yield Problem("has no rows", "give one row a reader and case", self.path)
        first: dict[tuple[str, str], int] = {}
        for line, reader, sample in zip(
            self.frame.index.tolist(), self.frame["reader"], self.frame["sample_id"], strict=True
        ):
            if not reader or not sample:
                what = f"{'reader' if not reader else 'sample_id'} is blank"
                yield Problem(what, "say who answered to which case", self.path, line)
            elif (before := first.setdefault((reader, sample), line)) != line:
                what = f"reader {reader!r} answered {sample!r} in line {before} already"
                yield Problem(what, "keep one answer a reader and case", self.path, line)
        yield from self._bad_numbers()

    def _bad_numbers(self) -> Iterator[Problem]:
        for name in NUMBERS.keys() & set(self.frame.columns):
            low, high = NUMBERS[name]
            for line, text in zip(self.frame.index.tolist(), self.frame[name], strict=True):
                try:
                    good = not text or low <= float(text) <= high
                except ValueError:
                    good = False
                if not good:
                    fix = "give 0 to 1" if name == "confidence" else "give seconds, 0 or more"
                    yield Problem(f"{name} is {text!r}", fix, self.path, line)

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of the readers, R2 before R10, whatever the order of the rows."""
        return tuple(sorted(set(self.frame["reader"]), key=_counting))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Return the answers with other case ids, such as the pseudonyms of a run's tables."""
        renamed = [names.get(sample, sample) for sample in self.frame["sample_id"]]
        return replace(self, frame=self.frame.assign(sample_id=renamed))


def _counting(name: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
