"""Blur against torchvision's and OpenCV's formulas."""

from __future__ import annotations

import pytest
import torch
from augment_samples import smooth
from torchvision.transforms.v2 import functional as reference  # type: ignore[import-untyped]

from skinlab.augment import blur
from skinlab.augment.draw import Draws
from skinlab.augment.spec import AugmentSpec


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
