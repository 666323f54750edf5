"""Which effects are one number: against the printed alias structure of 2^(6-2)."""

from __future__ import annotations

from itertools import product

from skinlab.stats.factors.aliases import alias_table
from skinlab.stats.factors.design import Factor
from skinlab.stats.factors.fractional import fractional_factorial
from skinlab.stats.factors.words import alias_lines, alias_sentence


def columns(rows: list[tuple[int, ...]], names: str) -> list[Factor]:
    return [Factor.of(n, column) for n, column in zip(names, zip(*rows, strict=True), strict=True)]


def grouped(lines: list[str]) -> set[frozenset[str]]:
    return {
        frozenset("".join(sorted(t)) for t in line.replace(" × ", "").split(" = "))
        for line in lines
    }


def test_two_to_the_six_minus_two_has_the_printed_aliases() -> None:
    rows = [tuple(row) for row in fractional_factorial(6).on.astype(int).tolist()]
    table = alias_table(columns(rows, "ABCDEF"))
    assert table.main_effects_are_clear
    printed = ["AB = CE", "AC = BE", "AD = EF", "AE = BC = DF", "AF = DE", "BD = CF", "BF = CD"]
    assert grouped(list(alias_lines(table))) == grouped(printed)  # Montgomery, table 8.14 design f
    assert alias_sentence(table) == (
        "No main effect is aliased with another or with a two-factor interaction; 8 of the 15 "
        "interactions cannot be told from others."
    )


def test_a_full_factorial_has_no_alias() -> None:
    table = alias_table(columns(list(product([0, 1], repeat=3)), "ABC"))
    assert table.aliases == ()
    assert alias_sentence(table).startswith("Nothing is aliased")


def test_a_half_fraction_of_three_mixes_main_effects_with_pairs() -> None:
    table = alias_table(columns([(0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 1)], "ABC"))
    assert not table.main_effects_are_clear
    assert set(alias_lines(table)) == {"C = A × B", "B = A × C", "A = B × C"}
    assert "a main effect is only estimated if there are none" in alias_sentence(table)


def test_a_factor_that_only_varies_beside_another_makes_their_interaction_a_sum() -> None:
    table = alias_table(columns([(0, 0), (1, 0), (1, 1)], "AB"))
    assert list(alias_lines(table)) == ["A × B = - A + B"]


def test_two_factors_that_always_agree_or_always_differ_are_one() -> None:
    same = alias_table(columns([(0, 0), (1, 1), (0, 0)], "AB"))
    assert list(alias_lines(same)) == ["A = B", "A × B = constant"]
    other = alias_table(columns([(0, 1), (1, 0), (0, 1)], "AB"))
    assert list(alias_lines(other)) == ["A = -B", "A × B = constant"]


def test_a_factor_that_does_not_vary_is_left_out() -> None:
    table = alias_table(columns([(0, 0, 1), (1, 0, 0), (0, 0, 0), (1, 0, 1)], "ABC"))
    assert table.factors == ("A", "C")
    assert table.aliases == ()


def test_of_very_many_factors_the_main_effects_only_are_looked_at() -> None:
    names = "ABCDEFGHJKLMNOPQR"
    rows = [tuple(int(i == j) for j in range(17)) for i in range(18)]
    table = alias_table(columns(rows, names))
    assert (len(table.factors), table.interactions, table.aliases) == (17, 0, ())
