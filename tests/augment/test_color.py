"""Brightness, saturation and both hues against torchvision and Kornia."""

from __future__ import annotations

import kornia
import pytest
import torch
from augment_samples import draws_with, smooth
from torchvision.transforms.v2 import functional as reference  # type: ignore[import-untyped]

from skinlab.augment import color
from skinlab.augment.spec import AugmentSpec


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


def test_hue_of_both_spaces_are_different_colors() -> None:
    image = smooth(1)
    spec = AugmentSpec(hue=0.5, brightness=0, saturation=0)
    draws = draws_with(HUE=0.75, SATURATION=0.5)
    yiq = color.recolor(image, color.color_matrices(spec, draws))
    hsv = color.turn_hsv_hue(image, color.hsv_turns(spec, draws))
    assert (yiq - hsv).abs().max() > 0.05
