"""Paired cases -> every metric of both arms, as it is and under resamples of patients and seeds.

A resample is a weight for each patient, the same for both arms and all seeds, so what makes a
patient hard cancels in the difference. Seeds of an arm are drawn apart from those of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skinlab.stats.bootstrap import draws
from skinlab.stats.calibration import brier_terms, log_loss_terms
from skinlab.stats.counts import Counts, Floats, Ints, average, quotient
from skinlab.stats.paired.cases import PairedCases
from skinlab.stats.rank import RankedClass

Weights = NDArray[np.floating[Any]]
RATIOS = ("sensitivity", "specificity", "ppv", "npv")
AREAS = ("f1", "auroc", "average_precision")
MEANS = ("brier", "log_loss", "truth_probability")
AVERAGES = ("balanced_accuracy", "macro_f1", "mcc", "kappa", "macro_auroc")
OVERALL = ("accuracy", *AVERAGES, *MEANS)
PER_CLASS = (*RATIOS, *AREAS)
Metrics = dict[str, Floats]


class RunSums:
    """The sums of one run (one seed of one arm), by patient."""

    def __init__(self, target: Ints, answer: Ints, table: Floats, cases: PairedCases) -> None:
        """Sum up.

        Args:
            target: ``(n,)`` truth.
            answer: ``(n,)`` the run's answers.
            table: ``(n, k)`` its probabilities.
            cases: Whose patients and classes they are.
        """
        k, patient, patients = len(cases.classes), cases.patient, cases.patients
        right = target == answer

        def tally(row: Ints, column: Ints) -> sparse.csr_array[np.float32]:
            return sparse.csr_array((np.ones(len(row), np.float32), (row, column)), (k, patients))

        parts = [tally(target[right], patient[right]), tally(target, patient)]
        self._tallies = sparse.vstack([*parts, tally(answer, patient)], format="csr")
        chosen = table[np.arange(len(target)), target]
        terms = [brier_terms(table, target), log_loss_terms(table, target), chosen]
        self._terms = np.stack([_summed(term, patient, patients) for term in terms])
        self._ranked = [RankedClass(target == c, table[:, c], patient, patients) for c in range(k)]
        present = np.bincount(target, minlength=k)
        self._present = present > 0
        self._evaluable = self._present & (present < len(target))

    def _counts(self, weights: Weights) -> Counts:
        return Counts(*np.split((self._tallies @ weights).astype(float), 3))

    def ratios(self, weights: Weights) -> Metrics:
        """Return the metrics that are ratios of sums over cases.

        Args:
            weights: ``(patients, b)`` how often each patient counts.

        Returns:
            Name -> ``(k, b)`` of a class metric, ``(1, b)`` of an overall one.
        """
        counts = self._counts(weights)
        found = {name: quotient(*counts.ratio(name)) for name in RATIOS}
        found["accuracy"] = counts.accuracy()[None]
        sums = self._terms @ weights.astype(float)
        return found | {name: quotient(sums[i], counts.n)[None] for i, name in enumerate(MEANS)}

    def agreements(self, weights: Weights) -> Metrics:
        """Return the metrics of answers that need every class to be there."""
        counts = self._counts(weights)
        f1, recall = counts.f1(), quotient(*counts.ratio("sensitivity"))
        overall = {
            "balanced_accuracy": average(recall, self._present),
            "macro_f1": average(f1, self._present),
            "mcc": counts.mcc(),
            "kappa": counts.kappa(),
        }
        return {"f1": f1} | {name: value[None] for name, value in overall.items()}

    def areas(self, weights: Weights) -> Metrics:
        """Return the metrics of ranks, which take the longest."""
        areas = [ranked.at(weights) for ranked in self._ranked]
        found = {"auroc": np.stack([area for area, _ in areas])}
        found["average_precision"] = np.stack([precision for _, precision in areas])
        return found | {"macro_auroc": average(found["auroc"], self._evaluable)[None]}


AGREEMENTS = ("f1", "balanced_accuracy", "macro_f1", "mcc", "kappa")
COMPUTATIONS: tuple[tuple[Callable[[RunSums, Weights], Metrics], tuple[str, ...]], ...] = (
    (RunSums.ratios, (*RATIOS, "accuracy", *MEANS)),
    (RunSums.agreements, AGREEMENTS),
    (RunSums.areas, ("auroc", "average_precision", "macro_auroc")),
)


def _summed(terms: Floats, patient: Ints, patients: int) -> Floats:
    """Return each patient's sum, in an order of its own: the order of rows changes no digit."""
    order = np.lexsort((terms, patient))
    sums: Floats = np.bincount(patient[order], terms[order], patients).astype(float)
    return sums


