"""Pixels of a lesion and of its surroundings: registered, in the right place, showing the signs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skinlab.sources.synthetic.appearance import Traits
from skinlab.sources.synthetic.categories import CATEGORIES
from skinlab.sources.synthetic.lesion import draw_lesion
from skinlab.sources.synthetic.photograph import Picture, take, view_of
from skinlab.sources.synthetic.plan import Lesion, Patient, Photograph, grown, plan_patient

SIZE = (320, 240)
PLAIN = Photograph(
    magnification="strong",
    field_mm=24.0,
    angle=0.0,
    tilt=1.0,
    center=(0.5, 0.5),
    portrait=False,
    orientation=1,
    light=(0.0, 0.0, 0.0),
    defocus=0.0,
    motion=0.0,
    hair=0.0,
    ink=False,
    ruler=False,
)
DISK = Traits(10.0, melanin=1.4, irregular=0.0, height=0.0, actinic=0.0, lentigines=0, moles=0)


def patient(traits: Traits) -> tuple[Patient, Lesion]:
    """A light-skinned patient with one lesion."""
    whole = replace(plan_patient(0, 0), melanin=0.1, blood=0.15)
    return whole, replace(whole.lesions[0], traits=replace(traits, waxy=0, angiomas=0))


def shoot(traits: Traits, photograph: Photograph) -> Picture:
    who, lesion = patient(traits)
    rng = np.random.default_rng(5)
    return take(rng, who, lesion, draw_lesion(who, lesion), photograph, SIZE)


def test_the_mask_of_a_plain_round_lesion_has_its_area_and_center() -> None:
    """10 mm across in a field of 24 mm on 320 px: a disk of 133 px, within the drawn oval."""
    mask = shoot(DISK, replace(PLAIN, center=(0.6, 0.45))).mask > 0
    diameter = 2 * math.sqrt(mask.sum() / math.pi)
    assert diameter == pytest.approx(10 / 24 * 320, rel=0.1)
    rows, columns = np.nonzero(mask)
    assert columns.mean() == pytest.approx(0.6 * 320, abs=4)
    assert rows.mean() == pytest.approx(0.45 * 240, abs=4)


@pytest.mark.parametrize("angle", [0.0, 0.8, 2.5, 5.0])
@pytest.mark.parametrize("center", [(0.5, 0.5), (0.3, 0.7)])
def test_a_dark_lesion_is_where_its_mask_says(angle: float, center: tuple[float, float]) -> None:
    """Otsu-free probe: pixels darker than midway between skin and lesion are the mask."""
    sharp = replace(DISK, irregular=0.4, soft_edge=0.0, mottle=0.0, asymmetry=0.0)
    picture = shoot(sharp, replace(PLAIN, angle=angle, tilt=0.9, center=center))
    mask = picture.mask > 0
    gray = picture.pixels.astype(float).mean(axis=2)
    dark = gray < (np.median(gray[mask]) + np.median(gray[~mask])) / 2
    dice = 2 * (dark & mask).sum() / (dark.sum() + mask.sum())
    assert dice > 0.95


def test_turning_the_camera_by_a_quarter_turns_the_mask_by_a_quarter() -> None:
    irregular = replace(DISK, irregular=0.6)
    square = (240, 240)
    who, lesion = patient(irregular)
    layers = draw_lesion(who, lesion)
    straight, turned = (
        take(
            np.random.default_rng(1), who, lesion, layers, replace(PLAIN, angle=angle), square
        ).mask
        > 0
        for angle in (0.0, math.pi / 2)
    )
    # The camera turns one way, so its picture turns the other.
    agree = [(np.rot90(straight, k) == turned).mean() for k in (1, 3)]
    assert max(agree) > 0.985
    assert (straight == turned).mean() < 0.97


def test_a_point_on_the_skin_and_its_pixel_are_inverse() -> None:
    view = view_of(replace(PLAIN, angle=1.1, tilt=0.88, center=(0.4, 0.55)), *SIZE)
    assert view.pixel(0.0, 0.0) == pytest.approx((0.4 * 320, 0.55 * 240))
    x, y = view.grid(0, 0, *SIZE)
    assert view.pixel(float(x[30, 200]), float(y[30, 200])) == pytest.approx((200, 30), abs=1e-2)


def test_a_deeper_melanoma_is_darker_bluer_and_wider_in_the_picture() -> None:
    melanoma = next(c for c in CATEGORIES if c.name == "nodular melanoma")
    calm = replace(melanoma.traits, ulcer=0.0)
    light, size = [], []
    for depth in (0.2, 1.5, 4.0, 10.0):
        picture = shoot(grown(calm, depth), replace(PLAIN, field_mm=30.0))
        inside = picture.mask > 0
        light.append(picture.pixels[inside].astype(float).mean(axis=0))
        size.append(int(inside.sum()))
    red = [color[0] for color in light]
    redness = [color[0] - color[2] for color in light]
    assert red == sorted(red, reverse=True)
    assert redness == sorted(redness, reverse=True)
    assert size == sorted(size)
    assert red[0] > 1.3 * red[-1]


def test_the_skin_around_carries_the_cue_when_the_lesion_is_hidden() -> None:
    """A halo reddens the ring outside of the mask; sun damage darkens and mottles all of it."""
    calm = replace(DISK, halo=0.0)
    around = {}
    for name, traits in {
        "calm": calm,
        "halo": replace(calm, halo=1.0),
        "sun": replace(calm, actinic=1.2),
    }.items():
        picture = shoot(traits, PLAIN)
        skin = picture.pixels[picture.mask == 0].astype(float)
        around[name] = (skin[:, 0] - skin[:, 1]).mean(), skin.mean()
    assert around["halo"][0] > around["calm"][0] + 8
    assert around["sun"][1] < around["calm"][1] - 8


def test_darker_skin_types_are_darker_pictures() -> None:
    who, lesion = patient(DISK)
    layers = draw_lesion(who, lesion)
    means = []
    for melanin in (0.05, 0.4, 0.8, 1.1):
        toned = replace(who, melanin=melanin)
        picture = take(np.random.default_rng(2), toned, lesion, layers, PLAIN, SIZE)
        means.append(picture.pixels[picture.mask == 0].mean())
    assert means == sorted(means, reverse=True)
    assert means[0] > 1.4 * means[-1]


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"ink": True}, 0.001),
        ({"ruler": True}, 0.03),
        ({"hair": 1.0}, 0.005),
        ({"light": (0.2, 0.0, -0.2)}, 0.5),
    ],
)
def test_each_disturbance_changes_pixels_but_never_the_mask(
    change: dict[str, object], least: float
) -> None:
    plain = shoot(DISK, PLAIN)
    disturbed = shoot(DISK, replace(PLAIN, **change))  # type: ignore[arg-type]
    far = np.abs(plain.pixels.astype(int) - disturbed.pixels.astype(int)).max(axis=2) > 25
    assert far.mean() > least
    assert np.array_equal(plain.mask, disturbed.mask)


@pytest.mark.parametrize("blur", [{"defocus": 5.0}, {"motion": 14.0}])
def test_blurred_photographs_have_less_detail(blur: dict[str, float]) -> None:
    def detail(picture: Picture) -> float:
        gray = picture.pixels.astype(float).mean(axis=2)
        return float(np.abs(np.diff(gray, axis=0)).mean() + np.abs(np.diff(gray, axis=1)).mean())

    large = replace(PLAIN, field_mm=20.0)
    assert detail(shoot(DISK, replace(large, **blur))) < 0.93 * detail(shoot(DISK, large))  # type: ignore[arg-type]
