"""Cases -> every metric under any weighting of the patients.

The point estimate is the weighting by ones; a bootstrap replicate is a weighting by how often
each patient was drawn. Both go through the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skinlab.stats import calibration
from skinlab.stats.bootstrap import draws
from skinlab.stats.cases import Cases
from skinlab.stats.counts import RATIOS, Counts, Floats, average, quotient
from skinlab.stats.proportion import predictive_values
from skinlab.stats.rank import PairedClasses, RankedClass
from skinlab.stats.recalibration import Recalibration

Weights = NDArray[np.floating[Any]]
TOPS = (2, 3, 5)
STEPS = ("mean_absolute_error", "mean_squared_error")
KAPPAS = ("kappa_linear", "kappa_quadratic")


@dataclass(frozen=True, eq=False)
class Values:
    """Metrics under ``b`` weightings.

    Attributes:
        classes: Name -> ``(k, b)``.
        overall: Name -> ``(b,)``.
    """

    classes: dict[str, Floats] = field(default_factory=dict)
    overall: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Metrics:
    """Which metrics are computed.

    Attributes:
        brief: Only sensitivity, specificity, PPV, NPV, accuracy, AUROC and their averages.
        ordinal: Weighted kappa and the mean absolute error too (3 classes or more).
        prevalence: PPV and NPV at this share of each class too.
    """

    brief: bool = False
    ordinal: bool = False
    prevalence: float | None = None


class Statistics:
    """The sums of one repetition, by patient. Memory: some 20 bytes an image and class."""

    def __init__(self, cases: Cases, repeat: int = 0, metrics: Metrics | None = None) -> None:
        """Sum up the rows of a repetition."""
        rows = cases.rows(repeat)
        self._metrics = metrics or Metrics()
        self._k, self._patients = len(cases.classes), cases.patients
        patient, target, answer = (x[rows] for x in (cases.patient, cases.target, cases.answer))
        table = cases.probabilities[rows]
        right = target == answer
        self._tallies = sparse.vstack(
            [
                self._by_patient(target[right], patient[right]),
                self._by_patient(target, patient),
                self._by_patient(answer, patient),
            ],
            format="csr",
        )
        self._terms = (
            {}
            if self._metrics.brief
            else _patient_sums(image_terms(table, target, answer), patient, cases.patients)
        )
        present = np.bincount(target, minlength=self._k)
        self.present = present > 0
        self.evaluable = self.present & (present < len(target))
        sides = [(target == c, table[:, c]) for c in range(self._k)]
        self._ranked = [RankedClass(*side, patient, cases.patients) for side in sides]
        if not self._metrics.brief:
            self._paired = PairedClasses(target, table, patient, cases.patients)
            self._logits = [Recalibration(*side, patient, cases.patients) for side in sides]

    def _by_patient(
        self, row: NDArray[np.int64], patient: NDArray[np.int64]
    ) -> sparse.csr_array[np.float32]:
        ones = np.ones(len(row), np.float32)
        return sparse.csr_array((ones, (row, patient)), shape=(self._k, self._patients))

    def tallies(self) -> Counts:
        """Return the counts of each patient, ``(k, patients)`` each."""
        return Counts(*np.split(self._tallies.toarray().astype(float), 3))

    def top_hits(self) -> dict[str, Floats]:
        """Return the images of each patient whose truth is among the k likeliest classes.

        By metric (``top_2_accuracy``, …), ``(patients,)`` each.
        """
        names = [f"top_{top}_accuracy" for top in TOPS]
        return {name: self._terms[name][:, 0] for name in names if name in self._terms}

    def _counts(self, weights: Weights) -> Counts:
        return Counts(*np.split((self._tallies @ weights).astype(float), 3))

    def proportions(self, weights: Weights) -> Values:
        """Return the metrics that are ratios of sums over images (no stratification needed).

        Args:
            weights: ``(patients, b)``.
        """
        counts = self._counts(weights)
        found = Values({name: quotient(*counts.ratio(name)) for name in RATIOS})
        found.overall["accuracy"] = counts.accuracy()
        if self._metrics.brief:
            return found
        double = weights.astype(float)
        for name, terms in self._terms.items():
            if name not in STEPS or (self._ordinal and name == STEPS[0]):
                size = np.abs(terms.T @ double).sum(axis=0)
                found.overall[name] = quotient(size, counts.n)
        shares = calibration.brier_of_shares(counts.truth, counts.n)
        found.overall["brier_skill"] = 1 - quotient(found.overall["brier"], shares)
        lines = [line.at(double) for line in self._logits]
        found.classes["calibration_slope"] = np.stack([slope for slope, _ in lines])
        found.classes["calibration_in_the_large"] = np.stack([large for _, large in lines])
        return found

    def averages(self, weights: Weights) -> Values:
        """Return the metrics that average over classes or need every class to be there."""
        counts = self._counts(weights)
        areas = [ranked.areas(weights) for ranked in self._ranked]
        ratio = {name: quotient(*counts.ratio(name)) for name in RATIOS}
        auroc = np.stack([area[0] for area in areas])
        found = Values({"auroc": auroc})
        found.overall["balanced_accuracy"] = average(ratio["sensitivity"], self.present)
        found.overall["macro_auroc"] = average(auroc, self.evaluable)
        if self._metrics.brief:
            return found
        found.classes["f1"] = counts.f1()
        found.classes["average_precision"] = np.stack([area[1] for area in areas])
        found.classes["partial_auroc"] = np.stack([area[2] for area in areas])
        if self._metrics.prevalence is not None:
            sides = ratio["sensitivity"], ratio["specificity"]
            ppv, npv = predictive_values(*sides, self._metrics.prevalence)
            found.classes["ppv_at_prevalence"], found.classes["npv_at_prevalence"] = ppv, npv
        over = {"macro_specificity": (ratio["specificity"], self.evaluable)}
        over |= {f"macro_{name}": (ratio[name], self.present) for name in ("ppv", "npv")}
        over["macro_f1"] = found.classes["f1"], self.present
        over["macro_average_precision"] = found.classes["average_precision"], self.present
        found.overall.update({name: average(*terms) for name, terms in over.items()})
        found.overall["hand_till_auroc"] = self._paired.at(weights)
        found.overall["mcc"], found.overall["kappa"] = counts.mcc(), counts.kappa()
        if self._ordinal:
            for power, (kappa, steps) in enumerate(zip(KAPPAS, STEPS, strict=True), 1):
                distance = (self._terms[steps].T @ weights.astype(float))[0]
                found.overall[kappa] = counts.weighted_kappa(distance, power)
        return found

    @property
    def _ordinal(self) -> bool:
        return self._metrics.ordinal and self._k > 2


def image_terms(
    table: Floats, target: NDArray[np.int64], answer: NDArray[np.int64]
) -> dict[str, Floats]:
    """Return what is summed over images, ``(n, t)`` each, by metric.

    Args:
        table: ``(n, k)`` probabilities.
        target: ``(n,)`` class of the truth.
        answer: ``(n,)`` class of the answer.
    """
    confidence, right = table.max(axis=1), target == answer
    steps = np.abs(answer - target).astype(float)
    wide, mass = calibration.equal_width_bins(confidence), calibration.equal_mass_bins(confidence)
    terms = {
        f"top_{top}_accuracy": calibration.top_k_hits(table, target, top).astype(float)
        for top in TOPS
        if top < table.shape[1]
    }
    terms["brier"] = calibration.brier_terms(table, target)
    terms["log_loss"] = calibration.log_loss_terms(table, target)
    terms |= dict(zip(STEPS, (steps, steps**2), strict=True))
    found = {name: values[:, None] for name, values in terms.items()}
    found["ece"] = calibration.gaps(confidence, right, wide)
    found["ece_equal_mass"] = calibration.gaps(confidence, right, mass)
    return found


def _patient_sums(
    terms: dict[str, Floats], patient: NDArray[np.int64], patients: int
) -> dict[str, Floats]:
    """Return each patient's sums, ``(patients, t)`` each."""
    table = np.hstack(list(terms.values()))
    # Summed in an order of their own, so that the order of rows changes no last digit.
    order = np.lexsort((*table.T, patient))
    sums = np.zeros((patients, table.shape[1]))
    np.add.at(sums, patient[order], table[order])
    ends = np.cumsum([values.shape[1] for values in terms.values()])[:-1]
    return dict(zip(terms, np.split(sums, ends, axis=1), strict=True))


