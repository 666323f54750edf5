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
from skinlab.stats.rank import RankedClass

Weights = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Values:
    """Metrics under ``b`` weightings.

    Attributes:
        classes: Name -> ``(k, b)``.
        overall: Name -> ``(b,)``.
    """

    classes: dict[str, Floats] = field(default_factory=dict)
    overall: dict[str, Floats] = field(default_factory=dict)


class Statistics:
    """The sums of one repetition, by patient. Memory: some 10 bytes an image and class."""

    def __init__(self, cases: Cases, repeat: int = 0) -> None:
        """Sum up the rows of a repetition."""
        rows = cases.rows(repeat)
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
        self._terms = _patient_sums(table, target, answer, patient, cases.patients)
        present = np.bincount(target, minlength=self._k)
        self.present = present > 0
        self.evaluable = self.present & (present < len(target))
        self._ranked = [
            RankedClass(target == c, table[:, c], patient, cases.patients) for c in range(self._k)
        ]

    def _by_patient(
        self, row: NDArray[np.int64], patient: NDArray[np.int64]
    ) -> sparse.csr_array[np.float32]:
        ones = np.ones(len(row), np.float32)
        return sparse.csr_array((ones, (row, patient)), shape=(self._k, self._patients))

    def tallies(self) -> Counts:
        """Return the counts of each patient, ``(k, patients)`` each."""
        return Counts(*np.split(self._tallies.toarray().astype(float), 3))

    def _counts(self, weights: Weights) -> Counts:
        return Counts(*np.split((self._tallies @ weights).astype(float), 3))

    def proportions(self, weights: Weights) -> Values:
        """Return the metrics that are ratios of sums over images (no stratification needed).

        Args:
            weights: ``(patients, b)``.
        """
        counts = self._counts(weights)
        classes = {name: quotient(*counts.ratio(name)) for name in RATIOS}
        sums = self._terms.T @ weights.astype(float)
        n = counts.n
        bins = calibration.BINS
        overall = {
            "accuracy": counts.accuracy(),
            "brier": quotient(sums[0], n),
            "log_loss": quotient(sums[1], n),
            "ece": quotient(np.abs(sums[2 : 2 + bins]).sum(axis=0), n),
            "ece_equal_mass": quotient(np.abs(sums[2 + bins :]).sum(axis=0), n),
        }
        return Values(classes, overall)

    def averages(self, weights: Weights) -> Values:
        """Return the metrics that average over classes or need every class to be there."""
        counts = self._counts(weights)
        areas = [ranked.at(weights) for ranked in self._ranked]
        classes = {
            "f1": counts.f1(),
            "auroc": np.stack([area for area, _ in areas]),
            "average_precision": np.stack([precision for _, precision in areas]),
        }
        recall = quotient(*counts.ratio("sensitivity"))
        overall = {
            "balanced_accuracy": average(recall, self.present),
            "macro_f1": average(classes["f1"], self.present),
            "macro_auroc": average(classes["auroc"], self.evaluable),
            "macro_average_precision": average(classes["average_precision"], self.present),
            "mcc": counts.mcc(),
            "kappa": counts.kappa(),
        }
        return Values(classes, overall)


def _patient_sums(
    table: Floats,
    target: NDArray[np.int64],
    answer: NDArray[np.int64],
    patient: NDArray[np.int64],
    patients: int,
) -> Floats:
    """Return each patient's sums of Brier, log loss and calibration gaps, ``(patients, t)``."""
    confidence, right = table.max(axis=1), target == answer
    wide = calibration.equal_width_bins(confidence)
    mass = calibration.equal_mass_bins(confidence)
    terms = np.column_stack(
        [
            calibration.brier_terms(table, target),
            calibration.log_loss_terms(table, target),
            calibration.gaps(confidence, right, wide),
            calibration.gaps(confidence, right, mass),
        ]
    )
    # Summed in an order of their own, so that the order of rows changes no last digit.
    order = np.lexsort((*terms.T, patient))
    sums = np.zeros((patients, terms.shape[1]))
    np.add.at(sums, patient[order], terms[order])
    return sums


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
