"""Turns, crops and zooms against torchvision and Kornia."""

from __future__ import annotations

import math

import kornia
import numpy as np
import pytest
import torch
from augment_samples import OFF, draws_with, smooth
from torchvision.transforms.v2 import InterpolationMode  # type: ignore[import-untyped]
from torchvision.transforms.v2 import functional as reference

from skinlab.augment import color, geometry
from skinlab.augment.draw import Draws
from skinlab.augment.spec import AugmentSpec


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
