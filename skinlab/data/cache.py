"""Manifest + deterministic steps -> every photograph decoded once, in files that are mapped.

    <folder>/pixels-<key>/images.u8    (N, S, S, 3) uint8, raw
                          masks.u8     (N, S, S) uint8 of 0/1, raw; absent where no row has a mask
                          cache.json   sizes, checksums, which slots have a mask; no name, no id
    <folder>/contents.json             hashes of files by digests of their place (see `content`)

A slot is one distinct (photograph, window, mask); the key is the digest of all of them and of the
steps, so splits, folds, trials and the order of rows share one cache, and a touched pixel gives
another. A cache appears by renaming a finished folder: it is there whole or not at all.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from skinlab.data.content import Contents, contents, stamp
from skinlab.data.readers import Job, Outcome, Progress, read_all
from skinlab.data.spec import DataSpec
from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.errors import InputError, Problem, RunError
from skinlab.tables.files import digest, sha256, sync_folder, unwritable, write_json
from skinlab.tables.manifest import Manifest

FORMAT = 1
IMAGES, MASKS, FACTS = "images.u8", "masks.u8", "cache.json"
# Below this many bytes the checksum is compared at every opening; above, when the time differs.
ALWAYS_CHECKED = 256 << 20
SPARE_BYTES = 1 << 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PixelCache:
    """Mapped pixels of a manifest's rows.

    Attributes:
        folder: Where the files lie.
        images: ``(N, S, S, 3)`` uint8, read-only and mapped.
        masks: ``(N, S, S)`` uint8 of 0/1, or None where no row has one.
        has_mask: ``(N,)`` which slots have a mask.
        slots: ``(rows,)`` slot of each row of the manifest.
        content_fingerprint: Digest of the photographs' bytes, windows, masks and the steps.
        notes: How many photographs were converted, by what was done; said once.
    """

    folder: Path
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8] | None
    has_mask: NDArray[np.bool_]
    slots: NDArray[np.int64]
    content_fingerprint: str
    notes: Mapping[str, int]

    @property
    def size(self) -> int:
        """Side of the stored squares in pixels."""
        return int(self.images.shape[1])

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker process as a path, not as the pixels."""
        return _mapped, (self.folder, self.slots, self.content_fingerprint)


def steps_of(spec: DataSpec) -> Steps:
    """Return the deterministic steps that a configuration asks for."""
    return Steps(spec.stored_size, spec.square, spec.color_constancy)


def build(
    manifest: Manifest, spec: DataSpec, folder: Path, progress: Progress | None = None
) -> PixelCache:
    """Return the cache of a manifest, decoding only when there is none yet.

    Args:
        manifest: Rows whose photographs are wanted; ids and splits do not matter.
        spec: Size and steps.
        folder: Where caches are kept on this machine.
        progress: Called with (done, all) photographs while decoding.

    Raises:
        InputError: Every photograph and mask that cannot be used, with its line in the manifest.
        RunError: The disk is full or cannot be written; nothing half-made is left.
    """
    steps, sources = steps_of(spec), sources_of(manifest)
    if not sources:
        raise InputError(Problem("has no rows", "give it photographs", manifest.path))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RunError(str(unwritable(folder, error))) from error
    files = [path for source in sources for path in (source.image, source.mask) if path]
    known = contents(files, manifest.root, folder / "contents.json")
    row_keys = [_row_key(source, known) for source in sources]
    distinct = sorted(set(row_keys))
    fingerprint = digest(f"pixels={FORMAT}", steps.fingerprint, *distinct)
    slot_of = {key: slot for slot, key in enumerate(distinct)}
    slots = np.array([slot_of[key] for key in row_keys], dtype=np.int64)
    place = folder / f"pixels-{fingerprint[:32]}"
    with _locked(place):
        if not known.problems and (cache := _opened(place, slots, fingerprint)) is not None:
            return cache
        first = {key: row for row, key in reversed(list(enumerate(row_keys)))}
        rows = [first[key] for key in distinct]
        made = _Build(manifest, steps, known, place, fingerprint)
        made.run([sources[row] for row in rows], rows, progress)
    return _mapped(place, slots, fingerprint)


def sources_of(manifest: Manifest) -> list[Source]:
    """Return what is read for each row."""
    rows = zip(manifest.column("image_path"), manifest.column("mask_path"), strict=True)
    return [Source(image, mask, manifest.window(i)) for i, (image, mask) in enumerate(rows)]


