"""A photograph file -> what in it may identify a person beyond its pixels.

Helps to find, does not prove absence. Faces, text in the picture and wide views are not looked for:
no detector for them ships with what skinlab needs, and a rule by skin color called 7 % of the plain
close-ups of PAD-UFES-20 wide views (300 photographs; share of skin below 0.3 by Chai and Ngan's
range of Cb and Cr). The preview of 300 of these pictures, also letter-boxed or taken before the
colors were edited, was never called foreign; of those cut to half their area, 90 % were found.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from skinlab.preprocess.photograph import UPRIGHT

PREVIEW = "its EXIF preview shows another picture, as when a crop hides what it cut off"
PLACE = "its EXIF says where it was taken (GPS)"
SIDE = 24  # pixels of the comparison
SAME = 0.8  # correlation from which two pictures are the same one, edited or not
FLAT = 4.0  # levels of 255 by which a picture must vary for a correlation to mean something
BLACK = 16  # letter boxes of previews are at most this bright


def identifying(content: bytes, pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return what a photograph's metadata give away.

    Args:
        content: The whole file.
        pixels: ``(H, W, 3)`` uint8, upright: what the file shows.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            exif = image.getexif()
            place = exif.get_ifd(ExifTags.IFD.GPSInfo)
            preview = _preview(image.info.get("exif", b""), exif)
            turn = UPRIGHT.get(exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata of a picture that could be decoded give away nothing
        return ()
    found = []
    if preview is not None:
        upright = preview if turn is None else preview.transpose(turn)
        if not _alike(Image.fromarray(pixels), upright):
            found.append(PREVIEW)
    if {2, 4} <= set(place):  # latitude and longitude
        found.append(PLACE)
    return tuple(found)


def _preview(block: bytes, exif: Image.Exif) -> Image.Image | None:
    """Return the small picture that cameras put into EXIF."""
    about = exif.get_ifd(ExifTags.IFD.IFD1)
    start, size = about.get(ExifTags.Base.JpegIFOffset), about.get(ExifTags.Base.JpegIFByteCount)
    if not isinstance(start, int) or not isinstance(size, int):
        return None
    block = block.removeprefix(b"Exif\x00\x00")
    small = Image.open(io.BytesIO(block[start : start + size]), formats=("JPEG",))
    if small.width * small.height > 1 << 20:
        return None
    small.load()
    return small.convert("RGB")


def _alike(picture: Image.Image, preview: Image.Image) -> bool:
    """Whether a preview shows the whole of the picture, with or without a letter box."""
    one = _reduced(picture)
    for other in (preview, _without_bars(preview)):
        two = _reduced(other)
        if min(one.std(), two.std()) < FLAT:
            if abs(one.std() - two.std()) < FLAT:
                return True
        elif np.corrcoef(one.ravel(), two.ravel())[0, 1] >= SAME:
            return True
    return False


def _reduced(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=float)


def _without_bars(preview: Image.Image) -> Image.Image:
    """Cut off black bars, which cameras add where the preview has another shape."""
    bright = np.asarray(preview.convert("L")) > BLACK
    rows, columns = np.flatnonzero(bright.mean(1) > 0.1), np.flatnonzero(bright.mean(0) > 0.1)
    if not len(rows) or not len(columns):
        return preview
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return preview.crop(box)
