"""A setting outside the searched space is refused with the range that would do."""

from __future__ import annotations

import pytest

from skinlab.augment.spec import AugmentSpec


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hue", 0.6),
        ("hue", -0.1),
        ("brightness", 1.5),
        ("saturation", 2),
        ("crop", 1.2),
        ("scale", 9),
    ],
)
def test_a_factor_outside_its_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"augment\.{name} is .*; use 0 to"):
        AugmentSpec(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [-1, 2, 4])
def test_a_blur_without_a_middle_pixel_is_refused(side: int) -> None:
    with pytest.raises(ValueError, match="0 or an odd number"):
        AugmentSpec(blur=side)


def test_the_limits_themselves_are_allowed() -> None:
    AugmentSpec("quarter", 0.5, "hsv", 1.0, 1.0, 5, 1.0, 4.0)
