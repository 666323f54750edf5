"""Patient, lesion and view -> the skin around: tone, furrows, sun damage, spots, redness, scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skinlab.sources.synthetic.plan import Lesion, Patient
from skinlab.sources.synthetic.texture import (
    RELIEF_SCALE,
    RELIEF_SIDE,
    Plane,
    View,
    fractal,
    furrows,
    grain,
    ramp,
)


@dataclass
class Scene:
    """What a camera sees of the skin, each plane ``(height, width)``; filled step by step.

    Attributes:
        melanin: Brown pigment, optical density.
        blood: Redness, optical density.
        blue: Deep pigment, optical density.
        keratin: Cover by scale, 0 to 1.
        height: Of the surface in mm.
        shine: Strength of highlights.
    """

    melanin: Plane
    blood: Plane
    blue: Plane
    keratin: Plane
    height: Plane
    shine: Plane


@dataclass(frozen=True)
class Spot:
    """A small mark around the lesion; place and size in mm."""

    x: float
    y: float
    radius: float
    melanin: float = 0.0
    blood: float = 0.0
    blue: float = 0.0
    height: float = 0.0
    soft: float = 0.4
    notched: float = 0.2


def draw_skin(rng: np.random.Generator, patient: Patient, lesion: Lesion, view: View) -> Scene:
    """Draw the skin without the lesion.

    Args:
        rng: Of this photograph; the places of spots come from the lesion's own generator.
        patient: Tone and age.
        lesion: Whose surroundings.
        view: Of the camera.
    """
    shape = (view.height, view.width)
    traits = lesion.traits
    cells = max(3.0, max(shape) / view.scale / 9)  # blotches about 9 mm wide
    blotch = fractal(rng, shape, cells, 3)
    mottle = fractal(rng, shape, cells * 3.2, 3)
    speckle = grain(rng, shape)
    sun = min(traits.actinic, 1.3)
    melanin = patient.melanin * (1 + 0.06 * blotch) + 0.012 * mottle
    melanin = melanin + sun * (0.09 + 0.09 * np.abs(mottle))
    blood = patient.blood + 0.035 * blotch + 0.2 * sun * ramp(blotch + 0.3 * mottle, -0.6, 1.6)
    relief = _relief(rng, patient, lesion, view)
    scene = Scene(
        melanin=melanin + 0.025 * speckle + 0.10 * relief * (0.6 + patient.melanin),
        blood=blood + 0.02 * mottle + 0.05 * relief,
        blue=np.zeros(shape, np.float32),
        keratin=np.zeros(shape, np.float32),
        height=-0.05 * relief * (1 + 0.6 * sun),
        shine=np.full(shape, 0.3, np.float32),
    )
    _surround(rng, lesion, view, scene, mottle)
    for spot in spots(patient, lesion):
        _stamp(spot, view, scene, mottle)
    return scene


def _relief(rng: np.random.Generator, patient: Patient, lesion: Lesion, view: View) -> Plane:
    """Return the furrows, deeper with age and sun, in the direction of this site's lines."""
    field = max(view.width, view.height) / view.scale
    spare = max(0.0, RELIEF_SIDE / RELIEF_SCALE / 2 - 0.72 * field)
    x, y = rng.uniform(-spare, spare, size=2)
    a, b, _, d, e, _ = view.coefficients
    column, row = view.width / 2, view.height / 2
    middle = (a, b, x - a * column - b * row, d, e, y - d * column - e * row)
    moved = View(view.width, view.height, middle)
    turn = 1.3 * lesion.number + 0.37 * patient.number
    depth = 0.55 + 0.008 * patient.age + 0.3 * lesion.traits.actinic
    whole = (0, 0, view.width, view.height)
    return moved.warp(furrows(), RELIEF_SCALE, whole, turn) * np.float32(depth / 200)


