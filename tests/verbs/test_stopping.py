"""A signal while photographs are read or checked: one line, a true exit code, nothing half-made."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, SMALL, Clinic
from PIL import Image

PHOTOGRAPHS = 240  # enough for several processes
CHECK = ("data", "check", "data_manifests/large.csv", "--root", "large")
FIT = (
    *(
        "fit",
        "experiments/classification/synthetic.yaml",
        *SMALL,
        "--model.weights=none",
        "--splits=[val]",
    ),
    *("--data.manifest=data_manifests/large.csv", "--data.root=large"),
)


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Start commands that heed Ctrl-C, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs that take a while to decode."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 255, (200, 300, 3), dtype=np.uint8))
    picture = np.asarray(coarse.resize((1500, 1000)))
    for i in range(PHOTOGRAPHS):
        Image.fromarray(np.roll(picture, i, axis=1)).save(folder / f"{i:03d}.jpg", quality=80)
    return folder


@pytest.fixture
def ward(clinic: Clinic, large: Path) -> Clinic:
    """A clinic with the large photographs and their manifest."""
    (clinic.folder / "large").symlink_to(large)
    lines = ["sample_id,image_path,patient_id,diagnosis,split"]
    for i in range(PHOTOGRAPHS):
        diagnosis, split = ("dermal nevus", "nodular melanoma")[i % 2], ("train", "val", "test")
        lines.append(f"s{i},{i:03d}.jpg,p{i},{diagnosis},{split[i // 2 % 3]}")
    path = clinic.folder / "data_manifests" / "large.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return clinic


def _children(pid: int) -> list[int]:
    """Processes that read photographs for `pid`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == pid and b"skinlab.data.workers" in words:
            found.append(int(folder.name))
    return found


def _read_until_under_way(process: subprocess.Popen[str]) -> list[int]:
    """Wait until several processes read photographs."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if found := _children(process.pid):
            time.sleep(0.7)
            return found
        time.sleep(0.02)
    raise AssertionError(f"no photograph was read: {process.communicate()}")


def _stopped(
    clinic: Clinic, words: tuple[str, ...], *signals: signal.Signals
) -> tuple[int, str, list[int]]:
    """Give signals 100 ms apart to a command that reads photographs."""
    with clinic.start(*words) as process:
        workers = _read_until_under_way(process)
        begun = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.1)
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    return process.returncode, err, workers


def _nothing_half_made(clinic: Clinic) -> None:
    workspace = clinic.folder / "workspace"
    assert not list(workspace.rglob("*.part"))
    assert not list((workspace / "cache").glob("pixels-*"))
    assert not (workspace / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_check_that_is_stopped_says_so_in_one_line(
    ward: Clinic, number: signal.Signals, code: int
) -> None:
    found, err, workers = _stopped(ward, CHECK, number)
    assert found == code
    assert err == f"error: stopped by {number.name}; the same command goes on\n"
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    _nothing_half_made(ward)


@pytest.mark.slow
def test_a_fit_that_is_stopped_twice_while_it_reads_goes_on_with_the_same_command(
    ward: Clinic,
) -> None:
    found, err, _ = _stopped(ward, FIT, signal.SIGINT, signal.SIGINT)
    # Python's own end gives SIGINT back to the kernel; a shell shows 130 for both.
    assert found in (130, -signal.SIGINT)
    assert err == "error: stopped by SIGINT; the same command goes on\n"
    _nothing_half_made(ward)
    done = ward.run(*FIT)
    assert done.returncode == 0, done.stderr


def _run(code: str) -> subprocess.CompletedProcess[str]:
    before = "import os, signal\nfrom skinlab.verbs.stopping import Interrupted, stoppable\n"
    words = [sys.executable, "-c", before + code]
    return subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, check=False)


def test_a_second_signal_leaves_silently_even_while_python_ends() -> None:
    code = (
        "try:\n"
        "    with stoppable():\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "except Interrupted as stop:\n"
        "    assert stop.exit_code == 130\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('still here')\n"
    )
    done = _run(code)
    said = "error: stopped by SIGINT; the same command goes on\n"
    assert (done.returncode, done.stdout, done.stderr) == (143, "", said)


def test_what_nohup_switched_off_stays_off() -> None:
    code = (
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stoppable():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('still here')\n"
    )
    assert _run(code).stdout == "still here\n"


def test_handlers_are_given_back_when_nothing_came() -> None:
    code = (
        "before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]\n"
        "with stoppable():\n"
        "    pass\n"
        "assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before\n"
    )
    assert _run(code).returncode == 0


def test_a_terminal_that_is_gone_does_not_matter() -> None:
    code = (
        "os.close(2)\n"
        "try:\n"
        "    with stoppable():\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
        "except Interrupted as stop:\n"
        "    os._exit(stop.exit_code)\n"
    )
    assert _run(code).returncode == 129
