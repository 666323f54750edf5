"""Seeded noise, the net of furrows on skin, and warping of small layers into the camera's frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

# float32 throughout; the stubs of numpy lose the width as soon as a Python number joins in.
Plane = NDArray[np.floating[Any]]
RELIEF_SIDE = 2048
MESH_SIDE = 640
GRAIN_SIDE = 1320
RELIEF_SCALE = 22.0  # pixels a millimeter: 93 mm, wider than any photograph


@dataclass(frozen=True)
class View:
    """Pixels -> millimeters on the skin, with the lesion at the origin.

    ``x = a·column + b·row + c`` and ``y = d·column + e·row + f``.
    """

    width: int
    height: int
    coefficients: tuple[float, float, float, float, float, float]

    @property
    def scale(self) -> float:
        """Pixels a millimeter, along the less foreshortened direction."""
        a, _, _, d, _, _ = self.coefficients
        return 1.0 / math.hypot(a, d)

    def grid(self, left: int, top: int, right: int, bottom: int) -> tuple[Plane, Plane]:
        """Return x and y in mm of a window of pixels, each ``(bottom - top, right - left)``."""
        a, b, c, d, e, f = self.coefficients
        column = np.arange(left, right, dtype=np.float32)[None, :]
        row = np.arange(top, bottom, dtype=np.float32)[:, None]
        x = np.float32(a) * column + np.float32(b) * row + np.float32(c)
        y = np.float32(d) * column + np.float32(e) * row + np.float32(f)
        return x, y

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Return column and row of a point in mm."""
        a, b, c, d, e, f = self.coefficients
        determinant = a * e - b * d
        x, y = x - c, y - f
        return (e * x - b * y) / determinant, (a * y - d * x) / determinant

    def box(self, x: float, y: float, radius: float) -> tuple[int, int, int, int] | None:
        """Return the window of pixels around a disk in mm, or None where it is out of sight."""
        column, row = self.pixel(x, y)
        reach = radius * self.scale + 1
        left, right = max(int(column - reach), 0), min(int(column + reach) + 2, self.width)
        top, bottom = max(int(row - reach), 0), min(int(row + reach) + 2, self.height)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def warp(
        self,
        layer: Plane | NDArray[np.uint8],
        scale: float,
        window: tuple[int, int, int, int],
        turn: float = 0.0,
    ) -> Plane:
        """Resample a square layer whose center is the lesion's into a window of the camera.

        Args:
            layer: ``(n, n)``.
            scale: Its pixels a millimeter.
            window: ``(left, top, right, bottom)`` in pixels of the camera.
            turn: Added to the layer's direction, in radians.

        Returns:
            ``(bottom - top, right - left)``; 0 outside of the layer.
        """
        a, b, c, d, e, f = self.coefficients
        left, top, right, bottom = window
        c, f = c + a * left + b * top, f + d * left + e * top
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        middle = layer.shape[0] / 2
        matrix = (
            *(cos * a - sin * d, cos * b - sin * e, cos * c - sin * f + middle),
            *(sin * a + cos * d, sin * b + cos * e, sin * c + cos * f + middle),
        )
        size = (right - left, bottom - top)
        image = Image.fromarray(layer).transform(
            size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
        return np.asarray(image, dtype=np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: float) -> Plane:
    """Return smooth noise of about unit variance with `cells` bumps along the long side."""
    long = max(shape)
    small = tuple(max(2, round(cells * side / long) + 1) for side in shape)
    grid = rng.standard_normal(small, dtype=np.float32)
    image = Image.fromarray(grid).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32) * np.float32(1.3)


def fractal(rng: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int) -> Plane:
    """Return noise of several scales, each half as strong and twice as fine as the one before."""
    # Drawn as coarse as its finest bumps allow, then enlarged once.
    shrink = min(1.0, 4 * cells * 2 ** (octaves - 1) / max(shape))
    small = (max(4, round(shape[0] * shrink)), max(4, round(shape[1] * shrink)))
    total = noise(rng, small, cells)
    for octave in range(1, octaves):
        total = total + noise(rng, small, cells * 2**octave) * np.float32(0.5**octave)
    return enlarged(total * np.float32(0.87), shape)


