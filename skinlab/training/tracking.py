"""Run folders -> MLflow. The only file that knows MLflow; it mirrors, and can always start again.

Training never calls the tracking store: it writes the run folder, and a thread mirrors what is new.
When the store is away nothing is lost; the next command that touches the workspace catches up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from skinlab.config import TrackingSpec
from skinlab.tables.files import read_text, write_text
from skinlab.training.ui import Guard
from skinlab.workspace import Run, Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow reads these at import. It phones home by default, and waits minutes for a dead server.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
STATUS = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "stopped": "KILLED",
    "new": "KILLED",
}
# Parts of MLflow's server that run programs here or call other people's.
NOT_SERVED = ("/ajax-api/3.0/mlflow/assistant", "/gateway", "/ajax-api/3.0/jobs", "/mcp")
POINTS_A_CALL = 500
ARTIFACTS = (
    *("config.yaml", "report", "figures", "importances.json", "plan.txt"),
    *("table.csv", "table.html", "table.tex"),
)


def store_uri(spec: TrackingSpec, workspace: Workspace) -> str:
    """Return the tracking store: the one named, else the workspace's SQLite database."""
    if spec.uri:
        return spec.uri
    from sqlalchemy import URL  # builds the URL of any folder name: spaces, %, #, 日本語

    # With its driver named: of a plain sqlite:/// MLflow 3.17 makes the parent folder as the URL
    # spells it, %20 and all, beside the workspace.
    database = str(workspace.tracking / "mlflow.db")
    return URL.create("sqlite+pysqlite", database=database).render_as_string()


