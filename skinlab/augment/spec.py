"""The searched preprocessing space: table A-R's six factors, flips and scale, with their units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AugmentSpec:
    """Random operations on training batches; each has its own draw for (seed, epoch, sample).

    Attributes:
        rotation: ``none``; ``quarter`` (0, 90, 180 or 270 degrees, no interpolation); ``any``
            (uniform over the circle, corners filled by reflection).
        hue: "Phase" of table A-R: shift uniform in ±hue, as a fraction of the hue circle
            (0.02 = 7.2 degrees).
        hue_space: ``yiq`` turns the chroma plane (a matrix, fast); ``hsv`` turns the HSV hue, as
            torchvision does. They are not the same colors.
        brightness: Added to every channel, uniform in ±brightness, a fraction of full scale.
        saturation: Chroma multiplied by a factor uniform in 1±saturation.
        blur: Side in pixels (odd) of the largest Gaussian kernel at `image_size`; 0 is off. Half of
            the photographs are blurred, sigma uniform up to OpenCV's 0.3·((side-1)/2-1)+0.8.
        crop: 0 is off; else the side of a random square as a fraction of the photograph's side
            (0.875 is the usual 224 of 256). Validation takes the center crop of the same side.
        scale: Zoom factor log-uniform in [1/(1+scale), 1+scale].
        horizontal_flip: Mirror half of the photographs left-right.
        vertical_flip: Mirror half of the photographs top-bottom.
    """

    rotation: Literal["none", "quarter", "any"] = "any"
    hue: float = 0.0
    hue_space: Literal["yiq", "hsv"] = "yiq"
    brightness: float = 0.1
    saturation: float = 0.1
    blur: int = 0
    crop: float = 0.0
    scale: float = 0.0
    horizontal_flip: bool = True
    vertical_flip: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        limits = {"hue": 0.5, "brightness": 1.0, "saturation": 1.0, "crop": 1.0, "scale": 4.0}
        for name, limit in limits.items():
            if not 0.0 <= getattr(self, name) <= limit:
                raise ValueError(f"augment.{name} is {getattr(self, name)}; use 0 to {limit}")
        if self.blur < 0 or (self.blur and self.blur % 2 == 0):
            raise ValueError(f"augment.blur is {self.blur}; use 0 or an odd number of pixels")
