import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from skinlab.preprocess.square import Frame, Square
from skinlab.tables.box import Box


def disk(width: int, height: int, x: float, y: float, radius: float) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width]
    inside: NDArray[np.bool_] = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2
    return inside.astype(np.uint8)


def centroid(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    rows, columns = np.nonzero(pixels > pixels.max() / 2)
    return float(columns.mean() + 0.5), float(rows.mean() + 0.5)


@pytest.mark.parametrize(
    ("square", "window", "expected"),
    [
        # A disk at (180, 90) of a 300x200 photograph, in a square of 100.
        ("crop", None, ((180 - 50) / 2, 90 / 2)),
        ("pad", None, (180 / 3, 16 + 90 * 67 / 200)),  # 67 rows, 16 of black above
        ("stretch", None, (180 / 3, 90 / 2)),
        ("crop", Box(0.5, 0.25, 0.9, 0.75), ((180 - 160) * 1.0, (90 - 50) * 1.0)),
        ("stretch", Box(0.5, 0.25, 0.9, 0.75), ((180 - 150) / 1.2, (90 - 50) / 1.0)),
    ],
)
def test_a_disk_lands_where_geometry_says_in_photograph_and_mask(
    square: Square, window: Box | None, expected: tuple[float, float]
) -> None:
    lesion = disk(300, 200, 180, 90, 12)
    frame = Frame.of(300, 200, window, square, 100)
    photograph = frame.photograph(Image.fromarray(np.dstack([lesion * 255] * 3)))
    mask = frame.mask(lesion)
    assert photograph.size == (100, 100)
    assert mask.shape == (100, 100)
    assert set(np.unique(mask)) == {0, 1}
    assert centroid(mask) == pytest.approx(expected, abs=0.35)
    assert centroid(np.asarray(photograph)[..., 0]) == pytest.approx(expected, abs=0.35)


def test_padding_is_black_and_never_lesion() -> None:
    frame = Frame.of(300, 100, None, "pad", 90)
    photograph = np.asarray(frame.photograph(Image.new("RGB", (300, 100), (200, 200, 200))))
    assert (photograph[30:60] == 200).all()
    assert (photograph[:30] == 0).all()
    assert (photograph[60:] == 0).all()
    mask = frame.mask(np.ones((100, 300), dtype=np.uint8))
    assert mask.sum() == 90 * 30


def test_a_photograph_of_the_right_size_is_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    for square in ("crop", "pad", "stretch"):
        frame = Frame.of(50, 50, None, square, 50)
        assert (np.asarray(frame.photograph(Image.fromarray(pixels))) == pixels).all()


def test_reducing_averages_instead_of_skipping_pixels() -> None:
    checkers = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    frame = Frame.of(256, 256, None, "crop", 32)
    small = np.asarray(frame.photograph(Image.fromarray(np.dstack([checkers] * 3))))
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_needed_is_the_short_side_that_keeps_the_squares_pixels() -> None:
    assert Frame.of(600, 400, None, "crop", 100).needed(600, 400) == 100
    assert Frame.of(600, 400, None, "pad", 100).needed(600, 400) == 67
    assert Frame.of(600, 400, Box(0, 0, 0.25, 0.25), "crop", 100).needed(600, 400) == 400
    assert Frame.of(600, 400, Box(0, 0, 0.1, 0.1), "crop", 100).needed(600, 400) == 1000


def test_a_window_of_one_pixel_and_very_long_photographs_work() -> None:
    for width, height in ((1, 1), (1, 500), (500, 1)):
        for square in ("crop", "pad", "stretch"):
            frame = Frame.of(width, height, None, square, 16)
            assert frame.photograph(Image.new("RGB", (width, height))).size == (16, 16)
            assert frame.mask(np.ones((height, width), dtype=np.uint8)).any()
