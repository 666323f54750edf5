"""MLflow mirrors run folders: each thing once, whatever happened before, and never names anyone."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from skinlab.config import TrackingSpec
from skinlab.training.tracking import Mirror, Store, catch_up, complete, mirrored
from skinlab.workspace import Run, Workspace

pytestmark = pytest.mark.filterwarnings(
    # MLflow 3.17 uses what its own dependencies deprecate; nothing here can change it.
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::UserWarning:mlflow",
    "ignore::ResourceWarning",
)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's schema, which takes ten seconds to make."""
    workspace = Workspace(tmp_path_factory.mktemp("schema"))
    Store(TrackingSpec(), workspace)
    return workspace.tracking / "mlflow.db"


@pytest.fixture
def workspace(tmp_path: Path, empty_database: Path) -> Workspace:
    workspace = Workspace(tmp_path / "研究 #1 50%")
    workspace.tracking.mkdir(parents=True)
    shutil.copy(empty_database, workspace.tracking / "mlflow.db")
    return workspace


def _run(workspace: Workspace, name: str = "fit-1", **more: Any) -> Run:
    run = Run(workspace.runs / "classification" / name)
    about = {
        "uid": f"uid-{name}",
        "kind": "fit",
        "name": name,
        "experiment": "classification",
        "tags": {"seed": "0"},
        "params": {"optim.lr": 0.1, "data.labels": "x" * 1000, "augment.日本": "値"},
        "datasets": [{"name": "clinic", "fingerprint": "f" * 64, "context": "train"}],
    }
    run.begin(about | more, "name: x\n")
    return run


def _only(store: Store, experiment: str = "classification") -> Any:
    runs = store.client.search_runs([store.experiment(experiment)])
    assert len(runs) == 1
    return runs[0]


def test_a_run_is_mirrored_whole_and_once(workspace: Workspace) -> None:
    run = _run(workspace)
    run.note("started")
    for epoch in (0, 1, 1):  # the last epoch was done again after a kill
        run.note("epoch", epoch=epoch, values={"val/loss": 1.0 - epoch / 4})
    run.note("final", values={"test/accuracy": 0.5, "test/recall/黒色腫": 0.25})
    run.note("finished")
    store = Store(TrackingSpec(), workspace)
    for _ in range(2):
        store.mirror(run)
    found = _only(store)
    assert found.info.status == "FINISHED"
    assert found.data.params["data.labels"] == "x" * 1000
    assert found.data.metrics["test/recall/黒色腫"] == 0.25
    assert found.inputs.dataset_inputs[0].dataset.digest == "f" * 36
    history = store.client.get_metric_history(found.info.run_id, "val/loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.75)]
    assert complete(run)


def test_a_resumed_run_keeps_its_id(workspace: Workspace) -> None:
    run = _run(workspace)
    run.note("started")
    run.note("stopped", reason="stopped by SIGTERM")
    store = Store(TrackingSpec(), workspace)
    store.mirror(run)
    first = _only(store)
    assert first.info.status == "KILLED"
    run.note("started")
    run.note("finished")
    store.mirror(run)
    assert _only(store).info.run_id == first.info.run_id
    assert _only(store).info.status == "FINISHED"


def test_a_run_whose_owner_died_is_killed_not_running(workspace: Workspace) -> None:
    run = _run(workspace)
    run.note("started")
    assert catch_up(TrackingSpec(), workspace) == 1
    assert _only(Store(TrackingSpec(), workspace)).info.status == "KILLED"


def test_a_failed_run_says_why(workspace: Workspace) -> None:
    run = _run(workspace)
    run.note("started")
    run.note("failed", reason="loss is NaN at epoch 3")
    store = Store(TrackingSpec(), workspace)
    store.mirror(run)
    assert _only(store).info.status == "FAILED"
    assert _only(store).data.tags["reason"] == "loss is NaN at epoch 3"


def test_a_member_stands_below_its_parent(workspace: Workspace) -> None:
    parent = _run(workspace, "group")
    child = _run(workspace, "group/seed0", parent="..")
    store = Store(TrackingSpec(), workspace)
    store.mirror(child)
    ids = {
        r.info.run_name: r for r in store.client.search_runs([store.experiment("classification")])
    }
    tags = ids["group/seed0"].data.tags
    assert tags["mlflow.parentRunId"] == ids["group"].info.run_id
    assert (parent.folder / "mlflow_run_id").read_text().strip() == ids["group"].info.run_id


def test_a_kill_before_the_id_was_written_does_not_make_a_second_run(workspace: Workspace) -> None:
    run = _run(workspace)
    store = Store(TrackingSpec(), workspace)
    store.mirror(run)
    (run.folder / "mlflow_run_id").unlink()
    store.mirror(run)
    _only(store)


def test_a_lost_database_is_made_again_from_the_run_folders(
    workspace: Workspace, tmp_path: Path
) -> None:
    run = _run(workspace)
    run.note("epoch", epoch=0, values={"val/loss": 1.0})
    run.note("finished")
    Store(TrackingSpec(), workspace).mirror(run)
    moved = Workspace(tmp_path / "moved")  # the runs without the database
    shutil.copytree(workspace.runs, moved.runs)
    assert complete(Run(moved.runs / "classification" / "fit-1"))
    assert catch_up(TrackingSpec(), moved) == 1
    assert _only(Store(TrackingSpec(), moved)).data.metrics["val/loss"] == 1.0


def test_a_server_that_is_away_costs_seconds_and_is_said_once(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = _run(workspace)
    spec = TrackingSpec(uri=f"http://127.0.0.1:{port}", timeout_s=2)
    begun = time.monotonic()
    with mirrored(spec, workspace) as mirror:
        for epoch in range(3):
            run.note("epoch", epoch=epoch, values={"val/loss": 1.0})
            mirror.tell(run)
        told = time.monotonic() - begun
    assert told < 1
    assert time.monotonic() - begun < 30
    assert capsys.readouterr().err.count("tracking paused") == 1
    run.note("finished")
    assert catch_up(TrackingSpec(), workspace) == 1  # later, with a store that answers
    store = Store(TrackingSpec(), workspace)
    assert len(store.client.get_metric_history(_only(store).info.run_id, "val/loss")) == 3


def test_a_locked_database_is_waited_for_by_the_mirror_alone(workspace: Workspace) -> None:
    mirror = Mirror(TrackingSpec(enabled=False), workspace)
    begun = time.monotonic()
    mirror.tell(_run(workspace))
    mirror.close()
    assert time.monotonic() - begun < 1


def test_no_name_of_account_machine_or_folder_reaches_the_store(workspace: Workspace) -> None:
    run = _run(workspace)
    run.note("finished")
    Store(TrackingSpec(), workspace).mirror(run)
    found = _only(Store(TrackingSpec(), workspace))
    assert found.data.tags["mlflow.user"] == "skinlab"
    assert found.data.tags["mlflow.source.name"] == "skinlab"
    text = str([found.data.tags, found.data.params, found.inputs])
    assert socket.gethostname() not in text
    assert str(workspace.folder) not in text
