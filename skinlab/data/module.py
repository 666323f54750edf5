"""Manifest + cache -> the batches of every stage, augmented on the device in training only.

Which photographs: ``split`` says train, val or test; where it holds fold numbers, `DataSpec.fold`
is the test fold, the next one (cyclic) validates and the rest trains. Rows marked ``test`` beside
fold numbers are test rows of every fold. ``predict`` is every row of the manifest.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from skinlab.augment.pipeline import Augment
from skinlab.augment.spec import AugmentSpec
from skinlab.data.batch import Batch
from skinlab.data.cache import PixelCache
from skinlab.data.dataset import PixelDataset, as_it_comes, sample_keys
from skinlab.data.sampling import BalancedSampler, EpochSampler
from skinlab.data.spec import DataSpec
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest

WORKER_TIMEOUT = 300  # seconds without a batch before a reading process counts as hung
SHARED_MEMORY = Path("/dev/shm")  # where worker processes hand batches over

log = logging.getLogger(__name__)


class SkinDataModule(L.LightningDataModule):
    """Batches for classification, segmentation and the crop studies alike."""

    def __init__(
        self,
        manifest: Manifest,
        tree: LabelTree,
        spec: DataSpec,
        augment: AugmentSpec,
        cache: PixelCache,
        seed: int,
    ) -> None:
        """Take the data and what is done to it.

        Args:
            manifest: Checked rows.
            tree: Names the classes.
            spec: Fold, sizes, batches.
            augment: Random operations of training batches.
            cache: From `skinlab.data.cache.build` for this manifest and spec.
            seed: Order and augmentation are drawn from (seed, epoch).

        Raises:
            InputError: A diagnosis is not in the tree, or the fold does not exist.
        """
        super().__init__()
        if len(cache.slots) != len(manifest):
            raise ValueError(f"the cache has {len(cache.slots)} rows, the manifest {len(manifest)}")
        self.manifest, self.tree, self.spec, self.cache = manifest, tree, spec, cache
        self.seed = seed
        self.targets = tree.targets(manifest, spec.level)
        self.keys = sample_keys(manifest.column("sample_id"))
        self.augment = Augment(augment, spec.image_size)
        self.splits = split_rows(manifest, spec.fold)
        self._waiting: list[int] = []

    def rows(self, split: str) -> NDArray[np.int64]:
        """Return the manifest positions of ``train``, ``val``, ``test`` or ``predict`` (all)."""
        return self.splits[split]

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """``(K,)`` training photographs of each class."""
        classes = len(self.tree.classes(self.spec.level))
        return np.bincount(self.targets[self.rows("train")], minlength=classes)

    def rows_without_mask(self, split: str) -> NDArray[np.int64]:
        """Return the positions of a split whose photograph has no mask."""
        rows = self.rows(split)
        return rows[~self.cache.has_mask[self.cache.slots[rows]]]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return shuffled (or balanced) training batches.

        A last batch of one photograph is left out, since batch norm cannot learn from it; the
        order differs each epoch, and so does which photograph that is.
        """
        rank, ranks = 0, 1
        if self.trainer is not None:
            rank, ranks = self.trainer.global_rank, self.trainer.world_size
        targets = self.targets[self.rows("train")]
        sampler = (
            BalancedSampler(targets, self.seed, rank, ranks)
            if self.spec.sampling == "balanced"
            else EpochSampler(len(targets), self.seed, rank, ranks)
        )
        size = self.spec.batch_size
        lonely = len(sampler) > size and len(sampler) % size == 1
        return self._loader("train", sampler=sampler, drop_last=lonely)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return validation batches in the manifest's order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Return test batches in the manifest's order."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Return every row in the manifest's order."""
        return self._loader("predict")

    def batches(self, split: str) -> Iterator[Batch]:
        """Yield a split as validation sees it, without a Trainer, in the manifest's order."""
        for batch in self._loader(split):
            yield self._cut(batch)

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """Keep the samples' numbers on the host, where augmentation is drawn."""
        self._waiting = batch.key.tolist()
        return batch

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """Augment on the device in training; cut to the fixed center everywhere else."""
        trainer = self.trainer
        if trainer is None or not trainer.training:
            return self._cut(batch)
        image, mask = self.augment(
            batch.image, batch.mask, self._waiting, self.seed, trainer.current_epoch
        )
        return batch._replace(image=image, mask=mask)

    def _cut(self, batch: Batch) -> Batch:
        image, mask = self.augment.evaluate(batch.image, batch.mask)
        return batch._replace(image=image, mask=mask)

    def _loader(self, split: str, **options: Any) -> DataLoader[Batch]:
        dataset = PixelDataset(self.cache, self.rows(split), self.targets, self.keys)
        if workers := self._workers():
            # Not fork: this process has threads, whose locks a copy would hold for ever. The server
            # imports once what every reading process needs.
            multiprocessing.set_forkserver_preload(["__main__", "skinlab.data.dataset"])
            options |= {
                "num_workers": workers,
                "multiprocessing_context": "forkserver",
                "persistent_workers": True,
                "timeout": WORKER_TIMEOUT,
            }
        return DataLoader(
            dataset=dataset,
            batch_size=self.spec.batch_size,
            collate_fn=as_it_comes,
            pin_memory=_on_gpu(self.trainer),
            generator=torch.Generator().manual_seed(0),  # else each pass draws from the global one
            **options,
        )

    def _workers(self) -> int:
        """Return how many processes read ahead: none where shared memory could not hold a batch."""
        wanted = self.spec.workers
        # Each worker has two batches ready, and one more is being handed over.
        need = 3 * wanted * self.spec.batch_size * self.cache.size**2 * 4
        if wanted and SHARED_MEMORY.is_dir():
            free = shutil.disk_usage(SHARED_MEMORY).free
            if free < need:
                place, has, asks = SHARED_MEMORY, free / 2**20, need / 2**20
                what = (
                    "%s has %.0f MiB free, data.workers=%d asks for %.0f; reading in this process"
                )
                log.warning(what, place, has, wanted, asks)
                return 0
        return wanted


def split_rows(manifest: Manifest, fold: int) -> dict[str, NDArray[np.int64]]:
    """Return the positions of each split, by words or by fold numbers (see the module).

    Raises:
        InputError: There are folds, but fewer than three or not this one.
    """
    words = np.array(manifest.column("split"), dtype=object)
    everything = np.arange(len(words))
    folds = sorted({int(word) for word in words if word.isdigit()})
    if not folds:
        found = {name: everything[words == name] for name in ("train", "val", "test")}
        return found | {"predict": everything}
    if len(folds) < 3:
        what = f"has only the fold(s) {', '.join(map(str, folds))}"
        fix = "one tests, one validates, the rest trains: split it into three or more"
        raise InputError(Problem(what, fix, manifest.path))
    if fold not in folds:
        what = f"has no fold {fold}"
        fix = f"set data.fold to one of {', '.join(map(str, folds))}"
        raise InputError(Problem(what, fix, manifest.path))
    numbers = np.array([int(word) if word.isdigit() else -1 for word in words])
    following = folds[(folds.index(fold) + 1) % len(folds)]
    return {
        "train": everything[(numbers >= 0) & (numbers != fold) & (numbers != following)],
        "val": everything[numbers == following],
        "test": everything[(numbers == fold) | (words == "test")],
        "predict": everything,
    }


def _on_gpu(trainer: L.Trainer | None) -> bool:
    return trainer is not None and trainer.strategy.root_device.type == "cuda"
