"""Every probe exists, finds in a run that has it, and is MISSING in one that has not."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
from probe_expectations import EXPECTED
from run_samples import bare, full

from skinlab.reporting.answer import Found, Missing
from skinlab.reporting.checklist import (
    PROBES,
    STANDARDS,
    Standard,
    fill,
    markdown,
    probe,
    read_standard,
)
from skinlab.reporting.evidence import Evidence

WRITTEN = {
    f"{prefix}.{name}"
    for prefix, module in PROBES.items()
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
}


@pytest.fixture(scope="module")
def knows_all(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return full(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def knows_nothing(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return bare(tmp_path_factory.mktemp("bare"))


def test_every_probe_is_named_by_a_standard_and_has_an_expectation() -> None:
    named = {p for s in STANDARDS for item in read_standard(s).items for p in item.probes}
    assert named == WRITTEN == set(EXPECTED)


def test_a_probe_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        probe("data.nothing")
    with pytest.raises(KeyError):
        probe("data._manifest")


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_probe_finds_what_a_run_has_and_says_where(name: str, knows_all: Evidence) -> None:
    answer = probe(name)(knows_all)
    assert isinstance(answer, Found), answer
    assert EXPECTED[name] in answer.text
    assert answer.place


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_probe_is_missing_in_a_run_that_has_it_not(name: str, knows_nothing: Evidence) -> None:
    answer = probe(name)(knows_nothing)
    assert isinstance(answer, Missing)
    assert len(answer.todo) > 10


@pytest.mark.parametrize("standard", STANDARDS)
def test_items_have_ids_of_their_own_and_something_to_answer_them(standard: Standard) -> None:
    items = read_standard(standard).items
    assert len({item.id for item in items}) == len(items)
    for item in items:
        assert item.probes or item.statements, item.id
        assert item.question.endswith("?"), item.id


@pytest.mark.parametrize("standard", STANDARDS)
def test_a_bare_run_is_missing_throughout_and_nothing_is_answered_by_yes(
    standard: Standard, knows_nothing: Evidence, knows_all: Evidence
) -> None:
    assert {filled.state for filled in fill(knows_nothing, standard).items} == {"MISSING"}
    for filled in fill(knows_all, standard).items:
        for answer in (*filled.found, *filled.stated):
            assert answer.text.strip().lower() not in {"yes", "true", "done"}


def test_what_authors_state_is_theirs_and_never_reported_as_seen(knows_all: Evidence) -> None:
    said = replace(knows_all, statements={"ethics": "承認 1 | 2", "protocol": "doi"})
    states = {f.item.id: f for f in fill(said, "claim").items}
    assert states["claim-ethics"].state == "stated"
    assert states["claim-ethics"].stated[0].text == "Stated by the authors: 承認 1 | 2"
    assert states["claim-protocol"].state == "partly"
    assert states["claim-funding"].state == "MISSING"
    assert states["claim-split"].state == "reported"
    assert "承認 1 \\| 2" in markdown(fill(said, "claim"))


def test_the_file_says_that_numbering_is_to_be_compared(knows_all: Evidence) -> None:
    text = markdown(fill(knows_all, "tripod-ai"))
    assert "compare numbering" in text
    assert "**MISSING**: write `ethics: ...` into statements.yaml" in text
    rows = [line for line in text.splitlines() if line.startswith("| tripod-")]
    assert len(rows) == len(read_standard("tripod-ai").items)
