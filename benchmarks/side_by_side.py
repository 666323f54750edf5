"""Two ways of doing the same, timed in turns: the ratio of their medians, machine noise in both."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How many times faster one way is than the other.

    Attributes:
        name: What was compared.
        goal: The ratio that is asked for.
        plain: Median seconds of the plain way.
        ours: Median seconds of skinlab's.
    """

    name: str
    goal: float
    plain: float
    ours: float

    @property
    def value(self) -> float:
        """Plain seconds over skinlab's."""
        return self.plain / self.ours

    def __str__(self) -> str:
        """Return one line: the ratio, its goal, the two times."""
        verdict = "reached" if self.value >= self.goal else "MISSED"
        times = f"{1e3 * self.plain:.1f} ms / {1e3 * self.ours:.1f} ms"
        return f"{self.name}: {self.value:.2f}x (goal {self.goal:g}x {verdict}; {times})"


def compare(
    name: str,
    plain: Callable[[], object],
    ours: Callable[[], object],
    *,
    goal: float,
    rounds: int = 9,
) -> Ratio:
    """Run both in turns and compare medians; one run of each before is not counted."""
    plain()
    ours()
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)  # neither is always the one that comes first
        for which in order:
            start = time.perf_counter()
            (plain, ours)[which]()
            seconds[which].append(time.perf_counter() - start)
        progress(f"{name}: {number + 1}/{rounds}")
    return Ratio(name, goal, statistics.median(seconds[0]), statistics.median(seconds[1]))


def progress(text: str) -> None:
    """Show what is being measured where a person is watching."""
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
