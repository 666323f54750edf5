"""Bad input -> one line a person can act on: file, line, what was found, what would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and the remedy.

    Attributes:
        what: What was found.
        fix: What would do instead.
        file: The file it stands in, as the user named it; empty when there is none.
        line: Line of that file, counted from 1 with the header as line 1.
    """

    what: str
    fix: str = ""
    file: str | Path = ""
    line: int | None = None

    def __str__(self) -> str:
        """Return ``FILE line N: WHAT; FIX`` on one line."""
        where = f"{self.file}" if str(self.file) else ""
        if self.line is not None:
            where += f" line {self.line}"
        text = f"{where}: {self.what}" if where else self.what
        text = f"{text}; {self.fix}" if self.fix else text
        return " ".join(text.split())


class SkinlabError(Exception):
    """A failure with a sentence for the user; the command ends with `exit_code`."""

    exit_code = 1


class RunError(SkinlabError):
    """A run could not be finished; what it had computed is kept."""


class InputError(SkinlabError):
    """Bad input or usage. Carries every problem found, not only the first."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem] | str) -> None:
        """Take one problem, several, or a plain sentence."""
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))
