"""Each operation against somebody else's implementation."""

import math

import kornia
import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode  # type: ignore[import-untyped]
from torchvision.transforms.v2 import functional as reference

from skinlab.augment import blur, color, geometry
from skinlab.augment.draw import Draws, Slot
from skinlab.augment.spec import AugmentSpec

OFF = AugmentSpec(rotation="none", brightness=0, saturation=0, horizontal_flip=False)


def smooth(count: int, side: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)


def draws_with(**values: float) -> Draws:
    """One sample whose numbers are given by slot name; others 0.75."""
    numbers = np.full((1, len(Slot)), 0.75)
    for name, value in values.items():
        numbers[0, Slot[name]] = value
    return Draws(numbers)


@pytest.mark.parametrize("degrees", [10.0, 90.0, 123.4, 250.0])
def test_rotation_agrees_with_torchvision_and_kornia(degrees: float) -> None:
    image = smooth(1)
    spec = AugmentSpec(rotation="any", horizontal_flip=False)
    matrices = geometry.sampling_matrices(spec, draws_with(ROTATION=degrees / 360), 64)
    ours = geometry.resample(image, geometry.sampling_grid(matrices, 64))
    theirs = reference.rotate(image, degrees, InterpolationMode.BILINEAR)
    rows, columns = np.mgrid[:64, :64] - 31.5
    inside = torch.from_numpy(np.hypot(rows, columns) < 30)
    assert (ours - theirs)[..., inside].abs().max() < 1e-4
    kornias = kornia.geometry.transform.rotate(image, torch.tensor([degrees]))
    assert (ours - kornias)[..., inside].abs().max() < 1e-4


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.0, 0.5), (0.25, 1.0)])
def test_crop_agrees_with_slicing_and_resizing(x: float, y: float) -> None:
    image = smooth(1)
    spec = AugmentSpec(rotation="none", horizontal_flip=False, crop=0.5)
    matrices = geometry.sampling_matrices(spec, draws_with(CROP_X=x, CROP_Y=y), 64)
    ours = geometry.resample(image, geometry.sampling_grid(matrices, 32))
    top, left = round(32 * y), round(32 * x)
    assert (ours - image[:, :, top : top + 32, left : left + 32]).abs().max() < 1e-5


@pytest.mark.parametrize("zoom", [0.5, 1.25, 2.0])
def test_scale_agrees_with_torchvision(zoom: float) -> None:
    image = smooth(1)
    spec = AugmentSpec(rotation="none", horizontal_flip=False, scale=1.0)
    number = (math.log(zoom) / math.log(2) + 1) / 2
    matrices = geometry.sampling_matrices(spec, draws_with(SCALE=number), 64)
    ours = geometry.resample(image, geometry.sampling_grid(matrices, 64))
    theirs = reference.affine(image, 0, [0, 0], zoom, [0, 0], InterpolationMode.BILINEAR)
    inside = slice(18, 46) if zoom < 1 else slice(None)
    assert (ours - theirs)[..., inside, inside].abs().max() < 1e-4


def test_the_grid_is_affine_grid() -> None:
    matrices = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    theirs = torch.nn.functional.affine_grid(matrices, [5, 3, 33, 33], align_corners=False)
    assert torch.allclose(geometry.sampling_grid(matrices, 33), theirs, atol=1e-5)


def test_uncovered_corners_are_reflected() -> None:
    image = smooth(1)
    spec = AugmentSpec(rotation="none", horizontal_flip=False, scale=1.0)
    matrices = geometry.sampling_matrices(spec, draws_with(SCALE=0.0), 64)  # zoom 1/2
    ours = geometry.resample(image, geometry.sampling_grid(matrices, 64))
    middle = ours[..., 16:48, 16:48]
    assert torch.allclose(ours[..., 16:48, :16], middle[..., :16].flip(3), atol=1e-5)
    assert torch.allclose(ours[..., 48:, 16:48], middle[..., 16:, :].flip(2), atol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.4])
def test_saturation_is_torchvisions(factor: float) -> None:
    image = smooth(1)
    spec = AugmentSpec(brightness=0, saturation=0.5)
    matrices = color.color_matrices(spec, draws_with(SATURATION=factor - 0.5))
    theirs = reference.adjust_saturation(image, factor)
    # torchvision's gray is 0.2989, 0.587, 0.114; Kornia's YUV has 0.299.
    assert (color.recolor(image, matrices) - theirs).abs().max() < 5e-3


