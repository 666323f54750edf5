"""`ui` opens on this machine only, `doctor` says what would break before it does."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Clinic

from skinlab.doctor import Finding
from skinlab.training import tracking


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_what_is_no_port_is_refused(
    port: str, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("ui", "--port", port) == 2
    assert capsys.readouterr().err == f"error: {port} is no port; give --port 1024 to 65535\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7"])
def test_the_ui_is_not_opened_to_the_network(
    host: str, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("ui", "--host", host) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {host} would open the results to the network; ")
    assert "ssh -L 5000:127.0.0.1:5000" in err


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

    def serve(*words: Any) -> None:
        served.append(words)

    monkeypatch.setattr(tracking, "serve", serve)
    assert at_work("ui", "--port", "5123") == 0
    assert served[0][2] == 5123
    assert "logged 3 run(s)" in capsys.readouterr().err


@pytest.mark.slow
def test_the_ui_opens_for_its_token_on_loopback_and_for_nobody_else(clinic: Clinic) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with clinic.start("ui", "--port", str(port)) as process:
        assert process.stdout is not None
        page = process.stdout.readline().split(": ", 1)[1].split("#")[0]
        token = page.split("token=")[1]
        deadline = time.monotonic() + 60
        while (code := _code(port)) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert code == 401  # nobody enters without the token
        assert _code(port, "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0") == 401
        bearer = {"Authorization": f"Bearer {token}"}
        assert _code(port, **bearer) == 200
        experiment = "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0"
        assert _code(port, experiment, **bearer) == 200
        assert _code(port, "/ajax-api/3.0/mlflow/assistant/status", **bearer) == 403
        for evil in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            assert _code(port, **bearer, **evil) == 403
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))  # of this machine too, but not the one it binds
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err == "stop it with Ctrl-C\n"


def _code(port: int, path: str = "/", **headers: str) -> int | None:
    """Return the status of an answer; None where nobody listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


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
