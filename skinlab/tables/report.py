"""The evaluation report: estimates with intervals, confusion matrices, and their basis."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text, write_json
from skinlab.tables.text import write_table

Unit = Literal["image", "lesion", "patient"]
RESEARCH_USE = "Research use only. Not for diagnosis."


@dataclass(frozen=True)
class Estimate:
    """One number with its interval; an undefined one is None with a reason, never 0 or 1.

    Attributes:
        metric: ``sensitivity``, ``specificity``, ``accuracy``, ``auroc``, …
        value: The estimate, or None.
        low: Lower limit, or None.
        high: Upper limit, or None.
        class_name: The class it is about; empty for a number over all classes.
        tree_level: ``fine``, ``diagnosis`` or ``group``.
        subgroup: ``column=value`` or empty.
        level: Confidence level of the interval.
        method: How the interval was made, with resamples and seed where there are any.
        unit: What was counted or resampled.
        n_images: Images in the denominator.
        n_patients: Patients in the denominator.
        reason: Why value or interval is undefined; empty otherwise.
        n_classes: Classes in the average; 0 where it is no average over classes.
        n_seeds: Training seeds whose mean it is.
        seed_sd: SD over training seeds, or None; not part of `low` and `high` alone, which hold
            both the spread over seeds and the sampling error.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    class_name: str = ""
    tree_level: str = ""
    subgroup: str = ""
    level: float = 0.95
    method: str = ""
    unit: Unit = "image"
    n_images: int = 0
    n_patients: int = 0
    reason: str = ""
    n_classes: int = 0
    n_seeds: int = 1
    seed_sd: float | None = None

    def __post_init__(self) -> None:
        """Refuse a number without sense: NaN, or undefined without a reason."""
        for number in (self.value, self.low, self.high, self.seed_sd):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.metric}: use None with a reason instead of {number}")
        if self.value is None and not self.reason:
            raise ValueError(f"{self.metric}: an undefined estimate needs its reason")

    def __str__(self) -> str:
        """Return ``0.912 (95% CI 0.893-0.928)`` or ``n/a (reason)``."""
        if self.value is None:
            return f"n/a ({self.reason})"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (no interval: {self.reason})"
        return f"{self.value:.3f} ({self.level:.0%} CI {self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts by truth (rows) and answer (columns) at one level of the tree.

    Attributes:
        tree_level: ``fine``, ``diagnosis`` or ``group``.
        classes: Names of rows and columns.
        blocks: The group of each class, so that benign and malignant can be framed.
        counts: ``k`` rows of ``k`` counts, summed over `repeats`.
        repeats: How often each image was predicted (training seeds).
    """

    tree_level: str
    classes: tuple[str, ...]
    blocks: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    repeats: int = 1


@dataclass(frozen=True)
class EvaluationReport:
    """All numbers of one set of predictions.

    Attributes:
        split: ``test``, ``val`` or the name of the table.
        positive: The positive group.
        estimates: Every number.
        confusion: A matrix a level.
        fingerprints: Of ``predictions``, ``manifest``, ``labels``.
        notes: Sentences a reader must know (small classes, clustering, failures).
        operating_point: Threshold and where it was chosen; empty until one is frozen.
    """

    split: str
    positive: str
    estimates: tuple[Estimate, ...]
    confusion: tuple[ConfusionMatrix, ...]
    fingerprints: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    operating_point: dict[str, Any] = field(default_factory=dict)

    def find(self, metric: str, tree_level: str, class_name: str = "") -> Estimate:
        """Return one estimate of the whole set (no subgroup).

        Raises:
            KeyError: The report does not have it.
        """
        for estimate in self.select(metric, tree_level):
            if estimate.class_name == class_name and not estimate.subgroup:
                return estimate
        raise KeyError(f"report has no {metric} of {class_name or 'all classes'} at {tree_level}")

    def select(self, metric: str, tree_level: str) -> Iterator[Estimate]:
        """Yield the estimates of a metric at a level."""
        for estimate in self.estimates:
            if estimate.metric == metric and estimate.tree_level == tree_level:
                yield estimate

    def save(self, folder: Path) -> None:
        """Write ``report.json`` and the flat ``report.csv`` into a folder."""
        write_json(folder / "report.json", {**asdict(self), "use": RESEARCH_USE})
        write_table(folder / "report.csv", pd.DataFrame([asdict(e) for e in self.estimates]))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``report.json``.

        Raises:
            InputError: The file is not such a report.
        """
        try:
            content = json.loads(read_text(path))
            content.pop("use")
            matrices = [
                ConfusionMatrix(
                    m["tree_level"],
                    tuple(m["classes"]),
                    tuple(m["blocks"]),
                    tuple(tuple(row) for row in m["counts"]),
                    m.get("repeats", 1),
                )
                for m in content.pop("confusion")
            ]
            estimates = tuple(Estimate(**e) for e in content.pop("estimates"))
            notes = tuple(content.pop("notes"))
            return cls(estimates=estimates, confusion=tuple(matrices), notes=notes, **content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                Problem(f"is not a report ({error})", "evaluate again", path)
            ) from error
