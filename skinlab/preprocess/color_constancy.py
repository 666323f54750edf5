"""Shades of gray: a photograph under colored light -> as under white light.

Finlayson GD, Trezzi E. Shades of gray and colour constancy. Color Imaging Conference 2004; 37-41,
with p = 6 as there. Applied to sRGB values without linearizing, as usual for skin photographs
(Barata C, Celebi ME, Marques JS. IEEE J Biomed Health Inform 2015;19:1146-52).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NORM = 6


def shades_of_gray(pixels: NDArray[np.uint8], norm: int = NORM) -> NDArray[np.uint8]:
    """Divide out the color of the light.

    Args:
        pixels: ``(H, W, 3)`` uint8 sRGB.
        norm: Minkowski norm p; 1 is gray world, infinity would be max-RGB.

    Returns:
        ``(H, W, 3)`` uint8. Light that was already white changes nothing; black stays black.
    """
    values = pixels.astype(np.float64) / 255
    light = np.power(values, norm).mean(axis=(0, 1)) ** (1 / norm)
    if not light.all():  # a channel without any light has no color to divide out
        return pixels
    gain = np.linalg.norm(light) / (light * np.sqrt(3))
    corrected: NDArray[np.uint8] = np.rint(np.clip(values * gain, 0, 1) * 255).astype(np.uint8)
    return corrected
