"""Files -> SHA-256 of their bytes, remembered by place, size and time so that none is read twice.

The memory file holds digests only: no name of a file, no id.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from skinlab.preprocess.picture_file import real_file
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest, sha256, write_json

# A file changed this recently may change again within the same tick of its clock (git's "racy").
RACY_NANOSECONDS = 2_000_000_000
ABANDONED_SECONDS = 3600


@dataclass(frozen=True)
class Contents:
    """What the files hold, and which cannot be read.

    Attributes:
        hashes: SHA-256 by the path that was asked for.
        problems: By the path that was asked for.
        stamps: Size and times by path, to notice a file that changes while it is used.
    """

    hashes: Mapping[str, str]
    problems: Mapping[str, Problem]
    stamps: Mapping[str, str]


def contents(paths: Iterable[str], root: Path, memory: Path) -> Contents:
    """Return the content hash of each file below `root`, reading only what is new or changed.

    Args:
        paths: Paths relative to the root; each is looked at once.
        root: Folder of the data set.
        memory: JSON file that remembers the hashes between runs.
    """
    _sweep(memory)
    remembered = _remembered(memory)
    real: dict[str, Path] = {}
    stamps: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    for path in dict.fromkeys(paths):
        try:
            real[path] = real_file(Path(path), root)
            stamps[path] = stamp(real[path])
        except InputError as error:
            problems[path] = error.problems[0]
    places = {path: digest(str(real[path])) for path in stamps}
    known = {
        p: entry[1]
        for p in stamps
        if (entry := remembered.get(places[p])) and entry[0] == stamps[p]
    }
    new = [path for path in stamps if path not in known]
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for path, answer in zip(new, pool.map(_hashed, [real[p] for p in new]), strict=True):
            if isinstance(answer, OSError):
                what = f"cannot be read ({(answer.strerror or str(answer)).lower()})"
                problems[path] = Problem(what, "check the file", path)
            else:
                known[path] = answer
    recent = time.time_ns() - RACY_NANOSECONDS
    fresh = {
        places[p]: [stamps[p], known[p]]
        for p in new
        if p in known and real[p].stat().st_mtime_ns < recent
    }
    if fresh:
        write_json(memory, remembered | fresh)
    return Contents(known, problems, stamps)


def stamp(path: Path) -> str:
    """Return what changes whenever a file does: size and both times, in nanoseconds."""
    facts = path.stat()
    return f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"


def _sweep(memory: Path) -> None:
    """Remove what writers that were killed an hour ago or more left beside the memory."""
    for left in memory.parent.glob(f".{memory.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
                left.unlink()


def _remembered(memory: Path) -> dict[str, list[str]]:
    """Return what is remembered; a damaged memory is only forgotten."""
    try:
        entries = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {k: v for k, v in entries.items() if isinstance(v, list) and len(v) == 2}


def _hashed(path: Path) -> str | OSError:
    try:
        return sha256(path)
    except OSError as error:
        return error
