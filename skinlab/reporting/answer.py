"""What a probe gives back: an answer with the place it was read from, or what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Something that the run knows.

    Attributes:
        text: The answer.
        place: Where it was read, so that a reader can look.
    """

    text: str
    place: str


@dataclass(frozen=True)
class Missing:
    """Something that the run does not know.

    Attributes:
        todo: What would put it there.
    """

    todo: str


Answer = Found | Missing
