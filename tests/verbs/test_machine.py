"""`ui` opens on this machine only, `doctor` says what would break before it does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skinlab.config import TrackingSpec
from skinlab.doctor import Finding
from skinlab.training import tracking
from skinlab.workspace import Workspace


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_what_is_no_port_is_refused(
    port: str, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("ui", "--port", port) == 2
    assert capsys.readouterr().err == f"error: {port} is no port; give --port 1024 to 65535\n"


def test_a_port_that_is_taken_is_refused_at_once(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert at_work("ui", "--port", str(port)) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: port {port} cannot be opened (address already in use)")
    assert f"--port {port + 1}" in err


def test_the_ui_is_served_on_loopback_with_what_was_not_yet_logged(
    at_work: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(tracking, "catch_up", lambda *_: 3)

    def serve(*words: Any) -> int:
        served.append(words)
        return 7

    monkeypatch.setattr(tracking, "serve", serve)
    assert at_work("ui", "--port", "5123") == 7
    assert served[0][2] == 5123
    assert "logged 3 run(s)" in capsys.readouterr().err


def test_the_server_binds_no_other_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    class Nothing:
        returncode = 0

    class Client:
        def search_experiments(self) -> list[Any]:
            return []

    class Store:
        def __init__(self, *_: object) -> None:
            self.client = Client()

    monkeypatch.setattr(tracking, "Store", Store)

    def run(words: list[str], **_: object) -> type[Nothing]:
        ran.append(words)
        return Nothing

    monkeypatch.setattr("skinlab.training.tracking.subprocess.run", run)
    assert tracking.serve(TrackingSpec(), Workspace(tmp_path / "作業 %#"), 5123) == 0
    host = ran[0][ran[0].index("--host") + 1]
    assert host == "127.0.0.1"
    assert ran[0][ran[0].index("--port") + 1] == "5123"
    assert "0.0.0.0" not in " ".join(ran[0])


def test_doctor_ends_with_1_when_something_is_bad(
    at_work: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = (Finding("ok", "x"), 0), (Finding("warning", "x"), 0), (Finding("bad", "x"), 1)
    for finding, code in found:
        monkeypatch.setattr("skinlab.doctor.examine", lambda *_, found=finding: [found])
        assert at_work("doctor") == code
        assert capsys.readouterr().out == f"{finding.verdict:8}x\n"
