from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skinlab.preprocess.mask import inspect_mask, read_mask
from skinlab.tables.errors import InputError

SIZE = (60, 40)
LESION = np.zeros((40, 60), dtype=np.uint8)
LESION[10:20, 15:30] = 1


def palette(colors: list[int]) -> Image.Image:
    image = Image.frombytes("P", SIZE, LESION.tobytes())
    image.putpalette(colors)
    return image


def colored(color: tuple[int, ...]) -> Image.Image:
    return Image.fromarray((LESION[..., None] * np.array(color)).astype(np.uint8))


SAME: dict[str, Callable[[], Image.Image]] = {
    "0 and 1": lambda: Image.fromarray(LESION),
    "0 and 255": lambda: Image.fromarray(LESION * 255),
    "one bit": lambda: Image.fromarray(LESION * 255).convert("1"),
    "palette of black and red": lambda: palette([0, 0, 0, 128, 0, 0]),
    "palette of black and white": lambda: palette([0, 0, 0, 255, 255, 255]),
    "gray palette": lambda: palette([0, 0, 0, 1, 1, 1]),
    "RGB": lambda: colored((255, 255, 255)),
    "red": lambda: colored((255, 0, 0)),
    "opaque alpha": lambda: Image.fromarray(np.dstack([LESION * 255] * 3 + [LESION * 0 + 255])),
    "16 bits, 0 and 65535": lambda: Image.fromarray(LESION.astype(np.uint16) * 65535),
    "16 bits, 0 and 255": lambda: Image.fromarray(LESION.astype(np.uint16) * 255),
    "16 bits, 0 and 1": lambda: Image.fromarray(LESION.astype(np.uint16)),
}


def saved(folder: Path, image: Image.Image | NDArray[np.generic], name: str = "mask.png") -> Path:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(folder / name)
    return Path(name)


def refusal(path: Path, root: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_mask(path, root, SIZE)
    assert path.name in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("way", SAME)
def test_a_lesion_drawn_in_any_clear_way_has_the_same_pixels(tmp_path: Path, way: str) -> None:
    mask = inspect_mask(saved(tmp_path, SAME[way]()), tmp_path, SIZE)
    assert (mask.pixels == LESION).all()
    assert mask.notes == ()


@pytest.mark.parametrize("suffix", ["bmp", "tif", "png"])
def test_lossless_formats_are_read_alike(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path, LESION * 255, f"mask.{suffix}")
    assert (read_mask(path, tmp_path, SIZE) == LESION).all()


def test_soft_edges_are_cut_at_half_and_said(tmp_path: Path) -> None:
    soft = Image.fromarray(LESION * 255).resize((600, 400)).resize(SIZE, Image.Resampling.BICUBIC)
    soft = soft.filter(ImageFilter.BoxBlur(0.6))
    mask = inspect_mask(saved(tmp_path, soft), tmp_path, SIZE)
    assert set(np.unique(mask.pixels)) == {0, 1}
    assert abs(int(mask.pixels.sum()) - 150) <= 4
    assert "soft edges" in mask.notes[0]


def test_ambiguous_values_are_refused(tmp_path: Path) -> None:
    odd = LESION.copy()
    odd[0, 0] = 7
    assert "7" in refusal(saved(tmp_path, odd, "class.png"), tmp_path)
    assert "7" in refusal(saved(tmp_path, LESION * 7, "seven.png"), tmp_path)
    mixed = LESION * 255
    mixed[0, 0] = 1
    refusal(saved(tmp_path, mixed, "mixed.png"), tmp_path)
    gradient = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    refusal(saved(tmp_path, gradient, "probability.png"), tmp_path)
    two = np.dstack([LESION * 255, np.roll(LESION, 20, 1) * 255, LESION * 0])
    assert "2 colors" in refusal(saved(tmp_path, two, "two.png"), tmp_path)


def test_a_mask_in_the_transparency_is_refused(tmp_path: Path) -> None:
    pixels = np.dstack([LESION * 0] * 3 + [LESION * 255])
    assert "transparency" in refusal(saved(tmp_path, pixels), tmp_path)


def test_a_jpeg_mask_is_refused(tmp_path: Path) -> None:
    assert "JPEG" in refusal(saved(tmp_path, LESION * 255, "mask.jpg"), tmp_path)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    assert "60x39" in refusal(saved(tmp_path, LESION[:-1] * 255), tmp_path)
    assert "upright" in refusal(saved(tmp_path, LESION.T.copy() * 255), tmp_path)


def test_a_mask_is_turned_by_its_own_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(LESION * 255).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "mask.png", exif=exif)
    assert (read_mask(Path("mask.png"), tmp_path, SIZE) == LESION).all()


@pytest.mark.parametrize(
    ("pixels", "word"),
    [
        (LESION * 0, "empty"),
        (LESION * 0 + 255, "full"),
        ((1 - LESION) * 255, "inverted"),
        (np.pad(np.full((1, 1), 255, np.uint8), ((3, 36), (3, 56))), "only 1 pixel"),
    ],
)
def test_odd_but_possible_masks_are_read_and_noted(
    tmp_path: Path, pixels: NDArray[np.uint8], word: str
) -> None:
    mask = inspect_mask(saved(tmp_path, pixels), tmp_path, SIZE)
    assert (mask.pixels == (pixels > 0)).all()
    assert word in mask.notes[0]


def test_a_damaged_or_missing_mask_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, LESION * 255)
    content = (tmp_path / path).read_bytes()
    (tmp_path / path).write_bytes(content[: len(content) // 2])
    refusal(path, tmp_path)
    assert "not there" in refusal(Path("nothing.png"), tmp_path)
