"""Name of an archive and its folder -> ``<name>.csv``, its card and what was left out of it."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pandas as pd

from skinlab.sources.archive import Dropped, Scan
from skinlab.sources.card import card
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.exclusions import Exclusion, read_exclusions, write_exclusions
from skinlab.tables.files import write_text
from skinlab.tables.manifest import REQUIRED, Manifest
from skinlab.tables.text import read_table

ARCHIVES = ("pad_ufes_20", "ham10000", "isic", "fitzpatrick17k", "ph2", "folder", "table")


@dataclass(frozen=True)
class ImportResult:
    """What an import wrote.

    Attributes:
        manifest_path: The manifest.
        card_path: The card, beside it.
        manifest: What stands in it.
        dropped: What was left out, and why.
    """

    manifest_path: Path
    card_path: Path
    manifest: Manifest
    dropped: tuple[Dropped, ...]


def import_archive(
    archive: str,
    root: Path,
    out: Path,
    *,
    name: str = "",
    overwrite: bool = False,
    options: Mapping[str, object] | None = None,
) -> ImportResult:
    """Read an archive and write its manifest and card.

    Args:
        archive: One of `ARCHIVES`.
        root: Its folder.
        out: Folder of the manifests.
        name: Name of the manifest; empty takes the archive's.
        overwrite: Replace a manifest of that name even where it differs (its splits are lost).
        options: Keyword arguments of the archive's ``scan``, such as ``table`` or ``patient``.

    Raises:
        InputError: Unknown archive or option, or anything wrong in the archive; nothing is written.
    """
    module = _module(archive)
    scan: Scan = module.scan(root, **_accepted(module, archive, dict(options or {})))
    if problems := list(scan.manifest.problems()):
        raise InputError(problems)
    path = out / f"{name or archive}.csv"
    frame = scan.manifest.frame
    lines = pd.Index(range(2, len(frame) + 2), dtype="int64")
    manifest = replace(scan.manifest, frame=frame.set_index(lines), path=path)
    if not overwrite:
        _keep_other(path, manifest)
    manifest.save(path)
    card_path = path.with_suffix(".md")
    write_text(card_path, card(path.stem, replace(scan, manifest=manifest)))
    dropped = [Exclusion(d.reason, d.count, d.where) for d in scan.dropped]
    known = {(one.reason, one.where) for one in dropped}
    added = () if overwrite else read_exclusions(path) or ()  # lines of a person stay
    write_exclusions(path, [*dropped, *(e for e in added if (e.reason, e.where) not in known)])
    return ImportResult(path, card_path, manifest, scan.dropped)


def _module(archive: str) -> ModuleType:
    if archive not in ARCHIVES:
        near = difflib.get_close_matches(archive, ARCHIVES, n=1)
        fix = f"did you mean {near[0]}?" if near else f"known: {', '.join(ARCHIVES)}"
        raise InputError(Problem(f"no archive is called {archive!r}", fix))
    return importlib.import_module(f"skinlab.sources.{archive}")


def _accepted(module: ModuleType, archive: str, options: dict[str, object]) -> dict[str, object]:
    """Return the options, refused where the archive has none of that name or lacks a needed one."""
    parameters = list(inspect.signature(module.scan).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]
    if unknown := [option for option in options if option not in names]:
        what = f"import of {archive} has no option {', '.join(unknown)}"
        raise InputError(Problem(what, f"it has {', '.join(names) or 'none'}"))
    needed = [p.name for p in parameters if p.default is p.empty and p.name not in options]
    if needed:
        raise InputError(Problem(f"import of {archive} needs {', '.join(needed)}", "give it"))
    return options


def _keep_other(path: Path, manifest: Manifest) -> None:
    """Refuse to replace a manifest that holds something else, such as splits made later."""
    if not path.exists():
        return
    there = Manifest(read_table(path, REQUIRED), path, manifest.root)
    if there.fingerprint != manifest.fingerprint:
        more = " with splits" if any(there.column("split")) else ""
        what = f"is there already{more} and differs from this import"
        raise InputError(Problem(what, "import under another name, or overwrite it", path))
