"""Clips: repeatable bytes, a moving camera, masks that move along."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from scipy import ndimage

from skinlab.sources.synthetic.clip import FRAMES, RATE, STILLS, Clip, encode, film
from skinlab.sources.synthetic.photograph import Picture


@pytest.fixture(scope="module")
def clip() -> Clip:
    rows, columns = np.mgrid[:200, :260]
    disk = np.hypot(rows - 100, columns - 130) < 30
    pixels = np.full((200, 260, 3), 200, np.uint8)
    pixels[disk] = 60
    picture = Picture(pixels, np.where(disk, 255, 0).astype(np.uint8))
    return film(np.random.default_rng(2), picture, 208, 160)


def test_the_same_frames_give_the_same_bytes(clip: Clip) -> None:
    assert encode([frame.pixels for frame in clip.frames]) == clip.content


def test_a_clip_has_its_frames_at_its_rate(clip: Clip) -> None:
    with av.open(io.BytesIO(clip.content), "r") as container:
        stream = container.streams.video[0]
        frames = list(container.decode(video=0))
        assert stream.average_rate == RATE
    assert len(frames) == len(clip.frames) == FRAMES
    assert [frame.time for frame in frames] == pytest.approx(np.arange(FRAMES) / RATE)
    assert (frames[0].width, frames[0].height) == (208, 160)
    assert max(STILLS) < FRAMES


def test_the_camera_moves_and_the_mask_moves_with_it(clip: Clip) -> None:
    centers = []
    for frame in clip.frames:
        dark = frame.pixels.mean(axis=2) < 130
        lesion = frame.mask > 0
        assert (dark != lesion).mean() < 0.005
        centers.append(ndimage.center_of_mass(lesion))
    drift = np.ptp(np.array(centers), axis=0)
    assert drift.min() > 3
    assert drift.max() < 70
