"""Manifest + label tree + pixel cache, checked once, for every training that shares them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from skinlab.config import FitConfig
from skinlab.data.cache import PixelCache, build
from skinlab.data.module import SkinDataModule
from skinlab.data.readers import Progress
from skinlab.stats.subgroups.bands import Column, grouped
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest
from skinlab.workspace import Workspace, shipped


@dataclass(frozen=True)
class Prepared:
    """What trainings on the same photographs share.

    Attributes:
        manifest: Checked rows.
        tree: The label tree; every diagnosis of the manifest is in it.
        cache: Decoded photographs, mapped.
    """

    manifest: Manifest
    tree: LabelTree
    cache: PixelCache

    @property
    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of manifest, labels and photographs."""
        return {
            "manifest": self.manifest.fingerprint,
            "labels": self.tree.fingerprint,
            "photographs": self.cache.content_fingerprint,
        }

    def module(self, config: FitConfig) -> SkinDataModule:
        """Return the DataModule of one training.

        Raises:
            InputError: Its training or validation photographs cannot serve.
        """
        seed = config.seeds[0]
        module = SkinDataModule(
            self.manifest, self.tree, config.data, config.augment, self.cache, seed
        )
        self._check_splits(module, config)
        return module

    def _check_splits(self, module: SkinDataModule, config: FitConfig) -> None:
        problems = []
        targets = self.tree.targets(self.manifest, config.data.level)
        classes = self.tree.classes(config.data.level)
        for split in dict.fromkeys(("train", "val", *config.splits)):
            rows = module.rows(split)
            found = np.unique(targets[rows])
            if not len(rows):
                problems.append(Problem(f"has no photographs in split {split!r}", _REMEDY))
            elif split != "test" and len(found) < 2:
                what = f"split {split!r} holds only {classes[found[0]]!r}"
                problems.append(Problem(what, _REMEDY))
        if problems:
            path = self.manifest.path
            raise InputError(Problem(p.what, p.fix, path) for p in problems)


_REMEDY = "split it with `skinlab data split`"


def prepare(config: FitConfig, workspace: Workspace, progress: Progress | None = None) -> Prepared:
    """Read, check and decode what a training needs.

    Args:
        config: The training.
        workspace: Where caches and runs are.
        progress: Called with (done, all) photographs while decoding; may raise to stop it.

    Raises:
        InputError: Every bad row, unknown label and unreadable photograph; no GPU where one is
            asked for.
    """
    if config.training.device == "cuda" and not torch.cuda.is_available():
        fix = "set training.device to auto or cpu; `skinlab doctor` says what torch sees"
        raise InputError(Problem("training.device is cuda and there is no GPU", fix))
    path = Path(config.data.manifest)
    if not path.exists():
        fix = "draw the embedded data with `skinlab data synth`, or import your own"
        raise InputError(Problem("there is no such manifest", fix, path))
    tree = LabelTree.read(shipped(config.data.labels))
    root = workspace.root_of(path, config.data.root)
    manifest = Manifest.read(path, root)
    _check_folds(manifest, config)
    _check_subgroups(manifest, config)
    tree.targets(manifest, config.data.level)
    images = manifest.column("image_path")
    if images and not any((root / image).exists() for image in images):
        what = f"none of its {len(manifest)} photographs is in {root}"
        raise InputError(Problem(what, "give --data.root=FOLDER", path))
    if nowhere := manifest.column("split").count(""):
        said = f"{nowhere} of {len(manifest)} photographs have no split and are left out"
        print(f"note: {path}: {said}", file=sys.stderr)
    cache = build(manifest, config.data, workspace.cache, progress)
    if problems := list(_copies(manifest, cache)):
        raise InputError(problems)
    return Prepared(manifest, tree, cache)


def _copies(manifest: Manifest, cache: PixelCache) -> Iterator[Problem]:
    """Yield each photograph whose very same file stands in another split, whatever its names."""
    first: dict[int, tuple[str, int]] = {}
    rows = zip(manifest.frame.index, cache.slots, manifest.column("split"), strict=True)
    for line, slot, split in rows:
        before, before_line = first.setdefault(int(slot), (split, int(line)))
        if split and before and split != before:
            what = f"is the same photograph as line {before_line}, which is in split {before!r}"
            fix = "run `skinlab data duplicates --write`, then `skinlab data split`"
            yield Problem(what, fix, manifest.path, int(line))


def _check_folds(manifest: Manifest, config: FitConfig) -> None:
    """Refuse to hold out a fold of a manifest that has none: it would change nothing."""
    wanted = config.folds or ((config.data.fold,) if config.data.fold else ())
    if wanted and not any(word.isdigit() for word in manifest.column("split")):
        what = f"has no fold {', '.join(map(str, wanted))}: its column split holds words"
        fix = "leave folds out, or split it with `skinlab data split --folds 5`"
        raise InputError(Problem(what, fix, manifest.path))


def _check_subgroups(manifest: Manifest, config: FitConfig) -> None:
    """Refuse, before anything is trained, a subgroup that the manifest does not have."""
    for word in config.evaluation.subgroups:
        column = Column.parse(word)
        if column.name not in manifest.frame.columns:
            what = f"has no column {column.name!r}, which evaluation.subgroups names"
            fix = f"it has {', '.join(manifest.frame.columns)}"
            raise InputError(Problem(what, fix, manifest.path, 1))
        grouped(column, manifest.column(column.name))
