"""What lies on the skin in a clinical photograph: hair, pen marks, a ruler."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from skinlab.sources.synthetic.texture import View

INKS = ((70, 45, 130), (30, 45, 120), (25, 25, 35))
HAIRS = ((35, 25, 20), (60, 40, 28), (110, 85, 60), (150, 145, 140))


def draw_hair(
    rng: np.random.Generator, image: Image.Image, view: View, density: float
) -> Image.Image:
    """Draw hair that grows mostly one way; finer and more numerous the farther the camera."""
    cover = Image.new("L", image.size)
    pen = ImageDraw.Draw(cover)
    field = (view.width / view.scale) * (view.height / view.scale)  # mm²
    width = max(1, round(0.09 * view.scale))
    way = rng.uniform(0, 2 * math.pi)
    for _ in range(min(160, int(rng.poisson(0.16 * density * field)))):
        x, y = rng.uniform(0, view.width), rng.uniform(0, view.height)
        turn = way + rng.normal(0, 0.35)
        bend = rng.normal(0, 0.09)
        step = rng.uniform(4.0, 11.0) * view.scale / 10
        path = [(x, y)]
        for _ in range(10):
            turn += bend
            x, y = x + step * math.cos(turn), y + step * math.sin(turn)
            path.append((x, y))
        pen.line(path, fill=int(rng.integers(120, 235)), width=width, joint="curve")
    soft = cover.filter(ImageFilter.GaussianBlur(0.6))
    color = HAIRS[int(rng.integers(len(HAIRS)))]
    return Image.composite(Image.new("RGB", image.size, color), image, soft)


def draw_ink(rng: np.random.Generator, image: Image.Image, view: View, radius: float) -> None:
    """Draw the marks of a surgical pen around a lesion: dots, dashes or an arc, in place."""
    layer = Image.new("L", image.size)
    pen = ImageDraw.Draw(layer)
    width = max(2, round(0.55 * view.scale))
    kind = int(rng.integers(3))
    start = rng.uniform(0, 2 * math.pi)
    far = radius * rng.uniform(1.35, 1.8)
    arcs = ((0.0, 0.12), (1.6, 1.72), (3.1, 3.22), (4.7, 4.82))
    for low, high in {0: ((0.0, rng.uniform(2.0, 5.5)),), 1: arcs, 2: arcs[:2]}[kind]:
        turns = np.linspace(start + low, start + high, 24)
        stretch = 1.0 if kind == 0 else rng.uniform(1.0, 1.2)
        path = [
            view.pixel(
                far * stretch * math.cos(t) + rng.normal(0, 0.03),
                far * stretch * math.sin(t) + rng.normal(0, 0.03),
            )
            for t in turns
        ]
        pen.line(path, fill=int(rng.integers(150, 220)), width=width, joint="curve")
    soft = layer.filter(ImageFilter.GaussianBlur(max(0.6, 0.08 * view.scale)))
    image.paste(INKS[int(rng.integers(len(INKS)))], (0, 0, *image.size), soft)


def draw_ruler(rng: np.random.Generator, image: Image.Image, view: View) -> Image.Image:
    """Lay a white paper ruler with a tick a millimeter along one side of the photograph."""
    width, height = image.size
    long, thick = round(1.1 * max(width, height)), max(10, round(5.0 * view.scale))
    thick = min(thick, round(0.16 * min(width, height)))
    paper = Image.new("RGBA", (long, thick), (*(int(v) for v in rng.integers(205, 240, 3)), 255))
    pen = ImageDraw.Draw(paper)
    for tick in range(int(long / view.scale) + 1):
        x = tick * view.scale
        reach = thick * (0.55 if tick % 10 == 0 else 0.42 if tick % 5 == 0 else 0.28)
        pen.line((x, 0, x, reach), fill=(40, 40, 45, 255), width=max(1, round(0.1 * view.scale)))
    turned = paper.rotate(
        float(rng.normal(0, 2.5)) + (90 if rng.random() < 0.5 else 0),
        resample=Image.Resampling.BICUBIC,
        expand=True,
    )
    upright = turned.height > turned.width
    far = bool(rng.random() < 0.5)
    place = (
        (width - round(0.85 * turned.width) if far else -round(0.15 * turned.width), -4)
        if upright
        else (-4, height - round(0.85 * turned.height) if far else -round(0.15 * turned.height))
    )
    image.paste(turned, place, turned)
    return image