def test_brightness_is_kornias_and_additive() -> None:
    image = smooth(1)
    spec = AugmentSpec(brightness=0.4, saturation=0)
    matrices = color.color_matrices(spec, draws_with(BRIGHTNESS=0.9))
    theirs = kornia.enhance.adjust_brightness(image, 0.32)
    assert torch.allclose(color.recolor(image, matrices), theirs, atol=1e-5)


@pytest.mark.parametrize("fraction", [-0.3, 0.02, 0.04, 0.5])
def test_hsv_hue_is_torchvisions_fraction(fraction: float) -> None:
    image = smooth(1)
    spec = AugmentSpec(hue=0.5, hue_space="hsv")
    turn = color.hsv_turns(spec, draws_with(HUE=fraction + 0.5))
    theirs = reference.adjust_hue(image, fraction)
    assert (color.turn_hsv_hue(image, turn) - theirs).abs().max() < 1e-3


def test_yiq_hue_turns_the_way_hsv_does_and_keeps_luma() -> None:
    red = torch.tensor([0.6, 0.3, 0.3])[None, :, None, None]
    spec = AugmentSpec(hue=0.5, brightness=0, saturation=0)
    for third, channel in ((1 / 3, 1), (-1 / 3, 2)):
        matrices = color.color_matrices(spec, draws_with(HUE=0.5 + third, SATURATION=0.5))
        turned = color.recolor(red, matrices)[0, :, 0, 0]
        assert turned.argmax() == channel
        weights = torch.tensor([0.299, 0.587, 0.114])
        assert (turned * weights).sum() == pytest.approx(
            float((red[0, :, 0, 0] * weights).sum()), abs=1e-4
        )


def test_yiq_hue_is_the_rotation_of_the_ntsc_matrix() -> None:
    # FCC NTSC matrix as in Python's colorsys, rotated there.
    yiq = np.array([[0.30, 0.59, 0.11], [0.599, -0.2773, -0.3217], [0.213, -0.5251, 0.3121]])
    for fraction in (0.02, 0.04, -0.1):
        turn = 2 * np.pi * fraction
        rotation = np.array(
            [[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]]
        )
        expected = np.linalg.inv(yiq) @ rotation @ yiq
        spec = AugmentSpec(hue=0.5, brightness=0, saturation=0)
        got = color.color_matrices(spec, draws_with(HUE=0.5 + fraction, SATURATION=0.5))
        assert np.abs(got[0, :, :3].numpy() - expected).max() < 0.03


def test_hue_of_both_spaces_are_different_colors() -> None:
    image = smooth(1)
    spec = AugmentSpec(hue=0.5, brightness=0, saturation=0)
    draws = draws_with(HUE=0.75, SATURATION=0.5)
    yiq = color.recolor(image, color.color_matrices(spec, draws))
    hsv = color.turn_hsv_hue(image, color.hsv_turns(spec, draws))
    assert (yiq - hsv).abs().max() > 0.05


@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.1])
def test_blur_agrees_with_torchvision(sigma: float) -> None:
    image = smooth(3)
    rows = torch.tensor([0, 2])
    ours = blur.blur_rows(image.clone(), rows, torch.tensor([sigma, sigma]), 5)
    theirs = reference.gaussian_blur(image, [5, 5], [sigma, sigma])
    assert torch.allclose(ours[rows], theirs[rows], atol=1e-5)
    assert (ours[1] == image[1]).all()


def test_the_largest_sigma_is_opencvs_formula() -> None:
    assert blur.largest_sigma(5) == pytest.approx(1.1)
    assert blur.largest_sigma(3) == pytest.approx(0.8)


def test_half_of_the_images_are_blurred() -> None:
    spec = AugmentSpec(blur=5)
    draws = Draws.of(range(1000), 0, 0)
    assert 430 < len(blur.blurred_rows(draws)) < 570
    assert blur.sigmas(spec, draws).max() <= 1.1
    assert blur.sigmas(spec, draws).min() > 0


def test_all_eight_symmetries_occur_and_quarter_turns_are_counter_clockwise() -> None:
    spec = AugmentSpec(rotation="quarter", vertical_flip=True)
    assert set(geometry.turns(spec, Draws.of(range(300), 0, 0))) == set(range(8))
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    no_corner = np.zeros((1, 2), dtype=np.int64)
    turned = geometry.move(image, np.array([1]), no_corner, 3)
    assert (turned == reference.rotate(image, 90)).all()


def test_off_draws_nothing() -> None:
    draws = Draws.of(range(20), 0, 0)
    assert not geometry.turns(OFF, draws).any()
    assert not color.changes_color(OFF)
    identity = geometry.sampling_matrices(OFF, draws, 32)
    assert torch.allclose(identity, torch.eye(2, 3).expand(20, 2, 3))