def point_values(statistics: list[Statistics]) -> Values:
    """Return the metrics themselves, one column a repetition."""
    columns = []
    for one in statistics:
        ones = np.ones((one.tallies().n.shape[0], 1))
        columns.append(_merged(one.proportions(ones), one.averages(ones)))
    return Values(
        {k: np.hstack([v.classes[k] for v in columns]) for k in columns[0].classes},
        {k: np.hstack([v.overall[k] for v in columns]) for k in columns[0].overall},
    )


def replicates(
    cases: Cases, statistics: list[Statistics], resamples: int, seed: int, *, stratified: bool
) -> Values:
    """Return every metric under bootstrap resamples of the patients, ``b = resamples``.

    Of several repetitions, each replicate also draws repetitions with replacement and averages
    them (hierarchical: seed, then patient).

    Args:
        cases: The images.
        statistics: One a repetition.
        resamples: Number of replicates.
        seed: Of the draws.
        stratified: Draw within the patients' labels for averages over classes, F1, MCC, kappa and
            areas, so that a rare class does not vanish; ratios are never stratified. Strata hold
            the mix of classes fixed, so metrics that depend on prevalence vary too little.
    """
    k = len(cases.classes)
    drawn = np.random.default_rng([seed, 2]).multinomial(
        cases.repeats, [1 / cases.repeats] * cases.repeats, size=resamples
    )
    found = Values()
    both = [Statistics.proportions, Statistics.averages]
    everyone = np.zeros(cases.patients, np.int64)
    plans = [(everyone, both[:1]), (cases.labels, both[1:])] if stratified else [(everyone, both)]
    for stream, (strata, computations) in enumerate(plans):
        for place, weights in draws(strata, resamples, [seed, stream]):
            for compute in computations:
                parts = [compute(one, weights) for one in statistics]
                for name in parts[0].classes:
                    into = found.classes.setdefault(name, np.empty((k, resamples)))
                    into[:, place] = _mean_of([p.classes[name] for p in parts], drawn[place])
                for name in parts[0].overall:
                    whole = found.overall.setdefault(name, np.empty(resamples))
                    whole[place] = _mean_of([p.overall[name] for p in parts], drawn[place])
    return found


def _mean_of(parts: list[Floats], drawn: NDArray[np.int64]) -> Floats:
    if len(parts) == 1:
        return parts[0]
    total = np.zeros_like(parts[0])
    for values, times in zip(parts, drawn.T, strict=True):
        total += np.where(times > 0, values * times, 0.0)
    return total / len(parts)


def _merged(first: Values, second: Values) -> Values:
    return Values(first.classes | second.classes, first.overall | second.overall)
