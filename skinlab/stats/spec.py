"""How numbers are evaluated: confidence level, resamples, interval of a proportion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Proportion = Literal["wilson", "clopper_pearson", "jeffreys"]


@dataclass(frozen=True)
class EvaluationSpec:
    """Choices of an evaluation.

    Attributes:
        level: Confidence level of every interval.
        resamples: Replicates of the patient bootstrap; 2000 or more for a paper.
        seed: Seed of the resampling.
        interval: Interval of a proportion of independent images.
        few_patients: Below this many patients a proportion is not bootstrapped.
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0
    interval: Proportion = "wilson"
    few_patients: int = 15

    def __post_init__(self) -> None:
        """Refuse choices that give no interval."""
        if not 0.5 <= self.level < 1:
            raise ValueError(f"evaluation.level {self.level} is not in [0.5, 1); try 0.95")
        if self.resamples < 100 or self.seed < 0 or self.few_patients < 2:
            raise ValueError("evaluation: resamples >= 100, seed >= 0, few_patients >= 2")
