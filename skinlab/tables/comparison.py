"""The comparison of two models on the same cases: differences, tests, decisions, their basis."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text, write_json
from skinlab.tables.report import RESEARCH_USE
from skinlab.tables.text import write_table

CaseUnit = Literal["image", "patient"]
Verdict = Literal["equivalent", "different", "not shown"]
OneSided = Literal["non-inferior", "inferior", "not shown"]
EARLIER = "An earlier comparison of the same predictions"


@dataclass(frozen=True)
class PairedTest:
    """One test of "no difference".

    Attributes:
        name: ``McNemar, mid-p``, ``DeLong``, ``Wilcoxon signed rank, per patient``, …
        p: Two-sided p-value, or None.
        note: What a reader must know about it (``no discordant pairs``).
        statistic: Test statistic, or None where there is none.
    """

    name: str
    p: float | None
    note: str = ""
    statistic: float | None = None


@dataclass(frozen=True)
class OtherInterval:
    """An interval beside the main one: another method, or another source of error."""

    method: str
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """Equivalence and non-inferiority within a margin that was given beforehand.

    Attributes:
        margin: Largest difference that does not matter, in units of the metric.
        level: Level of the interval, ``1 - 2 alpha`` (two one-sided tests).
        low: Its lower limit.
        high: Its upper limit.
        method: How it was made.
        equivalence: ``equivalent`` when the interval lies inside the margin, ``different`` when
            outside, else ``not shown``.
        noninferiority: ``non-inferior`` when A is not worse than B by the margin or more.
    """

    margin: float
    level: float
    low: float
    high: float
    method: str
    equivalence: Verdict
    noninferiority: OneSided


@dataclass(frozen=True)
class Difference:
    """A metric of A minus that of B, on the same cases.

    Attributes:
        metric: ``accuracy``, ``sensitivity``, ``macro_auroc``, ``brier``, …
        tree_level: ``fine``, ``diagnosis`` or ``group``.
        class_name: The class it is about; empty for a number over all classes.
        case: What is counted: an ``image``, or a ``patient`` whose images' probabilities were
            averaged.
        a: The metric of A (mean over seeds), or None.
        b: Of B.
        value: ``a - b``, or None.
        low: Lower limit, or None.
        high: Upper limit, or None.
        level: Confidence level.
        method: How the interval was made, with resamples and seed where there are any.
        unit: What was resampled or taken as independent.
        reason: Why value or interval is undefined; empty otherwise.
        n_images: Images in the denominator (patients where `case` is ``patient``).
        n_patients: Patients in the denominator.
        only_a: Cases that only A has right, where the metric is a share of them.
        only_b: Cases that only B has right.
        others: Further intervals.
        tests: Tests of no difference, the main one first.
        in_family: Whether the main p-value is in the family.
        p_holm: Its adjusted value; None outside the family.
        decision: Where a margin was given and the metric has it.
        seed_sd_a: SD over the seeds of A, or None with one seed.
        seed_sd_b: SD over the seeds of B.
    """

    metric: str
    tree_level: str
    class_name: str = ""
    case: CaseUnit = "image"
    a: float | None = None
    b: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str = ""
    unit: CaseUnit = "image"
    reason: str = ""
    n_images: int = 0
    n_patients: int = 0
    only_a: int | None = None
    only_b: int | None = None
    others: tuple[OtherInterval, ...] = ()
    tests: tuple[PairedTest, ...] = ()
    in_family: bool = False
    p_holm: float | None = None
    decision: Decision | None = None
    seed_sd_a: float | None = None
    seed_sd_b: float | None = None

    def __post_init__(self) -> None:
        """Refuse a number without sense: NaN, or undefined without a reason."""
        for number in (self.a, self.b, self.value, self.low, self.high, self.p_holm):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.metric}: use None with a reason instead of {number}")
        if (self.value is None or self.low is None) and not self.reason:
            raise ValueError(f"{self.metric}: an undefined difference needs its reason")

    @property
    def p(self) -> float | None:
        """P-value of the main test, or None."""
        return self.tests[0].p if self.tests else None

    def __str__(self) -> str:
        """Return ``+0.052 (95% CI +0.012 to +0.091)`` or ``n/a (reason)``."""
        if self.value is None:
            return f"n/a ({self.reason})"
        if self.low is None or self.high is None:
            return f"{self.value:+.3f} (no interval: {self.reason})"
        return f"{self.value:+.3f} ({self.level:.0%} CI {self.low:+.3f} to {self.high:+.3f})"

    def flat(self) -> dict[str, Any]:
        """Return one row of the flat table; tests, intervals and decision in columns of their own.

        The second test and the first further interval stand beside the main ones.
        """
        row = {k: v for k, v in asdict(self).items() if k not in ("tests", "others", "decision")}
        for n, test in enumerate(self.tests[:3], 1):
            row |= {f"test_{n}": test.name, f"p_{n}": test.p, f"note_{n}": test.note}
        for n, other in enumerate(self.others[:2], 2):
            row |= {f"method_{n}": other.method, f"low_{n}": other.low, f"high_{n}": other.high}
        if self.decision:
            row |= {f"decision_{k}": v for k, v in asdict(self.decision).items()}
        return row


@dataclass(frozen=True)
class ArmSummary:
    """What one arm is made of.

    Attributes:
        name: What the user called it.
        seeds: Names of its training seeds; one empty name for a single model.
        fingerprints: Of its tables of predictions.
    """

    name: str
    seeds: tuple[str, ...]
    fingerprints: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """All differences of two models.

    Attributes:
        a: The first arm; differences are A minus B.
        b: The second arm, the reference.
        split: ``test``, or the name of the tables.
        positive: The positive group.
        differences: Every number; per image, then per patient.
        methods: Sentences that a paper can quote.
        notes: Sentences a reader must know.
        family: Name of the family of hypotheses.
        family_members: Which p-values are in it.
        margin: The margin, or None.
        settings: Confidence level, resamples, seed.
        fingerprints: Of the label tree, and of the test cases.
    """

    a: ArmSummary
    b: ArmSummary
    split: str
    positive: str
    differences: tuple[Difference, ...]
    methods: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    family: str = ""
    family_members: tuple[str, ...] = ()
    margin: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def find(
        self, metric: str, tree_level: str, class_name: str = "", case: CaseUnit = "image"
    ) -> Difference:
        """Return one difference.

        Raises:
            KeyError: The comparison does not have it.
        """
        for found in self.select(tree_level, case):
            if found.metric == metric and found.class_name == class_name:
                return found
        what = f"{metric} of {class_name or 'all classes'} at {tree_level}, per {case}"
        raise KeyError(f"comparison has no {what}")

    def select(self, tree_level: str, case: CaseUnit) -> Iterator[Difference]:
        """Yield the differences of a level, per image or per patient."""
        for found in self.differences:
            if found.tree_level == tree_level and found.case == case:
                yield found

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of the tree in order, the finest first."""
        return tuple(dict.fromkeys(found.tree_level for found in self.differences))

    def after(self, earlier: Path) -> Self:
        """Return the comparison with a note on another margin that the same predictions had before.

        Args:
            earlier: ``comparison.json`` of an earlier comparison, if there is one.
        """
        try:
            before = type(self).read(earlier)
        except InputError:
            return self
        arms = (before.a.fingerprints, before.b.fingerprints)
        if arms != (self.a.fingerprints, self.b.fingerprints):
            return self
        told = [note for note in before.notes if note.startswith(EARLIER)]
        if before.margin != self.margin:
            said = "no margin" if before.margin is None else f"the margin {before.margin:g}"
            told.append(f"{EARLIER} had {said}.")
        return replace(self, notes=(*self.notes, *dict.fromkeys(told)))

    def save(self, folder: Path) -> None:
        """Write ``comparison.json`` and the flat ``comparison.csv`` into a folder."""
        write_json(folder / "comparison.json", {**asdict(self), "use": RESEARCH_USE})
        rows = [found.flat() for found in self.differences]
        write_table(folder / "comparison.csv", pd.DataFrame(rows))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``comparison.json``.

        Raises:
            InputError: The file is not such a comparison.
        """
        try:
            content = json.loads(read_text(path))
            content.pop("use")
            for arm in ("a", "b"):
                name, seeds, prints = (content[arm][k] for k in ("name", "seeds", "fingerprints"))
                content[arm] = ArmSummary(name, tuple(seeds), tuple(prints))
            content["differences"] = tuple(_difference(d) for d in content["differences"])
            for name in ("methods", "notes", "family_members"):
                content[name] = tuple(content[name])
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"is not a comparison ({error})"
            raise InputError(Problem(what, "compare again", path)) from error


def _difference(content: dict[str, Any]) -> Difference:
    content["others"] = tuple(OtherInterval(**other) for other in content["others"])
    content["tests"] = tuple(PairedTest(**test) for test in content["tests"])
    if content["decision"] is not None:
        content["decision"] = Decision(**content["decision"])
    return Difference(**content)
