"""What many tests share: a small drawn data set, a workspace of their own, the real photographs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from skinlab.config import FitConfig
    from skinlab.workspace import Workspace

REPOSITORY = Path(__file__).parent.parent
REAL_DATA = REPOSITORY.parent / "shared" / "data"


@dataclass(frozen=True)
class Clinic:
    """A folder in which skinlab is used: workspace, manifests, label trees."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that works here, offline and without telemetry."""
        return os.environ | {
            "SKINLAB_WORKSPACE": str(self.folder / "workspace"),
            "PYTHONPATH": str(REPOSITORY),
            "HF_HUB_OFFLINE": "1",
        }

    def start(self, *words: str, **options: object) -> subprocess.Popen[str]:
        """Start the real command line here."""
        command = [sys.executable, "-m", "skinlab", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = self.environment | {"OMP_NUM_THREADS": "1"}
        every = {"cwd": self.folder, "env": environment, **pipes, **options}
        return subprocess.Popen(command, **every)  # type: ignore[call-overload,no-any-return]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the real command line here to its end."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=540)
        return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.fixture(scope="session", autouse=True)
def _hangups_count() -> None:
    """Undo what ``nohup make test`` hands down: an ignored SIGHUP, which skinlab respects."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small synthetic data set: manifest (in folds), labels, photographs."""
    clinic = Clinic(tmp_path_factory.mktemp("clinic"))
    (clinic.folder / "data_manifests").mkdir()
    for name in ("experiments", "data_manifests/labels"):
        (clinic.folder / name).symlink_to(REPOSITORY / name)
    done = clinic.run("data", "synth", "--patients", "40", "--seed", "3")
    assert done.returncode == 0, done.stderr
    return clinic.folder


@pytest.fixture
def clinic(drawn: Path, tmp_path: Path) -> Clinic:
    """A place of one's own that shares the drawn photographs and their manifest."""
    folder = tmp_path / "診療所 a%b"
    (folder / "workspace").mkdir(parents=True)
    (folder / "data_manifests").mkdir()
    (folder / "data_manifests" / "labels").symlink_to(drawn / "data_manifests" / "labels")
    (folder / "experiments").symlink_to(drawn / "experiments")
    for path in (drawn / "data_manifests").glob("*.csv"):
        (folder / "data_manifests" / path.name).write_bytes(path.read_bytes())
    roots = (drawn / "workspace" / "roots.json").read_bytes()
    (folder / "workspace" / "roots.json").write_bytes(roots)
    return Clinic(folder)


@pytest.fixture
def real_data() -> Path:
    """The folder of real photographs beside the repository; skips where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"the real photographs ({REAL_DATA.name}/) are not beside the repository")
    return REAL_DATA


@dataclass(frozen=True)
class Tiny:
    """The smallest training: 32 pixels, one epoch, one thread, no tracking."""

    config: FitConfig
    workspace: Workspace

    def but(self, **values: Any) -> FitConfig:
        """Return the configuration with other values: ``optim__epochs=2``."""
        from skinlab.config import replaced

        return replaced(self.config, {k.replace("__", "."): v for k, v in values.items()})


SMALL = (
    *("--data.image_size=32", "--data.cache_size=0", "--optim.epochs=1", "--training.threads=1"),
    *("--training.device=cpu", "--evaluation.resamples=100", "--tracking.enabled=false"),
)


@pytest.fixture
def tiny(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """A training of seconds on the drawn photographs, in a place of its own."""
    from skinlab.config import FitConfig, load
    from skinlab.workspace import Workspace

    monkeypatch.chdir(clinic.folder)
    monkeypatch.setenv("SKINLAB_WORKSPACE", str(clinic.folder / "workspace"))
    path = Path("experiments/classification/synthetic.yaml")
    return Tiny(load(FitConfig, path, SMALL), Workspace.here())


@pytest.fixture
def at_work(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Call the command line in this process, in a place of one's own."""
    from skinlab.cli import main

    monkeypatch.chdir(clinic.folder)
    monkeypatch.setenv("SKINLAB_WORKSPACE", str(clinic.folder / "workspace"))

    def call(*words: str) -> int:
        return main(list(words))

    return call
