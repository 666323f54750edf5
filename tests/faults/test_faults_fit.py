"""A fit that is killed, starved of disk or watched: what it reported stays, and nothing leaves.

The faults come from ``../shared/fault_tools``: ``faultfs.c`` fails or kills at the n-th file
operation, ``netwatch.c`` refuses every connection that is not loopback and writes it down. Both are
preloaded into one process that imports everything once and then forks a child for each command.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY, SMALL, Clinic
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from skinlab.training import checkpoint
from skinlab.workspace import Run, Workspace

pytestmark = pytest.mark.slow

TOOLS = REPOSITORY.parent / "shared" / "fault_tools"
OTHER_DISK = Path("/dev/shm")
FIT = ("fit", "experiments/classification/synthetic.yaml", *SMALL, "--splits=[val]")
TRACKED = tuple(word for word in FIT if not word.startswith("--tracking"))
POINTS = int(os.environ.get("CRASH_POINTS", "12"))  # a large number: at every file operation

SERVER = """
import json, os, sys
import mlflow, skinlab.training.fit, skinlab.training.sweep  # once, for all commands
from skinlab.cli import main
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.environ.update(asked["env"])
            os.chdir(asked["cwd"])
            for number in (1, 2):
                os.dup2(os.open(asked["files"][number - 1], os.O_WRONLY | os.O_CREAT), number)
            code = main(asked["words"])
        except SystemExit as end:
            code = end.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Preloaded:
    """The process with the fault tools in it."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def network(self) -> str:
        """Every look-up and connection that anything has tried so far."""
        log = self.folder / "network.log"
        return log.read_text() if log.exists() else ""

    def run(
        self, clinic: Clinic, words: tuple[str, ...], **faults: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of skinlab in a forked child, with ``FAULTFS_…`` settings."""
        files = [self.folder / "out", self.folder / "err"]
        for file in files:
            file.unlink(missing_ok=True)
        env = {"SKINLAB_WORKSPACE": str(clinic.folder / "workspace")}
        env |= {f"FAULTFS_{name}": value for name, value in faults.items()}
        asked = {"env": env, "words": words, "cwd": str(clinic.folder)}
        asked["files"] = [str(file) for file in files]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        out, err = (file.read_text(encoding="utf-8", errors="replace") for file in files)
        return subprocess.CompletedProcess(words, code, out, err)


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    compiler = shutil.which("cc")
    if compiler is None or not TOOLS.is_dir():
        pytest.skip("needs cc and ../shared/fault_tools")
    folder = tmp_path_factory.mktemp("faults")
    for name in ("faultfs", "netwatch"):
        source, library = TOOLS / f"{name}.c", folder / f"{name}.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(source)]
        subprocess.run([*command, "-ldl"], check=True)
    staging = folder / "tmp"
    if OTHER_DISK.is_dir() and os.access(OTHER_DISK, os.W_OK):
        staging = OTHER_DISK / f"skinlab-{os.getpid()}"
    staging.mkdir()
    environment = os.environ | {
        "LD_PRELOAD": f"{folder / 'faultfs.so'}:{folder / 'netwatch.so'}",
        "NETWATCH_LOG": str(folder / "network.log"),
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(staging),  # another file system than the workspace
        "PYTHONWARNINGS": "ignore",
    }
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Preloaded(process, folder)
        process.kill()
    shutil.rmtree(staging)


def _runs(clinic: Clinic) -> list[Run]:
    return list(Workspace(clinic.folder / "workspace").all_runs())


def _epochs(run: Run) -> dict[int, Any]:
    return {event["epoch"]: event["values"] for event in run.events("epoch")}


def _anew(clinic: Clinic) -> None:
    shutil.rmtree(clinic.folder / "workspace" / "runs", ignore_errors=True)


