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
Aggregated = Literal["", "lesion", "patient"]
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
        n_images: Images in the denominator; lesions or patients where `aggregated` says so.
        n_patients: Patients in the denominator.
        reason: Why value or interval is undefined; empty otherwise.
        n_classes: Classes in the average; 0 where it is no average over classes.
        n_seeds: Training seeds whose mean it is.
        seed_sd: SD over training seeds, or None; not part of `low` and `high` alone, which hold
            both the spread over seeds and the sampling error.
        aggregated: What one case is when it is not one image: ``lesion`` or ``patient``, whose
            probabilities are the mean over its images. `unit` is what was resampled.
        p: Of a difference: two-sided p against no difference, or None.
        p_holm: `p` after Holm within the family that `method` names, or None outside of one.
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
    aggregated: Aggregated = ""
    p: float | None = None
    p_holm: float | None = None

    def __post_init__(self) -> None:
        """Refuse a number without sense: NaN, or undefined without a reason."""
        for number in (self.value, self.low, self.high, self.seed_sd, self.p, self.p_holm):
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
class ReliabilityBin:
    """Images of similar probability: what was said and what was seen.

    Attributes:
        low: Lower edge of the bin, which belongs to the bin below.
        high: Upper edge, which belongs to this bin.
        n_images: Images in it.
        n_patients: Their patients.
        confidence: Mean probability.
        observed: Share of the images for which it came true.
        observed_low: Lower limit of the share, or None with fewer than two patients.
        observed_high: Upper limit.
    """

    low: float
    high: float
    n_images: int
    n_patients: int
    confidence: float
    observed: float
    observed_low: float | None
    observed_high: float | None


@dataclass(frozen=True)
class ReliabilityCurve:
    """Probabilities against what came true, in bins.

    Attributes:
        tree_level: ``fine``, ``diagnosis`` or ``group``.
        class_name: The class whose probability it is; empty for the largest probability of each
            image against whether that answer was right.
        rule: How images went into bins.
        method: Of the limits of the observed shares.
        level: Confidence level of these limits.
        bins: Bins that hold images, in order.
        after_temperature: Whether one frozen temperature has changed the probabilities.
    """

    tree_level: str
    class_name: str
    rule: str
    method: str
    level: float
    bins: tuple[ReliabilityBin, ...]
    after_temperature: bool = False


@dataclass(frozen=True)
class RocCurve:
    """Points of a ROC curve from (0, 0) to (1, 1), to be joined by straight lines.

    Attributes:
        tree_level: ``fine``, ``diagnosis`` or ``group``.
        class_name: The class that is called, against all others.
        n_positive: Images of the class.
        n_negative: Other images.
        false_positive_rate: 1 - specificity, not falling.
        true_positive_rate: Sensitivity, not falling.
        threshold: The class is called where its probability is at least this; None at (0, 0), and
            everywhere on a mean over training seeds.
    """

    tree_level: str
    class_name: str
    n_positive: int
    n_negative: int
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    threshold: tuple[float | None, ...]


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
        reliability: Curves of the answers at each level, then of each class.
        roc: A curve of each class at each level, thinned for drawing.
    """

    split: str
    positive: str
    estimates: tuple[Estimate, ...]
    confusion: tuple[ConfusionMatrix, ...]
    fingerprints: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    operating_point: dict[str, Any] = field(default_factory=dict)
    reliability: tuple[ReliabilityCurve, ...] = ()
    roc: tuple[RocCurve, ...] = ()

    def find(self, metric: str, tree_level: str, class_name: str = "") -> Estimate:
        """Return one estimate of the whole set, per image (no subgroup, not aggregated).

        Raises:
            KeyError: The report does not have it.
        """
        for estimate in self.select(metric, tree_level):
            if estimate.class_name == class_name and not estimate.subgroup:
                return estimate
        raise KeyError(f"report has no {metric} of {class_name or 'all classes'} at {tree_level}")

    def select(self, metric: str, tree_level: str) -> Iterator[Estimate]:
        """Yield the estimates of a metric at a level, per image (not aggregated)."""
        for estimate in self.estimates:
            same = estimate.metric == metric and estimate.tree_level == tree_level
            if same and not estimate.aggregated:
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
            return cls(
                estimates=estimates,
                confusion=tuple(matrices),
                notes=tuple(content.pop("notes")),
                reliability=tuple(map(_reliability, content.pop("reliability", ()))),
                roc=tuple(map(_roc, content.pop("roc", ()))),
                **content,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                Problem(f"is not a report ({error})", "evaluate again", path)
            ) from error


def _reliability(content: dict[str, Any]) -> ReliabilityCurve:
    bins = tuple(ReliabilityBin(**b) for b in content.pop("bins"))
    return ReliabilityCurve(bins=bins, **content)


def _roc(content: dict[str, Any]) -> RocCurve:
    lists = ("false_positive_rate", "true_positive_rate", "threshold")
    return RocCurve(**(content | {name: tuple(content[name]) for name in lists}))
