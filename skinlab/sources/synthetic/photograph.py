"""Lesion on skin, camera and light -> a photograph and the mask that lies exactly on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from skinlab.sources.synthetic.artifacts import draw_hair, draw_ink, draw_ruler
from skinlab.sources.synthetic.lesion import Layers
from skinlab.sources.synthetic.plan import Lesion, Patient, Photograph
from skinlab.sources.synthetic.skin import Scene, draw_skin
from skinlab.sources.synthetic.texture import Plane, View, grain, ramp

Pixels = NDArray[np.uint8]

# What one unit takes from red, green and blue, as a natural logarithm of the displayed value:
# fitted by eye to type I (235, 200, 180), type VI (90, 60, 45) and to brown, red and blue lesions.
ABSORPTION = (
    (0.62, 0.86, 1.10),  # melanin
    (0.10, 0.56, 0.48),  # blood
    (1.15, 0.86, 0.52),  # pigment deep in the skin
)
PALEST = (0.945, 0.825, 0.755)  # skin without pigment and blood
KERATIN = (0.92, 0.84, 0.69)


@dataclass(frozen=True)
class Picture:
    """An upright photograph with its mask.

    Attributes:
        pixels: ``(height, width, 3)``, sRGB.
        mask: ``(height, width)``, 255 in the lesion, else 0.
    """

    pixels: Pixels
    mask: Pixels


def view_of(photograph: Photograph, width: int, height: int) -> View:
    """Return where the camera of a photograph looks."""
    step = photograph.field_mm / max(width, height)
    cos, sin = math.cos(photograph.angle) * step, math.sin(photograph.angle) * step
    lean = 1 / photograph.tilt
    column, row = photograph.center[0] * width, photograph.center[1] * height
    a, b, d, e = cos, -sin * lean, sin, cos * lean
    return View(width, height, (a, b, -a * column - b * row, d, e, -d * column - e * row))


def take(
    rng: np.random.Generator,
    patient: Patient,
    lesion: Lesion,
    layers: Layers,
    photograph: Photograph,
    size: tuple[int, int],
) -> Picture:
    """Take a photograph.

    Args:
        rng: Of this photograph.
        patient: Whose skin.
        lesion: What is looked at.
        layers: The lesion as drawn by `draw_lesion`.
        photograph: Camera, light and disturbances.
        size: Width and height of the upright photograph in pixels.
    """
    view = view_of(photograph, *size)
    scene = draw_skin(rng, patient, lesion, view)
    mask = _lay(layers, view, scene)
    pixels = _light(rng, patient, photograph, scene, view)
    image = Image.fromarray(pixels)
    if photograph.ink:
        draw_ink(rng, image, view, lesion.traits.diameter / 2)
    if photograph.ruler:
        image = draw_ruler(rng, image, view)
    if photograph.hair > 0:
        image = draw_hair(rng, image, view, photograph.hair)
    return Picture(_sensor(rng, image, patient, photograph), mask)


def _lay(layers: Layers, view: View, scene: Scene) -> Pixels:
    """Put the lesion on the skin and return its mask."""
    mask = np.zeros(scene.melanin.shape, np.uint8)
    half = layers.inside.shape[0] / 2 / layers.scale
    window = view.box(0.0, 0.0, half)
    if window is None:
        return mask
    left, top, right, bottom = window
    at = np.s_[top:bottom, left:right]
    inside = view.warp(layers.inside, layers.scale, window)
    mask[at] = np.where(inside > 0.5, 255, 0)
    body = ramp(inside, 0.4, 0.75)
    smooth = 1 - np.float32(0.55) * body  # the furrows are stretched over a lesion
    scene.height[at] = scene.height[at] * smooth + view.warp(layers.height, layers.scale, window)
    scene.melanin[at] += view.warp(layers.melanin, layers.scale, window)
    scene.blood[at] += view.warp(layers.blood, layers.scale, window)
    scene.blue[at] += view.warp(layers.blue, layers.scale, window)
    scene.shine[at] += np.float32(layers.shine - 0.25) * body
    keratin = view.warp(layers.keratin, layers.scale, window)
    scene.keratin[at] = np.maximum(scene.keratin[at] * (1 - body), keratin)
    return mask


def _light(
    rng: np.random.Generator, patient: Patient, photograph: Photograph, scene: Scene, view: View
) -> Pixels:
    """Light the scene: absorption, shading, vignette, color of the light, highlights."""
    shape = scene.melanin.shape
    down, across = _slopes(scene.height, view.scale)
    turn = rng.uniform(0, 2 * math.pi)
    lit = np.float32(math.cos(turn)) * across + np.float32(math.sin(turn)) * down
    shade = np.clip(np.float32(0.34) * lit, -0.3, 0.4) + _falloff(rng, shape)
    tangent = across - down
    mirror = 1 - 5 * (lit + np.float32(0.55)) ** 2 - tangent * tangent
    glint: Plane = np.maximum(mirror, 0) ** 2 * scene.shine
    glint = glint * np.float32(0.30 * rng.uniform(0.3, 1.0))
    keratin = np.clip(scene.keratin, 0, 0.92)
    meter = 0.4 * patient.melanin  # the phone's automatic exposure brightens dark skin in part
    lamp, bare = np.exp(-shade), 1 - keratin
    result = np.empty((*shape, 3), np.uint8)
    for channel in range(3):
        melanin, blood, blue = (np.float32(part[channel]) for part in ABSORPTION)
        absorbed = scene.melanin * melanin + scene.blood * blood + scene.blue * blue
        gain = math.exp(photograph.light[channel] + patient.device.cast[channel] + meter)
        color = np.exp(-absorbed) * bare * np.float32(PALEST[channel])
        color += keratin * np.float32(KERATIN[channel])
        color *= lamp * np.float32(gain)
        color += glint
        result[..., channel] = np.float32(255) * _shoulder(color)
    return result


def _slopes(height: Plane, scale: float) -> tuple[Plane, Plane]:
    """Return the slopes down and across (mm a mm)."""
    down, across = np.zeros_like(height), np.zeros_like(height)
    down[1:-1] = (height[2:] - height[:-2]) * np.float32(scale / 2)
    across[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(scale / 2)
    return down, across


def _falloff(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    """Return the loss of light to the corners and to one side, as an optical density."""
    down = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    corner = np.float32(rng.uniform(0.04, 0.22)) * (down * down + across * across)
    side = rng.normal(0, 0.1, size=2)
    result: Plane = corner + np.float32(side[0]) * down + np.float32(side[1]) * across
    return result


def _shoulder(color: Plane) -> Plane:
    """Bend bright values softly under full scale, as phones do."""
    over = np.maximum(color - np.float32(0.8), 0)
    bent = np.minimum(color, np.float32(0.8)) + over / (1 + over * np.float32(5))
    result: Plane = np.maximum(bent, 0)
    return result


def _sensor(
    rng: np.random.Generator, image: Image.Image, patient: Patient, photograph: Photograph
) -> Pixels:
    """Blur by lens and hand, noise, and the phone's saturation."""
    long = max(image.size)
    soft = math.hypot(patient.device.softness, photograph.defocus) * long / 1000
    blur = ImageFilter.GaussianBlur(soft) if photograph.defocus else ImageFilter.BoxBlur(soft)
    image = image.filter(blur)
    image = ImageEnhance.Color(image).enhance(patient.device.saturation)
    pixels = np.asarray(image)
    length = round(photograph.motion * long / 1000)
    if length > 1:
        pixels = _smear(rng, pixels, length)
    error = grain(rng, (pixels.shape[0], pixels.shape[1])) * np.float32(rng.uniform(0.8, 3.2))
    noisy = pixels + np.rint(error).astype(np.int16)[..., None]
    result: Pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    return result


def _smear(rng: np.random.Generator, pixels: Pixels, length: int) -> Pixels:
    """Average the picture along the way that the hand moved."""
    turn = rng.uniform(0, math.pi)
    steps = min(length, 9)
    total = np.zeros(pixels.shape, np.uint16)
    padded = np.pad(pixels, ((length, length), (length, length), (0, 0)), mode="edge")
    for step in np.linspace(-0.5, 0.5, steps):
        shift = (
            round(step * length * math.sin(turn)),
            round(step * length * math.cos(turn)),
        )
        top, left = length + shift[0], length + shift[1]
        total += padded[top : top + pixels.shape[0], left : left + pixels.shape[1]]
    result: Pixels = (total // np.uint16(steps)).astype(np.uint8)
    return result