def _one_line(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for words in expected:
        assert words in errors[0]


def test_killed_at_any_file_operation_it_keeps_what_it_reported_and_resumes(
    preloaded: Preloaded, clinic: Clinic
) -> None:
    words = (*FIT, "--optim.epochs=3")
    log = preloaded.folder / "operations"
    faults = {"MATCH": "/runs/", "OPS": "write,rename,fsync,unlink"}
    done = preloaded.run(clinic, words, MODE="count", LOG=str(log), **faults)
    assert done.returncode == 0, done.stderr
    (straight,) = _runs(clinic)
    expected, folder = _epochs(straight), straight.folder
    table = (folder / "predictions" / "val.csv").read_bytes()
    operations = log.read_text().splitlines()
    saves = [i + 1 for i, line in enumerate(operations) if "checkpoints" in line]
    others = [i + 1 for i, line in enumerate(operations) if "checkpoints" not in line]
    half = POINTS // 2
    points = {
        *saves[:: max(1, len(saves) // half)][:half],
        *others[:: max(1, len(others) // half)][:half],
    }
    for point in sorted(points):
        _anew(clinic)
        done = preloaded.run(clinic, words, MODE="kill", AT=str(point), **faults)
        where = f"killed at {point}: {operations[point - 1]}"
        assert done.returncode == -signal.SIGKILL, where
        reported = _epochs(Run(folder))
        newest, said = checkpoint.newest(folder / "checkpoints")
        # The line of an epoch comes before its resume point: it may be the one that is done again.
        if len(reported) > 1 or newest is not None:
            assert newest is not None, where
            assert int(newest.stem.split("-")[1]) >= max(reported) - 1, where
            checkpoint.load(newest)
        assert len(said) <= 1, where  # at most the one that was being written
        assert preloaded.run(clinic, words).returncode == 0, where
        assert _epochs(Run(folder)) == expected, where
        assert (folder / "predictions" / "val.csv").read_bytes() == table, where
        assert Run(folder).state == "finished", where
    left = list(Path(os.environ.get("TMPDIR", "/tmp")).glob("*.ckpt*"))
    assert not left


@pytest.mark.parametrize(("mode", "reason"), [("enospc", "No space left"), ("erofs", "Read-only")])
@pytest.mark.parametrize("file", ["epoch-0001.ckpt", "journal.jsonl", "predictions", "report.html"])
def test_a_file_that_cannot_be_written_is_one_line_and_resumed_when_it_can(
    preloaded: Preloaded, clinic: Clinic, mode: str, reason: str, file: str
) -> None:
    words = (*FIT, "--optim.epochs=2")
    done = preloaded.run(clinic, words, MODE=mode, MATCH=file, AT="1", OPS="write")
    assert done.returncode == 1, done.stderr
    _one_line(done, reason, "cannot be written", "run the same command again")
    if file == "epoch-0001.ckpt":
        (run,) = _runs(clinic)
        newest, said = checkpoint.newest(run.folder / "checkpoints")
        assert newest is not None
        assert newest.name == "epoch-0000.ckpt"
        assert said == []
        assert run.state == "failed"
    done = preloaded.run(clinic, words)
    assert done.returncode == 0, done.stderr
    (run,) = _runs(clinic)
    assert run.state == "finished"
    assert not list(run.folder.rglob("*.part"))


@pytest.mark.parametrize("place", ["/runs/", "/cache/", "workspace"])
def test_a_workspace_on_a_read_only_disk_is_one_line(
    preloaded: Preloaded, clinic: Clinic, place: str
) -> None:
    done = preloaded.run(clinic, FIT, MODE="erofs", MATCH=place, AT="1", OPS="open,write,rename")
    assert done.returncode in (1, 2), done.stderr
    _one_line(done, "Read-only file system")
    assert preloaded.run(clinic, FIT).returncode == 0


@pytest.mark.parametrize("mode", ["enospc", "eio"])
def test_a_tracking_store_without_disk_does_not_stop_the_training(
    preloaded: Preloaded, clinic: Clinic, mode: str
) -> None:
    done = preloaded.run(clinic, TRACKED, MODE=mode, MATCH="mlflow.db", AT="1", OPS="write,trunc")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tracking paused") == 1
    (run,) = _runs(clinic)
    assert run.state == "finished"
    assert not (run.folder / ".mirror-complete").exists()
    assert preloaded.run(clinic, TRACKED).returncode == 0


def test_a_tracking_server_that_accepts_and_never_answers_costs_the_training_nothing(
    preloaded: Preloaded, clinic: Clinic
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(silent.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        port = silent.getsockname()[1]
        words = (*TRACKED, f"--tracking.uri=http://127.0.0.1:{port}", "--tracking.timeout_s=2")
        begun = time.monotonic()
        done = preloaded.run(clinic, words)
        took = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    assert "tracking paused" in done.stderr
    assert took < 90
    (run,) = _runs(clinic)
    assert run.state == "finished"


ODD = ["a b", "診療所 太郎", "100%", "a#b?c&d", 'it\'s "mine"', "dot.", "-dash", "$HOME", "a;b"]


@pytest.mark.parametrize("name", ODD)
def test_everything_stays_in_a_workspace_whatever_its_name(
    preloaded: Preloaded, clinic: Clinic, tmp_path: Path, name: str
) -> None:
    home = tmp_path / "home"
    place = Clinic(home / name)
    shutil.copytree(clinic.folder, place.folder, symlinks=True)
    fixed = (word.replace("--", "--fixed.", 1) for word in SMALL if "tracking" not in word)
    words = ("sweep", "experiments/sweeps/preprocessing.yaml", "--trials=1", *fixed)
    done = preloaded.run(place, words)
    assert done.returncode == 0, done.stderr
    assert "tracking paused" not in done.stderr
    assert [path.name for path in home.iterdir()] == [name]
    tracking = place.folder / "workspace" / "tracking"
    assert (tracking / "mlflow.db").stat().st_size > 0
    assert (tracking / "optuna.db").stat().st_size > 0
    assert list((tracking / "artifacts").rglob("table.html"))
    assert {run.state for run in _runs(place)} == {"finished"}


CANARY = "CANARY-7f3a"


def _photograph(path: Path, seed: int) -> None:
    """A picture whose EXIF, XMP, comment and text name somebody."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 80, (64, 64, 3), dtype=np.uint8)
    pixels[16:48, 16:48, seed % 2] += 120  # two classes that can be told apart
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = f"{CANARY} Taro Yamada"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        text = PngInfo()
        text.add_text("Comment", f"{CANARY} Taro Yamada")
        picture.save(path, pnginfo=text, exif=exif)
        return
    xmp = f"<x:xmpmeta>{CANARY} Taro Yamada</x:xmpmeta>".encode()
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif, xmp=xmp, comment=f"{CANARY} Taro Yamada".encode())
    path.write_bytes(buffer.getvalue())


def test_no_name_leaves_the_manifest_and_no_command_reaches_for_the_network(
    preloaded: Preloaded, clinic: Clinic, tmp_path: Path
) -> None:
    archive = tmp_path / "山田太郎" / "pictures"
    for i in range(36):
        group = ("nodular melanoma", "dermal nevus")[i % 2]
        name = f"P{i:02d}_山田太郎_Yamada.{'png' if i % 3 else 'jpg'}"
        _photograph(archive / group / name, i)
    path, labels = "data_manifests/clinic.csv", "--labels=data_manifests/labels/synthetic.yaml"
    pattern = r"(?P<patient>P\d\d_山田太郎)"
    commands = [
        ("data", "import", "folder", str(archive), "--name", "clinic", "--patient", pattern),
        ("data", "check", path, labels),
        ("data", "duplicates", path),
        ("data", "split", path, labels, "--seed", "1"),
        (*TRACKED, f"--data.manifest={path}", "--model.weights=none"),
        ("doctor",),
    ]
    for words in commands:
        done = preloaded.run(clinic, words)
        assert words == ("doctor",) or done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert preloaded.network == ""
    (run,) = _runs(clinic)
    assert run.state == "finished"
    assert "山田太郎" in Path(clinic.folder / path).read_text(encoding="utf-8")
    workspace = clinic.folder / "workspace"
    local = {workspace / "roots.json", workspace / "duplicates.csv"}
    spellings = [CANARY, "Taro Yamada", "Yamada", "山田太郎", json.dumps("山田太郎")[1:-1]]
    spellings += ["%E5%B1%B1%E7%94%B0"]
    found = [
        (file, word)
        for file in workspace.rglob("*")
        if file.is_file() and file not in local
        for word in spellings
        if word.encode() in file.read_bytes()
    ]
    assert not found


def test_two_at_once_do_not_share_a_run(preloaded: Preloaded, clinic: Clinic) -> None:
    words = (*FIT, "--optim.epochs=400")
    with clinic.start(*words) as first:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not any(run.owned for run in _runs(clinic)):
            time.sleep(0.1)
        second = preloaded.run(clinic, words)
        first.kill()
        first.communicate()
    assert second.returncode == 1
    _one_line(second, f"is already running (pid {first.pid}")
