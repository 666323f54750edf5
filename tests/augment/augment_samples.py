"""Pictures and draws with known values, for the tests of each operation."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skinlab.augment.draw import Draws, Slot
from skinlab.augment.spec import AugmentSpec

OFF = AugmentSpec(rotation="none", brightness=0, saturation=0, horizontal_flip=False)


def smooth(count: int, side: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)


def draws_with(**values: float) -> Draws:
    """One sample whose numbers are given by slot name; others 0.75."""
    numbers = np.full((1, len(Slot)), 0.75)
    for name, value in values.items():
        numbers[0, Slot[name]] = value
    return Draws(numbers)
