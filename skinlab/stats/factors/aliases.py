"""Settings, before any training -> which effects their results will not be able to tell apart.

Main effects and two-factor interactions are the columns of a two-level model. Taken in this order,
a column that is an exact combination of earlier ones is *aliased* with them: whatever is estimated
for those contains it. Source: Montgomery, Design and Analysis of Experiments, ch. 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from skinlab.stats.factors.design import Factor, Floats

MOST = 16
Term = tuple[str, ...]  # one factor, or the two of an interaction


@dataclass(frozen=True)
class Alias:
    """An effect that cannot be estimated by itself.

    Attributes:
        term: Its factor, or the two of an interaction.
        equals: Effects that it is the sum of, each with its weight; the constant is left out.
    """

    term: Term
    equals: tuple[tuple[Term, float], ...]


@dataclass(frozen=True)
class AliasTable:
    """All aliases of a design.

    Attributes:
        factors: Names of those that vary.
        interactions: Number of two-factor interactions; 0 where they were not looked at.
        aliases: Main effects first.
    """

    factors: tuple[str, ...]
    interactions: int
    aliases: tuple[Alias, ...]

    @property
    def main_effects_are_clear(self) -> bool:
        """Whether no main effect is mixed with another one or with a two-factor interaction."""
        return not any(
            len(term) == 1
            for alias in self.aliases
            for term in (alias.term, *(other for other, _ in alias.equals))
        )


def alias_table(factors: Sequence[Factor]) -> AliasTable:
    """Find every main effect and two-factor interaction that earlier ones make up exactly.

    Args:
        factors: Columns of settings, in their two-level coding; those of one level are left out.
            Of more than `MOST` the main effects only are looked at.
    """
    varying = [factor for factor in factors if factor.varies]
    columns: dict[Term, Floats] = {
        (factor.name,): np.where(factor.on, 1.0, -1.0) for factor in varying
    }
    pairs = list(combinations(columns, 2)) if len(columns) <= MOST else []
    columns |= {(*a, *b): columns[a] * columns[b] for a, b in pairs}
    free: dict[Term, Floats] = {}
    found = []
    for term, column in columns.items():
        weights = _made_of(column, free)
        if weights is None:
            free[term] = column
        else:
            found.append(Alias(term, weights))
    return AliasTable(tuple(f.name for f in varying), len(pairs), tuple(found))


def _made_of(column: Floats, free: dict[Term, Floats]) -> tuple[tuple[Term, float], ...] | None:
    """Return the weights of the free columns that make up this one, None where they do not."""
    matrix = np.column_stack([np.ones(len(column)), *free.values()])
    weights = np.linalg.lstsq(matrix, column, rcond=None)[0]
    if float(np.abs(column - matrix @ weights).max()) > 1e-9:
        return None
    named = zip(free, weights[1:], strict=True)
    return tuple((term, round(float(w), 9)) for term, w in named if abs(w) > 1e-9)
