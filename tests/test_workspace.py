"""The workspace keeps names inside, and a run knows who holds it, whatever ended its owner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skinlab.tables.errors import InputError, RunError
from skinlab.workspace import Run, Workspace, shipped


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SKINLAB_WORKSPACE", str(tmp_path / "作業 %#"))
    return Workspace.here()


def test_a_pseudonym_is_the_same_in_one_workspace_and_another_in_the_next(
    workspace: Workspace, tmp_path: Path
) -> None:
    other = Workspace(tmp_path / "other")
    other.folder.mkdir()
    assert workspace.pseudonym("山田太郎") == Workspace(workspace.folder).pseudonym("山田太郎")
    assert workspace.pseudonym("山田太郎") != other.pseudonym("山田太郎")
    assert workspace.pseudonym("") == ""


def test_a_name_in_either_unicode_form_is_one_person(workspace: Workspace) -> None:
    assert workspace.pseudonym("パ") == workspace.pseudonym("パ")


def test_the_key_is_readable_by_its_owner_only(workspace: Workspace) -> None:
    workspace.pseudonym("x")
    assert (workspace.folder / "pseudonym.key").stat().st_mode & 0o077 == 0


def test_the_folder_of_photographs_is_remembered(workspace: Workspace, tmp_path: Path) -> None:
    manifest = tmp_path / "clinic.csv"
    with pytest.raises(InputError, match="does not know where"):
        workspace.root_of(manifest)
    workspace.remember_root(manifest, tmp_path)
    assert workspace.root_of(manifest) == tmp_path
    with pytest.raises(InputError, match="is not there"):
        workspace.root_of(manifest, str(tmp_path / "gone"))


def test_the_journal_survives_a_torn_last_line(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.note("started")
    with run.journal.open("ab") as stream:
        stream.write(b'{"event": "epo')
    run.note("epoch", epoch=0)
    assert [event["event"] for event in run.events()] == ["started", "epoch"]


def test_a_run_has_one_owner(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with run.owner():
        assert run.owned
        code = (
            "import sys; from pathlib import Path; from skinlab.workspace import Run\n"
            "with Run(Path(sys.argv[1])).owner(): pass"
        )
        words = [sys.executable, "-c", code, str(run.folder)]
        second = subprocess.run(words, capture_output=True, text=True, check=False)
        assert f"is already running (pid {os.getpid()}" in second.stderr
    assert not run.owned
    with run.owner():
        pass


def test_a_killed_owner_leaves_a_stopped_run_that_can_be_taken(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    code = (
        "import sys, time; from pathlib import Path; from skinlab.workspace import Run\n"
        "run = Run(Path(sys.argv[1]))\n"
        "with run.owner():\n"
        "    run.note('started'); print('ready', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(run.folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        running: str = run.state
        assert running == "running"
        with pytest.raises(RunError, match="already running"), run.owner():
            pass
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    deadline = time.monotonic() + 5
    while run.owned and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped: str = run.state
    assert stopped == "stopped"
    with run.owner():
        run.note("finished")
    assert run.state == "finished"


def test_parents_come_before_their_members(workspace: Workspace) -> None:
    for name in ("sweep/trial-0001", "sweep"):
        folder = workspace.runs / "sweeps" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "provenance.json").write_text(json.dumps({"uid": name}))
    assert [run.provenance["uid"] for run in workspace.all_runs()] == ["sweep", "sweep/trial-0001"]


def test_experiments_and_label_trees_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "name: synthetic" in shipped("experiments/classification/synthetic.yaml").read_text()
    (tmp_path / "mine.yaml").write_text("name: mine")
    assert shipped("mine.yaml") == Path("mine.yaml")
    with pytest.raises(InputError, match="no such file"):
        shipped("experiments/none.yaml")


def test_openings_of_a_test_set_are_counted_by_what_they_were_for(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.begin({"kind": "fit"}, "")
    assert run.opened("test", "fit", "f1") == 1
    assert run.opened("test", "fit", "f1") == 1  # the same command, gone on with
    assert run.opened("test", "evaluate, level 0.9", "f1") == 2
    assert run.opened("test", "fit", "f2") == 3
    assert run.opened("val", "fit", "f1") == 1
    assert len(run.events("opened")) == 4
    assert run.provenance == {"kind": "fit", "openings": {"test": 3, "val": 1}}


def test_a_count_that_a_crash_left_behind_is_made_up_for(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.begin({"kind": "fit"}, "")
    run.note("opened", split="test", purpose="fit", predictions="f1")
    assert run.opened("test", "fit", "f1") == 1
    assert run.provenance["openings"] == {"test": 1}
