"""Photograph files -> pixels written at their slot of the cache's files, by several processes.

A decoder that crashes, or a file that never answers, costs that one row: the parent knows which
photograph each process is on, names it, and reads the others with a fresh process. When the parent
dies, its processes see their pipe close and end.
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
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.errors import InputError, Problem, RunError

Progress = Callable[[int, int], None]

CHUNK = 8
# What reading costs about, to tell whether starting processes is worth its second.
SECONDS_A_FILE, SECONDS_A_BYTE, WORTH_STARTING = 3e-3, 12e-9, 1.5
NOTHING_YET = -1
SERVE = "import sys; from skinlab.data.readers import serve; serve(int(sys.argv[1]))"
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
    alone = processes < 2 or _seconds(sources, job.root) < WORTH_STARTING
    run = _here(sources, chunks, job) if alone else _Pool(sources, chunks, job).run(processes)
    outcomes: list[Outcome] = []
    for some in run:
        outcomes += some
        if progress is not None:
            progress(len(outcomes), len(sources))
    return sorted(outcomes, key=lambda outcome: outcome.slot)


def _seconds(sources: Sequence[Source], root: Path) -> float:
    """Return about how long one process needs, judged by a few files."""
    sizes = []
    for source in sources[:: max(len(sources) // 20, 1)]:
        with contextlib.suppress(OSError):
            sizes.append((root / source.image).stat().st_size)
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    return len(sources) * (SECONDS_A_FILE + SECONDS_A_BYTE * mean)


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


def serve(handle: int) -> None:
    """Run in a process of its own: say which photograph is begun, and what became of a chunk."""
    pipe = Connection(handle)
    job: Job = pipe.recv()
    with _Writer(job) as writer, contextlib.suppress(EOFError, OSError):
        while True:
            chunk: list[tuple[int, Source]] = pipe.recv()
            outcomes: list[Outcome] = []
            answer: list[Outcome] | OSError = outcomes
            for slot, source in chunk:
                pipe.send(slot)
                try:
                    outcomes.append(writer.write(slot, source))
                except OSError as error:
                    answer = error
                    break
            pipe.send(answer)


class _Reader:
    """One process and what it was given.

    A plain child, since `multiprocessing` would import the caller's main module again in each.
    """

    def __init__(self, job: Job) -> None:
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
        self.slot = NOTHING_YET
        self.since = time.monotonic()
        with contextlib.suppress(OSError):  # it died; noticed when it is asked
            self.pipe.send(job)

    def give(self, chunk: list[int], sources: Sequence[Source]) -> None:
        if not self.given:
            self.since = time.monotonic()
        self.given.append(chunk)
        with contextlib.suppress(OSError):
            self.pipe.send([(slot, sources[slot]) for slot in chunk])

    def begins(self, slot: int) -> None:
        self.slot, self.since = slot, time.monotonic()

    def stuck(self, patience: float) -> bool:
        """Return whether it has been on the same photograph, or starting, for too long."""
        limit = max(patience, PATIENCE) if self.slot == NOTHING_YET else patience
        return bool(self.given) and time.monotonic() - self.since > limit

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
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
                reader.give(self.chunks.popleft(), self.sources)
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
            if isinstance(answer, int):
                reader.begins(answer)
            else:
                reader.given.popleft()
                yield answer
        for reader in list(self.readers):
            if reader.stuck(self.job.patience):
                seconds = f"{self.job.patience:g}"
                yield self._replaced(reader, f"could not be read within {seconds} seconds")

    def _replaced(self, reader: _Reader, what: str) -> list[Outcome]:
        """Put a fresh process in the place of a dead one; its photograph is the culprit."""
        slot = reader.slot
        given = [other for chunk in reader.given for other in chunk]
        reader.kill()
        if slot == NOTHING_YET:
            raise RunError(
                "a process that reads photographs died before its first one; free memory and "
                "run the same command again"
            )
        self.chunks.extend([other] for other in given if other != slot)
        self.readers[self.readers.index(reader)] = _Reader(self.job)
        if slot not in given:  # it died between two photographs: of nothing they contain
            return []
        problem = Problem(what, "copy it again from the original", self.sources[slot].image)
        return [Outcome(slot, problem=problem)]
