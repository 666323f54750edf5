"""A column of text -> the group of each row: words as they are, ages by decade, skin types I-VI.

A cell that is empty or says "unknown" in one of its ways belongs to the group ``missing``: what is
not known of a patient is often not missing by chance.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinlab.stats.counts import Floats
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.manifest import missing_word
from skinlab.tables.predictions import PREFIX

MISSING = "missing"
ROMAN = ("I", "II", "III", "IV", "V", "VI")
# More different numbers than this are measurements, not codes, and are put into bands.
CODES = 10
MOST_GROUPS = 40
NOT_GROUPS = frozenset(
    {"sample_id", "patient_id", "lesion_id", "video_id", "image_path", "mask_path", "target"}
    | {"sha256", "duplicate_group", "seed", "fold", "run_id"}
)


@dataclass(frozen=True)
class Column:
    """A column whose values are evaluated apart.

    Attributes:
        name: Of the column.
        edges: Where numbers are cut, rising; empty: by decade (``age``) or at the quartiles.
    """

    name: str
    edges: tuple[float, ...] = ()

    @classmethod
    def parse(cls, word: str) -> Column:
        """Read ``sex`` or, with edges, ``age:40:60:75``.

        Raises:
            InputError: An identifier, or edges that are no rising numbers.
        """
        name, *rest = word.strip().split(":")
        try:
            edges = tuple(float(edge) for edge in rest)
        except ValueError:
            edges = (math.nan,)
        if not all(a < b for a, b in itertools.pairwise((*edges, math.inf))):
            fix = f"write {name}:40:60:75, rising numbers"
            raise InputError(Problem(f"subgroups: {word!r} has edges that are not", fix))
        if not name or name in NOT_GROUPS or name.startswith(PREFIX):
            fix = "name a column such as sex, age, site, skin_type, device or label_source"
            raise InputError(Problem(f"subgroups: {name!r} holds no groups of people", fix))
        return cls(name, edges)


def grouped(column: Column, values: Sequence[str]) -> tuple[str, ...]:
    """Return the group of each row.

    Args:
        column: Name and edges.
        values: Its cells.

    Raises:
        InputError: Edges for a column of words; or too many different words to be groups.
    """
    cells = ["" if missing_word(value) else value.strip() for value in values]
    known = [cell for cell in cells if cell]
    if column.name == "skin_type":
        return tuple(_skin_type(cell) if cell else MISSING for cell in cells)
    numbers = [_number(cell) for cell in known]
    numeric = bool(known) and not any(map(math.isnan, numbers))
    if column.edges and not numeric and known:
        word = next(c for c, n in zip(known, numbers, strict=True) if math.isnan(n))
        fix = f"leave the edges out, or give numbers in {column.name}"
        raise InputError(Problem(f"subgroups: {column.name} holds {word!r}, no number", fix))
    if numeric and (column.edges or column.name == "age" or len(set(numbers)) > CODES):
        edges = np.asarray(column.edges or _own_edges(column.name, numbers))
        return tuple(_band(float(cell), edges, column) if cell else MISSING for cell in cells)
    if len(set(known)) > MOST_GROUPS:
        what = f"subgroups: {column.name} has {len(set(known))} different values"
        raise InputError(Problem(what, "put them into groups first"))
    return tuple(cell or MISSING for cell in cells)


def in_order(groups: Sequence[str]) -> list[str]:
    """Return the different groups, numbers and skin types by size, ``missing`` last."""

    def place(group: str) -> tuple[bool, float, int, str]:
        found = re.search(r"-?\d+(\.\d+)?", group)
        number = float(found.group()) if found else math.inf
        roman = ROMAN.index(group) if group in ROMAN else len(ROMAN)
        if group.startswith("under "):
            number -= 0.5
        return group == MISSING, number, roman, group

    return sorted(set(groups), key=place)


def _skin_type(cell: str) -> str:
    """Return I-VI for 1-6, ``Type 2``, ``ii``; anything else stays as it is."""
    word = re.sub(r"(?i)^(fitzpatrick|fst|type|\s|[-_])+", "", cell).strip().upper()
    number = _number(word)
    if number in range(1, 7):
        return ROMAN[int(number) - 1]
    return word if word in ROMAN else cell


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _own_edges(name: str, numbers: Sequence[float]) -> list[float]:
    if name == "age":
        lowest, highest = math.floor(min(numbers) / 10), math.floor(max(numbers) / 10)
        return [10.0 * decade for decade in range(lowest + 1, highest + 1)]
    quartiles = np.quantile(numbers, [0.25, 0.5, 0.75], method="inverted_cdf")
    return sorted(set(quartiles.tolist()))


def _band(number: float, edges: Floats, column: Column) -> str:
    """Return ``40-49`` (ages), ``under 40``, ``40 to under 60`` or ``75 and over``."""
    place = int(np.searchsorted(edges, number, "right"))
    if not column.edges and column.name == "age":
        decade = 10 * math.floor(number / 10)
        return f"{decade}-{decade + 9}"
    if not len(edges):
        return f"{number:g}"
    if place == 0:
        return f"under {edges[0]:g}"
    if place == len(edges):
        return f"{edges[-1]:g} and over"
    return f"{edges[place - 1]:g} to under {edges[place]:g}"
