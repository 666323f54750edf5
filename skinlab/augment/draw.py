"""(seed, epoch, sample) -> the random numbers of one photograph's augmentation, and of no other.

Philox is a counter-based generator (Salmon et al., SC 2011): its output is a function of a key and
a counter, so nothing that was drawn before matters. The key is (seed, epoch), the counter holds the
sample's number. Every operation has its own place in the output whether it is on or not: batch
size, order, workers, ranks, resuming and the other operations change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Slot(IntEnum):
    """Place of each operation's number; new ones go to the end, none is ever reused."""

    ROTATION = 0
    HORIZONTAL_FLIP = 1
    VERTICAL_FLIP = 2
    SCALE = 3
    CROP_X = 4
    CROP_Y = 5
    HUE = 6
    BRIGHTNESS = 7
    SATURATION = 8
    BLUR = 9
    BLUR_SIGMA = 10


class Draws:
    """Uniform numbers in [0, 1) of a batch, a column an operation."""

    def __init__(self, numbers: NDArray[np.float64]) -> None:
        """Take ``(B, len(Slot))`` numbers."""
        self.numbers = numbers

    @classmethod
    def of(cls, keys: Iterable[int], seed: int, epoch: int) -> Draws:
        """Draw for samples.

        Args:
            keys: Stable number of each sample, 0 or more, below 2**64.
            seed: Of the experiment.
            epoch: Counted from 0.
        """
        key = [seed % 2**64, epoch]
        rows = [
            # The sample's number stands in the counter's second word: the first counts the blocks.
            np.random.Generator(np.random.Philox(counter=[0, sample, 0, 0], key=key)).random(
                len(Slot)
            )
            for sample in keys
        ]
        return cls(np.array(rows, dtype=np.float64).reshape(-1, len(Slot)))

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.numbers)

    def uniform(self, slot: Slot, low: float, high: float) -> NDArray[np.float64]:
        """Return ``(B,)`` uniform in [low, high)."""
        return low + (high - low) * self.numbers[:, slot]

    def coin(self, slot: Slot) -> NDArray[np.bool_]:
        """Return ``(B,)``, true for half of the samples."""
        return self.numbers[:, slot] < 0.5
