"""Values and replicates of one level -> Estimates: which interval each number deserves.

The rules (DOMAIN D.1). A proportion of images that are all from different patients: Wilson, or
what the spec names. Otherwise the patient bootstrap; but where fewer than 15 patients are in the
denominator, the same interval on the effective number of images, and where the estimate is 0 or 1,
on the number of patients. AUROC: DeLong on the logit scale when every patient has one image, else
the patient bootstrap; under perfect separation both have no width, and the interval is that of a
proportion of 1 on the smaller side's patients. Predictive values at a stated prevalence: Mercaldo's
logit interval where both proportions have one of their own, else the bootstrap. Everything else:
patient bootstrap; where each resample gives the best possible average, the interval of a proportion
of 1. One patient, or one on a side that matters: no interval.

Percentiles are taken a little further out for few patients (`expanded_level`): m is the smaller
side's patients for a class, and for an average over classes as many as if every class had the
patients of the rarest. Average precision and partial AUROC take the bootstrap's standard error on
the logit scale (`logit_interval`). The sample ECE is biased upward and the bootstrap of it more so
(nominal 95 % intervals held the truth in 0-90 % of simulated tables), so it has no interval; the
Brier score and the log loss have.

Simulated coverage of nominal 95 % (130-500 tables; classes of 50, 30 and 20 %, three correlated
images a patient): 150 patients 0.92-0.97; 50 patients 0.93-0.98, NPV and F1 of the rarest class
0.89-0.93; 20 patients (4 in the rarest class) proportions 0.93-0.99, areas of a class 0.89-0.97,
calibration 0.96-0.99, balanced accuracy, MCC, macro AUROC, Hand-Till and top-2 0.89-0.92, weighted
kappa 0.88. Independent images of 60 patients: 0.93-0.97, average precision 0.91-0.96, partial AUROC
0.89-0.95. The report names the classes that fewer than 15 patients carry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skinlab.stats.bootstrap import Interval, expanded_level, logit_interval, percentile
from skinlab.stats.cases import Cases
from skinlab.stats.counts import RATIOS, Counts, Floats
from skinlab.stats.metrics import (
    AT_PREVALENCE,
    AVERAGES,
    BIASED,
    BRIEF,
    CAN_BE_ZERO,
    CLASS_METRICS,
    EMPTY,
    LARGEST,
    LINES,
    ONE_CLASS,
    SKEWED,
    TWO_SIDED,
)
from skinlab.stats.proportion import (
    NAMES,
    design_effect,
    effective_trials,
    predictive_limits,
    proportion_limits,
)
from skinlab.stats.rank import delong_logit
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.statistics import Statistics, Values
from skinlab.tables.labels import Level
from skinlab.tables.report import Aggregated, Estimate, Unit

ONE_PATIENT = "one patient: no interval"
ONE_SIDED = "one patient on one side: no interval"


@dataclass(frozen=True, eq=False)
class LevelEstimates:
    """Everything known about one level of the tree.

    Attributes:
        cases: The images.
        tree_level: Name of the level.
        spec: Choices of the evaluation.
        statistics: One a repetition.
        values: Metrics, one column a repetition.
        replicates: Metrics, one column a resample.
        stratified: Whether averages over classes were resampled within the patients' labels.
        positive: The class of which the predictive values at a prevalence are told.
        aggregated: What a case is, if not an image; then only the main numbers are told.
    """

    cases: Cases
    tree_level: Level
    spec: EvaluationSpec
    statistics: list[Statistics]
    values: Values
    replicates: Values
    stratified: bool
    positive: str = ""
    aggregated: Aggregated = ""

    def estimates(self) -> list[Estimate]:
        """Return overall estimates first, then those of each class in turn."""
        return [*self._overall(), *self._per_class()]

    @cached_property
    def _tallies(self) -> Counts:
        """Counts of each patient, mean over repetitions, ``(k, patients)``."""
        parts = [one.tallies() for one in self.statistics]
        return Counts(
            np.mean([p.correct for p in parts], axis=0),
            np.mean([p.truth for p in parts], axis=0),
            np.mean([p.answered for p in parts], axis=0),
        )

    @cached_property
    def _images(self) -> Floats:
        """Images of each patient, mean over repetitions, ``(patients,)``."""
        return self._tallies.n

    @cached_property
    def _everyone(self) -> dict[str, int]:
        return {"n_images": self.cases.images, "n_patients": self.cases.patients}

    @property
    def _clustered(self) -> bool:
        return self.cases.images > self.cases.patients

    @property
    def _case(self) -> Unit:
        return self.aggregated or "image"

    def _overall(self) -> Iterator[Estimate]:
        present = int(np.mean([one.present.sum() for one in self.statistics]))
        evaluable = int(np.mean([one.evaluable.sum() for one in self.statistics]))
        tallies = self._tallies
        hits = [one.top_hits() for one in self.statistics]
        right = {name: np.mean([one[name] for one in hits], axis=0) for name in hits[0]}
        right["accuracy"] = tallies.correct.sum(axis=0)
        for metric, values in self.values.overall.items():
            drawn = self.replicates.overall[metric]
            about: dict[str, Any] = {"metric": metric}
            if metric in LARGEST:
                both_sides = metric in ("macro_auroc", "macro_specificity")
                about["n_classes"] = evaluable if both_sides else present
            if metric in right:
                yield self._proportion(about, values, (right[metric], tallies.n), drawn)
            else:
                yield self._bootstrapped(about, values, drawn)

    def _per_class(self) -> Iterator[Estimate]:
        ratios = {metric: self._tallies.ratio(metric) for metric in RATIOS}
        for c, name in enumerate(self.cases.classes):
            metrics = BRIEF if self.aggregated else CLASS_METRICS
            if name == self.positive and AT_PREVALENCE[0] in self.values.classes:
                metrics = (*metrics, *AT_PREVALENCE)
            for metric in metrics:
                about = {"metric": metric, "class_name": name}
                values = self.values.classes[metric][c]
                drawn = self.replicates.classes[metric][c]
                if metric in RATIOS:
                    top, bottom = ratios[metric]
                    yield self._proportion(about, values, (top[c], bottom[c]), drawn)
                elif metric == "auroc":
                    yield self._auroc(about, values, c, drawn)
                elif metric in AT_PREVALENCE:
                    yield self._at_prevalence(about, values, c, drawn)
                else:
                    yield self._bootstrapped(about, values, drawn)

    def _proportion(
        self, about: dict[str, Any], values: Floats, ratio: tuple[Floats, Floats], drawn: Floats
    ) -> Estimate:
        """Return a proportion; `ratio` is successes and trials of each patient."""
        held = ratio[1] > 0
        about = about | {"n_images": round(ratio[1].sum()), "n_patients": int(held.sum())}
        value, name = _mean(values), NAMES[self.spec.interval]
        if value is None or about["n_patients"] <= 1:
            return self._made(about, values, reason=ONE_PATIENT)
        found = self._trials(ratio, value)
        if found is None:
            return self._bootstrapped(about, values, drawn)
        n, on = found
        limits = proportion_limits(self.spec.interval, min(n, value * n), n, self.spec.level)
        about = about | {"unit": "patient" if on else self._case, "method": name + on}
        return self._made(about, values, limits)

    def _trials(self, ratio: tuple[Floats, Floats], value: float) -> tuple[float, str] | None:
        """Return how many independent trials a proportion has, and why; None = bootstrap it."""
        held = ratio[1] > 0
        successes, trials, m = ratio[0][held], ratio[1][held], int(held.sum())
        if trials.max() <= 1 and self.cases.repeats == 1:
            return float(trials.sum()), ""
        if value in (0.0, 1.0):
            return float(m), f" on {m} patients (estimate is {value:.0f})"
        if m < self.spec.few_patients:
            n = effective_trials(successes, trials, self.spec.level)
            deff = design_effect(successes, trials)
            return n, f" on effective n = {n:.1f} (few patients; design effect {deff:.2f})"
        return None

    def _at_prevalence(
        self, about: dict[str, Any], values: Floats, c: int, drawn: Floats
    ) -> Estimate:
        value, known = _mean(values), f"prevalence {self.spec.prevalence:g}"
        sides, said = [], []
        for metric in ("sensitivity", "specificity"):
            top, bottom = (part[c] for part in self._tallies.ratio(metric))
            share = _mean(self.values.classes[metric][c])
            if value is None or share is None or (bottom > 0).sum() < 2:
                return self._made(about, values, reason=ONE_SIDED)
            if found := self._trials((top, bottom), share):
                sides.append((min(found[0], share * found[0]), found[0]))
                said.append(f"{metric}{found[1]}" if found[1] else "")
        if len(sides) < 2 or self.cases.repeats > 1:
            return self._bootstrapped(about | {"method": known}, values, drawn)
        both = predictive_limits(sides[0], sides[1], self.spec.prevalence or 0.5, self.spec.level)
        low, high = both[AT_PREVALENCE.index(about["metric"])]
        method = "; ".join([f"logit (Mercaldo 2007), {known}", *filter(None, said)])
        about = about | {"unit": "patient" if any(said) else self._case, "method": method}
        return self._made(about, values, (min(low, value or low), max(high, value or high)))

    def _auroc(self, about: dict[str, Any], values: Floats, c: int, drawn: Floats) -> Estimate:
        sides = self._sides(about)
        about = about | self._everyone
        value, few = _mean(values), min(sides)
        if value is not None and few == 1 and max(sides) > 1:
            return self._made(about, values, reason=ONE_SIDED)
        if value in (0.0, 1.0) and few > 1:
            name = NAMES[self.spec.interval]
            limits = proportion_limits(self.spec.interval, value * few, few, self.spec.level)
            method = f"{name} on the {few} patients of the smaller side (perfect separation)"
            return self._made(about | {"unit": "patient", "method": method}, values, limits)
        if value is None or self._clustered or self.cases.repeats > 1 or few == 1:
            return self._bootstrapped(about, values, drawn)
        called = self.cases.target == c, self.cases.probabilities[:, c]
        limits = delong_logit(*called, self.spec.level)
        return self._made(about | {"unit": self._case, "method": "DeLong (logit)"}, values, limits)

    def _bootstrapped(self, about: dict[str, Any], values: Floats, drawn: Floats) -> Estimate:
        about = self._everyone | about
        value = _mean(values)
        if value is None or self.cases.patients == 1:
            return self._made(about, values, reason=ONE_PATIENT)
        if about["metric"] in BIASED:
            return self._made(about, values, reason="the sample ECE is biased upward")
        if about["metric"] in TWO_SIDED and 1 in self._sides(about):
            return self._made(about, values, reason=ONE_SIDED)
        found = self._limits(about["metric"], value, drawn, self._deciding(about))
        low, high = found.low, found.high
        unit = "patient" if self._clustered else self._case
        about = about | {"unit": unit, "method": self._resampling(about, unit, found.dropped)}
        if math.isnan(low):
            reason = f"{found.dropped} of {self.spec.resamples} resamples are undefined"
            return self._made(about, values, reason=reason)
        if low == high:
            return self._without_spread(about, values, value)
        if not low <= value <= high:
            low, high = min(low, value), max(high, value)
            about["method"] += ", widened to hold the estimate"
        return self._made(about, values, (low, high))

    def _limits(self, metric: str, value: float, drawn: Floats, patients: int) -> Interval:
        if metric in SKEWED:
            return logit_interval(drawn, value, patients, LARGEST[metric], self.spec.level)
        return percentile(drawn, expanded_level(self.spec.level, patients))

    def _resampling(self, about: dict[str, Any], unit: str, dropped: int) -> str:
        """Return how the bootstrap was done, in words."""
        stratified = " stratified by label" if self._stratified(about) else ""
        seeds = "seed and " if self.cases.repeats > 1 else ""
        words = [about["method"]] if "method" in about else []
        scale = (
            "logit of the standard error" if about["metric"] in SKEWED else "expanded percentile"
        )
        words.append(f"{seeds}{unit} bootstrap{stratified}, {scale}")
        words.append(f"B = {self.spec.resamples}, seed {self.spec.seed}")
        if about["metric"] in LINES:
            words.append("one Newton step a resample")
        if dropped:
            words.append(f"{dropped} undefined resamples dropped")
        return ", ".join(words)

    def _without_spread(self, about: dict[str, Any], values: Floats, value: float) -> Estimate:
        """Return what can be said when every resample gives the same value.

        At the best value (or, of some, the worst): the interval of a proportion of 1 (or 0) on as
        many patients as if every class had those of the rarest. The mean over k classes of m
        patients, all right, is at worst as uncertain as one proportion on k m patients.
        """
        metric, name = about["metric"], NAMES[self.spec.interval]
        largest, m = LARGEST.get(metric, math.nan), self._deciding(about)
        worst = value == 0 and metric in CAN_BE_ZERO
        if not worst and not abs(value - largest) < 1e-9:
            return self._made(about, values, reason="every resample gives the same value")
        share = 0.0 if worst else 1.0
        low, high = proportion_limits(self.spec.interval, share * m, m, self.spec.level)
        method = f"{name} on {m} patients (every resample gives {value:.3g})"
        low, high = min(value, low * largest), max(value, high * largest)
        return self._made(about | {"unit": "patient", "method": method}, values, (low, high))

    def _sides(self, about: dict[str, Any]) -> tuple[int, int]:
        """Return how many patients have an image of the class, and how many another one."""
        mine = self._tallies.truth[self.cases.classes.index(about["class_name"])]
        return int((mine > 0).sum()), int((self._images > mine).sum())

    def _deciding(self, about: dict[str, Any]) -> int:
        """Return how many patients decide a bootstrapped number, at least 2."""
        carriers, everyone = self.cases.carriers, self.cases.patients
        if "class_name" in about and about["metric"] not in RATIOS:
            own = int(carriers[self.cases.classes.index(about["class_name"])])
            return max(2, min(own, everyone - own) or own)
        rarest = int(carriers[carriers > 0].min())
        equal = int(about.get("n_classes", 0)) * rarest or int(about["n_patients"])
        return max(2, min(everyone, equal))

    def _stratified(self, about: dict[str, Any]) -> bool:
        return self.stratified and about["metric"] in AVERAGES

    def _made(
        self,
        about: dict[str, Any],
        values: Floats,
        limits: tuple[float, float] | None = None,
        reason: str = "",
    ) -> Estimate:
        value = _mean(values)
        if value is None:
            reason = EMPTY.get(about["metric"], ONE_CLASS)
            about = about | {"method": ""}
        low, high = limits if limits and value is not None else (None, None)
        defined = values[~np.isnan(values)]
        return Estimate(
            **(self._everyone | about),
            value=value,
            low=low,
            high=high,
            tree_level=self.tree_level,
            level=self.spec.level,
            aggregated=self.aggregated,
            reason="" if low is not None else reason,
            n_seeds=max(1, len(defined)),
            seed_sd=float(defined.std(ddof=1)) if len(defined) > 1 else None,
        )


def _mean(values: Floats) -> float | None:
    """Return the mean over the repetitions that are defined, None when there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
