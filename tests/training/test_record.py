"""Whatever ends a run, its journal says how, and what it was made of names no place."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import Tiny

from skinlab.config import TrackingSpec
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.text import read_table, write_table
from skinlab.training.callbacks import Pruned, Signals, Stopped
from skinlab.training.prepare import prepare
from skinlab.training.record import (
    Place,
    Session,
    UnforeseenError,
    begin,
    check_same,
    lifecycle,
    list_patients,
)
from skinlab.training.tracking import Mirror
from skinlab.workspace import Run, Workspace

NAMED = "/home/山田太郎/a.jpg"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    workspace = Workspace(tmp_path / "workspace")
    return Session(workspace, Mirror(TrackingSpec(enabled=False), workspace), Signals())


def _ended(session: Session, error: BaseException | None, expected: type[BaseException]) -> Run:
    run = Run(session.workspace.runs / "x" / "fit")
    run.begin({"uid": "1", "params": {"data.batch_size": 32, "data.image_size": 224}}, "")
    with pytest.raises(expected), lifecycle(run, session):
        raise error if error is not None else expected
    assert run.events()[0]["event"] == "started"
    return run


def test_a_run_that_ends_well_is_finished(session: Session) -> None:
    run = Run(session.workspace.runs / "x" / "fit")
    states = []
    with run.owner(), lifecycle(run, session):
        states.append(run.state)
    assert [*states, run.state] == ["running", "finished"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (Stopped(signal.SIGTERM), "stopped", "stopped by SIGTERM"),
        (RunError("val/loss is NaN"), "failed", "val/loss is NaN"),
        (InputError("bad row"), "failed", "bad row"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
    ],
)
def test_a_run_that_ends_otherwise_says_why(
    session: Session, error: BaseException, state: str, reason: str
) -> None:
    run = _ended(session, error, type(error))
    assert run.state == state
    assert run.events()[-1]["reason"].startswith(reason)
    assert "山田太郎" not in run.journal.read_text()


def _fail() -> None:
    try:
        raise KeyError(NAMED)
    except KeyError as error:
        raise ValueError(NAMED) from error


def test_what_nobody_foresaw_leaves_its_place_in_the_log_and_no_name(session: Session) -> None:
    run = Run(session.workspace.runs / "x" / "fit")
    run.begin({"params": {}}, "name: x\n")
    inner = Run(run.folder / "seed0")
    inner.begin({"params": {}}, "name: x\n")
    with pytest.raises(UnforeseenError) as end, lifecycle(run, session), lifecycle(inner, session):
        _fail()
    log = inner.folder / "log.txt"
    assert str(end.value) == f"ValueError: {NAMED}; the details are in {log}"  # on a terminal only
    text = log.read_text(encoding="utf-8")
    assert text.index("builtins.ValueError at\n") < text.index("builtins.KeyError at\n")
    assert text.count("test_record.py") >= 2
    for each in (run, inner):
        assert each.state == "failed"
        assert each.events("failed")[0]["reason"] == "ValueError"
    written = [path.read_text() for path in run.folder.rglob("*") if path.is_file()]
    assert not any(NAMED in text for text in written)


def test_a_pruned_trial_is_finished_and_says_so(session: Session) -> None:
    run = _ended(session, Pruned("below the median"), Pruned)
    assert run.state == "finished"
    assert run.events()[-1]["state"] == "pruned"


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, MemoryError])
def test_out_of_memory_names_the_sizes_and_what_to_lower(
    session: Session, kind: type[Exception]
) -> None:
    run = _ended(session, kind("CUDA out of memory. Tried to allocate 2 GiB"), RunError)
    reason = run.events("failed")[0]["reason"]
    sizes = "data.batch_size 32 and data.image_size 224"
    assert reason == f"out of memory with {sizes}; lower one of them"


def test_what_a_run_is_made_of_names_no_place_of_this_machine(tiny: Tiny, tmp_path: Path) -> None:
    weights = tmp_path / "山田" / "mine.safetensors"
    config = tiny.but(data__root=tiny.workspace.root_of(Path(tiny.config.data.manifest)).as_posix())
    config = replace(config, model=replace(config.model, weights=str(weights)))
    prepared = prepare(config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    begin(run, config, prepared, Place(run, tags=(("seed", "0"),)), "fit")
    made_of = run.provenance
    assert made_of["params"]["model.weights"] == "mine.safetensors"
    assert made_of["tags"]["seed"] == "0"
    assert made_of["fingerprints"] == prepared.fingerprints
    assert [data["context"] for data in made_of["datasets"]] == ["train", "val", "test"]
    text = json.dumps(made_of, ensure_ascii=False)
    assert str(tmp_path) not in text
    assert "山田" not in text


def test_a_run_goes_on_with_the_data_it_began_with_and_no_other(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    for _ in range(2):  # the second time is a resume
        begin(run, tiny.config, prepared, Place(run), "fit")
    first = run.provenance
    path = Path(tiny.config.data.manifest)
    write_table(path, read_table(path).iloc[:-1])
    changed = prepare(tiny.config, tiny.workspace)
    said = "manifest and photographs changed since this run began; restore them, or give"
    with pytest.raises(InputError, match=said):
        begin(run, tiny.config, changed, Place(run), "fit")
    with pytest.raises(InputError, match="changed since"):
        check_same(run, changed)
    assert run.provenance == first


def test_patients_are_listed_by_pseudonym_in_their_split(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    list_patients(run, prepared.module(tiny.config), prepared, tiny.workspace)
    lists = json.loads((run.folder / "patients.json").read_text())
    rows = read_table(Path(tiny.config.data.manifest))
    for split, names in lists.items():
        mine = set(rows[rows["split"] == split]["patient_id"])
        assert names == sorted(tiny.workspace.pseudonym(patient) for patient in mine)
        assert not mine & set(names)


def test_the_threads_asked_for_are_used(tiny: Tiny) -> None:
    before = torch.get_num_threads()
    try:
        with Session.opened(tiny.but(training__threads=1), tiny.workspace):
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
