from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.box import Box
from skinlab.tables.errors import InputError


def smooth(height: int, width: int, seed: int = 0) -> Image.Image:
    """A photograph-like picture: soft colors with some texture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 220, (height // 40 + 2, width // 40 + 2, 3), dtype=np.uint8)
    fine = rng.integers(0, 256, (height // 3, width // 3, 3), dtype=np.uint8)
    base = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return Image.blend(base, Image.fromarray(fine).resize((width, height)), 0.06)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    error = ((a.astype(float) - b.astype(float)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("size", [64, 100, 128])
def test_reading_a_large_jpeg_small_costs_less_than_40_db(tmp_path: Path, size: int) -> None:
    smooth(1200, 1600).save(tmp_path / "photo.jpg", quality=90)
    fast = Steps(size).prepare(Source("photo.jpg"), tmp_path).image
    whole = Image.open(tmp_path / "photo.jpg").convert("RGB")
    plain = whole.resize((size, size), Image.Resampling.BILINEAR, (200, 0, 1400, 1200))
    assert psnr(fast, np.asarray(plain)) >= 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_mask_stays_on_the_lesion_whatever_the_orientation(
    tmp_path: Path, orientation: int
) -> None:
    lesion = np.zeros((120, 120), dtype=np.uint8)
    lesion[16:44, 60:104] = 1
    upright = Image.fromarray(np.dstack([255 - 155 * lesion] * 3).astype(np.uint8))
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    turned = {o: Image.Transpose(value) for o, value in inverse.items()}
    stored = upright.transpose(turned[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    Image.fromarray(lesion * 255).save(tmp_path / "mask.png")
    prepared = Steps(60).prepare(Source("photo.jpg", "mask.png"), tmp_path)
    assert prepared.mask is not None
    dark = prepared.image[..., 0] < 178
    assert (dark != prepared.mask).mean() < 0.01


def test_the_window_is_what_is_kept(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[20:60, 120:160] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    source = Source("photo.png", window=Box(0.6, 0.2, 0.8, 0.6))
    assert (Steps(40).prepare(source, tmp_path).image == (10, 200, 30)).all()


def test_the_light_is_estimated_without_the_padding(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(40, 160, (50, 100, 1))
    tinted = np.rint(gray * np.array([1.0, 0.8, 0.7])).astype(np.uint8)
    Image.fromarray(tinted).save(tmp_path / "photo.png")
    image = Steps(100, "pad", color_constancy=True).prepare(Source("photo.png"), tmp_path).image
    assert (image[:25] == 0).all()
    inside = image[25:75].astype(int)
    assert np.abs(inside - inside.mean(axis=2, keepdims=True)).max() <= 2


def test_notes_say_what_was_converted_without_naming_the_file(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (9, 9, 9, 100)).save(tmp_path / "yamada.png")
    Image.new("L", (32, 32)).save(tmp_path / "taro.png")
    notes = Steps(16).prepare(Source("yamada.png", "taro.png"), tmp_path).notes
    assert notes == ("transparent pixels put on white", "mask is empty")


def test_a_mask_of_another_photograph_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (32, 48)).save(tmp_path / "photo.png")
    Image.new("L", (48, 32)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match=r"mask\.png"):
        Steps(16).prepare(Source("photo.png", "mask.png"), tmp_path)


def test_every_setting_and_the_decoders_are_in_the_fingerprint() -> None:
    all_steps = [Steps(16), Steps(17), Steps(16, "pad"), Steps(16, color_constancy=True)]
    assert len({steps.fingerprint for steps in all_steps}) == 4
    assert "pil=" in Steps(16).fingerprint
