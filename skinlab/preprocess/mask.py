"""A lesion mask file -> 0/1 pixels of the upright photograph, however the mask was drawn.

0/1, 0/255, 1-bit, palette and black-and-one-color masks of the same lesion give the same pixels.
What is ambiguous (a class number, a JPEG's blurred levels, another size) is refused; what is odd
but possible (empty, full, drawn with soft edges) is read and said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinlab.preprocess.photograph import decoded
from skinlab.preprocess.picture_file import picture_bytes, refused

# A soft-edged mask is mostly pure black and white; below this share it is something else.
PURE_SHARE = 0.8
TINY_PIXELS = 9


@dataclass(frozen=True)
class Mask:
    """A lesion's pixels and what is odd about them.

    Attributes:
        pixels: ``(H, W)`` uint8, 1 on the lesion and 0 elsewhere, upright.
        notes: For a person: "is empty", "has soft edges, cut at half", …
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_mask(path: Path, root: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Read a mask as ``(H, W)`` uint8 of 0/1; see `inspect_mask`."""
    return inspect_mask(path, root, size).pixels


def inspect_mask(path: Path, root: Path, size: tuple[int, int]) -> Mask:
    """Read a mask and say what is odd about it.

    Args:
        path: The file; relative paths stand below `root`.
        root: Folder of the data set; nothing outside it is opened.
        size: Upright ``(width, height)`` of the photograph, which the mask must have too.

    Returns:
        Its pixels; empty and full masks are possible and noted.

    Raises:
        InputError: The file is no mask of that photograph, and why.
    """
    content, format_ = picture_bytes(path, root)
    if format_ == "JPEG":
        fix = "draw or export it as PNG"
        raise refused(path, "is a JPEG mask, whose edges are no longer black and white", fix)
    with decoded(content, format_, path) as (image, turn):
        upright = image if turn is None else image.transpose(turn)
        if upright.size != size:
            raise refused(path, *_wrong_size(upright.size, size))
        pixels, soft = _lesion(upright, path)
    return Mask(pixels, (*soft, *_oddities(pixels)))


def _wrong_size(found: tuple[int, int], wanted: tuple[int, int]) -> tuple[str, str]:
    what = f"is {found[0]}x{found[1]} where the upright photograph is {wanted[0]}x{wanted[1]}"
    if found == wanted[::-1]:
        return what, "turn the mask upright, as the photograph is seen after its EXIF rotation"
    return what, "export the mask at the photograph's size"


def _lesion(image: Image.Image, path: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the 0/1 pixels of a mask in any color mode."""
    if image.mode == "1":
        return np.asarray(image, dtype=np.uint8), ()
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            fix = "save it as black and white"
            raise refused(path, "is a mask drawn in the transparency", fix)
        image = image.convert("RGB")
    if image.mode in ("P", "RGB"):
        return _of_colors(np.asarray(image.convert("RGB")), path)
    if image.mode == "L" or image.mode.startswith("I"):
        return _of_levels(np.asarray(image).astype(np.int64), path)
    raise refused(path, f"is a mask in color mode {image.mode}", "save it as black and white")


def _of_colors(pixels: NDArray[np.uint8], path: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Gray goes by its levels; black and one color is background and lesion."""
    if (pixels == pixels[..., :1]).all():
        return _of_levels(pixels[..., 0].astype(np.int64), path)
    lit: NDArray[np.bool_] = np.asarray(pixels.any(axis=-1))
    colors = np.unique(pixels[lit], axis=0)
    if len(colors) == 1:
        return lit.astype(np.uint8), ()
    what = f"is a mask of {len(colors)} colors besides black"
    raise refused(path, what, "keep one color for the lesion, on black")


def _of_levels(levels: NDArray[np.int64], path: Path) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Read 0/1, 0/255 and 0/65535; cut soft edges between 0 and white at half."""
    values = np.unique(levels)
    top = int(values[-1])
    if values[0] >= 0 and top in (0, 1, 255, 65535) and set(values) <= {0, top}:
        return (levels > 0).astype(np.uint8), ()
    pure = float(np.isin(levels, (0, top)).mean())
    if top in (255, 65535) and values[0] == 0 and len(values) > 3 and pure >= PURE_SHARE:
        note = f"has soft edges ({1 - pure:.1%} of its pixels are gray), cut at half"
        return (2 * levels > top).astype(np.uint8), (note,)
    strange = next((int(v) for v in values if v not in (0, 1, 255)), 1)
    what = f"is no mask of 0/1 or 0/255: it has {len(values)} values, one of them {strange}"
    raise refused(path, what, "save the lesion as white on black")


def _oddities(pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    count = int(pixels.sum())
    corners = pixels[:: pixels.shape[0] - 1 or 1, :: pixels.shape[1] - 1 or 1]
    if count == 0:
        return ("is empty",)
    if count == pixels.size:
        return ("is full",)
    if corners.all() and 2 * count > pixels.size:
        return ("covers all four corners and most of the picture: inverted?",)
    if count <= TINY_PIXELS:
        return (f"marks only {count} pixel(s)",)
    return ()
