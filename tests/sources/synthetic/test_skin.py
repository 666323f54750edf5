"""The skin around a lesion: the same marks on each photograph, redness and scale close by."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from skinlab.sources.synthetic.appearance import Traits
from skinlab.sources.synthetic.plan import Lesion, Patient, plan_patient
from skinlab.sources.synthetic.skin import Scene, draw_skin, spots
from skinlab.sources.synthetic.texture import View

BARE = Traits(8.0, actinic=0.0, lentigines=0, moles=0, waxy=0, angiomas=0)
FIELD = View(320, 240, (0.1, 0.0, -16.0, 0.0, 0.1, -12.0))


def patient(traits: Traits) -> tuple[Patient, Lesion]:
    whole = replace(plan_patient(0, 0), melanin=0.1, blood=0.15, age=40)
    return whole, replace(whole.lesions[0], traits=traits)


def scene(traits: Traits) -> Scene:
    return draw_skin(np.random.default_rng(3), *patient(traits), FIELD)


def distance() -> np.ndarray:
    x, y = FIELD.grid(0, 0, 320, 240)
    return np.hypot(x, y)


def test_spots_around_are_the_same_on_each_photograph_and_as_many_as_planned() -> None:
    who, lesion = patient(replace(BARE, moles=4, lentigines=3, satellites=2))
    assert spots(who, lesion) == spots(who, lesion)
    assert len(spots(who, lesion)) == 9
    assert all(math.hypot(spot.x, spot.y) > 1.2 * 4 for spot in spots(who, lesion))


@pytest.mark.parametrize(
    ("count", "plane"),
    [
        ("satellites", "melanin"),
        ("lentigines", "melanin"),
        ("moles", "melanin"),
        ("waxy", "height"),
        ("angiomas", "blood"),
    ],
)
def test_each_kind_of_spot_shows_in_its_plane(count: str, plane: str) -> None:
    bare, marked = getattr(scene(BARE), plane), getattr(scene(replace(BARE, **{count: 9})), plane)
    assert (marked - bare).max() > 0.08
    assert (marked - bare).min() > -1e-4
    assert 0.001 < ((marked - bare) > 0.02).mean() < 0.4


def test_redness_is_a_ring_around_the_lesion_that_fades_out() -> None:
    redder = scene(replace(BARE, halo=1.0)).blood - scene(BARE).blood
    far = distance()
    assert redder[(far > 4.2) & (far < 5)].mean() > 0.4
    assert abs(redder[far > 11.5].mean()) < 0.02


def test_scale_lies_close_by_in_flakes() -> None:
    cover = scene(replace(BARE, flaking=1.2)).keratin
    near = cover[distance() < 7]
    assert 0.02 < (near > 0.2).mean() < 0.7
    assert cover[distance() > 14.6].max() == 0
    assert scene(BARE).keratin.max() == 0


def test_sun_damage_adds_pigment_blotches_and_deeper_furrows() -> None:
    young, damaged = scene(BARE), scene(replace(BARE, actinic=1.2))
    assert damaged.melanin.mean() > young.melanin.mean() + 0.1
    assert damaged.melanin.std() > 1.5 * young.melanin.std()
    assert damaged.height.std() > 1.3 * young.height.std()


def test_furrows_cover_the_whole_photograph_at_the_widest_field() -> None:
    step = 64 / 320
    wide = View(320, 240, (step, 0.0, -32.0, 0.0, step, -24.0))
    height = draw_skin(np.random.default_rng(0), *patient(BARE), wide).height
    corners = [height[:40, :40], height[:40, -40:], height[-40:, :40], height[-40:, -40:]]
    assert min(corner.std() for corner in corners) > 0.3 * height.std()
