"""Rows of a manifest -> what their files really hold: decoded completely, hashed, masks beside.

What was found is remembered by content, so that a photograph is decoded again only when it changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from skinlab.data.content import contents
from skinlab.data.workers import Crew, Work
from skinlab.preprocess.identifiers import identifying
from skinlab.preprocess.mask import inspect_mask
from skinlab.preprocess.photograph import decode, megapixel_limit
from skinlab.preprocess.picture_file import picture_bytes
from skinlab.tables.errors import InputError
from skinlab.tables.files import digest, write_json
from skinlab.tables.manifest import Manifest

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
# Starting a process costs as much as decoding about this many small photographs.
WORTH_A_PROCESS = 200
SEEN = "seen.json"
REMEMBERED = 1  # goes up whenever `Inspected`, or what is refused, changes


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
        identifying: What of the photograph's metadata may identify a person.
    """

    sha256: str = ""
    pixels: str = ""
    width: int = 0
    height: int = 0
    error: tuple[str, str] = ("", "")
    mask_error: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = ()
    mask_notes: tuple[str, ...] = ()
    identifying: tuple[str, ...] = ()


def inspect_pictures(
    manifest: Manifest,
    workers: int | None = None,
    progress: Progress | None = None,
    memory: Path | None = None,
) -> list[Inspected]:
    """Decode every photograph and mask once; rows that share them share the result.

    Args:
        manifest: Rows whose paths are known to be inside the root.
        workers: Processes; None takes the cores, and one where there are few photographs.
        progress: Called with how many are done and how many there are; None shows a bar when a
            person is watching.
        memory: Folder that remembers what sound files held; None looks at all of them.

    Returns:
        One a row.
    """
    pairs = list(zip(manifest.column("image_path"), manifest.column("mask_path"), strict=True))
    distinct = list(dict.fromkeys(pairs))
    keys = _keys(distinct, manifest.root, memory)
    found = _remembered(keys, memory)
    new = [pair for pair in distinct if pair not in found]
    inspected = spread(Inspection(manifest.root), new, workers, progress)
    found |= dict(zip(new, inspected, strict=True))
    _remember({key: found[pair] for pair, key in keys.items() if pair in new}, memory)
    return [found[pair] for pair in pairs]


def _keys(
    pairs: Sequence[tuple[str, str]], root: Path, memory: Path | None
) -> dict[tuple[str, str], str]:
    """Return what stands for the content of each pair; none for what cannot be read."""
    if memory is None:
        return {}
    files = [path for pair in pairs for path in pair if path]
    hashes = {"": "", **contents(files, root, memory / "contents.json").hashes}
    limit = f"{REMEMBERED} {megapixel_limit():g}"  # what is too large depends on a setting
    return {
        (image, mask): digest(limit, hashes[image], hashes[mask])
        for image, mask in pairs
        if image in hashes and mask in hashes
    }


def _remembered(
    keys: Mapping[tuple[str, str], str], memory: Path | None
) -> dict[tuple[str, str], Inspected]:
    """Return what was found before; a damaged memory is only forgotten."""
    if memory is None:
        return {}
    try:
        entries = json.loads((memory / SEEN).read_bytes())
        return {pair: _from_json(entries[key]) for pair, key in keys.items() if key in entries}
    except (OSError, ValueError, TypeError):
        return {}


def _remember(found: Mapping[str, Inspected], memory: Path | None) -> None:
    """Add what was found in sound files; no name and no path of a file is written."""
    sound = {key: seen for key, seen in found.items() if not any(seen.error + seen.mask_error)}
    if memory is None or not sound:
        return
    try:
        before = json.loads((memory / SEEN).read_bytes())
    except (OSError, ValueError):
        before = {}
    entries = before if isinstance(before, dict) else {}
    write_json(memory / SEEN, entries | {key: asdict(seen) for key, seen in sound.items()})


def _from_json(entry: Mapping[str, Any]) -> Inspected:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Inspected(**values)


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
        identifying=identifying(content, photograph.pixels),
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
