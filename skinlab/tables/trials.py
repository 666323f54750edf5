"""The trials of a sweep: one setting a row, with the folder that its numbers come from."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrialRow:
    """One trial that ended.

    Attributes:
        number: From 0, which is the defaults.
        state: ``complete``, ``pruned`` or ``fail``.
        params: Dotted field -> value.
        seed: Training seed; a repeated setting has another one.
        value: Objective; None unless complete.
        folder: The trial's run folder.
        reason: Why it did not complete.
    """

    number: int
    state: str
    params: dict[str, Any]
    seed: int
    value: float | None
    folder: Path
    reason: str = ""


def letter(number: int) -> str:
    """Return A for 0, B for 1, Z for 25, AA for 26."""
    letters = string.ascii_uppercase
    return letters[number] if number < 26 else letter(number // 26 - 1) + letters[number % 26]
