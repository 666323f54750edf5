"""Files as a phone stores them: turned, tagged, and nothing else in the EXIF."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from skinlab.sources.synthetic.files import MAKE, MODEL, ORIENTATION, TURNS, jpeg, png
from skinlab.sources.synthetic.photograph import Picture
from skinlab.sources.synthetic.plan import DEVICES


@pytest.fixture
def picture() -> Picture:
    """A bright upper left corner in a dark landscape photograph."""
    pixels = np.full((48, 64, 3), 40, np.uint8)
    pixels[:16, :16] = 220
    return Picture(pixels, (pixels[..., 0] > 100).astype(np.uint8) * 255)


@pytest.mark.parametrize("orientation", TURNS)
def test_a_photograph_is_upright_after_its_exif_orientation(
    picture: Picture, orientation: int
) -> None:
    stored = Image.open(io.BytesIO(jpeg(picture, DEVICES[0], orientation)))
    assert stored.size == ((48, 64) if orientation in (6, 8) else (64, 48))
    upright = np.asarray(ImageOps.exif_transpose(stored)).astype(int)
    assert np.abs(upright - picture.pixels).mean() < 4
    raw = np.asarray(stored).astype(int)
    turned = raw.shape != picture.pixels.shape or np.abs(raw - picture.pixels).mean() > 10
    assert turned == (orientation != 1)


def test_the_exif_holds_maker_model_and_orientation_only(picture: Picture) -> None:
    exif = Image.open(io.BytesIO(jpeg(picture, DEVICES[2], 6))).getexif()
    assert dict(exif) == {MAKE: "Tamar", MODEL: "Tamar A5", ORIENTATION: 6}


def test_a_mask_comes_back_as_it_was(picture: Picture) -> None:
    mask = Image.open(io.BytesIO(png(picture.mask)))
    assert mask.mode == "1"
    assert np.array_equal(np.asarray(mask.convert("L")), picture.mask)


def test_files_repeat_byte_for_byte(picture: Picture) -> None:
    assert jpeg(picture, DEVICES[1], 3) == jpeg(picture, DEVICES[1], 3)
    assert png(picture.mask) == png(picture.mask)
