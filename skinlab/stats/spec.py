"""How numbers are evaluated: confidence level, resamples, interval of a proportion, units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Proportion = Literal["wilson", "clopper_pearson", "jeffreys"]
Aggregate = Literal["lesion", "patient"]
Rule = Literal["none", "sensitivity", "specificity", "ppv", "npv", "youden", "threshold"]


@dataclass(frozen=True)
class OperatingPointSpec:
    """From which probability of the positive group on an image is called positive.

    Chosen on validation photographs only, frozen in the run, then applied to test.

    Attributes:
        rule: ``sensitivity``, ``specificity``, ``ppv`` or ``npv`` of at least `value` (and the best
            of the other side among the thresholds that reach it); ``youden`` takes the largest
            sensitivity + specificity; ``threshold`` takes `value` itself; ``none`` freezes none.
        value: The target, or the threshold; ``youden`` and ``none`` do not read it.
    """

    rule: Rule = "sensitivity"
    value: float = 0.95

    def __post_init__(self) -> None:
        """Refuse a target that no threshold can have."""
        if not 0 <= self.value <= 1:
            raise ValueError(f"evaluation.operating_point.value {self.value} is not in [0, 1]")

    def __str__(self) -> str:
        """Return ``sensitivity >= 0.95``, ``Youden's index``, ``threshold 0.5``."""
        words = {
            "none": "none",
            "youden": "largest sensitivity + specificity (Youden)",
            "threshold": f"threshold {self.value:g}",
        }
        return words.get(self.rule, f"{self.rule} >= {self.value:g}")


@dataclass(frozen=True)
class EvaluationSpec:
    """Choices of an evaluation.

    Attributes:
        level: Confidence level of every interval.
        resamples: Replicates of the patient bootstrap; 2000 or more for a paper.
        seed: Seed of the resampling.
        interval: Interval of a proportion of independent images.
        few_patients: Below this many patients a proportion is not bootstrapped.
        operating_point: How the threshold of the positive group is chosen on validation.
        temperature: ``validation`` fits one temperature on validation and reports the calibration
            of test before and after; stored probabilities stay as the network gave them.
        subgroups: Columns of the manifest whose values are evaluated apart (``sex``, ``age``).
        units: What is evaluated beside the single image, where it has several images: the mean
            probability of a ``lesion``, of a ``patient``.
        ordinal: Classes are in order (of the label tree, else of the columns): adds weighted kappa
            and the mean absolute error in steps.
        prevalence: Share of the positive group where the model will be used; adds the PPV and NPV
            it would have there. None: not stated.
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0
    interval: Proportion = "wilson"
    few_patients: int = 15
    operating_point: OperatingPointSpec = field(default_factory=OperatingPointSpec)
    temperature: Literal["none", "validation"] = "validation"
    subgroups: tuple[str, ...] = ()
    units: tuple[Aggregate, ...] = ("lesion", "patient")
    ordinal: bool = False
    prevalence: float | None = None

    def __post_init__(self) -> None:
        """Refuse choices that give no interval."""
        if not 0.5 <= self.level < 1:
            raise ValueError(f"evaluation.level {self.level} is not in [0.5, 1); try 0.95")
        if self.resamples < 100 or self.seed < 0 or self.few_patients < 2:
            raise ValueError("evaluation: resamples >= 100, seed >= 0, few_patients >= 2")
        if len(set(self.units)) < len(self.units):
            raise ValueError("evaluation.units: name each once")
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ValueError(f"evaluation.prevalence {self.prevalence} is not in (0, 1); try 0.1")
