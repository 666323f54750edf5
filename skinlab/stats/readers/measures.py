"""Who was right where, readers and model -> one measure with its interval, and their difference.

The rules stand in `stats.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.bootstrap import draws, expanded_level, percentile
from skinlab.stats.counts import Floats, Ints, quotient
from skinlab.stats.paired.proportion import PairedCounts, newcombe_paired
from skinlab.stats.paired.tests import label_swap
from skinlab.stats.proportion import NAMES, design_effect, effective_trials, proportion_limits
from skinlab.stats.readers.panel import NOT_ANSWERED, Panel
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.report import Estimate

Bools = NDArray[np.bool_]
NOTHING = {
    "sensitivity": "n = 0: no positive case was answered",
    "specificity": "n = 0: no negative case was answered",
    "accuracy": "n = 0: no diagnosis was answered",
}
FEW_READERS = 3


@dataclass(frozen=True)
class Difference:
    """Reader minus model on the same cases.

    Attributes:
        estimate: The difference with its interval.
        only_reader: Cases that only the reader had right.
        only_model: Cases that only the model had right.
        p_exact: Two-sided, exact; None where there is no case.
        p_mid: Mid-p.
        p_holm: `p_exact` after Holm over the readers.
        test: Name of the test.
    """

    estimate: Estimate
    only_reader: int = 0
    only_model: int = 0
    p_exact: float | None = None
    p_mid: float | None = None
    p_holm: float | None = None
    test: str = ""


@dataclass(frozen=True, eq=False)
class Held:
    """Who was right where, for one measure.

    Attributes:
        counted: ``(r, n)`` cases of the measure (positive ones, for sensitivity) with an answer.
        right: ``(r, n)`` those answered rightly.
        model: ``(n,)`` where the model is right.
    """

    counted: Bools
    right: Bools
    model: Bools


def held_by(panel: Panel, measure: str) -> Held:
    """Return who was right where for ``sensitivity``, ``specificity`` or ``accuracy``."""
    counted, model = model_held(panel, measure)
    if measure == "accuracy":
        answered, right = panel.named != "", panel.named == panel.truth
    else:
        answered, right = panel.called != NOT_ANSWERED, panel.called == panel.sick
    return Held(answered & counted, right & counted & answered, model)


def model_held(panel: Panel, measure: str) -> tuple[Bools, Bools]:
    """Return ``(n,)`` which cases a measure is of, and where the model is right."""
    if measure == "accuracy":
        return np.ones(len(panel.truth), dtype=bool), panel.model == panel.truth
    counted = panel.sick if measure == "sensitivity" else ~panel.sick
    return counted, (panel.alarm == panel.sick) & counted


def proportion(
    measure: str, counted: Bools, right: Bools, patient: Ints, spec: EvaluationSpec
) -> Estimate:
    """Return the share of counted cases that are right, with the interval its cases deserve.

    Args:
        measure: Name of the share.
        counted: ``(n,)`` the denominator.
        right: ``(n,)`` the numerator, where counted.
        patient: ``(n,)`` patient of each case.
        spec: Level, resamples, seed, interval of a proportion.
    """
    hits, trials = _by_patient(counted & right, patient), _by_patient(counted, patient)
    hits, trials = hits[trials > 0], trials[trials > 0]
    m, n = len(trials), int(trials.sum())
    about: dict[str, Any] = {"metric": measure, "n_images": n, "n_patients": m}
    about["level"] = spec.level
    if not n:
        return Estimate(value=None, low=None, high=None, reason=NOTHING[measure], **about)
    value, name = float(hits.sum() / n), NAMES[spec.interval]
    if m == 1:
        reason = "one patient: no interval"
        return Estimate(value=value, low=None, high=None, reason=reason, **about)
    if n == m:
        size, method = float(n), name
    elif value in (0.0, 1.0):
        size, method = float(m), f"{name} on {m} patients (estimate is {value:.0f})"
    elif m < spec.few_patients:
        size = effective_trials(hits, trials, spec.level)
        effect = design_effect(hits, trials)
        method = f"{name} on effective n = {size:.1f} (few patients; design effect {effect:.2f})"
    else:
        return _resampled(about, value, hits, trials, spec)
    about |= {"unit": "image" if n == m else "patient", "method": method}
    low, high = proportion_limits(spec.interval, value * size, size, spec.level)
    return Estimate(value=value, low=low, high=high, **about)


def _resampled(
    about: dict[str, Any], value: float, tops: Floats, trials: Floats, spec: EvaluationSpec
) -> Estimate:
    """Return a ratio of sums over patients with its patient bootstrap interval."""
    replicates = np.full(spec.resamples, np.nan)
    for place, weights in draws(np.zeros(len(trials), np.int64), spec.resamples, spec.seed):
        replicates[place] = quotient(tops @ weights, trials @ weights)
    method = "patient bootstrap, expanded percentile"
    return percentiles(about, value, replicates, (len(trials), method), spec)


def percentiles(
    about: dict[str, Any],
    value: float,
    replicates: Floats,
    deciding: tuple[int, str],
    spec: EvaluationSpec,
) -> Estimate:
    """Return an estimate with the expanded percentile interval of its replicates.

    Args:
        about: Other fields of the estimate.
        value: The estimate itself.
        replicates: ``(b,)``; NaN where undefined.
        deciding: Patients that decide the value, and the method in words.
        spec: Level, resamples and seed.
    """
    found = percentile(replicates, expanded_level(spec.level, deciding[0]))
    method = f"{deciding[1]}, B = {spec.resamples}, seed {spec.seed}"
    if found.dropped:
        method += f", {found.dropped} undefined resamples dropped"
    about = about | {"unit": "patient", "method": method}
    if np.isnan(found.low) or found.low == found.high:
        reason = "every resample gives the same value"
        if np.isnan(found.low):
            reason = f"{found.dropped} of {spec.resamples} resamples are undefined"
        return Estimate(value=value, low=None, high=None, reason=reason, **about)
    return Estimate(value=value, low=min(found.low, value), high=max(found.high, value), **about)


def paired(measure: str, held: Held, r: int, patient: Ints, spec: EvaluationSpec) -> Difference:
    """Return reader `r` minus model on the cases that the reader answered."""
    counted = held.counted[r]
    reader, model = held.right[r][counted], held.model[counted]
    people = patient[counted]
    n, m = len(reader), len(set(people.tolist()))
    about: dict[str, Any] = {"metric": f"difference in {measure}", "n_images": n, "n_patients": m}
    about["level"] = spec.level
    if not n:
        reason = NOTHING[measure]
        return Difference(Estimate(value=None, low=None, high=None, reason=reason, **about))
    only = int((reader & ~model).sum()), int((~reader & model).sum())
    value = (only[0] - only[1]) / n
    people = np.unique(people, return_inverse=True)[1]
    gaps = _by_patient(reader, people) - _by_patient(model, people)
    if m == 1:
        reason = "one patient: no interval"
        estimate = Estimate(value=value, low=None, high=None, reason=reason, **about)
    elif n == m:
        both = int((reader & model).sum())
        counts = PairedCounts(both, only[0], only[1], n - both - sum(only))
        low, high = newcombe_paired(counts, spec.level)
        estimate = Estimate(value=value, low=low, high=high, method="Newcombe, paired", **about)
    else:
        estimate = _resampled(about, value, gaps, _by_patient(np.ones(n, bool), people), spec)
    test = label_swap(gaps.astype(np.int64))
    name = "McNemar" if n == m else "exact label swap by patient"
    return Difference(estimate, only[0], only[1], test.exact, test.mid, None, name)


def _by_patient(which: Bools, patient: Ints) -> Floats:
    return np.bincount(patient, which).astype(float)


def means(
    panel: Panel, held: Held, measure: str, spec: EvaluationSpec
) -> tuple[Estimate, Estimate]:
    """Return the mean over readers of a measure, and of reader minus model."""
    m = panel.patients
    trials = np.stack([_padded(row, panel.patient, m) for row in held.counted])
    kept = trials.sum(axis=1) > 0
    about: dict[str, Any] = {"n_images": int(held.counted.any(axis=0).sum()), "level": spec.level}
    about["n_patients"] = len(set(panel.patient[held.counted.any(axis=0)].tolist()))
    names = measure, f"difference in {measure}"
    if not kept.any():
        blank: dict[str, Any] = {
            "value": None,
            "low": None,
            "high": None,
            "reason": NOTHING[measure],
        }
        first, second = (Estimate(metric=name, **blank, **about) for name in names)
        return first, second
    tops = np.stack([_padded(row, panel.patient, m) for row in held.right])[kept]
    theirs = np.stack([_padded(held.model & row, panel.patient, m) for row in held.counted])[kept]
    first, second = (
        _mean(about | {"metric": name}, top, trials[kept], spec)
        for name, top in zip(names, (tops, tops - theirs), strict=True)
    )
    return first, second


def _padded(which: Bools, patient: Ints, patients: int) -> Floats:
    return np.bincount(patient, which, minlength=patients).astype(float)


def _mean(about: dict[str, Any], tops: Floats, trials: Floats, spec: EvaluationSpec) -> Estimate:
    """Return the mean of ``tops / trials`` (both ``(r, m)``) over readers, each counting once."""
    r, m = tops.shape
    value = float((tops.sum(axis=1) / trials.sum(axis=1)).mean())
    if about["n_patients"] == 1:
        reason = "one patient: no interval"
        return Estimate(value=value, low=None, high=None, reason=reason, **about)
    sampled = r >= FEW_READERS
    times = np.ones((spec.resamples, r))
    if sampled:
        rng = np.random.default_rng([spec.seed, 1])
        times = rng.multinomial(r, [1 / r] * r, size=spec.resamples).astype(float)
    replicates = np.full(spec.resamples, np.nan)
    for place, weights in draws(np.zeros(m, np.int64), spec.resamples, [spec.seed, 0]):
        shares = quotient(tops @ weights, trials @ weights)
        drawn = np.where(times[place].T > 0, shares * times[place].T, 0.0)
        replicates[place] = drawn.sum(axis=0) / r
    name = f"mean of {r} readers, readers and patients resampled, expanded percentile"
    if not sampled:
        name = f"mean of {r} reader(s), patients resampled only (too few readers to resample)"
    return percentiles(about, value, replicates, (about["n_patients"], name), spec)