def _row_key(source: Source, known: Contents) -> str:
    image, mask = (known.hashes.get(path, path) for path in (source.image, source.mask))
    return digest(image, mask, repr(source.window))


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Hold the lock of one cache: whoever comes second waits, then finds it ready."""
    lock = FileLock(place.with_name(f".{place.name}.lock"))
    try:
        lock.acquire()
    except OSError as error:
        raise RunError(str(unwritable(place, error))) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class _Build:
    """The making of one cache."""

    manifest: Manifest
    steps: Steps
    known: Contents
    place: Path
    fingerprint: str

    def run(self, sources: list[Source], rows: list[int], progress: Progress | None) -> None:
        """Decode into a folder beside the final one, then rename it."""
        part = self.place.with_name(f".{self.place.name}.part")
        shutil.rmtree(
            part, ignore_errors=True
        )  # left by a process that was killed; we hold the lock
        shutil.rmtree(self.place, ignore_errors=True)
        try:
            job = self._prepared(part, sources)
            readers = min(os.cpu_count() or 1, 8)
            outcomes = read_all(sources, job, readers, progress)
            self._refuse_bad(outcomes, sources, rows)
            self._finish(part, outcomes)
        except OSError as error:
            raise RunError(str(unwritable(self.place, error, self._bytes(sources)))) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _bytes(self, sources: list[Source]) -> int:
        planes = 4 if any(source.mask for source in sources) else 3
        return len(sources) * self.steps.size**2 * planes

    def _prepared(self, part: Path, sources: list[Source]) -> Job:
        """Create the files at full size, so that a full disk is found before any decoding."""
        part.mkdir(mode=0o700)
        need, free = self._bytes(sources) + SPARE_BYTES, shutil.disk_usage(part).free
        if free < need:
            what = (
                f"the pixel cache needs {need / 2**20:.1f} MiB and {free / 2**20:.1f} MiB are free"
            )
            fix = "free space there, or lower data.image_size or data.cache_size"
            raise RunError(str(Problem(f"disk full: {what}", fix, self.place.parent)))
        pixels = len(sources) * self.steps.size**2
        masks = part / MASKS if any(source.mask for source in sources) else None
        _allocate(part / IMAGES, pixels * 3)
        if masks is not None:
            _allocate(masks, pixels)
        return Job(self.manifest.root, self.steps, part / IMAGES, masks)

    def _refuse_bad(self, outcomes: list[Outcome], sources: list[Source], rows: list[int]) -> None:
        """Raise all problems at once, each at its line of the manifest."""
        problems = []
        for outcome, source, row in zip(outcomes, sources, rows, strict=True):
            problem = outcome.problem
            for path in (source.image, source.mask):
                if problem is None and path and self._changed(path):
                    what = "changed while it was being read"
                    problem = Problem(what, "run the same command again", path)
            if problem is not None:
                line = int(self.manifest.frame.index[row])
                what = f"{problem.file} {problem.what}"
                problems.append(
                    (line, replace(problem, what=what, file=self.manifest.path, line=line))
                )
        if problems:
            raise InputError(problem for _, problem in sorted(problems, key=lambda pair: pair[0]))

    def _changed(self, path: str) -> bool:
        place = self.manifest.root / path
        return place.exists() and stamp(place) != self.known.stamps.get(path)

    def _finish(self, part: Path, outcomes: list[Outcome]) -> None:
        notes = Counter(note for outcome in outcomes for note in outcome.notes)
        for note, count in sorted(notes.items()):
            log.warning("%d photograph(s): %s", count, note)
        files = {
            name: _file_facts(part / name) for name in (IMAGES, MASKS) if (part / name).exists()
        }
        facts = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "count": len(outcomes),
            "size": self.steps.size,
            "steps": self.steps.fingerprint,
            "files": files,
            "has_mask": "".join("1" if outcome.has_mask else "0" for outcome in outcomes),
            "notes": dict(sorted(notes.items())),
        }
        write_json(part / FACTS, facts)
        part.rename(self.place)
        sync_folder(self.place.parent)


def _allocate(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
        stream.truncate(size)


def _file_facts(path: Path) -> dict[str, Any]:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
    facts = path.stat()
    return {"bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns, "sha256": sha256(path)}


def _opened(place: Path, slots: NDArray[np.int64], fingerprint: str) -> PixelCache | None:
    """Return the cache if it is there and whole; say so when it is damaged."""
    if not place.is_dir():
        return None
    try:
        reason = _damage(place, fingerprint)
        if reason is None:
            return _mapped(place, slots, fingerprint)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    log.warning("%s: the pixel cache is damaged (%s); it is built again", place, reason)
    return None


def _damage(place: Path, fingerprint: str) -> str | None:
    facts = json.loads((place / FACTS).read_bytes())
    if facts["format"] != FORMAT or facts["fingerprint"] != fingerprint:
        return "it belongs to other photographs"
    pixels = facts["count"] * facts["size"] ** 2
    expected = {IMAGES: 3 * pixels, MASKS: pixels}
    for name, wanted in facts["files"].items():
        found = (place / name).stat()
        if not found.st_size == wanted["bytes"] == expected[name]:
            return f"{name} has {found.st_size} bytes instead of {wanted['bytes']}"
        same_time = found.st_mtime_ns == wanted["mtime_ns"]
        small = found.st_size <= ALWAYS_CHECKED
        if (small or not same_time) and sha256(place / name) != wanted["sha256"]:
            return f"the checksum of {name} differs"
    return None


def _mapped(place: Path, slots: NDArray[np.int64], fingerprint: str) -> PixelCache:
    facts = json.loads((place / FACTS).read_bytes())
    count, size = facts["count"], facts["size"]
    images = np.memmap(place / IMAGES, np.uint8, "r", shape=(count, size, size, 3))
    masks = None
    if MASKS in facts["files"]:
        masks = np.memmap(place / MASKS, np.uint8, "r", shape=(count, size, size))
    has_mask = np.array([flag == "1" for flag in facts["has_mask"]], dtype=np.bool_)
    return PixelCache(place, images, masks, has_mask, slots, fingerprint, facts["notes"])
