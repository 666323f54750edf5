"""Any CSV or Parquet table, with a mapping of its columns -> Manifest.

``{"image_path": "file", "diagnosis": "診断名", "patient_id": "患者ID"}`` says in which
column of the table each column of the manifest stands. Columns that are not mapped ride along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from skinlab.sources.archive import NOT_ON_DISK, ORDER, Facts, Scan, assemble, dropped_if, records
from skinlab.sources.disk import Folder
from skinlab.sources.folder import NO_PATIENT, with_content_ids
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.manifest import WINDOW, Manifest
from skinlab.tables.text import read_table

FACTS = Facts(title="Photographs named in a table")
KNOWN = (*ORDER, *WINDOW, "video_id", "time_s", "pathology", "invasion_depth_mm")


def read(root: Path, table: Path, columns: Mapping[str, str] | None = None) -> Manifest:
    """Return the manifest of the pictures on disk; see `scan`."""
    return scan(root, table, columns).manifest


def scan(root: Path, table: Path, columns: Mapping[str, str] | None = None) -> Scan:
    """Read a table of photographs.

    Args:
        root: Folder of the pictures.
        table: The table. Its paths are relative to `root`; bare names and ids are searched there.
        columns: Column of the manifest -> column of the table; those of the same name need none.
            ``image_path`` and ``diagnosis`` must be among them; without ``sample_id`` the ids are
            made from the content of the files.

    Raises:
        InputError: The table or the mapping is wrong, or no picture of it is on disk.
    """
    folder = Folder.walk(root)
    frame = read_table(table)
    mapping = _mapping(dict(columns or {}), list(frame.columns), table)
    back = {theirs: ours for ours, theirs in mapping.items()}
    frame = frame.rename(columns=back)
    places = _places(folder, list(frame["image_path"]))
    if "mask_path" in frame.columns:
        masks = _places(folder, [m for m in frame["mask_path"] if m], masks=True)
        frame["mask_path"] = [masks.get(m, m) for m in frame["mask_path"]]
    # A path out of the folder is kept as it stands, so that the manifest's own check names it.
    here = [bool(places.get(value)) or not value or _odd(value) for value in frame["image_path"]]
    frame["image_path"] = [places.get(value, value) for value in frame["image_path"]]
    kept = frame[here]
    if not any(places.values()):
        what = f"names no photograph that is below {root}"
        fix = "check the folder, or which column is image_path"
        raise InputError(Problem(what, fix, table))
    cells = [{k: v for k, v in row.items() if k} for _, row in records(kept)]
    manifest = assemble(folder, table, cells, [int(line) for line in kept.index])
    if "sample_id" not in frame.columns:
        _refuse(manifest)
        manifest = with_content_ids(manifest)
    facts = FACTS if any(manifest.column("patient_id")) else replace(FACTS, faults=(NO_PATIENT,))
    return Scan(manifest, facts, dropped_if(here.count(False), NOT_ON_DISK, table.name))


def _mapping(given: dict[str, str], columns: list[str], table: Path) -> dict[str, str]:
    """Return the whole mapping, columns of the same name included.

    Raises:
        InputError: A name is not known on either side, stands twice, or a needed one is missing.
    """
    problems = []
    for ours, theirs in given.items():
        if theirs not in columns:
            what = f"has no column {theirs!r} (wanted as {ours})"
            problems.append(Problem(what, f"it has {', '.join(columns)}", table, 1))
        if list(given.values()).count(theirs) > 1:
            what = f"column {theirs!r} is wanted twice"
            problems.append(Problem(what, "map each column once", table, 1))
    mapping = {name: name for name in columns if name in KNOWN and name not in given.values()}
    mapping |= given
    for ours in ("image_path", "diagnosis"):
        if ours not in mapping:
            what = f"says not which column is {ours}"
            fix = f"map {ours} to one of {', '.join(columns)}"
            problems.append(Problem(what, fix, table, 1))
    if problems:
        raise InputError(dict.fromkeys(problems))
    return mapping


def _places(folder: Folder, values: list[str], masks: bool = False) -> dict[str, str]:
    """Return the file each cell means: the path itself, else the picture of that name anywhere."""
    files = set(folder.files)
    exact = {v: _slashed(v) for v in values if v and _slashed(v) in files}
    rest = [v for v in values if v and v not in exact and not _odd(v) and "/" not in _slashed(v)]
    return exact | folder.find(rest, masks) | ({} if not masks else folder.find(rest))


def _slashed(value: str) -> str:
    return str(PurePosixPath(value.replace("\\", "/"))) if value else ""


def _odd(value: str) -> bool:
    return value.startswith(("/", "\\", "~", "$")) or ":" in value or ".." in _slashed(value)


def _refuse(manifest: Manifest) -> None:
    """Refuse bad paths before ids are made from the files."""
    bad = [p for p in manifest.problems() if "image_path" in p.what]
    if bad:
        raise InputError(bad)
