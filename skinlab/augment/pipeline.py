"""A batch of uint8 on the device -> augmented float32 in [0, 1], image and mask together.

| setting | unit | what happens |
|---|---|---|
| rotation any | degrees, uniform on the circle | bilinear, corners filled by reflection |
| rotation quarter | 0, 90, 180, 270 degrees | pixels are moved, not interpolated |
| horizontal_flip, vertical_flip | half of the images | pixels are moved |
| scale | zoom log-uniform in [1/(1+s), 1+s] | about the center |
| crop | fraction of the stored side | a random square; validation takes the central one |
| hue | fraction of the hue circle, uniform in ±h | rotation of the YIQ chroma plane, or HSV |
| saturation | factor uniform in 1±s | chroma is multiplied, luma stays |
| brightness | fraction of full scale, uniform in ±b | is added to every channel |
| blur | pixels of the network's image | Gaussian, sigma uniform up to OpenCV's for that side |

Order: geometry, blur, then color, clipped to [0, 1] once. Masks follow the geometry at the nearest
pixel and stay 0/1. With everything off, the result is the stored pixels divided by 255.
Normalization is the model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skinlab.augment import blur, color, geometry
from skinlab.augment.draw import Draws
from skinlab.augment.geometry import sent
from skinlab.augment.spec import AugmentSpec


class Plan(NamedTuple):
    """What is done to each image of a batch, worked out on the host; None where it is off."""

    turn: NDArray[np.int64] | None
    corner: NDArray[np.int64] | None
    matrix: Tensor | None
    color: Tensor | None
    hsv: Tensor | None
    blurred: Tensor | None
    sigma: Tensor | None


class Augment(nn.Module):
    """Random operations for training, and the fixed cut for everything else."""

    def __init__(self, spec: AugmentSpec, size: int) -> None:
        """Take what to do.

        Args:
            spec: The operations.
            size: Side in pixels of what the network sees.
        """
        super().__init__()
        if spec.blur >= 2 * size:
            raise ValueError(f"augment.blur is {spec.blur} pixels, the image only {size}")
        self.spec = spec
        self.size = size

    @torch.no_grad()
    def forward(
        self, image: Tensor, mask: Tensor | None, keys: Sequence[int], seed: int, epoch: int
    ) -> tuple[Tensor, Tensor | None]:
        """Augment a batch.

        Args:
            image: ``(B, 3, S, S)`` uint8.
            mask: ``(B, 1, S, S)`` uint8 of 0/1, or None.
            keys: Stable number of each sample, known on the host so that no device is waited for.
            seed: Of the experiment.
            epoch: Counted from 0.

        Returns:
            Image ``(B, 3, size, size)`` float32 in [0, 1], and mask likewise, uint8 of 0/1.
        """
        _check(image)
        plan = self.plan(Draws.of(keys, seed, epoch), image.shape[-1])
        with torch.autocast(image.device.type, enabled=False):
            image, mask = self._geometry(image, mask, plan)
            return self._appearance(image, plan), mask

    @torch.no_grad()
    def evaluate(self, image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Cut a batch as validation, test and prediction see it: the central crop, no chance.

        Returns:
            Image ``(B, 3, size, size)`` float32 in [0, 1], and mask likewise, uint8 of 0/1.
        """
        _check(image)
        side = geometry.crop_side(self.spec, image.shape[-1])
        cut = _scaled(geometry.center_crop(image, side))
        mask = None if mask is None else geometry.center_crop(mask, side)
        if side != self.size:
            cut = _resized(cut, self.size).clamp_(0, 1)
            mask = None if mask is None else (_resized(mask.float(), self.size) >= 0.5).byte()
        return cut, mask

    def plan(self, draws: Draws, stored: int) -> Plan:
        """Work out what happens to each image; nothing here is on the device."""
        spec, exact = self.spec, geometry.is_exact(self.spec, stored, self.size)
        hsv = spec.hue > 0 and spec.hue_space == "hsv"
        rows = torch.from_numpy(blur.blurred_rows(draws)) if spec.blur else None
        return Plan(
            turn=geometry.turns(spec, draws) if exact else None,
            corner=geometry.corners(draws, stored, self.size) if exact else None,
            matrix=None if exact else geometry.sampling_matrices(spec, draws, stored),
            color=color.color_matrices(spec, draws) if color.changes_color(spec) else None,
            hsv=color.hsv_turns(spec, draws) if hsv else None,
            blurred=rows,
            sigma=None if rows is None else blur.sigmas(spec, draws)[rows],
        )

    def _geometry(
        self, image: Tensor, mask: Tensor | None, plan: Plan
    ) -> tuple[Tensor, Tensor | None]:
        if plan.turn is not None and plan.corner is not None:
            image = geometry.move(image, plan.turn, plan.corner, self.size)
            if mask is not None:
                mask = geometry.move(mask, plan.turn, plan.corner, self.size)
            return _scaled(image), mask
        assert plan.matrix is not None  # either exact or by matrices
        grid = geometry.sampling_grid(sent(plan.matrix, image), self.size)
        if mask is not None:
            mask = geometry.resample_mask(mask, grid)
        shrink = geometry.crop_side(self.spec, image.shape[-1]) // self.size
        return geometry.resample(_scaled(image), grid, shrink), mask

    def _appearance(self, image: Tensor, plan: Plan) -> Tensor:
        if plan.blurred is not None and plan.sigma is not None and len(plan.blurred):
            rows, sigma = sent(plan.blurred, image), sent(plan.sigma, image)
            image = blur.blur_rows(image, rows, sigma, self.spec.blur)
        if plan.color is not None:
            image = color.recolor(image, sent(plan.color, image))
        if plan.hsv is not None:
            image = color.turn_hsv_hue(image, sent(plan.hsv, image))
        return image


def _check(image: Tensor) -> None:
    if image.dtype != torch.uint8:
        raise TypeError(f"images must come as uint8 from the cache, not {image.dtype}")


def _scaled(image: Tensor) -> Tensor:
    """Return contiguous float32 in [0, 1]; exactly the stored values divided by 255."""
    return image.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def _resized(pixels: Tensor, size: int) -> Tensor:
    """Resize ``(B, C, S, S)`` floats with the antialiased triangle filter of the cache."""
    with torch.autocast(pixels.device.type, enabled=False):
        return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
