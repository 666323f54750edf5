"""Cells of a column -> groups: decades, skin types, words; what is missing is a group too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinlab.stats.subgroups.bands import MISSING, Column, grouped, in_order
from skinlab.tables.errors import InputError


def test_ages_are_put_into_decades() -> None:
    assert grouped(Column("age"), ["39", "40", "49.9", "", "100"]) == (
        *("30-39", "40-49", "40-49", MISSING, "100-109"),
    )


def test_given_edges_cut_where_they_say_and_belong_above() -> None:
    column = Column.parse("age:40:60")
    groups = grouped(column, ["39.9", "40", "59", "60", "80", "unknown"])
    assert groups == (
        *("under 40", "40 to under 60", "40 to under 60"),
        *("60 and over", "60 and over", MISSING),
    )
    assert in_order(groups) == ["under 40", "40 to under 60", "60 and over", MISSING]


def test_skin_types_have_one_spelling_and_their_order() -> None:
    cells = ["3", "III", "type 1", "Fitzpatrick VI", "2.0", "dark", "NA"]
    groups = grouped(Column("skin_type"), cells)
    assert groups == ("III", "III", "I", "VI", "II", "dark", MISSING)
    assert in_order(groups) == ["I", "II", "III", "VI", "dark", MISSING]


def test_words_and_few_numbers_stay_as_they_are() -> None:
    assert grouped(Column("sex"), ["female", "male", "?"]) == ("female", "male", MISSING)
    assert grouped(Column("center"), ["1", "2", "10"]) == ("1", "2", "10")
    assert in_order(["10", "1", "2", MISSING, "10"]) == ["1", "2", "10", MISSING]


def test_measurements_are_cut_at_their_quartiles() -> None:
    groups = grouped(Column("depth"), [str(n) for n in range(1, 21)])
    assert sorted(set(groups)) == sorted(
        ["under 5", "5 to under 10", "10 to under 15", "15 and over"]
    )


def test_a_column_that_was_never_filled_is_all_missing() -> None:
    assert grouped(Column("sex"), ["", "unknown"]) == (MISSING, MISSING)
    assert grouped(Column.parse("age:40"), ["", ""]) == (MISSING, MISSING)


@pytest.mark.parametrize("word", ["patient_id", "sample_id", "image_path", "", "target", "p_x"])
def test_what_names_a_person_or_file_is_no_subgroup(word: str) -> None:
    with pytest.raises(InputError, match="holds no groups of people"):
        Column.parse(word)


@pytest.mark.parametrize("word", ["age:x", "age:60:40", "age:40:40", "age:", "age:nan"])
def test_edges_that_do_not_rise_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="has edges that are not; write age:40:60:75"):
        Column.parse(word)


def test_words_where_edges_ask_for_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="sex holds 'female', no number"):
        grouped(Column.parse("sex:1:2"), ["female"])


def test_names_of_people_in_a_column_are_too_many_values() -> None:
    with pytest.raises(InputError, match="operator has 41 different values"):
        grouped(Column("operator"), [f"Dr {n}" for n in range(41)])


@given(st.lists(st.floats(0, 120), min_size=1), st.lists(st.integers(1, 119), unique=True))
def test_every_age_has_exactly_one_band(ages: list[float], edges: list[int]) -> None:
    column = Column("age", tuple(sorted(map(float, edges))))
    groups = grouped(column, [str(age) for age in ages])
    assert MISSING not in groups
    again = grouped(column, [str(age) for age in ages])
    assert groups == again
    assert sorted(in_order(groups)) == sorted(set(groups))