def _surround(
    rng: np.random.Generator, lesion: Lesion, view: View, scene: Scene, uneven: Plane
) -> None:
    """Add the ring of redness and the scale around the lesion."""
    traits = lesion.traits
    radius = traits.diameter / 2
    window = view.box(0.0, 0.0, 3.7 * radius)
    if window is None or max(traits.halo, traits.flaking) < 0.08:
        return
    left, top, right, bottom = window
    at = np.s_[top:bottom, left:right]
    x, y = view.grid(*window)
    outside = np.sqrt(x * x + y * y) / np.float32(radius) - 1
    near = 1 - ramp(outside + np.float32(0.18) * uneven[at], 0.05, 1.3)
    scene.blood[at] += np.float32(0.75 * min(traits.halo, 1.2)) * near
    if traits.flaking > 0.1:
        flakes = fractal(rng, x.shape, max(x.shape) / view.scale / 1.1, 3)
        level = 1.6 - 0.75 * min(traits.flaking, 1.2)
        cover = ramp(flakes + np.float32(0.35) * uneven[at], level, level + 1.3) * (
            1 - ramp(outside, 0.8, 2.6)
        )
        scene.keratin[at] += np.float32(min(0.55, 0.9 * traits.flaking)) * cover
        scene.height[at] += np.float32(0.04) * cover


def spots(patient: Patient, lesion: Lesion) -> tuple[Spot, ...]:
    """Return the marks around a lesion, at the same places on each of its photographs."""
    rng = np.random.default_rng([patient.seed, patient.number, 2, lesion.number])
    traits = lesion.traits
    radius = traits.diameter / 2
    found: list[Spot] = []

    def scatter(count: float, near: float, far: float) -> list[tuple[float, float]]:
        places = []
        for _ in range(round(count)):
            distance = rng.uniform(near, far)
            turn = rng.uniform(0, 2 * math.pi)
            places.append((distance * math.cos(turn), distance * math.sin(turn)))
        return places

    for x, y in scatter(traits.satellites, 1.25 * radius, 2.1 * radius):
        size = rng.uniform(0.35, 0.9)
        found.append(
            Spot(x, y, size, melanin=rng.uniform(0.5, 0.9), blue=0.5 * min(1, traits.blue))
        )
    for x, y in scatter(traits.lentigines, 1.3 * radius, radius + 24):
        size = rng.uniform(0.7, 2.6)
        amount = rng.uniform(0.15, 0.42)
        found.append(Spot(x, y, size, melanin=amount, soft=0.3, notched=0.45))
    for x, y in scatter(traits.moles, 1.5 * radius, radius + 20):
        size = rng.uniform(0.5, 1.25)
        found.append(Spot(x, y, size, melanin=rng.uniform(0.35, 0.75), height=0.1, notched=0.15))
    for x, y in scatter(traits.waxy, 1.5 * radius, radius + 19):
        size = rng.uniform(1.0, 2.6)
        amount = rng.uniform(0.3, 0.65)
        found.append(Spot(x, y, size, melanin=amount, height=0.16, soft=0.16, notched=0.3))
    for x, y in scatter(traits.angiomas, 1.3 * radius, radius + 19):
        size = rng.uniform(0.4, 1.0)
        found.append(Spot(x, y, size, blood=1.1, height=0.12, soft=0.25, notched=0.1))
    return tuple(found)


def _stamp(spot: Spot, view: View, scene: Scene, wobble: Plane) -> None:
    window = view.box(spot.x, spot.y, 1.5 * spot.radius)
    if window is None:
        return
    left, top, right, bottom = window
    x, y = view.grid(left, top, right, bottom)
    at = np.s_[top:bottom, left:right]
    distance = np.hypot(x - np.float32(spot.x), y - np.float32(spot.y)) / np.float32(spot.radius)
    distance = distance + np.float32(0.5 * spot.notched) * wobble[at]
    cover = 1 - ramp(distance, 1 - spot.soft, 1 + spot.soft)
    scene.melanin[at] += np.float32(spot.melanin) * cover
    scene.blood[at] += np.float32(spot.blood) * cover
    scene.blue[at] += np.float32(spot.blue) * cover
    scene.height[at] += np.float32(spot.height * spot.radius) * cover
