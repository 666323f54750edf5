import numpy as np
import pytest
from numpy.typing import NDArray

from skinlab.preprocess.color_constancy import shades_of_gray


def scene() -> NDArray[np.uint8]:
    gray = np.random.default_rng(0).integers(20, 180, (64, 64, 1))
    return np.repeat(gray, 3, axis=2).astype(np.uint8)


def test_white_light_changes_nothing() -> None:
    assert (shades_of_gray(scene()) == scene()).all()


@pytest.mark.parametrize("norm", [1, 6])
def test_colored_light_on_a_gray_scene_is_divided_out(norm: int) -> None:
    tinted = np.rint(scene() * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
    corrected = shades_of_gray(tinted, norm).astype(float)
    assert np.abs(corrected - corrected.mean(axis=2, keepdims=True)).max() <= 1.5


def test_the_estimate_is_the_minkowski_mean() -> None:
    pixels = np.random.default_rng(1).integers(0, 200, (32, 32, 3), dtype=np.uint8)
    light = np.array([np.linalg.norm(pixels[..., c].ravel() / 255.0, 6) for c in range(3)])
    gain = np.linalg.norm(light) / (np.sqrt(3) * light)
    expected = np.clip(pixels * gain, 0, 255)
    assert np.abs(shades_of_gray(pixels) - expected).max() <= 0.51


def test_black_and_single_channel_pictures_are_left_alone() -> None:
    black = np.zeros((8, 8, 3), dtype=np.uint8)
    assert (shades_of_gray(black) == 0).all()
    red = black.copy()
    red[..., 0] = 90
    assert (shades_of_gray(red) == red).all()
