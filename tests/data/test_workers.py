"""Every item has its result; one that crashes or hangs is named and costs the others nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import REPOSITORY

from skinlab.data.workers import Crew
from skinlab.tables.errors import RunError


@dataclass(frozen=True)
class Doubling:
    """Twice the item; -1 crashes, -2 hangs, -3 is an error that ends all."""

    folder: Path | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Callable[[int, int], str]]:
        yield self._make

    def _make(self, _: int, item: int) -> str:
        if self.folder is not None:
            (self.folder / str(os.getpid())).touch()
        if item == -1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if item == -2:
            os.kill(os.getpid(), signal.SIGSTOP)
        if item == -3:
            raise OSError(28, "No space left on device")
        return str(2 * item)

    def failed(self, _: int, item: int, what: str) -> str:
        return f"{item} {what}"


class Dead:
    """Work whose processes die before they begin."""

    @contextlib.contextmanager
    def opened(self) -> Iterator[Callable[[int, int], int]]:
        os._exit(1)
        yield lambda _, item: item

    def failed(self, _: int, __: int, ___: str) -> int:
        return 0


def _results(items: list[int], processes: int, patience: float = 60) -> list[str]:
    found = [pair for some in Crew(Doubling(), items, patience).run(processes) for pair in some]
    assert sorted(position for position, _ in found) == list(range(len(items)))
    return [result for _, result in sorted(found)]


@pytest.mark.parametrize("processes", [1, 3])
def test_every_item_has_its_result(processes: int) -> None:
    assert _results(list(range(50)), processes) == [str(2 * item) for item in range(50)]


def test_a_crash_and_a_stopped_process_cost_one_item_each() -> None:
    items = list(range(40))
    items[13], items[29] = -1, -2
    begun = time.monotonic()
    found = _results(items, 2, patience=2)
    assert time.monotonic() - begun < 60
    assert found.pop(29) == "-2 could not be read within 2 seconds"
    assert found.pop(13) == "-1 makes the decoder crash"
    assert found == [str(2 * item) for item in items if item >= 0]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_full_disk_ends_all_work(processes: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        _results([1, 2, -3, 4], processes)


def test_processes_that_die_at_once_are_one_sentence() -> None:
    with pytest.raises(RunError, match="died before its first one"):
        list(Crew(Dead(), [1, 2]).run(2))


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from test_workers import Doubling\n"
        "from skinlab.data.workers import Crew\n"
        f"crew = Crew(Doubling(pathlib.Path({str(tmp_path)!r})), [1] * 2_000_000)\n"
        "for _ in crew.run(2): pass\n"
    )
    path = os.pathsep.join([str(REPOSITORY), str(Path(__file__).parent), str(REPOSITORY / "tests")])
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}) as p:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        p.kill()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(map(_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, workers))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
