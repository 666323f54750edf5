"""Number of two-level factors -> runs that tell every main effect from all two-factor interactions.

Generators: Box & Hunter (1961) Technometrics 3:311 as printed in Montgomery, Design and Analysis of
Experiments, table 8.14; from 12 factors on, columns of odd words in 32 runs, which always have
resolution IV. Resolution and word lengths are computed from the defining relation, never looked up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

LETTERS = "ABCDEFGHJKLMNOPQ"  # statisticians leave out I, which is the constant
MOST = len(LETTERS)
# (factors, runs) -> each further factor as a product of the basic ones, which come first.
GENERATORS: dict[tuple[int, int], str] = {
    (4, 8): "ABC",
    (5, 16): "ABCD",
    (6, 16): "ABC BCD",
    (6, 32): "ABCDE",
    (7, 16): "ABC BCD ACD",
    (7, 32): "ABCD ABDE",
    (7, 64): "ABCDEF",
    (8, 16): "BCD ACD ABC ABD",
    (8, 32): "ABC ABD BCDE",
    (8, 64): "ABCD ABEF",
    (9, 32): "BCDE ACDE ABDE ABCE",
    (9, 64): "ABCD ACEF CDEF",
    (10, 32): "ABCD ABCE ABDE ACDE BCDE",
    (10, 64): "BCDF ACDF ABDE ABCE",
    (11, 32): "ABC BCD CDE ACD ADE BDE",
    (11, 64): "CDE ABCD ABF BDEF ADEF",
}
ODD = ("".join(word) for word in combinations("ABCDE", 3))
ODD_WORDS = (*ODD, "ABCDE")


@dataclass(frozen=True, eq=False)
class Fractional:
    """A regular two-level design.

    Attributes:
        on: ``(runs, factors)`` in standard order: the first factor changes every run.
        generators: Number of each factor beyond the basic ones -> numbers of the factors whose
            product it is.
        resolution: Length of the shortest defining word; 0 for a full factorial, which has none.
        word_lengths: Length -> how many words of the defining relation have it.
    """

    on: NDArray[np.bool_]
    generators: dict[int, tuple[int, ...]]
    resolution: int
    word_lengths: dict[int, int]


def possible_runs(factors: int) -> tuple[int, ...]:
    """Return the numbers of runs for which a design of resolution IV or more is known, ascending.

    Raises:
        ValueError: Fewer than 2 or more than 16 factors.
    """
    if not 2 <= factors <= MOST:
        raise ValueError(f"{factors} factors: a two-level design here has 2 to {MOST}")
    found = {runs for (number, runs) in GENERATORS if number == factors}
    if factors > 11:
        found.add(32)
    if factors <= 8:
        found.add(2**factors)
    return tuple(sorted(found))


def fractional_factorial(factors: int, runs: int = 0) -> Fractional:
    """Return the design of least aberration that is printed for so many factors and runs.

    Args:
        factors: 2 to 16.
        runs: A power of 2; 0 takes the smallest design of resolution IV or more.

    Raises:
        ValueError: No such design.
    """
    known = possible_runs(factors)
    runs = runs or known[0]
    if runs not in known:
        raise ValueError(
            f"{factors} factors in {runs} runs: use {' or '.join(map(str, known))} runs"
        )
    basic = runs.bit_length() - 1
    words = GENERATORS.get((factors, runs), "").split() or list(ODD_WORDS[: factors - basic])
    generators = {
        basic + i: tuple(LETTERS.index(letter) for letter in word) for i, word in enumerate(words)
    }
    sign = 2 * ((np.arange(runs)[:, None] >> np.arange(basic)) & 1) - 1
    columns = [sign[:, i] for i in range(basic)]
    columns += [sign[:, list(made_of)].prod(axis=1) for made_of in generators.values()]
    lengths = _word_lengths(generators)
    resolution = min(lengths, default=0)
    return Fractional(np.column_stack(columns) > 0, generators, resolution, lengths)


def _word_lengths(generators: dict[int, tuple[int, ...]]) -> dict[int, int]:
    """Return how long the words of the defining relation are: all products of the generators."""
    words = [{factor, *made_of} for factor, made_of in generators.items()]
    lengths: Counter[int] = Counter()
    for size in range(1, len(words) + 1):
        for some in combinations(words, size):
            product: set[int] = set()
            for word in some:
                product ^= word
            lengths[len(product)] += 1
    return dict(sorted(lengths.items()))
