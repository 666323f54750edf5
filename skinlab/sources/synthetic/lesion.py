"""Traits of a lesion -> its layers on the skin: pigment, blood, deep pigment, keratin, height."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from skinlab.sources.synthetic.appearance import Traits
from skinlab.sources.synthetic.plan import Lesion, Patient
from skinlab.sources.synthetic.texture import Plane, fractal, mesh, noise, ramp

SIDE = 320
REACH = 1.75  # half of the side in units of the mean radius


@dataclass(frozen=True)
class Layers:
    """A lesion seen from above, each layer ``(SIDE, SIDE)``, in optical densities unless said.

    Attributes:
        scale: Pixels a millimeter.
        melanin: Brown pigment above that of the skin.
        blood: Redness above that of the skin.
        blue: Pigment deep in the skin.
        keratin: Cover by white-yellow scale, 0 to 1.
        height: In mm.
        inside: Signed distance-like: 0.5 at the border of the lesion, more inside.
        shine: Of the surface, one number.
    """

    scale: float
    melanin: Plane
    blood: Plane
    blue: Plane
    keratin: Plane
    height: Plane
    inside: Plane
    shine: float


def draw_lesion(patient: Patient, lesion: Lesion) -> Layers:
    """Draw a lesion; its own generator makes it look the same on each photograph."""
    rng = np.random.default_rng([patient.seed, patient.number, 1, lesion.number])
    return draw_layers(rng, lesion.traits)


def draw_layers(rng: np.random.Generator, traits: Traits) -> Layers:
    """Draw the layers of one lesion."""
    x, y, distance, angle = _polar()
    signed = _border(rng, traits, distance, angle)
    body = ramp(signed, -_edge(traits), _edge(traits))
    melanin, blood, blue = _color(rng, traits, body, signed, (x, y))
    keratin, rough = _surface(rng, traits, body)
    ulcer = _ulcer(rng, traits, signed, (x, y))
    vessels = _vessels(rng, traits) * body
    radius = traits.diameter / 2
    dome = np.sqrt(np.clip(ramp(signed, -0.02, 0.75), 0, 1))
    height = radius * (0.36 * traits.height * dome) + 0.16 * rough * body
    height = height - 0.07 * radius * ulcer * (1 + 0.4 * noise(rng, x.shape, 30))
    return Layers(
        scale=SIDE / (2 * REACH * radius),
        melanin=melanin * (1 - 0.5 * ulcer)
        + 0.55 * ulcer * ramp(fractal(rng, x.shape, 9, 3), 0.0, 0.9),
        blood=blood + 0.6 * vessels + 0.75 * ulcer,
        blue=blue,
        keratin=np.clip(keratin * (1 - 0.7 * ulcer), 0, 1),
        height=height.astype(np.float32),
        inside=np.clip(0.5 + signed, 0, 1),
        shine=0.25 + traits.shine,
    )


def _polar() -> tuple[Plane, Plane, Plane, Plane]:
    line = ((np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE * 2 - 1) * np.float32(REACH)
    x, y = (
        np.broadcast_to(line[None, :], (SIDE, SIDE)),
        np.broadcast_to(line[:, None], (SIDE, SIDE)),
    )
    return x, y, np.hypot(x, y), np.arctan2(y, x)


def _border(rng: np.random.Generator, traits: Traits, distance: Plane, angle: Plane) -> Plane:
    """Return how far inside each point lies, in units of the mean radius (negative outside)."""
    ratio, turn = rng.uniform(0.05, 0.28), rng.uniform(0, math.pi)
    radius = 1 + np.float32(ratio) * np.cos(2 * (angle - np.float32(turn)))
    for wave in range(3, 10):
        strength = 0.42 * traits.irregular * rng.normal() / wave**0.75
        radius = radius + np.float32(strength) * np.cos(
            wave * angle + np.float32(rng.uniform(0, 6.28))
        )
    wobble = fractal(rng, distance.shape, 9, 4) * np.float32(0.035 + 0.13 * traits.irregular)
    if traits.streaks > 0.1:
        teeth = np.clip(np.cos(17 * angle + 2.5 * noise(rng, distance.shape, 7)), 0, 1) ** 3
        radius = radius + np.float32(0.16 * traits.streaks) * teeth
    signed: Plane = np.clip(radius, 0.6, 1.45) - distance + wobble
    # Fades out before the layer ends, however notched the border is.
    result: Plane = np.minimum(signed, (REACH - 0.05 - _edge(traits)) - distance)
    return result


def _edge(traits: Traits) -> float:
    """Return half of the width of the fading border, in units of the mean radius."""
    return 0.035 + 0.35 * traits.soft_edge


def _color(
    rng: np.random.Generator,
    traits: Traits,
    body: Plane,
    signed: Plane,
    at: tuple[Plane, Plane],
) -> tuple[Plane, Plane, Plane]:
    """Return melanin, blood and deep pigment."""
    shape = body.shape
    turn = rng.uniform(0, 2 * math.pi)
    side = at[0] * np.float32(math.cos(turn)) + at[1] * np.float32(math.sin(turn))
    patches = ramp(fractal(rng, shape, 5, 3), -1.0, 1.0) * 2 - 1
    amount = 1 + 0.75 * traits.asymmetry * side + 0.75 * traits.mottle * patches
    amount = amount + 0.12 * fractal(rng, shape, 26, 3)
    melanin = traits.melanin * np.clip(amount, 0.05, 3) * body
    if traits.network > 0.05:
        start = rng.integers(0, mesh().shape[0] - SIDE, size=2)
        lines = mesh()[start[0] : start[0] + SIDE, start[1] : start[1] + SIDE]
        rim = 0.35 + 0.65 * ramp(signed, 0.8, 0.1)
        melanin = melanin * (1 + np.float32(1.3 * traits.network) * rim * (lines - 0.4))
    melanin = melanin + 0.9 * _spots(rng, traits.dots, 26, (0.035, 0.1)) * body
    veil = ramp(fractal(rng, shape, 4, 2) + 0.9 * side * traits.asymmetry, -0.5, 1.1)
    blue = traits.blue * veil * ramp(signed, 0.02, 0.5)
    if traits.dots > 0.5:  # blue-gray nests of a pigmented carcinoma
        nests = min(0.7, 1.6 * traits.blue)
        blue = blue + nests * _spots(rng, traits.dots, 9, (0.1, 0.24)) * body
    redness = 0.56 + 0.26 * fractal(rng, shape, 8, 3)
    blood = traits.blood * np.clip(redness, 0.1, 2) * body
    white = _spots(rng, traits.cysts, 22, (0.03, 0.07)) * body
    return melanin * (1 - 0.75 * white), blood * (1 - 0.6 * white), blue


def _spots(
    rng: np.random.Generator, strength: float, number: int, sizes: tuple[float, float]
) -> Plane:
    """Return round spots, 0 to 1, drawn more often the stronger the trait is."""
    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    unit = SIDE / 2 / REACH
    for _ in range(int(rng.poisson(number * min(strength, 1.6)))):
        far, turn = math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        x = SIDE / 2 + unit * far * math.cos(turn)
        y = SIDE / 2 + unit * far * math.sin(turn)
        radius = unit * rng.uniform(*sizes)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    soft = image.filter(ImageFilter.GaussianBlur(2.0))
    return np.asarray(soft, dtype=np.float32) / 255 * min(1.0, 0.4 + strength)


def _surface(rng: np.random.Generator, traits: Traits, body: Plane) -> tuple[Plane, Plane]:
    """Return the cover by scale (0 to 1) and the roughness of the surface (about ±1)."""
    shape = body.shape
    warts = np.abs(fractal(rng, shape, 19, 3))
    rough = traits.verrucous * (1.2 - 1.6 * warts)
    flakes = fractal(rng, shape, 16, 4) + 0.6 * fractal(rng, shape, 3, 2)
    level = max(0.4, 1.35 - 1.1 * traits.scale)
    keratin = ramp(flakes, level, level + 1.5) * body * min(1.0, 1.6 * traits.scale)
    return 0.75 * keratin, rough + 0.5 * keratin


def _ulcer(
    rng: np.random.Generator, traits: Traits, signed: Plane, at: tuple[Plane, Plane]
) -> Plane:
    """Return the open center, 0 to 1; nothing where the trait is weak."""
    hole = fractal(rng, signed.shape, 7, 3)
    shift = rng.uniform(-0.2, 0.2, size=2)
    size = min(0.75, 0.62 * traits.ulcer)
    if size < 0.12:
        return np.zeros_like(signed)
    distance = np.hypot(at[0] - np.float32(shift[0]), at[1] - np.float32(shift[1]))
    return ramp(size - distance + 0.12 * hole, -0.05, 0.06) * ramp(signed, 0.05, 0.2)


def _vessels(rng: np.random.Generator, traits: Traits) -> Plane:
    """Return branching vessels that run in from the border, 0 to 1."""
    image = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(image)
    unit = SIDE / 2 / REACH
    for _ in range(int(rng.poisson(9 * min(traits.vessels, 1.5)))):
        turn = rng.uniform(0, 2 * math.pi)
        start = (1.05 * math.cos(turn), 1.05 * math.sin(turn))
        _branch(rng, pen, start, turn + math.pi + rng.normal(0, 0.5), 3)
    soft = image.filter(ImageFilter.GaussianBlur(0.02 * unit / 1.6))
    return np.asarray(soft, dtype=np.float32) / 255 * min(1.0, 0.35 + traits.vessels)


def _branch(
    rng: np.random.Generator,
    pen: ImageDraw.ImageDraw,
    start: tuple[float, float],
    turn: float,
    width: int,
) -> None:
    unit = SIDE / 2 / REACH
    x, y = start
    path = [(SIDE / 2 + unit * x, SIDE / 2 + unit * y)]
    for _ in range(int(rng.integers(7, 15))):
        turn += rng.normal(0, 0.45)
        x, y = x + 0.07 * math.cos(turn), y + 0.07 * math.sin(turn)
        path.append((SIDE / 2 + unit * x, SIDE / 2 + unit * y))
        if width > 1 and rng.random() < 0.18:
            _branch(rng, pen, (x, y), turn + rng.choice((-0.7, 0.7)), width - 1)
    pen.line(path, fill=255, width=width, joint="curve")
