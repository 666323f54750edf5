"""What looks like an answer and is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from run_samples import full

from skinlab.reporting import probe_data
from skinlab.reporting.answer import Found, Missing
from skinlab.reporting.evidence import Evidence


@pytest.fixture
def run(tmp_path: Path) -> Evidence:
    return full(tmp_path)


def but(run: Evidence, **columns: str) -> Evidence:
    assert run.manifest is not None
    changed = run.manifest
    for name, value in columns.items():
        changed = changed.with_column(name, [value] * len(changed))
    return replace(run, manifest=changed)


def test_a_manifest_that_changed_answers_nothing(run: Evidence) -> None:
    gone = replace(run, manifest=None, why_no_manifest="it changed since the run was made")
    for probe in (probe_data.flow, probe_data.split, probe_data.sex, probe_data.licence):
        answer = probe(gone)
        assert isinstance(answer, Missing)
        assert "changed since" in answer.todo


def test_a_split_without_patients_is_not_called_disjoint_by_patient(run: Evidence) -> None:
    blind = but(run, patient_id="")
    answer = probe_data.split(blind)
    assert isinstance(answer, Found)
    assert "not proven to be disjoint by patient" in answer.text
    assert isinstance(probe_data.level_of_split(blind), Missing)


def test_a_patient_in_two_splits_is_no_answer(run: Evidence) -> None:
    torn = but(run, patient_id="p1")
    assert isinstance(probe_data.split(torn), Missing)
    assert isinstance(probe_data.level_of_split(torn), Missing)


def test_duplicates_across_splits_are_no_answer(run: Evidence) -> None:
    answer = probe_data.duplicates(but(run, duplicate_group="g1"))
    assert answer == Missing("1 near-duplicate groups are in two splits: split again")


def test_not_stated_in_the_card_is_missing(run: Evidence) -> None:
    answer = probe_data.licence(replace(run, card="- Licence: not stated\n"))
    assert isinstance(answer, Missing)
