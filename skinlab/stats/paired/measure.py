"""Two models on the same images -> difference of accuracy with its interval, patients resampled."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.bootstrap import canonical_patients, draws, percentile, rarest_label
from skinlab.stats.counts import Floats
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.errors import InputError
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate

Measure = Literal["accuracy", "balanced_accuracy"]


def paired_difference(
    a: Predictions, b: Predictions, measure: Measure, spec: EvaluationSpec
) -> Estimate:
    """Return `measure` of `a` minus that of `b`, with a percentile interval over patients.

    Both answers to an image are drawn together, so what makes an image hard cancels. Patients are
    drawn within the rarest class they carry (Field & Welsh 2007, JRSS B 69:369).

    Args:
        a: Predictions of one model.
        b: Of the other, on the same images in the same order.
        measure: ``accuracy``, or ``balanced_accuracy`` over the classes that occur.
        spec: Level, resamples and seed.

    Raises:
        InputError: The tables are not of the same images, truths and classes.
    """
    if a.classes != b.classes or not _same_cases(a, b):
        raise InputError("paired comparison: the two tables are not of the same images")
    right = np.stack([a.answer == a.target, b.answer == b.target]).astype(float)
    content = np.column_stack([a.target, right.T])
    patient = canonical_patients(a.patients, content)
    m, k = int(patient.max()) + 1, len(a.classes)
    cells = patient * k + a.target
    totals = np.bincount(cells, minlength=m * k).reshape(m, k).astype(float)
    hits = np.stack([np.bincount(cells, r, m * k).reshape(m, k) for r in right]).astype(float)
    value = float(_difference(hits, totals, np.ones((m, 1)), measure)[0])
    replicates = np.full(spec.resamples, np.nan)
    if m > 1:
        strata = rarest_label(patient, a.target, m, k)
        for place, weights in draws(strata, spec.resamples, spec.seed):
            replicates[place] = _difference(hits, totals, weights, measure)
    found = percentile(replicates, spec.level)
    defined = not np.isnan(found.low)
    method = f"paired patient bootstrap, percentile, B={spec.resamples}, seed={spec.seed}"
    return Estimate(
        metric=f"difference in {measure}",
        value=value,
        low=min(found.low, value) if defined else None,
        high=max(found.high, value) if defined else None,
        level=spec.level,
        method=f"{method}, dropped={found.dropped}",
        unit="patient",
        n_images=len(a),
        n_patients=m,
        reason="" if defined else "too few patients to resample",
    )


def _same_cases(a: Predictions, b: Predictions) -> bool:
    same = len(a) == len(b) and list(a.frame["sample_id"]) == list(b.frame["sample_id"])
    return same and bool((a.target == b.target).all())


def _difference(
    hits: Floats, totals: Floats, weights: NDArray[np.floating], measure: Measure
) -> Floats:
    """Return the difference in each replicate, ``(b,)``.

    Args:
        hits: ``(2, m, k)`` right answers of each model by patient and class.
        totals: ``(m, k)`` images by patient and class.
        weights: ``(m, b)`` how often each patient counts.
        measure: What is differed.
    """
    n = totals.T @ weights
    right = np.einsum("jmk,mb->jkb", hits, weights)
    if measure == "accuracy":
        share = right.sum(axis=1) / n.sum(axis=0)
        return np.asarray(share[0] - share[1], dtype=np.float64)
    occurs = totals.sum(axis=0) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right[:, occurs] / n[occurs]
    balanced = recall.mean(axis=1)  # NaN where a class vanished: dropped and counted
    return np.asarray(balanced[0] - balanced[1], dtype=np.float64)
