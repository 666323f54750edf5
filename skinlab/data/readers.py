"""Photograph files -> pixels written at their slot of the cache's files, by several processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skinlab.data.workers import PATIENCE, Crew
from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.errors import InputError, Problem

Progress = Callable[[int, int], None]

# What reading costs about, to tell whether starting processes is worth its second.
SECONDS_A_FILE, SECONDS_A_BYTE, WORTH_STARTING = 3e-3, 12e-9, 1.5


@dataclass(frozen=True)
class Job:
    """What every process needs to know: where from, what to do, where to."""

    root: Path
    steps: Steps
    images: Path
    masks: Path | None
    patience: float = PATIENCE

    @contextmanager
    def opened(self) -> Iterator[Callable[[int, Source], Outcome]]:
        """Yield what reads the photograph of a slot, with the files open."""
        with _Writer(self) as writer:
            yield writer.write

    def failed(self, slot: int, source: Source, what: str) -> Outcome:
        """Return the outcome of a photograph that makes its process crash or hang."""
        problem = Problem(what, "copy it again from the original", source.image)
        return Outcome(slot, problem=problem)


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
    alone = _seconds(sources, job.root) < WORTH_STARTING
    run = Crew(job, sources, job.patience).run(1 if alone else processes)
    outcomes: list[Outcome] = []
    for some in run:
        outcomes += [outcome for _, outcome in some]
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
