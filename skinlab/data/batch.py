"""What moves from the photographs to the model."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Photographs with what is known of each.

    Attributes:
        image: ``(B, 3, H, W)``; uint8 from the cache, float32 in [0, 1] once it is on the device.
        target: ``(B,)`` int64 class index.
        mask: ``(B, 1, H, W)`` uint8 of 0/1, or None where the data set has none.
        row: ``(B,)`` int64 position in the manifest.
        key: ``(B,)`` int64 stable number of the sample id, which its augmentation is drawn from.
    """

    image: Tensor
    target: Tensor
    mask: Tensor | None
    row: Tensor
    key: Tensor
