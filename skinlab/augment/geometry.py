"""Rotation, flips, zoom and crop of image and mask: exact turns, or one affine resampling.

In this order, as a sequence of single operations would: rotate and zoom about the center, mirror
left-right, mirror top-bottom, crop. The corners that a rotation uncovers are filled by reflection.
Where only quarter turns, flips and crops at the network's own size are asked for, pixels are moved
and never interpolated.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from kornia.geometry.transform import get_affine_matrix2d
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from skinlab.augment.draw import Draws, Slot
from skinlab.augment.spec import AugmentSpec


def crop_side(spec: AugmentSpec, stored: int) -> int:
    """Return the side of the crop in stored pixels; all of them where cropping is off."""
    return max(round(spec.crop * stored), 1) if spec.crop else stored


def is_exact(spec: AugmentSpec, stored: int, size: int) -> bool:
    """Return whether pixels can be moved without interpolating."""
    return spec.rotation != "any" and not spec.scale and crop_side(spec, stored) == size


def turns(spec: AugmentSpec, draws: Draws) -> NDArray[np.int64]:
    """Return ``(B,)`` which of the square's eight symmetries: quarter turns + 4 if mirrored.

    Counter-clockwise turns come first, then the left-right mirror. A top-bottom mirror is a
    left-right mirror after a half turn.
    """
    quarter = np.zeros(len(draws), dtype=np.int64)
    if spec.rotation == "quarter":
        quarter += draws.uniform(Slot.ROTATION, 0, 4).astype(np.int64)
    mirrored = spec.horizontal_flip & draws.coin(Slot.HORIZONTAL_FLIP)
    upside = spec.vertical_flip & draws.coin(Slot.VERTICAL_FLIP)
    turn: NDArray[np.int64] = (quarter + 2 * upside) % 4 + 4 * (mirrored ^ upside)
    return turn


def corners(draws: Draws, stored: int, size: int) -> NDArray[np.int64]:
    """Return ``(B, 2)`` top and left of an exact crop in pixels."""
    room = stored - size + 1
    places = (draws.uniform(Slot.CROP_Y, 0, room), draws.uniform(Slot.CROP_X, 0, room))
    return np.stack(places, axis=1).astype(np.int64)


def move(pixels: Tensor, turn: NDArray[np.int64], corner: NDArray[np.int64], size: int) -> Tensor:
    """Turn, mirror and crop without touching a value.

    Args:
        pixels: ``(B, C, S, S)`` of any type.
        turn: ``(B,)`` from `turns`.
        corner: ``(B, 2)`` from `corners`.
        size: Side of the result.

    Returns:
        ``(B, C, size, size)``.
    """
    moved = pixels
    if turn.any():
        moved = torch.empty_like(pixels)
        for symmetry in np.unique(turn):
            rows = sent(torch.from_numpy(np.flatnonzero(turn == symmetry)), pixels)
            some = torch.rot90(pixels.index_select(0, rows), int(symmetry % 4), (2, 3))
            moved.index_copy_(0, rows, some.flip(3) if symmetry >= 4 else some)
    if size == pixels.shape[-1]:
        return moved
    along = torch.arange(size, device=pixels.device)
    top, left = sent(torch.from_numpy(corner), pixels).T[..., None] + along
    batch = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    return moved.permute(0, 2, 3, 1)[batch, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)


def sampling_matrices(spec: AugmentSpec, draws: Draws, stored: int) -> Tensor:
    """Return ``(B, 2, 3)`` float32 from output to input coordinates, both in [-1, 1].

    Coordinates are those of `torch.nn.functional.grid_sample` without ``align_corners``: -1 and 1
    are the outer edges of the first and last pixels, so a square's rotation is a rotation.
    """
    angle: NDArray[np.floating] = np.zeros(len(draws))
    if spec.rotation == "any":
        angle = draws.uniform(Slot.ROTATION, 0, 360)
    elif spec.rotation == "quarter":
        angle = 90.0 * draws.uniform(Slot.ROTATION, 0, 4).astype(np.int64)
    zoom = np.exp(draws.uniform(Slot.SCALE, -1, 1) * math.log1p(spec.scale))
    middle = torch.zeros(len(draws), 2, dtype=torch.float64)
    # Kornia turns this one clockwise, unlike its `rotate` and torchvision's.
    around = get_affine_matrix2d(
        middle, middle, torch.from_numpy(np.stack((zoom, zoom), 1)), -torch.from_numpy(angle)
    )
    mirror = np.tile(np.eye(3), (len(draws), 1, 1))
    mirror[spec.horizontal_flip & draws.coin(Slot.HORIZONTAL_FLIP), 0, 0] = -1
    mirror[spec.vertical_flip & draws.coin(Slot.VERTICAL_FLIP), 1, 1] = -1
    part = crop_side(spec, stored) / stored
    crop = np.tile(np.diag([part, part, 1.0]), (len(draws), 1, 1))
    crop[:, 0, 2] = draws.uniform(Slot.CROP_X, -1, 1) * (1 - part)
    crop[:, 1, 2] = draws.uniform(Slot.CROP_Y, -1, 1) * (1 - part)
    back: Tensor = torch.linalg.inv(around) @ torch.from_numpy(mirror @ crop)
    return back[:, :2].float()


def sampling_grid(matrices: Tensor, size: int) -> Tensor:
    """Return ``(B, size, size, 2)`` input coordinates of each output pixel.

    The same as `torch.nn.functional.affine_grid`, by sums of a row and a column instead of a
    matrix product for every pixel.
    """
    along = (2 * torch.arange(size, device=matrices.device, dtype=matrices.dtype) + 1) / size - 1
    columns = matrices[:, :, 0, None] * along
    rows = matrices[:, :, 1, None] * along + matrices[:, :, 2, None]
    grid = matrices.new_empty(len(matrices), size, size, 2)
    torch.add(columns[:, 0, None, :], rows[:, 0, :, None], out=grid[..., 0])
    torch.add(columns[:, 1, None, :], rows[:, 1, :, None], out=grid[..., 1])
    return grid


def resample(image: Tensor, grid: Tensor, shrink: int = 1) -> Tensor:
    """Sample ``(B, C, S, S)`` floats between pixels; outside them the image is reflected.

    Args:
        image: What is sampled.
        grid: ``(B, size, size, 2)`` from `sampling_grid`.
        shrink: Stored pixels a sampled one, where that is 2 or more: they are averaged first, or
            detail would turn into noise.
    """
    if shrink > 1:
        image = F.avg_pool2d(image, shrink)
    return F.grid_sample(image, grid, "bilinear", "reflection", align_corners=False)


def resample_mask(mask: Tensor, grid: Tensor) -> Tensor:
    """Sample a ``(B, 1, S, S)`` uint8 mask at the nearest pixel, so that it stays 0/1."""
    sampled = F.grid_sample(mask.to(grid.dtype), grid, "nearest", "reflection", align_corners=False)
    return sampled.to(mask.dtype)


def center_crop(pixels: Tensor, side: int) -> Tensor:
    """Return the central ``(B, C, side, side)``."""
    start = (pixels.shape[-1] - side) // 2
    return pixels[..., start : start + side, start : start + side]


def sent(parameter: Tensor, pixels: Tensor) -> Tensor:
    """Return a small host tensor on the device of `pixels`, without waiting for that device."""
    if pixels.is_cuda:
        return parameter.pin_memory().to(pixels.device, non_blocking=True)
    return parameter