def enlarged(plane: Plane, shape: tuple[int, int]) -> Plane:
    """Return a plane resampled linearly to another shape."""
    if plane.shape == shape:
        return plane
    image = Image.fromarray(plane).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32)


@cache
def _grain_tile() -> Plane:
    rng = np.random.default_rng(20240330)
    return rng.standard_normal((GRAIN_SIDE, GRAIN_SIDE), dtype=np.float32)


def grain(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Return unit noise without any smoothness, cut from one tile at a drawn place."""
    tile = _grain_tile()
    row, column = (int(rng.integers(GRAIN_SIDE // 4)) for _ in range(2))
    repeats = ((row + shape[0]) // GRAIN_SIDE + 1, (column + shape[1]) // GRAIN_SIDE + 1)
    if repeats != (1, 1):
        tile = np.tile(tile, repeats)
    return tile[row : row + shape[0], column : column + shape[1]]


def ramp(values: Plane, low: float, high: float) -> Plane:
    """Return the smooth step from 0 at `low` to 1 at `high`."""
    part = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Plane = part * part * (3 - 2 * part)
    return result


@cache
def furrows() -> NDArray[np.uint8]:
    """Return the depth of skin furrows, ``(RELIEF_SIDE, RELIEF_SIDE)``; 200 is a deep one.

    Borders of irregular cells, as in the microrelief of skin, at two scales, with a pore in some.
    """
    rng = np.random.default_rng(20240229)
    coarse = _cells(rng, RELIEF_SIDE, spacing=17.0, stretch=1.5)
    fine = _cells(rng, RELIEF_SIDE, spacing=9.0, stretch=1.15)
    strength = np.float32(0.65) + np.float32(0.35) * fractal(rng, coarse.shape, 40, 1)
    pores = np.zeros_like(coarse)
    place = rng.integers(0, RELIEF_SIDE, size=(2600, 2))
    pores[place[:, 0], place[:, 1]] = rng.uniform(2.4, 10, size=2600)
    pores = ndimage.gaussian_filter(pores, 1.6, mode="wrap", truncate=2.5)
    relief = np.clip(strength, 0.1, 1.4) * (0.7 * coarse + 0.35 * fine) + pores
    result: NDArray[np.uint8] = np.clip(relief * 200, 0, 255).astype(np.uint8)
    return result


@cache
def mesh() -> Plane:
    """Return the lines of a pigment network, 0 to 1, ``(MESH_SIDE, MESH_SIDE)``."""
    rng = np.random.default_rng(20240301)
    return _cells(rng, MESH_SIDE, spacing=13.0, stretch=1.0, width=1.5)


def _cells(
    rng: np.random.Generator, side: int, spacing: float, stretch: float, width: float = 1.0
) -> Plane:
    """Return the blurred borders between the cells of jittered seeds."""
    rows, columns = int(side / spacing), int(side / spacing / stretch)
    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    jitter = rng.uniform(-0.36, 0.36, (2, rows, columns))
    x = (across + 0.5 * (down % 2) + jitter[0]) / columns
    y = (down + jitter[1]) / rows
    seeds = np.ones((side, side), dtype=bool)
    place = np.stack([y.ravel(), x.ravel()]) * side
    seeds[tuple(place.astype(int) % side)] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    name = nearest[0] * side + nearest[1]
    border = (name != np.roll(name, 1, 0)) | (name != np.roll(name, 1, 1))
    lines = ndimage.gaussian_filter(border.astype(np.float32), width, mode="wrap")
    result: Plane = np.clip(lines * np.float32(1.5 * width), 0, 1).astype(np.float32)
    return result
