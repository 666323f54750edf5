"""A window of a photograph -> a square of side s, and the same square of its mask.

    crop     the center square of the window; nothing is distorted, the ends are lost
    pad      the whole window, its long side s, black around it; nothing is lost
    stretch  the whole window pressed into the square

The photograph is reduced with an antialiased triangle filter, the mask by area, cut at half, so
that both have the same edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinlab.tables.box import Box

Square = Literal["crop", "pad", "stretch"]
WHOLE = Box()


@dataclass(frozen=True)
class Frame:
    """Where a square's pixels come from, and where they go.

    Attributes:
        source: ``(left, top, right, bottom)`` in fractions of the photograph.
        target: ``(left, top, right, bottom)`` in pixels of the square; all of it but for ``pad``.
        size: Side of the square in pixels.
    """

    source: tuple[float, float, float, float]
    target: tuple[int, int, int, int]
    size: int

    @classmethod
    def of(cls, width: int, height: int, window: Box | None, square: Square, size: int) -> Frame:
        """Return the frame of a photograph of ``width`` by ``height`` pixels, upright."""
        left, top, right, bottom = (window or WHOLE).pixels(width, height)
        across, down = right - left, bottom - top
        target = (0, 0, size, size)
        x, y, w, h = float(left), float(top), float(across), float(down)
        if square == "crop":
            side = float(min(across, down))
            x, y, w, h = x + (w - side) / 2, y + (h - side) / 2, side, side
        elif square == "pad":
            long = max(across, down)
            wide, high = (max(round(size * part / long), 1) for part in (across, down))
            start = ((size - wide) // 2, (size - high) // 2)
            target = (*start, start[0] + wide, start[1] + high)
        return cls((x / width, y / height, (x + w) / width, (y + h) / height), target, size)

    def needed(self, width: int, height: int) -> int:
        """Return the short side the whole photograph must keep for no pixel to be enlarged."""
        x0, y0, x1, y1 = self.source
        across = (self.target[2] - self.target[0]) / ((x1 - x0) * width)
        down = (self.target[3] - self.target[1]) / ((y1 - y0) * height)
        return max(math.ceil(max(across, down) * min(width, height)), 1)

    def photograph(self, image: Image.Image) -> Image.Image:
        """Cut and resize an RGB photograph (of any reduced size); the padding stays black."""
        return self._onto(image, Image.Resampling.BILINEAR)

    def mask(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut and resize a mask ``(H, W)`` of 0/1 to ``(size, size)`` of 0/1."""
        image = Image.fromarray(pixels * np.uint8(255))
        levels = np.asarray(self._onto(image, Image.Resampling.BOX))
        return (levels >= 128).astype(np.uint8)

    def _onto(self, image: Image.Image, resample: Image.Resampling) -> Image.Image:
        left, top, right, bottom = self.source
        width, height = image.size
        box = (left * width, top * height, min(right, 1.0) * width, min(bottom, 1.0) * height)
        x0, y0, x1, y1 = self.target
        resized = image.resize((x1 - x0, y1 - y0), resample, box)
        if resized.size == (self.size, self.size):
            return resized
        canvas = Image.new(image.mode, (self.size, self.size))
        canvas.paste(resized, (x0, y0))
        return canvas
