"""A tracking server that goes away, stalls or fails in the middle: no epoch waits, no point lost.

A real MLflow server stands behind a door that refuses, stalls or answers 500 when it is told to.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from conftest import SMALL, Clinic

from skinlab.training.tracking import QUIET
from skinlab.workspace import Run, Workspace

pytestmark = [
    pytest.mark.slow,
    # MLflow 3.17 uses what its own dependencies deprecate; nothing here can change it.
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
]

Mode = Literal["ok", "refuse", "stall", "error"]
TRACKED = tuple(word for word in SMALL if not word.startswith("--tracking"))
FIT = ("fit", "experiments/classification/synthetic.yaml", *TRACKED, "--splits=[val]")
TIMEOUT = 2
ANSWER = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Door:
    """A port in front of the server; what is open is cut whenever the mode changes."""

    behind: int
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    mode: Mode = "ok"
    asked: dict[str, int] = field(default_factory=dict)
    open: list[socket.socket] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def turn(self, mode: Mode) -> None:
        self.mode = mode
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.asked[self.mode] = self.asked.get(self.mode, 0) + 1
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        self.open.append(client)
        with client, contextlib.suppress(OSError):
            if self.mode == "stall":
                time.sleep(60)
            elif self.mode == "error":
                client.recv(1 << 16)
                client.sendall(ANSWER)
            elif self.mode == "ok":
                with socket.create_connection(("127.0.0.1", self.behind)) as server:
                    self.open.append(server)
                    back = threading.Thread(target=_pour, args=(server, client), daemon=True)
                    back.start()
                    _pour(client, server)
                    back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(1 << 16):
            sink.sendall(content)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an MLflow server with a database of its own."""
    folder, port = tmp_path_factory.mktemp("server"), _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri"]
    command += [f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with subprocess.Popen(
        command,
        env=os.environ | QUIET,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            _wait_until_healthy(process, port)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        time.sleep(0.3)
    raise AssertionError("the MLflow server did not start")


@pytest.fixture
def door(server: int) -> Iterator[Door]:
    door = Door(server)
    threading.Thread(target=door.serve, daemon=True).start()
    yield door
    door.turn("refuse")
    door.listener.shutdown(socket.SHUT_RDWR)
    door.listener.close()


def _words(door: Door, **values: object) -> tuple[str, ...]:
    more = (f"--{name.replace('__', '.')}={value}" for name, value in values.items())
    tracking = (f"--tracking.uri={door.uri}", f"--tracking.timeout_s={TIMEOUT}")
    return (*FIT, *tracking, *more)


def _only_run(clinic: Clinic) -> Run:
    (run,) = Workspace(clinic.folder / "workspace").all_runs()
    return run


def _wait(clinic: Clinic, process: subprocess.Popen[str], epochs: int) -> None:
    """Wait until this many epochs are in the journal."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        runs = list(Workspace(clinic.folder / "workspace").all_runs())
        if runs and len(runs[0].events("epoch")) >= epochs:
            return
        time.sleep(0.02)
    raise AssertionError(f"the epochs did not come: {process.communicate()}")


def _client(server: int) -> Any:
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "30"
    from mlflow import MlflowClient

    return MlflowClient(f"http://127.0.0.1:{server}")


def _found(client: Any, uid: str) -> Any:
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    (found,) = client.search_runs(ids, f"tags.`skinlab.run` = '{uid}'")
    return found


def _check_points(client: Any, run: Run) -> None:
    """Every point of the journal is in the store, once, and no other."""
    found = _found(client, str(run.provenance["uid"]))
    epochs = run.events("epoch")
    for name in epochs[0]["values"]:
        history = client.get_metric_history(found.info.run_id, name)
        assert sorted((p.step, p.value) for p in history) == sorted(
            (e["epoch"], e["values"][name]) for e in epochs
        )


def test_a_server_that_dies_and_comes_back_costs_no_epoch_and_no_point(
    door: Door, clinic: Clinic, server: int
) -> None:
    epochs = 64
    with clinic.start(*_words(door, optim__epochs=epochs)) as process:
        for count, mode in ((6, "refuse"), (16, "stall"), (36, "error"), (46, "ok")):
            _wait(clinic, process, count)
            door.turn(mode)  # type: ignore[arg-type]
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert {"ok", "refuse", "stall", "error"} <= set(door.asked)
    assert err.count("tracking paused") == 1
    assert err.count("tracking goes on") == 1
    run = _only_run(clinic)
    seconds = [event["seconds"] for event in run.events("epoch")]
    calm = statistics.median(seconds)
    assert statistics.median(seconds[6:46]) < 2 * calm
    assert max(seconds[6:46]) < max(2 * calm, calm + TIMEOUT / 2)  # none waited for a time-out
    client = _client(server)
    assert _found(client, str(run.provenance["uid"])).info.status == "FINISHED"
    _check_points(client, run)


def test_a_server_that_is_down_from_the_start_gets_everything_from_the_next_command(
    door: Door, clinic: Clinic, server: int
) -> None:
    door.turn("refuse")
    begun = time.monotonic()
    with clinic.start(*_words(door)) as process:
        _wait(clinic, process, 1)
        started = time.monotonic() - begun
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err.count("tracking paused") == 1
    first = _only_run(clinic)
    assert started < 60  # imports, cache and an epoch: no time-out of minutes
    assert first.events("epoch")[0]["time"] - first.events("started")[0]["time"] < 10_000
    door.turn("ok")
    again = clinic.run(*_words(door))
    assert "finished already; nothing to do" in again.stderr
    client = _client(server)
    assert _found(client, str(first.provenance["uid"])).info.status == "FINISHED"
    _check_points(client, first)
