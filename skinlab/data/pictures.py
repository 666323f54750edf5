"""Rows of a manifest -> what their files really hold: decoded completely, hashed, masks beside."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from skinlab.preprocess.mask import inspect_mask
from skinlab.preprocess.photograph import decode
from skinlab.preprocess.picture_file import picture_bytes
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.manifest import Manifest

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
# Starting a process costs as much as decoding about this many small photographs.
WORTH_A_PROCESS = 200
CHUNK = 16


@dataclass(frozen=True)
class Inspected:
    """What one photograph and its mask turned out to be.

    Attributes:
        sha256: Of the file.
        pixels: SHA-256 of the upright pixels: equal for copies with other metadata.
        width: Upright width in pixels; 0 where it cannot be read.
        height: Upright height.
        error: What is wrong with the photograph, and what would do; empty when nothing is.
        mask_error: The same of the mask.
        notes: What is odd about the photograph.
        mask_notes: What is odd about the mask.
    """

    sha256: str = ""
    pixels: str = ""
    width: int = 0
    height: int = 0
    error: tuple[str, str] = ("", "")
    mask_error: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = ()
    mask_notes: tuple[str, ...] = ()


def inspect_pictures(
    manifest: Manifest, workers: int | None = None, progress: Progress | None = None
) -> list[Inspected]:
    """Decode every photograph and mask once; rows that share them share the result.

    Args:
        manifest: Rows whose paths are known to be inside the root.
        workers: Processes; None takes the cores, and one where there are few photographs.
        progress: Called with how many are done and how many there are; None shows a bar when a
            person is watching.

    Returns:
        One a row.
    """
    pairs = list(zip(manifest.column("image_path"), manifest.column("mask_path"), strict=True))
    distinct = list(dict.fromkeys(pairs))
    inspect = partial(inspect_one, manifest.root)
    found = dict(zip(distinct, spread(inspect, distinct, workers, progress), strict=True))
    return [found[pair] for pair in pairs]


def inspect_one(root: Path, pair: tuple[str, str]) -> Inspected:
    """Inspect one photograph and its mask (empty: none); never raises for a bad file."""
    image, mask = pair
    path = Path(image)
    try:
        content, format_ = picture_bytes(path, root)
        photograph = decode(content, format_, path)
    except InputError as error:
        return Inspected(error=_said(error))
    height, width = photograph.pixels.shape[:2]
    shape = f"{width}x{height}:".encode()
    inspected = Inspected(
        sha256=hashlib.sha256(content).hexdigest(),
        pixels=hashlib.sha256(shape + photograph.pixels.tobytes()).hexdigest(),
        width=width,
        height=height,
        notes=photograph.notes,
    )
    if not mask:
        return inspected
    return _with_mask(inspected, Path(mask), root)


def spread(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yield the result of each item in order, computed in several processes where that pays.

    Raises:
        RunError: A process died, as when memory runs out.
    """
    if workers is None:
        workers = os.cpu_count() or 1 if len(items) >= WORTH_A_PROCESS else 1
    with _watched(len(items), progress) as advance:
        if workers <= 1:
            for item in items:
                yield work(item)
                advance()
            return
        # Spawned, not forked: the caller may hold threads of torch or of a progress bar.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            try:
                for result in pool.map(work, items, chunksize=CHUNK):
                    yield result
                    advance()
            except BrokenProcessPool as error:
                what = "a process that read photographs died; if memory is short, use fewer workers"
                raise RunError(what) from error


@contextmanager
def _watched(total: int, progress: Progress | None) -> Iterator[Callable[[], None]]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.update()
        if progress is not None:
            progress(done, total)

    hidden = True if progress is not None else None  # None: tqdm shows itself on a terminal only
    with tqdm(total=total, unit="image", disable=hidden, desc="reading") as bar:
        yield advance


def _with_mask(inspected: Inspected, mask: Path, root: Path) -> Inspected:
    try:
        found = inspect_mask(mask, root, (inspected.width, inspected.height))
    except InputError as error:
        return replace(inspected, mask_error=_said(error))
    return replace(inspected, mask_notes=found.notes)


def _said(error: InputError) -> tuple[str, str]:
    first = error.problems[0]
    return first.what, first.fix
