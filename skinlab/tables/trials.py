"""The trials of a sweep: one setting a row, with the folder that its numbers come from."""

from __future__ import annotations

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