def run_sums(cases: PairedCases) -> tuple[list[RunSums], list[RunSums]]:
    """Return the sums of every run of both arms."""
    arms = ((cases.answer_a, cases.a), (cases.answer_b, cases.b))
    a, b = (
        [RunSums(cases.target, *run, cases) for run in zip(answers, tables, strict=True)]
        for answers, tables in arms
    )
    return a, b


def seed_values(runs: list[RunSums], patients: int) -> Metrics:
    """Return the metrics themselves: name -> ``(k or 1, seeds)``."""
    ones = np.ones((patients, 1))
    parts = [run.ratios(ones) | run.agreements(ones) | run.areas(ones) for run in runs]
    return {name: np.hstack([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False)
class Replicates:
    """Differences under resampling.

    Attributes:
        sampling: Name -> ``(k or 1, resamples)``: patients resampled, the seeds as they are.
        total: The same with the seeds of each arm resampled too; equal to `sampling` with one
            seed an arm.
    """

    sampling: Metrics = field(default_factory=dict)
    total: Metrics = field(default_factory=dict)


def paired_replicates(
    cases: PairedCases,
    runs: tuple[list[RunSums], list[RunSums]],
    resamples: int,
    seed: int,
    *,
    stratified: bool,
    metrics: Collection[str] = (),
) -> Replicates:
    """Return the difference of every metric under resamples.

    Args:
        cases: The cases.
        runs: Sums of both arms.
        resamples: Number of replicates.
        seed: Of the draws; they depend on nothing but it and what the cases hold.
        stratified: Draw patients within the rarest class they carry, for averages over classes and
            metrics that need every class; ratios are never stratified (their weights are counted).
        metrics: Names of those that are needed, others may be left out; empty computes all.
    """
    ratios, *others = [
        [compute] if not metrics or set(names) & set(metrics) else []
        for compute, names in COMPUTATIONS
    ]
    everyone, needing = np.zeros(cases.patients, np.int64), [c for part in others for c in part]
    if stratified:
        plans = [(everyone, ratios), (cases.labels, needing)]
    else:
        plans = [(everyone, [*ratios, *needing])]
    streams = (1, 0) if cases.turned else (0, 1)
    drawn = [
        _drawn(len(arm), resamples, [seed, 2, s]) for arm, s in zip(runs, streams, strict=True)
    ]
    found = Replicates()
    for stream, (strata, computations) in enumerate(plans):
        if not computations:
            continue
        for place, weights in draws(strata, resamples, [seed, stream]):
            for compute in computations:
                arms = [[compute(run, weights) for run in arm] for arm in runs]
                for name in arms[0][0]:
                    a, b = (
                        _over_seeds([part[name] for part in arm], times[place])
                        for arm, times in zip(arms, drawn, strict=True)
                    )
                    for into, one, other in zip((found.sampling, found.total), a, b, strict=True):
                        whole = into.setdefault(name, np.empty((len(one), resamples)))
                        whole[:, place] = one - other
    return found


def _drawn(seeds: int, resamples: int, seed: list[int]) -> Ints:
    """Return how often each training seed is drawn, ``(resamples, seeds)``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(seeds, [1 / seeds] * seeds, size=resamples).astype(np.int64)


def _over_seeds(parts: list[Floats], drawn: Ints) -> tuple[Floats, Floats]:
    """Return the mean over all seeds, and over the drawn ones; ``(k, b)`` each.

    Means of s drawn seeds spread by (s - 1)/s of the variance that seeds have; their distance from
    the mean of all is stretched by the root of its inverse (Rao & Wu 1988, JASA 83:231), without
    which three seeds would count for two thirds.
    """
    if len(parts) == 1:
        return parts[0], parts[0]
    stack, s = np.stack(parts), len(parts)
    mean = stack.mean(axis=0)
    chosen = np.einsum("skb,bs->kb", stack, drawn / s)
    return mean, mean + np.sqrt(s / (s - 1)) * (chosen - mean)
