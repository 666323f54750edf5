"""A manifest's row -> the square uint8 pixels that are cached: every deterministic step, once.

Changing what these steps do means raising `VERSION`, so that caches of before are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from skinlab.preprocess.color_constancy import shades_of_gray
from skinlab.preprocess.mask import inspect_mask
from skinlab.preprocess.photograph import open_photograph, upright_size
from skinlab.preprocess.picture_file import picture_bytes
from skinlab.preprocess.square import Frame, Square
from skinlab.tables.box import Box

VERSION = 1


@dataclass(frozen=True)
class Source:
    """The files of one row: paths below the root (no mask: empty) and the window that counts."""

    image: str
    mask: str = ""
    window: Box | None = None


@dataclass(frozen=True)
class Prepared:
    """One row's pixels.

    Attributes:
        image: ``(S, S, 3)`` uint8 sRGB.
        mask: ``(S, S)`` uint8 of 0/1, or None where the row has none.
        notes: What was converted or is odd, without any name.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """Read upright, cut the window, make it square, correct the light.

    Attributes:
        size: Side of the square in pixels.
        square: How a window becomes square.
        color_constancy: Whether shades of gray corrects the light.
    """

    size: int
    square: Square = "crop"
    color_constancy: bool = False

    @property
    def fingerprint(self) -> str:
        """Everything that decides about the pixels, with the versions of the decoders."""
        decoders = " ".join(
            f"{name}={features.version(name)}"
            for name in ("pil", "libjpeg_turbo", "zlib", "littlecms2")
        )
        return (
            f"steps={VERSION} size={self.size} square={self.square} "
            f"color_constancy={self.color_constancy} {decoders}"
        )

    def prepare(self, source: Source, root: Path) -> Prepared:
        """Turn one row's files into pixels.

        Raises:
            InputError: The photograph or its mask cannot be used, and why.
        """
        path = Path(source.image)
        content, format_ = picture_bytes(path, root)
        full = upright_size(content, format_, path)
        frame = Frame.of(*full, source.window, self.square, self.size)
        at_least = frame.needed(*full)
        with open_photograph(content, format_, path, at_least=at_least) as (picture, notes):
            square = self._corrected(frame.photograph(picture), frame)
        mask = None
        if source.mask:
            drawn = inspect_mask(Path(source.mask), root, full)
            mask = frame.mask(drawn.pixels)
            notes = (*notes, *(f"mask {note}" for note in drawn.notes))
        return Prepared(np.asarray(square, dtype=np.uint8), mask, notes)

    def _corrected(self, square: Image.Image, frame: Frame) -> Image.Image:
        if not self.color_constancy:
            return square
        inside = square.crop(frame.target)
        square.paste(Image.fromarray(shades_of_gray(np.asarray(inside))), frame.target)
        return square
