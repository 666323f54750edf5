"""Photograph files -> pixels written at their slot of the cache's files, by several processes.

A decoder that crashes, or a file that never answers, costs that one row: the parent knows which
photograph each process is on, names it, and reads the others with a fresh process. When the parent
dies, its processes see their pipe close and end.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.errors import InputError, Problem, RunError

Progress = Callable[[int, int], None]

CHUNK = 8
FEW = 48  # rows; below this, starting processes costs more than it gains
PATIENCE = 300.0  # seconds that one photograph may take
CHECK_EVERY = 2.0


@dataclass(frozen=True)
class Job:
    """What every process needs to know: where from, what to do, where to."""

    root: Path
    steps: Steps
    images: Path
    masks: Path | None
    patience: float = PATIENCE


@dataclass(frozen=True)
class Outcome:
    """What became of the photograph of one slot."""

    slot: int
    has_mask: bool = False
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


def read_all(
    sources: Sequence[Source], job: Job, processes: int, progress: Progress | None = None
) -> list[Outcome]:
    """Read every source into its slot (its position), in any order.

    Args:
        sources: The rows.
        job: Root, steps and the files to write into, which must have their full size.
        processes: How many processes read; small work is done in this one.
        progress: Called with (done, all) now and then.

    Returns:
        An outcome for every slot, by slot; bad photographs have a problem.

    Raises:
        OSError: The pixels cannot be written.
        RunError: No process can be started to any use.
    """
    slots = range(len(sources))
    chunks = deque(list(slots)[start : start + CHUNK] for start in slots[::CHUNK])
    alone = processes < 2 or len(sources) < FEW or multiprocessing.current_process().daemon
    run = _here(sources, chunks, job) if alone else _Pool(sources, chunks, job).run(processes)
    outcomes: list[Outcome] = []
    for some in run:
        outcomes += some
        if progress is not None:
            progress(len(outcomes), len(sources))
    return sorted(outcomes, key=lambda outcome: outcome.slot)


def _here(sources: Sequence[Source], chunks: deque[list[int]], job: Job) -> Iterator[list[Outcome]]:
    with _Writer(job) as writer:
        for chunk in chunks:
            yield [writer.write(slot, sources[slot]) for slot in chunk]


class _Writer:
    """Prepares rows and writes them with `pwrite`, whose failures can be caught (a full disk)."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.images = os.open(job.images, os.O_WRONLY)
        self.masks = os.open(job.masks, os.O_WRONLY) if job.masks else None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in (self.images, self.masks):
            if handle is not None:
                os.close(handle)

    def write(self, slot: int, source: Source) -> Outcome:
        try:
            prepared = self.job.steps.prepare(source, self.job.root)
        except InputError as error:
            return Outcome(slot, problem=error.problems[0])
        pixels = self.job.steps.size**2
        _put(self.images, prepared.image.tobytes(), slot * pixels * 3)
        if prepared.mask is not None and self.masks is not None:
            _put(self.masks, prepared.mask.tobytes(), slot * pixels)
        return Outcome(slot, prepared.mask is not None, prepared.notes)


def _put(handle: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


def _serve(pipe: Connection, job: Job, current: ctypes.c_longlong) -> None:
    """Run in a process of its own: answer every chunk with its outcomes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides about Ctrl-C
    with _Writer(job) as writer:
        while True:
            try:
                chunk: list[tuple[int, Source]] = pipe.recv()
            except (EOFError, OSError):
                return
            outcomes: list[Outcome] = []
            try:
                for slot, source in chunk:
                    current.value = slot
                    outcomes.append(writer.write(slot, source))
                answer: list[Outcome] | OSError = outcomes
            except OSError as error:
                answer = error
            try:
                pipe.send(answer)
            except OSError:
                return


class _Reader:
    """One process and what it was given."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")  # fork would copy torch's threads' locks
        self.current = context.RawValue("q", -1)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, job, self.current))
        self.process.start()
        theirs.close()
        self.given: deque[list[int]] = deque()
        self.seen = -1
        self.since = time.monotonic()

    def give(self, chunk: list[int], sources: Sequence[Source]) -> None:
        if not self.given:
            self.since = time.monotonic()
        self.given.append(chunk)
        self.pipe.send([(slot, sources[slot]) for slot in chunk])

    def stuck(self, patience: float) -> bool:
        """Return whether it has been on the same photograph, or starting, for too long."""
        if self.seen != self.current.value:
            self.seen, self.since = self.current.value, time.monotonic()
        starting = self.current.value < 0
        return time.monotonic() - self.since > (max(patience, PATIENCE) if starting else patience)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool:
    """Readers that are replaced when they die."""

    def __init__(self, sources: Sequence[Source], chunks: deque[list[int]], job: Job) -> None:
        self.sources, self.chunks, self.job = sources, chunks, job
        self.readers: list[_Reader] = []

    def run(self, processes: int) -> Iterator[list[Outcome]]:
        try:
            self.readers = [_Reader(self.job) for _ in range(processes)]
            while self.chunks or any(reader.given for reader in self.readers):
                yield from self._step()
        finally:
            for reader in self.readers:
                reader.kill()

    def _step(self) -> Iterator[list[Outcome]]:
        for reader in self.readers:
            while self.chunks and len(reader.given) < 2:
                try:
                    reader.give(self.chunks[0], self.sources)
                except OSError:
                    break  # it died; noticed below
                self.chunks.popleft()
        busy = {reader.pipe: reader for reader in self.readers if reader.given}
        for pipe in wait(list(busy), timeout=CHECK_EVERY):
            reader = busy[pipe]  # type: ignore[index]
            try:
                answer = reader.pipe.recv()
            except (EOFError, OSError):
                yield self._replaced(reader, "makes the decoder crash")
                continue
            if isinstance(answer, OSError):
                raise answer
            reader.given.popleft()
            yield answer
        for reader in list(self.readers):
            if reader.given and reader.stuck(self.job.patience):
                seconds = f"{self.job.patience:g}"
                yield self._replaced(reader, f"could not be read within {seconds} seconds")

    def _replaced(self, reader: _Reader, what: str) -> list[Outcome]:
        """Put a fresh process in the place of a dead one; its photograph is the culprit."""
        slot = int(reader.current.value)
        given = [other for chunk in reader.given for other in chunk]
        reader.kill()
        if slot not in given:
            raise RunError(
                "the processes that read photographs die at once; "
                "free memory, or set data.workers to 0"
            )
        self.chunks.extend([other] for other in given if other != slot)
        self.readers[self.readers.index(reader)] = _Reader(self.job)
        problem = Problem(what, "copy it again from the original", self.sources[slot].image)
        return [Outcome(slot, problem=problem)]
