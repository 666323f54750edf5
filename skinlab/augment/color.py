"""Brightness, saturation and hue of each image, as one 3x3 matrix and an offset.

Hue and saturation act on the chroma plane of YUV, which is that of YIQ turned by 33 degrees: a
rotation of one is a rotation of the other, and gray keeps its luma (Rec. 601). Saturation is
exactly torchvision's blend with gray. An HSV hue shift is another operation with other colors; it
is Kornia's `adjust_hue`, slower by an order of magnitude.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from kornia.color import rgb_to_yuv
from kornia.enhance import adjust_hue
from torch import Tensor

from skinlab.augment.draw import Draws, Slot
from skinlab.augment.spec import AugmentSpec


def changes_color(spec: AugmentSpec) -> bool:
    """Return whether the matrix does anything; HSV hue is not in it."""
    turns = spec.hue > 0 and spec.hue_space == "yiq"
    return turns or spec.brightness > 0 or spec.saturation > 0


def color_matrices(spec: AugmentSpec, draws: Draws) -> Tensor:
    """Return ``(B, 3, 4)`` float32: a 3x3 matrix and an offset for RGB in [0, 1]."""
    to_yuv = _to_yuv()
    turn = draws.uniform(Slot.HUE, -spec.hue, spec.hue) * 2 * math.pi
    if spec.hue_space == "hsv":
        turn = np.zeros(len(draws))
    factor = draws.uniform(Slot.SATURATION, 1 - spec.saturation, 1 + spec.saturation)
    chroma = np.zeros((len(draws), 3, 3))
    chroma[:, 0, 0] = 1
    # Hue runs red, yellow, green, as in HSV: clockwise from V (red) to U (blue).
    chroma[:, 1, 1] = chroma[:, 2, 2] = factor * np.cos(turn)
    chroma[:, 1, 2] = -factor * np.sin(turn)
    chroma[:, 2, 1] = factor * np.sin(turn)
    matrices = torch.linalg.inv(to_yuv) @ torch.from_numpy(chroma) @ to_yuv
    offset = draws.uniform(Slot.BRIGHTNESS, -spec.brightness, spec.brightness)
    offsets = torch.from_numpy(offset)[:, None, None].expand(-1, 3, 1)
    return torch.cat((matrices, offsets), dim=2).float()


def recolor(image: Tensor, matrices: Tensor) -> Tensor:
    """Apply `color_matrices` to ``(B, 3, H, W)`` floats and clip to [0, 1]."""
    flat = torch.baddbmm(matrices[:, :, 3:], matrices[:, :, :3], image.flatten(2))
    return flat.clamp_(0, 1).view_as(image)


def hsv_turns(spec: AugmentSpec, draws: Draws) -> Tensor:
    """Return ``(B,)`` float32 HSV hue shifts in radians."""
    return torch.from_numpy(draws.uniform(Slot.HUE, -spec.hue, spec.hue) * 2 * math.pi).float()


def turn_hsv_hue(image: Tensor, turn: Tensor) -> Tensor:
    """Shift the HSV hue of ``(B, 3, H, W)`` floats in [0, 1]."""
    shifted: Tensor = adjust_hue(image, turn)
    return shifted.clamp_(0, 1)


def _to_yuv() -> Tensor:
    """Return Kornia's RGB to YUV matrix ``(3, 3)``, read off the three primaries."""
    primaries = torch.eye(3, dtype=torch.float64)[:, :, None, None]
    matrix: Tensor = rgb_to_yuv(primaries)[:, :, 0, 0].T.contiguous()
    return matrix
