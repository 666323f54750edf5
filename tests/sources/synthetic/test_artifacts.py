"""Hair, pen marks and rulers: where they lie and what they leave alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinlab.sources.synthetic.artifacts import draw_hair, draw_ink, draw_ruler
from skinlab.sources.synthetic.texture import View

VIEW = View(320, 240, (0.1, 0.0, -16.0, 0.0, 0.1, -12.0))


def skin() -> Image.Image:
    return Image.new("RGB", (320, 240), (215, 170, 140))


def changed(image: Image.Image) -> NDArray[np.bool_]:
    difference = np.asarray(image).astype(int) - np.asarray(skin()).astype(int)
    result: NDArray[np.bool_] = np.abs(difference).max(axis=2) > 12
    return result


def test_dense_hair_covers_more_than_sparse_hair_and_never_the_whole() -> None:
    sparse, dense = (
        changed(draw_hair(np.random.default_rng(1), skin(), VIEW, density)).mean()
        for density in (0.15, 1.0)
    )
    assert 0 < 1.5 * sparse < dense < 0.4


def test_a_pen_mark_lies_around_the_lesion_and_not_on_it() -> None:
    x, y = VIEW.grid(0, 0, 320, 240)
    distance = np.hypot(x, y)
    for seed in range(8):
        image = skin()
        draw_ink(np.random.default_rng(seed), image, VIEW, radius=4.0)
        marked = changed(image)
        assert marked.sum() > 40
        assert distance[marked].min() > 4.3
        assert distance[marked].max() < 10


def test_a_ruler_lies_along_one_side_with_a_tick_a_millimeter() -> None:
    for seed in range(6):
        covered = changed(draw_ruler(np.random.default_rng(seed), skin(), VIEW))
        assert 0.03 < covered.mean() < 0.25
        assert not covered[90:150, 120:200].any()
