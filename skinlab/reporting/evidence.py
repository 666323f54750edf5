"""Run folder, manifest, card and statements -> everything that probes and flow may look at."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest
from skinlab.workspace import Run, shipped

STATEMENTS = "statements.yaml"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known; empty where nothing is.

    Attributes:
        run: The run folder; None for a manifest alone.
        config: ``config.yaml`` as plain values.
        provenance: ``provenance.json``.
        reports: Split -> its ``report.json``.
        manifest: The manifest, only while it is the one that the run was made of.
        why_no_manifest: Why there is none.
        tree: The label tree.
        card: The data set's card, in Markdown.
        statements: What the authors state, by name.
    """

    run: Run | None = None
    config: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    manifest: Manifest | None = None
    why_no_manifest: str = "there is no manifest"
    tree: LabelTree | None = None
    card: str = ""
    statements: dict[str, str] = field(default_factory=dict)

    def setting(self, name: str) -> Any:
        """Return a dotted field of the configuration; None where it is not there."""
        value: Any = self.config
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def of_manifest(path: Path, labels: str = "") -> Evidence:
    """Return what a manifest alone says.

    Raises:
        InputError: The manifest or the label tree cannot be read.
    """
    tree = LabelTree.read(shipped(labels)) if labels else None
    return Evidence(manifest=Manifest.open(path, path.parent), tree=tree, card=_card(path))


def of_run(folder: Path, labels: str = "", statements: Path | None = None) -> Evidence:
    """Return what a run says.

    Args:
        folder: The run folder.
        labels: Label tree instead of the run's own.
        statements: File of statements; None takes ``statements.yaml`` of the run, where it is.

    Raises:
        InputError: It is no run folder, or one of its files cannot be read.
    """
    run = Run(folder)
    if not (folder / "provenance.json").exists() and not (folder / "config.yaml").exists():
        fix = "name a folder below workspace/runs that holds config.yaml"
        raise InputError(Problem("is not a run folder", fix, folder))
    config = _yaml(folder / "config.yaml")
    provenance = run.provenance
    manifest, why = _same_manifest(config, provenance)
    data = config.get("data") if isinstance(config.get("data"), dict) else {}
    own = labels or str((data or {}).get("labels") or "")
    return Evidence(
        run=run,
        config=config,
        provenance=provenance,
        reports=dict(_reports(folder)),
        manifest=manifest,
        why_no_manifest=why,
        tree=_tree(own, "" if labels else provenance.get("fingerprints", {}).get("labels", "")),
        card=_card(manifest.path) if manifest else "",
        statements=_statements(statements or folder / STATEMENTS, needed=statements is not None),
    )


def _same_manifest(
    config: dict[str, Any], provenance: dict[str, Any]
) -> tuple[Manifest | None, str]:
    """Return the manifest if it still is what the run was made of, else why not."""
    data = config.get("data")
    name = str(data.get("manifest") or "") if isinstance(data, dict) else ""
    if not name:
        return None, "the run's configuration names no manifest"
    path = Path(name)
    if not path.is_file():
        return None, f"the run's manifest {name} is not here"
    manifest = Manifest.open(path, path.parent)
    made_of = provenance.get("fingerprints", {}).get("manifest", "")
    if made_of and made_of != manifest.fingerprint:
        return None, f"the run's manifest {name} changed since the run was made"
    return manifest, ""


def _tree(name: str, made_of: str) -> LabelTree | None:
    """Return the label tree; None where it is gone, or no longer what the run was made of."""
    try:
        tree = LabelTree.read(shipped(name)) if name else None
    except InputError:
        return None
    return None if tree and made_of and tree.fingerprint != made_of else tree


def _card(manifest: Path) -> str:
    path = manifest.with_suffix(".md")
    return read_text(path) if path.is_file() else ""


def _reports(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in sorted(folder.glob("report/*/report.json")):
        try:
            content = json.loads(read_text(path))
        except json.JSONDecodeError as error:
            raise InputError(Problem(f"is not JSON ({error})", "evaluate again", path)) from error
        found.append((path.parent.name, dict(content)))
    return found


def _yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(read_text(path)) or {}
    except yaml.YAMLError as error:
        raise InputError(Problem("is not YAML", "check indent and colons", path)) from error
    if not isinstance(content, dict):
        raise InputError(Problem("is not a list of `name: value`", "write it so", path))
    return content


def _statements(path: Path, *, needed: bool) -> dict[str, str]:
    if needed and not path.exists():
        raise InputError(Problem("there is no such file", "check the path", path))
    return {str(name): str(text).strip() for name, text in _yaml(path).items() if text}
