"""What an audit found: how sure it is, where it stands, why it matters, what would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["impossible", "suspicious", "note"]
SEVERITIES: tuple[Severity, ...] = ("impossible", "suspicious", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, looks wrong, or must be known to read the table.

    Attributes:
        severity: ``impossible`` (cannot be right), ``suspicious`` (can be right, needs an
            answer) or ``note`` (explains the table, no fault).
        rule: Short name of the check.
        where: Row and column.
        what: What was found.
        why: Why it matters.
        fix: What would do.
        numbers: The numbers behind it, as JSON values.
    """

    severity: Severity
    rule: str
    where: str
    what: str
    why: str
    fix: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return three lines: what is where, why it matters, what would do."""
        head = f"{self.severity}: {self.where}: {self.what}"
        return f"{head}\n    why: {self.why}\n    do:  {self.fix}"
