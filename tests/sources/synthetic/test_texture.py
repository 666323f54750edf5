"""Noise, furrows and the geometry between pixels and millimeters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from skinlab.sources.synthetic.texture import (
    View,
    enlarged,
    fractal,
    furrows,
    grain,
    mesh,
    noise,
    ramp,
)


def test_textures_are_drawn_once_and_fill_their_range() -> None:
    assert furrows() is furrows()
    assert furrows().dtype == np.uint8
    assert furrows().max() > 180
    assert 0.1 < mesh().mean() < 0.6
    rng = np.random.default_rng(0)
    assert grain(rng, (3000, 1500)).shape == (3000, 1500)
    bumps = fractal(rng, (300, 400), 20, 3)
    assert bumps.shape == (300, 400)
    assert 0.4 < bumps.std() < 1.6


def test_a_disk_out_of_sight_has_no_window() -> None:
    view = View(100, 100, (0.1, 0.0, -5.0, 0.0, 0.1, -5.0))
    assert view.box(0.0, 0.0, 1.0) is not None
    assert view.box(40.0, 0.0, 1.0) is None


def test_a_ramp_is_0_below_1_above_and_half_between() -> None:
    values = ramp(np.array([-1.0, 0.0, 0.5, 1.0, 9.0], dtype=np.float32), 0.0, 1.0)
    assert values.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_noise_repeats_with_its_generator_and_has_as_many_bumps_as_asked() -> None:
    first, second = (noise(np.random.default_rng(3), (200, 300), 12) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (200, 300)
    few, many = (noise(np.random.default_rng(3), (200, 300), cells) for cells in (4, 40))
    assert np.abs(np.diff(many)).mean() > 4 * np.abs(np.diff(few)).mean()
    assert enlarged(first, (50, 60)).shape == (50, 60)
    assert enlarged(first, (200, 300)) is first


def test_warping_by_a_turned_view_agrees_with_scipy() -> None:
    layer = fractal(np.random.default_rng(0), (64, 64), 6, 2)
    angle, step, scale = 0.7, 0.05, 8.0
    a, b = math.cos(angle) * step, -math.sin(angle) * step
    view = View(90, 70, (a, b, -a * 45 - b * 35, -b, a, b * 45 - a * 35))
    window = (20, 10, 70, 60)
    x, y = view.grid(*window)
    # Pillow samples at the middle of a pixel, scipy at its index.
    half = 0.5 * (a + b), 0.5 * (a - b)
    rows, columns = (y + half[1]) * scale + 32 - 0.5, (x + half[0]) * scale + 32 - 0.5
    expected = ndimage.map_coordinates(layer, [rows, columns], order=1)
    inside = (rows > 1) & (rows < 62) & (columns > 1) & (columns < 62)
    assert inside.mean() > 0.5
    assert view.warp(layer, scale, window)[inside] == pytest.approx(expected[inside], abs=0.02)


def test_the_scale_of_a_view_is_pixels_a_millimeter() -> None:
    view = View(400, 300, (0.05, 0.0, -10.0, 0.0, 0.05, -7.5))
    assert view.scale == pytest.approx(20.0)
    assert view.box(0.0, 0.0, 2.0) == pytest.approx((159, 109, 243, 193), abs=1)
