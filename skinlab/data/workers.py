"""Items -> a result for each, by several processes; a crash or a hang costs that one item.

The parent knows which item each process is on: when a decoder crashes, or a file never answers, it
names it and goes on with a fresh process. When the parent dies, its processes see their pipe close
and end.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar

from skinlab.tables.errors import RunError

Item = TypeVar("Item")
Result = TypeVar("Result")
ItemIn = TypeVar("ItemIn", contravariant=True)
ResultOut = TypeVar("ResultOut", covariant=True)

CHUNK = 8
NOTHING_YET = -1
SERVE = "import sys; from skinlab.data.workers import serve; serve(int(sys.argv[1]))"
PATIENCE = 300.0  # seconds that one item may take
CHECK_EVERY = 2.0


class Work(Protocol[ItemIn, ResultOut]):
    """What is done with an item; it travels to each process and is opened there."""

    def opened(self) -> AbstractContextManager[Callable[[int, ItemIn], ResultOut]]:
        """Yield what makes the result of (position, item); an OSError of it ends all work."""

    def failed(self, position: int, item: ItemIn, what: str) -> ResultOut:
        """Return the result of an item that makes a process crash or hang, as `what` says."""


@dataclass(frozen=True)
class Crew(Generic[Item, Result]):
    """Work, the items it is done with, and how long one of them may take in seconds."""

    work: Work[Item, Result]
    items: Sequence[Item]
    patience: float = PATIENCE

    def run(self, processes: int) -> Iterator[list[tuple[int, Result]]]:
        """Yield results with their positions as they come, in any order.

        Args:
            processes: How many; fewer than 2 is this process itself, which nobody watches.

        Raises:
            OSError: Of the work.
            RunError: No process can be started to any use.
        """
        positions = range(len(self.items))
        chunks = deque(list(positions[start : start + CHUNK]) for start in positions[::CHUNK])
        return self._here(chunks) if processes < 2 else _Pool(self, chunks).run(processes)

    def _here(self, chunks: deque[list[int]]) -> Iterator[list[tuple[int, Result]]]:
        with self.work.opened() as make:
            for chunk in chunks:
                yield [(position, make(position, self.items[position])) for position in chunk]


def serve(handle: int) -> None:
    """Run in a process of its own: say which item is begun, and what became of a chunk."""
    pipe = Connection(handle)
    work: Work[Any, Any] = pipe.recv()
    with work.opened() as make, contextlib.suppress(EOFError, OSError):
        while True:
            chunk: list[tuple[int, Any]] = pipe.recv()
            results: list[tuple[int, Any]] = []
            answer: list[tuple[int, Any]] | OSError = results
            for position, item in chunk:
                pipe.send(position)
                try:
                    results.append((position, make(position, item)))
                except OSError as error:
                    answer = error
                    break
            pipe.send(answer)


class _Worker(Generic[Item, Result]):
    """One process and what it was given.

    A plain child, since `multiprocessing` would import the caller's main module again in each.
    """

    def __init__(self, crew: Crew[Item, Result]) -> None:
        self.items = crew.items
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # the parent decides about Ctrl-C
        )
        theirs.close()
        self.given: deque[list[int]] = deque()
        self.on = NOTHING_YET
        self.since = time.monotonic()
        with contextlib.suppress(OSError):  # it died; noticed when it is asked
            self.pipe.send(crew.work)

    def give(self, chunk: list[int]) -> None:
        if not self.given:
            self.since = time.monotonic()
        self.given.append(chunk)
        with contextlib.suppress(OSError):
            self.pipe.send([(position, self.items[position]) for position in chunk])

    def begins(self, position: int) -> None:
        self.on, self.since = position, time.monotonic()

    def stuck(self, patience: float) -> bool:
        """Return whether it has been on the same item, or starting, for too long."""
        limit = max(patience, PATIENCE) if self.on == NOTHING_YET else patience
        return bool(self.given) and time.monotonic() - self.since > limit

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class _Pool(Generic[Item, Result]):
    """Workers that are replaced when they die."""

    def __init__(self, crew: Crew[Item, Result], chunks: deque[list[int]]) -> None:
        self.crew, self.chunks = crew, chunks
        self.workers: list[_Worker[Item, Result]] = []

    def run(self, processes: int) -> Iterator[list[tuple[int, Result]]]:
        try:
            self.workers = [_Worker(self.crew) for _ in range(processes)]
            while self.chunks or any(worker.given for worker in self.workers):
                yield from self._step()
        finally:
            for worker in self.workers:
                worker.kill()

    def _step(self) -> Iterator[list[tuple[int, Result]]]:
        for worker in self.workers:
            while self.chunks and len(worker.given) < 2:
                worker.give(self.chunks.popleft())
        busy = {worker.pipe: worker for worker in self.workers if worker.given}
        for pipe in wait(list(busy), timeout=CHECK_EVERY):
            worker = busy[pipe]  # type: ignore[index]
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                yield self._replaced(worker, "makes the decoder crash")
                continue
            if isinstance(answer, OSError):
                raise answer
            if isinstance(answer, int):
                worker.begins(answer)
            else:
                worker.given.popleft()
                yield answer
        for worker in list(self.workers):
            if worker.stuck(self.crew.patience):
                seconds = f"{self.crew.patience:g}"
                yield self._replaced(worker, f"could not be read within {seconds} seconds")

    def _replaced(self, worker: _Worker[Item, Result], what: str) -> list[tuple[int, Result]]:
        """Put a fresh process in the place of a dead one; the item it was on is the culprit."""
        culprit = worker.on
        given = [position for chunk in worker.given for position in chunk]
        worker.kill()
        if culprit == NOTHING_YET:
            raise RunError(
                "a process that reads photographs died before its first one; free memory and "
                "run the same command again"
            )
        self.chunks.extend([position] for position in given if position != culprit)
        self.workers[self.workers.index(worker)] = _Worker(self.crew)
        if culprit not in given:  # it died between two items: of nothing they contain
            return []
        return [(culprit, self.crew.work.failed(culprit, self.crew.items[culprit], what))]
