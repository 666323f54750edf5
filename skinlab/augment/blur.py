"""Gaussian blur of half of the images, each with its own width; the others are not computed."""

from __future__ import annotations

import numpy as np
import torch
from kornia.filters import gaussian_blur2d
from numpy.typing import NDArray
from torch import Tensor

from skinlab.augment.draw import Draws, Slot
from skinlab.augment.spec import AugmentSpec

SMALLEST_SIGMA = 1e-3  # pixels; a kernel of one point


def largest_sigma(side: int) -> float:
    """Return OpenCV's sigma of a kernel of `side` pixels (getGaussianKernel)."""
    return 0.3 * ((side - 1) / 2 - 1) + 0.8


def blurred_rows(draws: Draws) -> NDArray[np.int64]:
    """Return the positions of the images that are blurred."""
    return np.flatnonzero(draws.coin(Slot.BLUR))


def sigmas(spec: AugmentSpec, draws: Draws) -> Tensor:
    """Return ``(B,)`` float32 widths in pixels of the network's image."""
    widths = draws.uniform(Slot.BLUR_SIGMA, 0, largest_sigma(spec.blur))
    return torch.from_numpy(np.maximum(widths, SMALLEST_SIGMA)).float()


def blur_rows(image: Tensor, rows: Tensor, sigma: Tensor, side: int) -> Tensor:
    """Blur some images of a batch in place.

    Args:
        image: ``(B, C, H, W)`` floats.
        rows: ``(n,)`` which of them.
        sigma: ``(n,)`` pixels.
        side: Side of the kernel in pixels, odd.
    """
    widths = sigma[:, None].expand(-1, 2)
    blurred = gaussian_blur2d(image.index_select(0, rows), (side, side), widths, "reflect")
    return image.index_copy_(0, rows, blurred)
