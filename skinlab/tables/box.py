"""A window of a photograph in fractions of its width and height."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """Left, top, right, bottom as fractions; ``0 <= x0 < x1 <= 1`` and ``0 <= y0 < y1 <= 1``."""

    x0: float = 0.0
    y0: float = 0.0
    x1: float = 1.0
    y1: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a window that is empty or leaves the photograph."""
        if not (0.0 <= self.x0 < self.x1 <= 1.0 and 0.0 <= self.y0 < self.y1 <= 1.0):
            raise ValueError(f"window {self} is empty or leaves the photograph (fractions of 0..1)")

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return ``(left, top, right, bottom)`` in whole pixels, at least one each way."""
        left = min(round(self.x0 * width), width - 1)
        top = min(round(self.y0 * height), height - 1)
        return (
            left,
            top,
            max(round(self.x1 * width), left + 1),
            max(round(self.y1 * height), top + 1),
        )
