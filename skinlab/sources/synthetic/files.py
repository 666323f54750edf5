"""A picture -> JPEG as a phone stores it, and its mask as PNG; the same bytes each time."""

from __future__ import annotations

import io

from PIL import Image

from skinlab.sources.synthetic.photograph import Picture, Pixels
from skinlab.sources.synthetic.plan import Device

# EXIF orientation -> what a phone held that way did to the upright photograph.
TURNS = {
    1: None,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
MAKE, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112


def jpeg(picture: Picture, device: Device, orientation: int) -> bytes:
    """Return the photograph as JPEG whose pixels are stored turned and tagged so.

    Only maker, model and orientation stand in its EXIF: no time, no name, no diagnosis.
    """
    image = Image.fromarray(picture.pixels)
    turn = TURNS[orientation]
    if turn is not None:
        image = image.transpose(turn)
    exif = Image.Exif()
    exif[MAKE], exif[MODEL] = device.name.split()[0], device.name
    exif[ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=device.quality, subsampling="4:2:0", exif=exif)
    return buffer.getvalue()


def png(mask: Pixels) -> bytes:
    """Return a mask (0 or 255, upright) as PNG of one bit a pixel."""
    buffer = io.BytesIO()
    Image.fromarray(mask).convert("1", dither=Image.Dither.NONE).save(
        buffer, "PNG", compress_level=3
    )
    return buffer.getvalue()
