"""Settings of a factor table -> what they can and cannot tell: repeats, confounding, efficiency.

Two codings are used. The fitted one keeps numbers as numbers (an effect is per `step`); the
two-level one says of each row whether a factor is off (its lowest or reference level) or on, which
is what cross tables, phi and the comparison with an orthogonal two-level design need.

Sources: Montgomery, Design and Analysis of Experiments, ch. 8 (aliases) and 11 (D-efficiency);
Belsley, Kuh & Welsch (1980) (variance inflation).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ON, OFF = ("on", "o", "yes", "true", "y"), ("off", "x", "no", "false", "n")
FEW_LEVELS = 5


@dataclass(frozen=True, eq=False)
class Factor:
    """One column of settings.

    Attributes:
        name: Of the column.
        levels: Every level that occurs, lowest or reference level first, as text.
        level: ``(n,)`` index of each row's level.
        terms: Names of the columns it has in the model: per smallest step (``brightness per 0.1``),
            per range where a number has more than five levels, or one for each other word.
        columns: ``(n, t)`` of the model; t is 1, or levels - 1 for words.
        on: ``(n,)`` two-level coding: above the lowest (reference) level; above the median where
            a number has more than five levels.
        low: What ``on == False`` means, in words.
        high: What ``on == True`` means, in words.
    """

    name: str
    levels: tuple[str, ...]
    level: NDArray[np.int64]
    terms: tuple[str, ...]
    columns: Floats
    on: NDArray[np.bool_]
    low: str
    high: str

    @classmethod
    def of(cls, name: str, values: Sequence[object]) -> Factor:
        """Read a column: numbers, on/off words (on/off, O/X, yes/no, true/false) or other words.

        The reference of words is ``off``, else the level of the first row.
        """
        texts = [str(value).strip() for value in values]
        numbers = _numbers(texts)
        if numbers is not None:
            return cls._of_numbers(name, numbers)
        levels = tuple(dict.fromkeys(texts))
        if {text.casefold() for text in texts} <= {*ON, *OFF}:
            texts = ["on" if text.casefold() in ON else "off" for text in texts]
            levels = tuple(sorted(set(texts)))  # off before on
        level = np.array([levels.index(text) for text in texts])
        columns = (level[:, None] == np.arange(1, len(levels))).astype(float)
        terms = tuple(f"{name} {word}" for word in levels[1:])
        high = levels[1] if len(levels) == 2 else f"not {levels[0]}"
        return cls(name, levels, level, terms, columns, level > 0, levels[0], high)

    @classmethod
    def _of_numbers(cls, name: str, numbers: Floats) -> Factor:
        found, level = np.unique(numbers, return_inverse=True)
        few = len(found) <= FEW_LEVELS
        gaps = np.diff(found) if len(found) > 1 else np.ones(1)
        whole = float(found[-1] - found[0])
        step = float(f"{gaps.min():.6g}" if few else f"{whole:.2g}")
        cut = found[0] if few else float(np.median(numbers))
        levels = tuple(f"{value:g}" for value in found)
        high = levels[-1] if len(found) == 2 else f"over {cut:g}"
        low = levels[0] if few else f"at most {cut:g}"
        terms = (f"{name} per {step:g}",) if len(found) > 2 else (f"{name} {levels[-1]}",)
        column = (numbers - found[0])[:, None] / step
        return cls(name, levels, level.astype(np.int64), terms, column, numbers > cut, low, high)

    @property
    def varies(self) -> bool:
        """Whether it has two levels or more."""
        return len(self.levels) > 1

    def side(self, rows: NDArray[np.bool_]) -> str:
        """Say which level(s) of one side the rows have: ``0.1``, or ``over 0``."""
        found = sorted(set(self.level[rows].tolist()))
        if len(found) == 1:
            return str(self.levels[found[0]])
        return self.high if bool(self.on[rows].all()) else self.low


def _numbers(texts: Sequence[str]) -> Floats | None:
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return numbers if bool(np.isfinite(numbers).all()) else None


@dataclass(frozen=True)
class PairTable:
    """Two factors against each other, each off or on.

    Attributes:
        first: Name.
        second: Name.
        counts: Rows with (off, off), (off, on), (on, off), (on, on).
        phi: Their correlation, in [-1, 1].
        separating: Labels of the rows in which one is on and the other off.
    """

    first: str
    second: str
    counts: tuple[int, int, int, int]
    phi: float
    separating: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether a cell is empty, so that their interaction cannot be estimated."""
        return 0 in self.counts


@dataclass(frozen=True)
class Held:
    """Factors that do not vary on one side of another factor.

    Attributes:
        factor: Name.
        side: The side's level(s) in words.
        rows: How many rows are on that side.
        constant: Name of each factor held there -> its level(s) there.
    """

    factor: str
    side: str
    rows: int
    constant: dict[str, str]


