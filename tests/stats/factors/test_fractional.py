"""Two-level designs against what is printed of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from skinlab.stats.factors.fractional import fractional_factorial, possible_runs

EVERY = [(factors, runs) for factors in range(2, 17) for runs in possible_runs(factors)]

# Word-length patterns (A4, A5, …) of the designs of least aberration: Chen, Sun & Wu (1993),
# International Statistical Review 61:131, tables 2 and 3.
PRINTED = {
    (6, 16): {4: 3},
    (7, 16): {4: 7},
    (8, 16): {4: 14, 8: 1},
    (6, 32): {6: 1},
    (7, 32): {4: 1, 5: 2},
    (8, 32): {4: 3, 5: 4},
    (9, 32): {4: 6, 5: 8, 8: 1},
    (10, 32): {4: 10, 5: 16, 8: 5},
    (11, 32): {4: 25, 6: 27, 8: 10, 10: 1},
}


@pytest.mark.parametrize(("factors", "runs"), PRINTED)
def test_the_words_are_as_long_as_those_printed(factors: int, runs: int) -> None:
    assert fractional_factorial(factors, runs).word_lengths == PRINTED[factors, runs]


@pytest.mark.parametrize(("factors", "runs"), EVERY)
def test_main_effects_are_orthogonal_to_each_other_and_to_all_pairs(
    factors: int, runs: int
) -> None:
    design = fractional_factorial(factors, runs)
    signs = np.where(design.on, 1, -1)
    assert signs.shape == (runs, factors)
    assert len(np.unique(signs, axis=0)) == runs
    assert not signs.sum(axis=0).any()
    assert (signs.T @ signs == runs * np.eye(factors)).all()
    if factors > 2:
        pairs = np.column_stack(
            [signs[:, a] * signs[:, b] for a, b in combinations(range(factors), 2)]
        )
        assert not (signs.T @ pairs).any()
    assert design.resolution == 0 or design.resolution >= 4


def test_six_factors_take_sixteen_runs_with_the_printed_generators() -> None:
    design = fractional_factorial(6)
    assert design.on.shape == (16, 6)
    assert design.resolution == 4
    assert design.generators == {4: (0, 1, 2), 5: (1, 2, 3)}  # E = ABC, F = BCD


def test_the_smallest_design_of_each_number_of_factors_is_that_of_the_table() -> None:
    smallest = [len(fractional_factorial(factors).on) for factors in range(2, 17)]
    assert smallest == [4, 8, 8, 16, 16, 16, 16, *[32] * 8]


@pytest.mark.parametrize("factors", [1, 17])
def test_more_factors_than_the_tables_have_are_refused(factors: int) -> None:
    with pytest.raises(ValueError, match="2 to 16"):
        fractional_factorial(factors)


def test_runs_without_resolution_four_are_refused_with_those_that_have_it() -> None:
    with pytest.raises(ValueError, match="6 factors in 8 runs: use 16 or 32 or 64 runs"):
        fractional_factorial(6, 8)
