"""A preview from before the crop and a place are found; what cameras and editors do is not."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageEnhance

from skinlab.preprocess.identifiers import PLACE, PREVIEW, identifying

ORIENTATION, COMPRESSION, START, SIZE = 0x0112, 0x0103, 0x0201, 0x0202


def _with_preview(
    picture: Image.Image, preview: Image.Image | bytes, orientation: int = 1
) -> bytes:
    """A JPEG with an EXIF preview, as cameras write it: a second directory that points to it."""
    if isinstance(preview, Image.Image):
        buffer = io.BytesIO()
        preview.save(buffer, "JPEG", quality=60)
        preview = buffer.getvalue()
    first = struct.pack("<HHHII", 1, ORIENTATION, 3, 1, orientation)
    second_at = 8 + len(first) + 4
    entries = [(COMPRESSION, 3, 6), (START, 4, second_at + 2 + 36 + 4), (SIZE, 4, len(preview))]
    second = struct.pack("<H", 3)
    second += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + struct.pack("<I", second_at)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=block + second + bytes(4) + preview)
    return buffer.getvalue()


@pytest.fixture
def picture() -> Image.Image:
    coarse = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC)


def _small(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((160, 120))
    return small


def _found(content: bytes) -> tuple[str, ...]:
    with Image.open(io.BytesIO(content)) as image:
        return identifying(content, np.asarray(image.convert("RGB")))


def test_the_preview_of_the_picture_itself_is_nothing(picture: Image.Image) -> None:
    assert _found(_with_preview(picture, _small(picture))) == ()


def test_a_letter_box_and_edited_colors_are_nothing(picture: Image.Image) -> None:
    wide = picture.resize((450, 300))
    boxed = Image.new("RGB", (160, 120))
    boxed.paste(wide.resize((160, 107)), (0, 6))
    assert _found(_with_preview(wide, boxed)) == ()
    edited = ImageEnhance.Brightness(picture).enhance(1.3)
    assert _found(_with_preview(edited, _small(picture))) == ()


def test_plain_skin_is_nothing() -> None:
    rng = np.random.default_rng(0)
    plain = Image.fromarray(rng.normal(150, 3, (300, 400, 3)).clip(0, 255).astype(np.uint8))
    assert _found(_with_preview(plain, _small(plain))) == ()


def test_a_preview_from_before_the_crop_is_found(picture: Image.Image) -> None:
    cut = picture.crop((20, 30, 220, 180))
    assert _found(_with_preview(cut, _small(picture))) == (PREVIEW,)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_preview_is_turned_with_its_picture(picture: Image.Image, orientation: int) -> None:
    content = _with_preview(picture, _small(picture), orientation)
    turn = {3: 180, 6: -90, 8: 90}[orientation]
    assert identifying(content, np.asarray(picture.rotate(turn, expand=True))) == ()


def test_a_place_is_found(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (35.0, 40.0, 1.0), 3: "E", 4: (139.0, 45.0, 2.0)}
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif)
    assert _found(buffer.getvalue()) == (PLACE,)


@pytest.mark.parametrize("preview", [b"", b"\xff\xd8\xff no picture", bytes(100)])
def test_damaged_metadata_are_nothing(picture: Image.Image, preview: bytes) -> None:
    assert _found(_with_preview(picture, preview)) == ()


def test_real_photographs_without_metadata_are_nothing(real_data: Path) -> None:
    files = sorted((real_data / "pad_ufes_20" / "images").iterdir())[:20]
    if not files:
        pytest.skip("PAD-UFES-20 is not there")
    assert [_found(path.read_bytes()) for path in files] == [()] * 20
