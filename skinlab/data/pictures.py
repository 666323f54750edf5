"""Rows of a manifest -> what their files really hold: decoded completely, hashed, masks beside."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from skinlab.data.workers import Crew, Work
from skinlab.preprocess.mask import inspect_mask
from skinlab.preprocess.photograph import decode
from skinlab.preprocess.picture_file import picture_bytes
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
# Starting a process costs as much as decoding about this many small photographs.
WORTH_A_PROCESS = 200


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
    inspected = spread(Inspection(manifest.root), distinct, workers, progress)
    found = dict(zip(distinct, inspected, strict=True))
    return [found[pair] for pair in pairs]


@dataclass(frozen=True)
class Inspection:
    """The work of looking at photographs and masks below a root."""

    root: Path

    @contextmanager
    def opened(self) -> Iterator[Callable[[int, tuple[str, str]], Inspected]]:
        """Yield what inspects one pair of photograph and mask."""
        yield lambda _, pair: inspect_one(self.root, pair)

    def failed(self, _: int, __: tuple[str, str], what: str) -> Inspected:
        """Return what is known of a pair that makes its process crash or hang."""
        return Inspected(error=(what, "copy it again from the original"))


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
    work: Work[Item, Result],
    items: Sequence[Item],
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Return the result of each item, computed in several processes where that pays.

    Raises:
        RunError: Processes die at once, as when memory runs out.
    """
    if workers is None:
        workers = os.cpu_count() or 1 if len(items) >= WORTH_A_PROCESS else 1
    found: dict[int, Result] = {}
    with _watched(len(items), progress) as advance:
        for some in Crew(work, items).run(workers):
            for position, result in some:
                found[position] = result
                advance()
    return [found[position] for position in range(len(items))]


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
