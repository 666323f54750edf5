"""A picture larger than the screen -> a short clip of a hand-held camera, and stills from it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from skinlab.sources.synthetic.photograph import Picture, Pixels

RATE = 12  # frames a second
FRAMES = 30
STILLS = (3, 11, 19, 27)  # frames that are photographs of the manifest too
SHARE = 0.72  # of the picture that a frame shows


@dataclass(frozen=True)
class Clip:
    """A clip.

    Attributes:
        frames: `FRAMES` pictures with their masks.
        content: The MP4 file.
    """

    frames: tuple[Picture, ...]
    content: bytes


def film(rng: np.random.Generator, picture: Picture, width: int, height: int) -> Clip:
    """Move a jittering camera over a picture.

    Args:
        rng: Of this clip.
        picture: The scene, larger than the clip.
        width: Of the clip in pixels, even.
        height: Of the clip in pixels, even.
    """
    image, mask = Image.fromarray(picture.pixels), Image.fromarray(picture.mask)
    frames = []
    for matrix in _path(rng, image.size, (width, height)):
        pixels = image.transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
        cover = mask.transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST
        )
        frames.append(Picture(np.asarray(pixels), np.asarray(cover)))
    return Clip(tuple(frames), encode([frame.pixels for frame in frames]))


def _path(
    rng: np.random.Generator, scene: tuple[int, int], frame: tuple[int, int]
) -> list[tuple[float, float, float, float, float, float]]:
    """Return where each frame looks: a slow drift with tremor, turn and zoom."""
    phases = rng.uniform(0, 2 * math.pi, size=(4, 2))
    tremor = rng.normal(0, 0.006, size=(FRAMES, 2))
    reach = min(scene[0] / frame[0], scene[1] / frame[1]) * SHARE
    result = []
    for number in range(FRAMES):
        time = number / FRAMES
        sway = [
            0.6 * math.sin(2 * math.pi * time + slow) + 0.4 * math.sin(9 * time + fast)
            for slow, fast in phases
        ]
        turn, zoom = 0.10 * sway[2], reach * (1 + 0.10 * sway[3])
        x = scene[0] * (0.5 + 0.05 * sway[0] + tremor[number, 0])
        y = scene[1] * (0.5 + 0.05 * sway[1] + tremor[number, 1])
        a, b = zoom * math.cos(turn), -zoom * math.sin(turn)
        result.append(
            (
                *(a, b, x - a * frame[0] / 2 - b * frame[1] / 2),
                *(-b, a, y + b * frame[0] / 2 - a * frame[1] / 2),
            )
        )
    return result


def encode(frames: list[Pixels]) -> bytes:
    """Encode frames as MPEG-4 in MP4: one thread and no clock, so that the bytes repeat."""
    buffer = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 2_000_000
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"flags": "+bitexact", "g": str(RATE)}
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