@dataclass(frozen=True)
class Design:
    """What the settings alone say, before any result.

    Attributes:
        rows: Number of rows.
        factors: Names of the factors that vary.
        fixed: Names of those that do not.
        settings: Number of distinct settings.
        repeats: Labels of the rows of each setting that occurs more than once.
        single: ``factor level`` that stands in one row only.
        pairs: Every two-factor table.
        held: Factors that never vary on one side of another.
        vif: Term -> variance inflation; None where another term says the same.
        aliased: Term -> the terms of which it is an exact combination.
        standard_error_ratio: Term -> how many times the standard error exceeds that of a balanced
            orthogonal two-level design with as many rows; None as for `vif`.
        d_efficiency: Of the two-level coding, ``|X'X/n|**(1/p)`` with the constant; an orthogonal
            design has 1.
    """

    rows: int
    factors: tuple[str, ...]
    fixed: tuple[str, ...]
    settings: int
    repeats: tuple[tuple[str, ...], ...]
    single: tuple[str, ...]
    pairs: tuple[PairTable, ...]
    held: tuple[Held, ...]
    vif: dict[str, float | None]
    aliased: dict[str, tuple[str, ...]]
    standard_error_ratio: dict[str, float | None]
    d_efficiency: float

    @property
    def empty_pairs(self) -> tuple[PairTable, ...]:
        """Two-factor tables with an empty cell."""
        return tuple(pair for pair in self.pairs if pair.empty)


def model_matrix(factors: Sequence[Factor]) -> pd.DataFrame:
    """Return the constant and every term, ``(n, 1 + terms)``."""
    n = len(factors[0].level)
    columns = {"constant": np.ones(n)}
    for factor in factors:
        columns |= dict(zip(factor.terms, factor.columns.T, strict=True))
    return pd.DataFrame(columns)


def setting_of(factors: Sequence[Factor]) -> NDArray[np.int64]:
    """Return a number for each row, the same for rows with the same levels of all factors."""
    levels = np.column_stack([factor.level for factor in factors])
    return np.unique(levels, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def describe(factors: Sequence[Factor], labels: Sequence[str]) -> Design:
    """Describe a design.

    Args:
        factors: Columns of settings; those with one level are named in `fixed` and left out.
        labels: ``(n,)`` names of the rows.

    Raises:
        ValueError: No factor varies.
    """
    varying = [factor for factor in factors if factor.varies]
    if not varying:
        raise ValueError("no factor varies")
    setting = setting_of(varying)
    groups = [np.flatnonzero(setting == s) for s in dict.fromkeys(setting.tolist())]
    matrix = model_matrix(varying)
    aliased = _aliased(matrix)
    on = np.column_stack([np.ones(len(labels)), *(np.where(f.on, 1.0, -1.0) for f in varying)])
    determinant = max(0.0, float(np.linalg.det(on.T @ on / len(labels))))
    vif = {term: _vif(matrix, term) for term in matrix.columns[1:]}
    return Design(
        rows=len(labels),
        factors=tuple(factor.name for factor in varying),
        fixed=tuple(factor.name for factor in factors if not factor.varies),
        settings=len(groups),
        repeats=tuple(tuple(labels[int(i)] for i in g) for g in groups if len(g) > 1),
        single=tuple(
            f"{f.name} {f.levels[i]}"
            for f in varying
            for i, n in enumerate(np.bincount(f.level))
            if n == 1 and len(f.levels) <= FEW_LEVELS
        ),
        pairs=tuple(_pair(a, b, labels) for a, b in combinations(varying, 2)),
        held=tuple(_held(varying)),
        vif=vif,
        aliased=aliased,
        standard_error_ratio={
            term: None if v is None else math.sqrt(v) * _half_range(matrix[term])
            for term, v in vif.items()
        },
        d_efficiency=determinant ** (1 / on.shape[1]),
    )


def _half_range(column: pd.Series[float]) -> float:
    """Return half the range over the SD: 1 for a balanced two-level column, else more."""
    return float((column.max() - column.min()) / 2 / column.std(ddof=0))


def _pair(a: Factor, b: Factor, labels: Sequence[str]) -> PairTable:
    counts = np.bincount(2 * a.on + b.on, minlength=4)
    phi = float(np.corrcoef(a.on, b.on)[0, 1])
    # The rarer kind of rows tells them apart, whether they agree or oppose each other.
    differ = a.on != b.on if phi >= 0 else a.on == b.on
    apart = tuple(labels[int(i)] for i in np.flatnonzero(differ))
    c = [int(count) for count in counts]
    return PairTable(a.name, b.name, (c[0], c[1], c[2], c[3]), phi, apart)


def _held(factors: Sequence[Factor]) -> Iterator[Held]:
    for factor in factors:
        for rows in (~factor.on, factor.on):
            if int(rows.sum()) < 2:
                continue
            others = [f for f in factors if f is not factor and len(set(f.on[rows].tolist())) == 1]
            if others:
                constant = {other.name: other.side(rows) for other in others}
                yield Held(factor.name, factor.side(rows), int(rows.sum()), constant)


def _vif(matrix: pd.DataFrame, term: str) -> float | None:
    """Return 1 / (1 - R2) of a term on the others; None where they say the same."""
    column = matrix[term].to_numpy()
    others = matrix.drop(columns=term).to_numpy()
    residual = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    left, total = float(residual @ residual), float(((column - column.mean()) ** 2).sum())
    return None if left <= 1e-9 * total else total / left


def _aliased(matrix: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return each term that is an exact combination of others, with those it is made of."""
    found = {}
    for term in matrix.columns[1:]:
        if _vif(matrix, term) is not None:
            continue
        others = matrix.drop(columns=term)
        weights = np.linalg.lstsq(others.to_numpy(), matrix[term].to_numpy(), rcond=None)[0]
        named = zip(others.columns, weights, strict=True)
        found[str(term)] = tuple(str(n) for n, w in named if abs(w) > 1e-9 and n != "constant")
    return found
