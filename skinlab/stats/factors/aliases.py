"""Settings, before any training -> which effects their results will not be able to tell apart.

Main effects and two-factor interactions are the columns of a two-level model. Taken in this order,
a column that is an exact combination of earlier ones is *aliased* with them: whatever is estimated
for those contains it. Source: Montgomery, Design and Analysis of Experiments, ch. 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from skinlab.stats.factors.design import Factor, Floats
from skinlab.stats.factors.words import short

Term = tuple[str, ...]  # one factor, or the two of an interaction


@dataclass(frozen=True)
class Alias:
    """An effect that cannot be estimated by itself.

    Attributes:
        term: Its factor, or the two of an interaction.
        equals: Effects that it is the sum of -> weight of each; the constant is left out.
    """

    term: Term
    equals: dict[Term, float]


@dataclass(frozen=True)
class AliasTable:
    """All aliases of a design.

    Attributes:
        factors: Names of those that vary.
        interactions: Number of two-factor interactions.
        aliases: Main effects first.
    """

    factors: tuple[str, ...]
    interactions: int
    aliases: tuple[Alias, ...]

    @property
    def main_effects_are_clear(self) -> bool:
        """Whether no main effect is mixed with another one or with a two-factor interaction."""
        return not any(
            len(term) == 1 for alias in self.aliases for term in (alias.term, *alias.equals)
        )


def alias_table(factors: Sequence[Factor]) -> AliasTable:
    """Find every main effect and two-factor interaction that earlier ones make up exactly.

    Args:
        factors: Columns of settings, in their two-level coding; those of one level are left out.
    """
    varying = [factor for factor in factors if factor.varies]
    columns: dict[Term, Floats] = {
        (factor.name,): np.where(factor.on, 1.0, -1.0) for factor in varying
    }
    pairs = list(combinations(columns, 2))
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


def _made_of(column: Floats, free: dict[Term, Floats]) -> dict[Term, float] | None:
    """Return the weights of the free columns that make up this one, None where they do not."""
    matrix = np.column_stack([np.ones(len(column)), *free.values()])
    weights = np.linalg.lstsq(matrix, column, rcond=None)[0]
    if float(np.abs(column - matrix @ weights).max()) > 1e-9:
        return None
    named = zip(free, weights[1:], strict=True)
    return {term: round(float(w), 9) for term, w in named if abs(w) > 1e-9}


def alias_lines(table: AliasTable) -> Iterator[str]:
    """Yield the alias table: effects that are equal stand in one line, sums in one each."""
    equal: dict[Term, list[str]] = {}
    sums = []
    for alias in table.aliases:
        if len(alias.equals) == 1 and abs(next(iter(alias.equals.values()))) == 1:
            (first, weight), *_ = alias.equals.items()
            equal.setdefault(first, []).append(("-" if weight < 0 else "") + _name(alias.term))
        elif alias.equals:
            sums.append(f"{_name(alias.term)} = {_sum(alias.equals)}")
        else:
            sums.append(f"{_name(alias.term)} = constant")
    for first, others in equal.items():
        yield " = ".join([_name(first), *others])
    yield from sums


def alias_sentence(table: AliasTable) -> str:
    """Say in one sentence what the alias table means."""
    mixed = sum(len(alias.term) == 2 for alias in table.aliases)
    if not table.aliases:
        return "Nothing is aliased: every main effect and two-factor interaction can be estimated."
    if table.main_effects_are_clear:
        return (
            "No main effect is aliased with another or with a two-factor interaction; "
            f"{mixed} of the {table.interactions} interactions equal others."
        )
    return (
        f"{mixed} of the {table.interactions} two-factor interactions are sums of main effects and "
        "of other interactions: a main effect is only estimated if there are none."
    )


def _name(term: Term) -> str:
    return " × ".join(map(short, term))


def _sum(weights: dict[Term, float]) -> str:
    words = ""
    for term, weight in weights.items():
        sign = "- " if weight < 0 else "+ " if words else ""
        size = "" if abs(weight) == 1 else f"{abs(weight):g} "
        words += f"{' ' if words else ''}{sign}{size}{_name(term)}"
    return words
