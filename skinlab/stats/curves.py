"""Cases -> ROC curves and reliability curves, small enough to be stored in a report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from skinlab.stats import calibration
from skinlab.stats.cases import Cases
from skinlab.stats.counts import Floats, Ints
from skinlab.stats.proportion import NAMES, effective_trials, proportion_limits
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.report import ReliabilityBin, ReliabilityCurve, RocCurve

POINTS = 200
POINTS_OF_ALL = 2000
FEWEST_POINTS = 60
CLASS_BINS = 10
ANSWER_RULE = f"{calibration.BINS} bins of equal width, (low, high]"
CLASS_RULE = f"up to {CLASS_BINS} bins of equally many images, (low, high], ties together"


def roc_curves(cases: Cases, tree_level: str) -> Iterator[RocCurve]:
    """Yield the ROC curve of each class that has images on both sides.

    Of several repetitions the mean sensitivity at each false positive rate, whose area is the mean
    AUROC. Numbers have six digits; a curve has at most 200 points, of many classes fewer.
    """
    most = int(np.clip(POINTS_OF_ALL // len(cases.classes), FEWEST_POINTS, POINTS))
    for c, name in enumerate(cases.classes):
        positive, score = cases.target == c, cases.probabilities[:, c]
        n = int(positive.sum())
        if n in (0, len(positive)):
            continue
        if cases.repeats == 1:
            points = thinned(roc_points(positive, score), most)
        else:
            parts = [cases.rows(r) for r in range(cases.repeats)]
            sided = [rows for rows in parts if 0 < positive[rows].sum() < rows.sum()]
            points = mean_points([roc_points(positive[r], score[r]) for r in sided], most)
        yield RocCurve(
            tree_level=tree_level,
            class_name=name,
            n_positive=round(n / cases.repeats),
            n_negative=round((len(positive) - n) / cases.repeats),
            false_positive_rate=tuple(_short(x) for x in points[0]),
            true_positive_rate=tuple(_short(x) for x in points[1]),
            threshold=tuple(_short(x) if np.isfinite(x) else None for x in points[2]),
        )


def roc_points(positive: NDArray[np.bool_], score: Floats) -> Floats:
    """Return the corners of the ROC curve.

    Args:
        positive: ``(n,)``, both sides with images.
        score: ``(n,)``, larger = more positive.

    Returns:
        ``(3, p)``: false positive rate, true positive rate and threshold (called where the score
        is at least this; infinite at the first point), from (0, 0) to (1, 1).
    """
    scores, place = np.unique(-score, return_inverse=True)
    hits = np.append(0, np.cumsum(np.bincount(place, positive, len(scores))))
    alarms = np.append(0, np.cumsum(np.bincount(place, ~positive, len(scores))))
    right, up = np.diff(alarms), np.diff(hits)
    turns = right[:-1] * up[1:] != right[1:] * up[:-1]
    kept = np.concatenate([[True], turns, [True]])
    table = [alarms / alarms[-1], hits / hits[-1], np.append(np.inf, -scores)]
    return np.stack(table)[:, kept].astype(float)


def thinned(points: Floats, most: int = POINTS) -> Floats:
    """Return at most so many points of a curve, evenly along its way, the ends included.

    No point left out is further than ``4 / most`` from one that is kept, counted along both axes.
    """
    if points.shape[1] <= most:
        return points
    way = points[0] + points[1]
    wanted = np.linspace(0, way[-1], most)
    return points[:, np.unique(np.searchsorted(way, wanted).clip(max=len(way) - 1))]


def mean_points(parts: list[Floats], most: int = POINTS) -> Floats:
    """Return the mean of several curves at the same false positive rates, without thresholds."""
    steps = np.linspace(0, 1, most - 1) ** 2  # closer together where curves are steep
    below = [np.interp(steps, part[0] + 1e-12 * part[1], part[1]) for part in parts]
    start = np.mean([part[1][part[0] == 0].max() for part in parts])
    rates = np.concatenate([[0.0, 0.0], steps[1:]])
    mean = np.concatenate([[0.0, start], np.mean(below, axis=0)[1:]])
    return np.stack([rates, mean, np.full(len(rates), np.nan)])


def reliability_curves(
    cases: Cases, tree_level: str, spec: EvaluationSpec
) -> Iterator[ReliabilityCurve]:
    """Yield the curve of the answers, then of the probability of each class that occurs.

    The bins of the answers are those of the expected calibration error. Repetitions are pooled;
    the images of a patient, in whatever repetition, are one cluster.
    """
    confidence = cases.probabilities.max(axis=1)
    bins = calibration.equal_width_bins(confidence)
    edges = np.arange(calibration.BINS + 1) / calibration.BINS
    jobs = [("", ANSWER_RULE, confidence, cases.answer == cases.target, bins, edges)]
    for c, name in enumerate(cases.classes):
        if cases.carriers[c]:
            score = cases.probabilities[:, c]
            bins = calibration.equal_mass_bins(score, CLASS_BINS)
            tops = [score[bins == b].max() for b in range(int(bins.max()) + 1)]
            edges = np.append(0.0, tops)
            jobs.append((name, CLASS_RULE, score, cases.target == c, bins, edges))
    for name, rule, score, came_true, bins, edges in jobs:
        rows = [
            _bin(cases, spec, score, came_true, bins == b, (edges[b], edges[b + 1]))
            for b in np.unique(bins).tolist()
        ]
        yield ReliabilityCurve(
            tree_level, name, rule, _method(cases, spec), spec.level, tuple(rows)
        )


def _bin(
    cases: Cases,
    spec: EvaluationSpec,
    score: Floats,
    came_true: NDArray[np.bool_],
    rows: NDArray[np.bool_],
    edges: tuple[float, float],
) -> ReliabilityBin:
    patient: Ints = cases.patient[rows]
    trials = np.bincount(patient).astype(float)
    held = trials > 0
    successes = np.bincount(patient, came_true[rows])[held].astype(float)
    trials, m = trials[held], int(held.sum())
    share = float(successes.sum() / trials.sum())
    if cases.images == cases.patients and cases.repeats == 1:
        n = float(trials.sum())
    elif share in (0.0, 1.0) or m < 2:
        n = float(m)
    else:
        n = effective_trials(successes, trials, spec.level)
    limits = proportion_limits(spec.interval, min(n, share * n), n, spec.level)
    low, high = (_short(x) for x in limits)
    return ReliabilityBin(
        low=_short(edges[0]),
        high=_short(edges[1]),
        n_images=round(trials.sum() / cases.repeats),
        n_patients=m,
        confidence=_short(np.sort(score[rows]).mean()),
        observed=_short(share),
        observed_low=min(low, _short(share)) if m > 1 else None,
        observed_high=max(high, _short(share)) if m > 1 else None,
    )


def _method(cases: Cases, spec: EvaluationSpec) -> str:
    name = NAMES[spec.interval]
    if cases.images == cases.patients and cases.repeats == 1:
        return name
    return f"{name} on the effective number of images of each bin; at 0 and 1 on its patients"


def _short(x: float) -> float:
    return float(f"{x:.6g}")
