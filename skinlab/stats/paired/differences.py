"""Paired cases of one level -> Differences: which interval and which test each metric deserves.

The rules (DOMAIN D.1), for one seed an arm. A share of cases that are all of different patients
(accuracy, sensitivity, specificity): Newcombe's paired interval, Tango's beside it, McNemar mid-p
and exact. Where patients have several cases: paired patient bootstrap and the exact label swap
within patients; but where fewer than 15 patients are in the denominator, or the two answers never
differ, Newcombe on the effective number of cases. AUROC of independent cases: DeLong. Everything
else: paired patient bootstrap. Brier score, log loss and the probability of the truth have
Wilcoxon's signed rank test beside it. Several seeds: bootstrap of seeds and patients together, the
interval of the sampling error alone beside it, SD over seeds of each arm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.calibration import brier_terms, log_loss_terms
from skinlab.stats.counts import Floats, Ints
from skinlab.stats.paired.auroc import PairedAuroc, paired_delong
from skinlab.stats.paired.cases import PairedCases
from skinlab.stats.paired.decision import decide
from skinlab.stats.paired.limits import Resampled, paired_effective_trials
from skinlab.stats.paired.proportion import PairedCounts, newcombe_paired, tango
from skinlab.stats.paired.replicates import (
    AVERAGES,
    MEANS,
    OVERALL,
    PER_CLASS,
    RATIOS,
    paired_replicates,
    run_sums,
    seed_values,
)
from skinlab.stats.paired.tests import label_swap, signed_rank
from skinlab.stats.proportion import Limits
from skinlab.tables.comparison import (
    CaseUnit,
    Difference,
    OtherInterval,
    PairedTest,
)

SHARES = ("accuracy", "sensitivity", "specificity")
EMPTY = {
    "sensitivity": "n = 0: no image has this class",
    "specificity": "n = 0: every image has this class",
    "ppv": "n = 0: an arm answered nothing with this class",
    "npv": "n = 0: an arm answered everything with this class",
    "f1": "no image has this class",
    "average_precision": "no image has this class",
    "auroc": "one class only",
    "macro_auroc": "one class only",
    "mcc": "one class only in the truth or in the answers",
    "kappa": "one class only in the truth and in the answers",
}


@dataclass(frozen=True)
class ComparisonSpec:
    """Choices of a comparison.

    Attributes:
        level: Confidence level; equivalence is decided at ``1 - 2 (1 - level)``.
        resamples: Replicates of the patient bootstrap.
        seed: Seed of the resampling.
        margin: Largest difference that does not matter, given beforehand; None decides nothing.
        few_patients: Below this many patients a share is not bootstrapped.
    """

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0
    margin: float | None = None
    few_patients: int = 15

    def __post_init__(self) -> None:
        """Refuse choices that give no interval."""
        if not 0.75 <= self.level < 1:
            raise ValueError(f"level {self.level} is not in [0.75, 1); try 0.95")
        if self.resamples < 200 or self.seed < 0 or self.few_patients < 2:
            raise ValueError("resamples >= 200, seed >= 0, few_patients >= 2")
        if self.margin is not None and not 0 < self.margin < 1:
            raise ValueError(f"margin {self.margin} is not between 0 and 1; try 0.05")


@dataclass(frozen=True)
class Found:
    """Interval and tests of one difference, before it is one.

    Attributes:
        method: How the interval is made.
        limits: Level -> limits; None when there is no interval.
        reason: Why there is none.
        unit: What is independent or resampled.
        others: Method and limits of further intervals.
        tests: The main one first.
        counts: Where the metric is a share of cases.
    """

    method: str
    limits: Callable[[float], Limits] | None
    tests: tuple[PairedTest, ...]
    unit: CaseUnit
    reason: str = ""
    others: tuple[tuple[str, Callable[[float], Limits]], ...] = ()
    counts: PairedCounts | None = None


@dataclass(frozen=True, eq=False)
class LevelDifferences:
    """Everything known about the two arms at one level.

    Attributes:
        cases: The cases.
        tree_level: Name of the level.
        case: What one case is.
        spec: Choices of the comparison.
        metrics: Names of those that are wanted; empty wants all.
    """

    cases: PairedCases
    tree_level: str
    case: CaseUnit
    spec: ComparisonSpec
    metrics: tuple[str, ...] = ()

    def differences(self) -> Iterator[Difference]:
        """Yield overall differences first, then those of each class in turn."""
        for metric in OVERALL:
            if self._wanted(metric):
                yield self._one(metric, None)
        for c in range(len(self.cases.classes)):
            for metric in PER_CLASS:
                if self._wanted(metric):
                    yield self._one(metric, c)

    def _wanted(self, metric: str) -> bool:
        return not self.metrics or metric in self.metrics

    @cached_property
    def _runs(self) -> Any:
        return run_sums(self.cases)

    @cached_property
    def _values(self) -> Any:
        return tuple(seed_values(arm, self.cases.patients) for arm in self._runs)

    @cached_property
    def stratified(self) -> bool:
        """Whether patients are drawn within their rarest class for averages over classes."""
        carriers = self.cases.carriers
        return bool(((carriers > 0) & (carriers < self.spec.few_patients)).any())

    @cached_property
    def _replicates(self) -> Any:
        spec, stratified = self.spec, self.stratified
        plan: dict[str, Any] = {"stratified": stratified, "metrics": self.metrics}
        return paired_replicates(self.cases, self._runs, spec.resamples, spec.seed, **plan)

    def _one(self, metric: str, c: int | None) -> Difference:
        row = 0 if c is None else c
        per_seed = [values[metric][row] for values in self._values]
        a, b = (float(v.mean()) for v in per_seed)
        involved = self._involved(metric, c)
        patients = len(np.unique(self.cases.patient[involved]))
        about: dict[str, Any] = {
            "metric": metric,
            "tree_level": self.tree_level,
            "class_name": "" if c is None else self.cases.classes[c],
            "case": self.case,
            "level": self.spec.level,
            "n_images": int(involved.sum()),
            "n_patients": patients,
            "a": None if np.isnan(a) else a,
            "b": None if np.isnan(b) else b,
        }
        for name, values in zip(("seed_sd_a", "seed_sd_b"), per_seed, strict=True):
            spread = len(values) > 1 and not np.isnan(values).any()
            about[name] = float(values.std(ddof=1)) if spread else None
        if np.isnan(a) or np.isnan(b):
            return Difference(**about, reason=EMPTY.get(metric, "undefined"))
        if patients <= 1:
            return Difference(**about, value=a - b, reason="one patient: no interval")
        return self._made(about, a - b, self._found(metric, c, involved))

    def _made(self, about: dict[str, Any], value: float, found: Found) -> Difference:
        about |= {"value": value, "unit": found.unit, "tests": found.tests, "method": found.method}
        if found.counts is not None:
            about |= {"only_a": round(found.counts.only_a), "only_b": round(found.counts.only_b)}
        if found.limits is None:
            return Difference(**about, reason=found.reason)
        low, high = _holding(found.limits(self.spec.level), value)
        others = tuple(
            OtherInterval(method, *_holding(limits(self.spec.level), value))
            for method, limits in found.others
        )
        made = Difference(**about, low=low, high=high, others=others)
        if self.spec.margin is None or about["metric"] in MEANS:
            return made
        level = 1 - 2 * (1 - self.spec.level)
        inner = _holding(found.limits(level), value)
        return replace(made, decision=decide(inner, self.spec.margin, level, found.method))

    def _involved(self, metric: str, c: int | None) -> NDArray[np.bool_]:
        """Return the cases in the denominator, ``(n,)``."""
        if metric == "sensitivity":
            return np.asarray(self.cases.target == c)
        if metric == "specificity":
            return np.asarray(self.cases.target != c)
        return np.ones(self.cases.cases, bool)

    def _found(self, metric: str, c: int | None, involved: NDArray[np.bool_]) -> Found:
        if self.cases.several_seeds:
            return self._bootstrapped(metric, c)
        if metric in SHARES:
            return self._share(metric, c, involved)
        if metric == "auroc" and not self.cases.clustered:
            return self._area(metric, c)
        return self._bootstrapped(metric, c)

    def _share(self, metric: str, c: int | None, involved: NDArray[np.bool_]) -> Found:
        cases, level = self.cases, self.spec.level
        target = cases.target[involved]
        answers = [x[0][involved] for x in (cases.answer_a, cases.answer_b)]
        right_a, right_b = ((x != c) if metric == "specificity" else (x == target) for x in answers)
        counts = PairedCounts(
            *(float(x.sum()) for x in (right_a & right_b, right_a & ~right_b)),
            *(float(x.sum()) for x in (~right_a & right_b, ~right_a & ~right_b)),
        )
        patient = np.unique(cases.patient[involved], return_inverse=True)[1]
        trials: Floats = np.bincount(patient).astype(float)
        change: Floats = np.bincount(patient, right_a.astype(float) - right_b).astype(float)
        swapped = label_swap(np.round(change).astype(np.int64))
        single = trials.max() <= 1
        name = "McNemar" if single else "label swap within patients"
        note = "" if counts.only_a + counts.only_b else "no discordant pairs"
        tests = [
            PairedTest(f"{name}, mid-p", swapped.mid, note),
            PairedTest(f"{name}, exact", swapped.exact, note),
        ]
        if single:
            return _by_counts(counts, "", tests, self.case)
        m = len(trials)
        resampled = self._bootstrapped(metric, c)
        if not note and m >= self.spec.few_patients and resampled.limits is not None:
            return replace(resampled, tests=(*tests, *resampled.tests), counts=counts)
        n = paired_effective_trials(change, trials, counts, level)
        why = note or "few patients"
        found = _by_counts(counts.scaled(n), f" on effective n = {n:.1f} ({why})", tests, "patient")
        return replace(found, counts=counts)

    def _area(self, metric: str, c: int | None) -> Found:
        cases = self.cases
        scores = [table[0][:, c] for table in (cases.a, cases.b)]
        found: PairedAuroc = paired_delong(cases.target == c, *scores)
        if np.isnan(found.variance) or np.isnan(found.z):
            return self._bootstrapped(metric, c)
        alike = found.variance == 0
        note = "both order the images of the class alike against the rest" if alike else ""
        return Found(
            method="DeLong, paired",
            limits=None if alike else found.limits,
            reason=f"variance 0: {note}" if alike else "",
            tests=(PairedTest("DeLong, paired", found.p, note, found.z),),
            unit=self.case,
        )

    def _bootstrapped(self, metric: str, c: int | None) -> Found:
        cases, row = self.cases, 0 if c is None else c
        total, sampling = (
            Resampled(found[metric][row], self._deciding(metric, c))
            for found in (self._replicates.total, self._replicates.sampling)
        )
        seeds = "seed and " if cases.several_seeds else ""
        unit: CaseUnit = "patient" if cases.clustered else self.case
        within = " stratified by label" if self._within_labels(metric) else ""
        details = f"expanded percentile, B = {self.spec.resamples}, seed {self.spec.seed}"
        if total.dropped:
            details += f", {total.dropped} undefined resamples dropped"
        tests = [PairedTest(f"{seeds}{unit} bootstrap", total.p())]
        if metric in MEANS:
            tests.append(self._ranked(metric))
        others: tuple[tuple[str, Callable[[float], Limits]], ...] = ()
        if cases.several_seeds and not sampling.reason:
            method = f"sampling error alone: {unit} bootstrap{within}, seeds as they are"
            others = ((f"{method}, {details}", sampling.limits),)
        return Found(
            method=f"paired {seeds}{unit} bootstrap{within}, {details}",
            limits=None if total.reason else total.limits,
            reason=total.reason,
            tests=tuple(tests),
            unit=unit,
            others=others,
        )

    def _ranked(self, metric: str) -> PairedTest:
        """Return Wilcoxon's test on one difference a patient (mean over seeds and cases)."""
        cases, patient = self.cases, self.cases.patient
        a, b = (
            np.mean([_terms(metric, run, cases.target) for run in table], axis=0)
            for table in (cases.a, cases.b)
        )
        change = a - b
        order = np.lexsort((change, patient))
        means = np.bincount(patient[order], change[order]) / np.bincount(patient)
        found = signed_rank(means)
        unit = "patient" if self.cases.clustered else self.case
        notes = ["mean over seeds, as they are"] if cases.several_seeds else []
        if not found.used:
            notes.append("no differences")
        elif not found.exact:
            notes.append("normal approximation")
        name = f"Wilcoxon signed rank, per {unit}"
        return PairedTest(name, found.p, "; ".join(notes), found.statistic)

    def _within_labels(self, metric: str) -> bool:
        return self.stratified and metric not in (*RATIOS, *MEANS, "accuracy")

    def _deciding(self, metric: str, c: int | None) -> int:
        """Return how many patients decide a metric, at least 2."""
        carriers, everyone = self.cases.carriers, self.cases.patients
        if metric in ("sensitivity", "specificity"):
            involved = self._involved(metric, c)
            return max(2, len(np.unique(self.cases.patient[involved])))
        if c is not None and metric not in RATIOS:
            own = int(carriers[c])
            return max(2, min(own, everyone - own) or own)
        if metric in AVERAGES:
            occurring = carriers[carriers > 0]
            return max(2, min(everyone, len(occurring) * int(occurring.min())))
        return max(2, everyone)


def _terms(metric: str, table: Floats, target: Ints) -> Floats:
    """Return each case's part of a mean, ``(n,)``."""
    if metric == "brier":
        return brier_terms(table, target)
    if metric == "log_loss":
        return log_loss_terms(table, target)
    return np.asarray(table[np.arange(len(target)), target], dtype=np.float64)


def _by_counts(counts: PairedCounts, where: str, tests: list[PairedTest], unit: CaseUnit) -> Found:
    return Found(
        method=f"Newcombe, paired (method 10){where}",
        limits=lambda level: newcombe_paired(counts, level),
        tests=tuple(tests),
        unit=unit,
        others=((f"Tango score{where}", lambda level: tango(counts, level)),),
        counts=counts,
    )


def _holding(limits: Limits, value: float) -> Limits:
    """Return the limits, widened where a percentile interval would miss its estimate."""
    return min(float(limits[0]), value), max(float(limits[1]), value)
