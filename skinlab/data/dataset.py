"""Rows of the mapped cache -> uint8 batches, each fetched at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from skinlab.data.batch import Batch
from skinlab.data.cache import PixelCache
from skinlab.tables.files import digest


def sample_keys(samples: Sequence[str]) -> NDArray[np.int64]:
    """Return a stable number, 0 or more, of each sample id: its augmentation is drawn from it."""
    return np.array([int(digest("sample", sample)[:15], 16) for sample in samples], dtype=np.int64)


class PixelDataset(Dataset[Batch]):
    """Some rows of a manifest, from its cache.

    An item is a batch: PyTorch's loader asks `__getitems__` for all positions of a batch, which is
    one indexing of the mapped file instead of a copy and a collation for each photograph.
    """

    def __init__(
        self,
        cache: PixelCache,
        rows: NDArray[np.int64],
        targets: NDArray[np.int64],
        keys: NDArray[np.int64],
    ) -> None:
        """Take the rows.

        Args:
            cache: Of the whole manifest.
            rows: ``(n,)`` positions in the manifest that this data set holds.
            targets: Class of every row of the manifest.
            keys: Stable number of every row of the manifest.
        """
        self.cache, self.rows = cache, rows
        self.targets, self.keys = targets[rows], keys[rows]

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        """Return one photograph as a batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch; image ``(B, 3, S, S)`` uint8 in channels-last memory."""
        chosen = np.asarray(indices, dtype=np.int64)
        rows = self.rows[chosen]
        slots = self.cache.slots[rows]
        image = torch.from_numpy(self.cache.images[slots]).permute(0, 3, 1, 2)
        mask: Tensor | None = None
        if self.cache.masks is not None:
            mask = torch.from_numpy(self.cache.masks[slots])[:, None]
        return Batch(
            image=image,
            target=torch.from_numpy(self.targets[chosen]),
            mask=mask,
            row=torch.from_numpy(rows),
            key=torch.from_numpy(self.keys[chosen]),
        )


def as_it_comes(batch: Any) -> Any:
    """Collate nothing: `PixelDataset` returns whole batches, which PyTorch's types do not know."""
    return batch
