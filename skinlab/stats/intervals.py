"""Values and replicates of one level -> Estimates: which interval each number deserves.

The rules (DOMAIN D.1). A proportion of images that are all from different patients: Wilson, or
what the spec names. Otherwise the patient bootstrap; but where fewer than 15 patients are in the
denominator, the same interval on the effective number of images, and where the estimate is 0 or 1,
on the number of patients. AUROC: DeLong when every patient has one image, else the patient
bootstrap; under perfect separation both have no width, and the interval is that of a proportion of
1 on the smaller side's patients. Everything else: patient bootstrap. One patient: no interval.

Percentiles are taken a little further out for few patients (`expanded_level`): m is the smaller
side's patients for a class, and for an average over classes as many as if every class had the
patients of the rarest. The sample ECE is biased upward and the bootstrap of it more so (nominal
95 % intervals held the truth in 0-90 % of simulated tables), so it has no interval; the Brier
score and the log loss have.

Simulated coverage of nominal 95 % (500 tables each; classes of 50, 30 and 20 %, three correlated
images a patient): 150 patients 0.92-0.96, 50 patients 0.93-0.97 but average precision and the NPV
and F1 of the rarest class 0.89-0.93, 20 patients (4 in the rarest class) proportions 0.93-0.99,
AUROC, balanced accuracy, MCC 0.89-0.92, average precision 0.85. Independent images: 0.93-0.96. The
report names the classes that fewer than 15 patients carry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skinlab.stats.bootstrap import expanded_level, percentile
from skinlab.stats.cases import Cases
from skinlab.stats.counts import RATIOS, Counts, Floats
from skinlab.stats.proportion import NAMES, design_effect, effective_trials, proportion_limits
from skinlab.stats.rank import delong
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.statistics import Statistics, Values
from skinlab.tables.labels import Level
from skinlab.tables.report import Estimate

EMPTY = {
    "sensitivity": "n = 0: no image has this class",
    "specificity": "n = 0: every image has this class",
    "ppv": "n = 0: nothing was answered with this class",
    "npv": "n = 0: everything was answered with this class",
    "f1": "no image has this class",
    "average_precision": "no image has this class",
    "auroc": "one class only",
    "macro_auroc": "one class only",
    "mcc": "one class only in the truth or in the answers",
    "kappa": "one class only in the truth and in the answers",
}
PLAIN = ("accuracy", "brier", "log_loss", "ece", "ece_equal_mass")
BIASED = ("ece", "ece_equal_mass")
ONE_PATIENT = "one patient: no interval"


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
    """

    cases: Cases
    tree_level: Level
    spec: EvaluationSpec
    statistics: list[Statistics]
    values: Values
    replicates: Values
    stratified: bool

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

    def _overall(self) -> Iterator[Estimate]:
        present = int(np.mean([one.present.sum() for one in self.statistics]))
        evaluable = int(np.mean([one.evaluable.sum() for one in self.statistics]))
        averaged = {"balanced_accuracy": present, "macro_f1": present, "macro_auroc": evaluable}
        averaged["macro_average_precision"] = present
        tallies = self._tallies
        for metric, values in self.values.overall.items():
            drawn = self.replicates.overall[metric]
            about = {"metric": metric, "n_classes": averaged.get(metric, 0)}
            if metric == "accuracy":
                yield self._proportion(about, values, (tallies.correct.sum(0), tallies.n), drawn)
            else:
                yield self._bootstrapped(about, values, drawn)

    def _per_class(self) -> Iterator[Estimate]:
        ratios = {metric: self._tallies.ratio(metric) for metric in RATIOS}
        for c, name in enumerate(self.cases.classes):
            for metric in (*RATIOS, "f1", "auroc", "average_precision"):
                about = {"metric": metric, "class_name": name}
                values = self.values.classes[metric][c]
                drawn = self.replicates.classes[metric][c]
                if metric in RATIOS:
                    top, bottom = ratios[metric]
                    yield self._proportion(about, values, (top[c], bottom[c]), drawn)
                elif metric == "auroc":
                    yield self._auroc(about, values, c, drawn)
                else:
                    yield self._bootstrapped(about, values, drawn)

    def _proportion(
        self, about: dict[str, Any], values: Floats, ratio: tuple[Floats, Floats], drawn: Floats
    ) -> Estimate:
        """Return a proportion; `ratio` is successes and trials of each patient."""
        held = ratio[1] > 0
        successes, trials = ratio[0][held], ratio[1][held]
        about = about | {"n_images": round(trials.sum()), "n_patients": int(held.sum())}
        value, name = _mean(values), NAMES[self.spec.interval]
        if value is None or about["n_patients"] <= 1:
            return self._made(about, values, reason=ONE_PATIENT)
        if trials.max() <= 1 and self.cases.repeats == 1:
            x, n, method = float(successes.sum()), float(trials.sum()), name
        elif value in (0.0, 1.0):
            n = float(about["n_patients"])
            x, method = value * n, f"{name} on {n:.0f} patients (estimate is {value:.0f})"
        elif about["n_patients"] < self.spec.few_patients:
            n = effective_trials(successes, trials, self.spec.level)
            deff = design_effect(successes, trials)
            x = value * n
            method = f"{name} on effective n = {n:.1f} (few patients; design effect {deff:.2f})"
        else:
            return self._bootstrapped(about, values, drawn)
        limits = proportion_limits(self.spec.interval, x, n, self.spec.level)
        unit = "image" if method == name else "patient"
        return self._made(about | {"unit": unit, "method": method}, values, limits)

    def _auroc(self, about: dict[str, Any], values: Floats, c: int, drawn: Floats) -> Estimate:
        mine, all_images = self._tallies.truth[c], self._images
        sides = (int((mine > 0).sum()), int((all_images > mine).sum()))
        about = about | self._everyone
        value, few = _mean(values), min(sides)
        if value is not None and few == 1 and max(sides) > 1:
            return self._made(about, values, reason="one patient on one side: no interval")
        if value in (0.0, 1.0) and few > 1:
            name = NAMES[self.spec.interval]
            limits = proportion_limits(self.spec.interval, value * few, few, self.spec.level)
            method = f"{name} on the {few} patients of the smaller side (perfect separation)"
            return self._made(about | {"unit": "patient", "method": method}, values, limits)
        if value is None or self._clustered or self.cases.repeats > 1 or few == 1:
            return self._bootstrapped(about, values, drawn)
        limits = delong(self.cases.target == c, self.cases.probabilities[:, c], self.spec.level)
        return self._made(about | {"unit": "image", "method": "DeLong"}, values, limits)

    def _bootstrapped(self, about: dict[str, Any], values: Floats, drawn: Floats) -> Estimate:
        about = self._everyone | about
        value = _mean(values)
        if value is None or self.cases.patients == 1:
            return self._made(about, values, reason=ONE_PATIENT)
        if about["metric"] in BIASED:
            return self._made(about, values, reason="the sample ECE is biased upward")
        found = percentile(drawn, expanded_level(self.spec.level, self._deciding(about)))
        low, high = found.low, found.high
        unit = "patient" if self._clustered else "image"
        stratified = " stratified by label" if self._stratified(about) else ""
        seeds = "seed and " if self.cases.repeats > 1 else ""
        method = (
            f"{seeds}{unit} bootstrap{stratified}, expanded percentile, B = {self.spec.resamples}"
        )
        method += f", seed {self.spec.seed}"
        if found.dropped:
            method += f", {found.dropped} undefined resamples dropped"
        if math.isnan(low):
            reason = f"{found.dropped} of {self.spec.resamples} resamples are undefined"
            return self._made(about | {"unit": unit, "method": method}, values, reason=reason)
        if low == high:
            reason = "every resample gives the same value"
            return self._made(about | {"unit": unit, "method": method}, values, reason=reason)
        if not low <= value <= high:
            low, high = min(low, value), max(high, value)
            method += ", widened to hold the estimate"
        return self._made(about | {"unit": unit, "method": method}, values, (low, high))

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
        name = "class_name" in about
        plain = about["metric"] in (RATIOS if name else PLAIN)
        return self.stratified and not plain

    def _made(
        self,
        about: dict[str, Any],
        values: Floats,
        limits: tuple[float, float] | None = None,
        reason: str = "",
    ) -> Estimate:
        value = _mean(values)
        if value is None:
            reason = EMPTY.get(about["metric"], "undefined")
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
            reason="" if low is not None else reason,
            n_seeds=max(1, len(defined)),
            seed_sd=float(defined.std(ddof=1)) if len(defined) > 1 else None,
        )


def _mean(values: Floats) -> float | None:
    """Return the mean over the repetitions that are defined, None when there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
