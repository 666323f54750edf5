"""One folder a class -> Manifest: ``root/melanoma/a.jpg``, ``root/nevus/b.jpg``.

Ids are made from the content of the files, so no file name (which may be a person's) becomes an id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from skinlab.sources.archive import Dropped, Facts, Scan, assemble, dropped_if
from skinlab.sources.disk import Folder, stem
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.manifest import Manifest

FACTS = Facts(
    title="Photographs in one folder a class",
    faults=("The class is the name of the folder; nobody has checked it here.",),
)
NO_PATIENT = (
    "There is no patient id: a split is not proven to be patient-safe. "
    "Give a pattern that finds it in the path."
)


def read(root: Path, patient: str = "") -> Manifest:
    """Return the manifest of the pictures; see `scan`."""
    return scan(root, patient).manifest


def scan(root: Path, patient: str = "") -> Scan:
    """Read a folder whose sub-folders are the classes; a class may have folders of its own.

    Args:
        root: The folder.
        patient: Regular expression searched in each path below `root`; its group ``patient``, else
            its first group, else the whole match is the patient id. Empty: patients are not known.

    Raises:
        InputError: No pictures in sub-folders, a bad pattern, or paths where it finds no patient.
    """
    folder = Folder.walk(root)
    files = [f for f in folder.pictures if "/" in f and not _in_masks(f)]
    if not files:
        what = "holds no pictures in folders named as classes"
        raise InputError(Problem(what, "put each class into a folder of its own", root))
    masks = folder.find((f for f in files), masks=True)
    patients = _patients(files, patient, root)
    cells = [
        {
            "image_path": file,
            "diagnosis": PurePosixPath(file).parts[0],
            "patient_id": patients[file],
            "mask_path": masks.get(file, ""),
        }
        for file in files
    ]
    manifest = with_content_ids(assemble(folder, root, cells, range(2, len(files) + 2)))
    faults = FACTS.faults if patient else (NO_PATIENT, *FACTS.faults)
    facts = Facts(FACTS.title, faults=faults)
    return Scan(manifest, facts, tuple(_left_out(folder, set(files))))


def with_content_ids(manifest: Manifest) -> Manifest:
    """Fill ``sample_id`` from the fingerprints: ``img_`` and twelve digits, ``_2`` for a copy."""
    seen: Counter[str] = Counter()
    ids = []
    for fingerprint, path in zip(
        manifest.column("sha256"), manifest.column("image_path"), strict=True
    ):
        if not fingerprint:
            what = "cannot be read, so it gets no id"
            raise InputError(Problem(what, "check the rights of the file", manifest.root / path))
        name = f"img_{fingerprint[:12]}"
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return manifest.with_column("sample_id", ids)


def _patients(files: list[str], pattern: str, root: Path) -> dict[str, str]:
    if not pattern:
        return dict.fromkeys(files, "")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        what = f"patient pattern {pattern!r} is not a regular expression ({error})"
        raise InputError(Problem(what, r"for example '(P\d+)_'")) from error
    found = {}
    problems = []
    for file in files:
        match = compiled.search(file)
        groups = {} if match is None else match.groupdict()
        value = groups.get("patient") or (match and match[1 if compiled.groups else 0]) or ""
        if not value:
            what = f"no patient found by {pattern!r}"
            problems.append(Problem(what, "change the pattern or the name", root / file))
        found[file] = value
    if problems:
        raise InputError(problems)
    return found


def _left_out(folder: Folder, used: set[str]) -> Iterator[Dropped]:
    """Yield what was not taken, by kind of file."""
    name = folder.root.name
    rest = [f for f in folder.files if f not in used and not _in_masks(f)]
    pictures = set(folder.pictures)
    loose = sum(f in pictures for f in rest)
    yield from dropped_if(loose, "picture beside the class folders, so without a class", name)
    kinds = Counter(PurePosixPath(f).suffix.lower() for f in rest if f not in pictures)
    for kind, count in sorted(kinds.items()):
        fix = "; save as JPEG" if kind in (".heic", ".heif", ".avif", ".gif") else ""
        yield Dropped(f"{kind or 'no suffix'} is not read as a photograph{fix}", count, name)
    yield from dropped_if(len(folder.left_out), "link, or a name that cannot be read", name)


def _in_masks(file: str) -> bool:
    return any(stem(part).startswith("mask") for part in PurePosixPath(file).parts[:-1])
