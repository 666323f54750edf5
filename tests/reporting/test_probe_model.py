"""What looks like an answer and is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from run_samples import full

from skinlab.reporting import probe_model
from skinlab.reporting.answer import Found, Missing
from skinlab.reporting.evidence import Evidence


@pytest.fixture
def run(tmp_path: Path) -> Evidence:
    return full(tmp_path)


def test_a_changed_checkout_is_not_the_code_of_its_commit(run: Evidence) -> None:
    dirty = replace(run, provenance=run.provenance | {"git": {"commit": "abc", "dirty": True}})
    assert isinstance(probe_model.code(dirty), Missing)


def test_one_seed_says_nothing_about_the_spread(run: Evidence) -> None:
    assert isinstance(probe_model.seeds(replace(run, config=run.config | {"seeds": [0]})), Missing)


def test_seeds_whose_spread_no_report_holds_are_missing(run: Evidence) -> None:
    assert isinstance(probe_model.seeds(replace(run, reports={})), Missing)


def test_a_file_of_weights_is_named_without_its_folder(run: Evidence) -> None:
    config = run.config | {"model": {"weights": "/home/someone/resnet.pth"}}
    named = {"params": {"model.weights": "resnet.pth"}}
    answer = probe_model.initialization(
        replace(run, config=config, provenance=run.provenance | named)
    )
    assert isinstance(answer, Found)
    assert "the file resnet.pth" in answer.text
    assert "someone" not in answer.text