class Store:
    """An open tracking store."""

    def __init__(self, spec: TrackingSpec, workspace: Workspace) -> None:
        """Open it, making the schema of a new database under a lock (it cannot be made twice)."""
        os.environ.update(QUIET, MLFLOW_HTTP_REQUEST_TIMEOUT=str(spec.timeout_s))
        # Else the default experiment lies in ./mlruns, whose path is pasted into SQL: an apostrophe
        # in the name of the working folder would be a syntax error.
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = (workspace.tracking / "artifacts").as_uri()
        from mlflow import MlflowClient

        self.workspace = workspace
        uri = store_uri(spec, workspace)
        workspace.tracking.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("mlflow", "alembic"):  # the schema of a new database is hundreds of lines
            logging.getLogger(name).setLevel(logging.WARNING)
        with FileLock(workspace.tracking / ".schema.lock"):
            self.client: MlflowClient = MlflowClient(uri)
            self.client.search_experiments(max_results=1)

    def experiment(self, name: str) -> str:
        """Return an experiment's id, making it once."""
        with FileLock(self.workspace.tracking / ".schema.lock"):
            found = self.client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            place = (self.workspace.tracking / "artifacts" / name).as_uri()
            local = str(self.client.tracking_uri).startswith("sqlite")
            return str(self.client.create_experiment(name, place if local else None))

    def mirror(self, run: Run) -> None:
        """Bring MLflow up to date with a run folder; doing it again changes nothing."""
        with FileLock(run.folder / ".mirror.lock"):
            made_of = run.provenance
            if not made_of:
                return
            run_id = self._run_id(run, made_of)
            events = run.events()
            self._points(run, run_id, events)
            state = run.state
            self._state(run_id, state, events)
            if state != "running":
                self._artifacts(run, run_id)
                write_text(_cursor(run), f"{_signature(run)}\n")

    def _run_id(self, run: Run, made_of: dict[str, Any]) -> str:
        """Return the run's id in this store, making it (with params, tags, inputs) once."""
        path = run.folder / "mlflow_run_id"
        experiment = self.experiment(str(made_of["experiment"]))
        if path.exists() and self._exists(read_text(path).strip()):
            return read_text(path).strip()
        query = f"tags.`skinlab.run` = '{made_of['uid']}'"
        found = self.client.search_runs([experiment], query, max_results=1)
        run_id = str(found[0].info.run_id) if found else self._create(experiment, made_of, run)
        write_text(path, run_id + "\n")
        return run_id

    def _exists(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def _create(self, experiment: str, made_of: dict[str, Any], run: Run) -> str:
        from mlflow.entities import Param, RunTag

        tags = {str(k): str(v) for k, v in made_of["tags"].items()}
        tags |= {"skinlab.run": str(made_of["uid"]), "kind": str(made_of["kind"])}
        tags |= {"mlflow.source.name": "skinlab", "mlflow.user": "skinlab"}
        if made_of.get("parent"):
            parent = Run((run.folder / made_of["parent"]).resolve())
            tags["mlflow.parentRunId"] = self._run_id(parent, parent.provenance)
        made = self.client.create_run(experiment, tags=tags, run_name=str(made_of["name"]))
        run_id = str(made.info.run_id)
        params = [Param(k, str(v)) for k, v in made_of["params"].items()]
        for start in range(0, len(params), 100):
            self.client.log_batch(run_id, params=params[start : start + 100])
        self._inputs(run_id, made_of)
        note = made_of.get("note", "")
        if note:
            self.client.log_batch(run_id, tags=[RunTag("mlflow.note.content", str(note))])
        return run_id

    def _inputs(self, run_id: str, made_of: dict[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(
                    name=str(data["name"]),
                    digest=str(data["fingerprint"])[:36],
                    source_type="skinlab",
                    source="manifest",  # no path, no file name
                ),
                [InputTag("mlflow.data.context", str(data["context"]))],
            )
            for data in made_of.get("datasets", [])
        ]
        if inputs:
            self.client.log_inputs(run_id, inputs)

    def _points(self, run: Run, run_id: str, events: list[dict[str, Any]]) -> None:
        """Log the points that are not there yet; the same point twice is one row in MLflow."""
        from mlflow.entities import Metric

        cursor = run.folder / ".mirrored"
        owner, done = read_text(cursor).split() if cursor.exists() else (run_id, "0")
        seen = int(done) if owner == run_id else 0
        epochs: set[int] = set()
        points: list[Metric] = []
        for position, event in enumerate(events):
            if event["event"] == "epoch":
                if event["epoch"] in epochs:
                    continue
                epochs.add(event["epoch"])
            if position < seen or event["event"] not in {"epoch", "final"}:
                continue
            step = int(event.get("epoch", 0))
            for name, value in event["values"].items():
                points.append(Metric(name, float(value), int(event["time"]), step))
        for start in range(0, len(points), POINTS_A_CALL):
            self.client.log_batch(run_id, metrics=points[start : start + POINTS_A_CALL])
        if len(events) != seen:
            write_text(cursor, f"{run_id} {len(events)}")

    def _state(self, run_id: str, state: str, events: list[dict[str, Any]]) -> None:
        changes = [e for e in events if e["event"] in {"started", "finished", "failed", "stopped"}]
        last = changes[-1] if changes else {}
        self.client.set_tag(run_id, "state", str(last.get("state", state)))
        self.client.set_tag(run_id, "reason", str(last.get("reason", ""))[:500])
        for event in events:
            if event["event"] == "tags":
                for name, value in event["values"].items():
                    self.client.set_tag(run_id, name, str(value))
        if state == "running":
            self.client.update_run(run_id, status="RUNNING")
        else:
            self.client.set_terminated(run_id, STATUS[state])

    def _artifacts(self, run: Run, run_id: str) -> None:
        """Log configuration, report and figures: nothing that holds an id, a name or a picture."""
        for name in ARTIFACTS:
            path = run.folder / name
            if path.is_dir():
                self.client.log_artifacts(run_id, str(path), name)
            elif path.is_file():
                self.client.log_artifact(run_id, str(path))


def _cursor(run: Run) -> Path:
    return run.folder / ".mirror-complete"


def _signature(run: Run) -> str:
    return str(run.journal.stat().st_size) if run.journal.exists() else "0"


def complete(run: Run) -> bool:
    """Whether MLflow already has everything of a run that is over."""
    path = _cursor(run)
    return path.exists() and read_text(path).strip() == _signature(run)


def pending(spec: TrackingSpec, workspace: Workspace) -> list[Run]:
    """Return the runs nobody is working on that the store does not have whole."""
    database = workspace.tracking / "mlflow.db"
    rebuild = not spec.uri and not database.exists()
    runs = list(workspace.all_runs())
    return [run for run in runs if (rebuild or not complete(run)) and run.state != "running"]


class Mirror:
    """Mirrors run folders in a thread of its own, so that training never waits for the store."""

    def __init__(self, spec: TrackingSpec, workspace: Workspace) -> None:
        """Start the thread (MLflow takes seconds to import; the photographs are read meanwhile)."""
        self.spec, self.workspace = spec, workspace
        self._wake = threading.Condition()
        self._waiting: list[Run] = []
        self._closing = False
        self._paused = False
        self._store: Store | None = None
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        if spec.enabled:
            self._thread.start()

    def tell(self, run: Run) -> None:
        """Say that a run folder has something new; returns at once."""
        with self._wake:
            if run not in self._waiting:
                self._waiting.append(run)
            self._wake.notify()

    def close(self, seconds: float = 60.0) -> None:
        """Mirror what is left, no longer than this; the rest is done at the next command."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self.spec.enabled:
            self._thread.join(seconds)
            if self._thread.is_alive():
                self._say("still busy")

    def _work(self) -> None:
        late: list[Run] = []  # what the store has not taken: tried again with whatever comes next
        while True:
            with self._wake:
                while not self._waiting and not self._closing:
                    self._wake.wait()
                runs, self._waiting = list(dict.fromkeys([*self._waiting, *late])), []
                closing = self._closing
            late = self._try(runs)
            if closing and (late or not runs):
                return

    def _try(self, runs: list[Run]) -> list[Run]:
        """Mirror the runs and return those that the store did not take.

        A server that does not answer is asked for one of them only: at the end of a command a
        person waits for this.
        """
        late: list[Run] = []
        for position, run in enumerate(runs):
            begun = time.monotonic()
            if not self._mirror(run):
                late.append(run)
                if time.monotonic() - begun > self.spec.timeout_s / 2:
                    return [*runs[position + 1 :], *late]
        return late

    def _mirror(self, run: Run) -> bool:
        try:
            if self._store is None:
                self._store = Store(self.spec, self.workspace)
            self._store.mirror(run)
        except Exception as error:  # whatever the store does, training goes on
            self._say(type(error).__name__)
            return False
        if self._paused:
            print("tracking goes on", file=sys.stderr, flush=True)
        self._paused = False
        return True

    def _say(self, reason: str) -> None:
        if not self._paused:
            words = "the run folder has everything and is logged at the next command"
            print(f"tracking paused ({reason}): {words}", file=sys.stderr, flush=True)
        self._paused = True


@contextlib.contextmanager
def mirrored(spec: TrackingSpec, workspace: Workspace) -> Iterator[Mirror]:
    """Mirror while the block runs, first what earlier commands left undone."""
    mirror = Mirror(spec, workspace)
    if spec.enabled:
        for run in pending(spec, workspace):
            mirror.tell(run)
    try:
        yield mirror
    finally:
        mirror.close()


def catch_up(spec: TrackingSpec, workspace: Workspace) -> int:
    """Mirror every run that MLflow does not have whole; return how many there were."""
    left = pending(spec, workspace)
    if left:
        store = Store(spec, workspace)
        for run in left:
            store.mirror(run)
    return len(left)


def serve(spec: TrackingSpec, workspace: Workspace, port: int) -> None:
    """Run the MLflow UI on this machine's loopback, behind a random token, until it is stopped."""
    store = Store(spec, workspace)
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = f"127.0.0.1:{port},localhost:{port}"
    import uvicorn
    from mlflow.server.constants import ARTIFACT_ROOT_ENV_VAR, BACKEND_STORE_URI_ENV_VAR

    os.environ[BACKEND_STORE_URI_ENV_VAR] = store_uri(spec, workspace)
    os.environ[ARTIFACT_ROOT_ENV_VAR] = (workspace.tracking / "artifacts").as_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what its own dependencies deprecate
        from mlflow.server.fastapi_app import app  # reads the variables above
    token = secrets.token_urlsafe(24)
    for experiment in store.client.search_experiments():
        page = f"#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"
        print(f"{experiment.name}: http://127.0.0.1:{port}/?token={token}{page}", flush=True)
    print("stop it with Ctrl-C", file=sys.stderr, flush=True)
    guarded: Any = Guard(app, port, token, NOT_SERVED)
    uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="warning", access_log=False)
