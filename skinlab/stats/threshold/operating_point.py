"""Validation predictions and a rule -> a threshold; a threshold and predictions -> decisions.

An image is called positive when the probability of the positive group, summed over its classes, is
at least the threshold. That probability is the network's own, not rescaled by a temperature.

The candidates are the distinct probabilities of validation, and one above them all (nothing is
called positive); images with equal probabilities are called together. Probabilities are compared
to 12 digits, since sums over classes differ in the last bits with the order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.cases import DIGITS, folded_levels
from skinlab.stats.counts import Floats, quotient
from skinlab.stats.rank import Bools
from skinlab.stats.spec import OperatingPointSpec
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions

SLACK = 1e-12  # 19/20 reaches 0.95 whatever the last bit says
# Which of the thresholds that reach a target is taken: the one that is best on the other side.
HIGHEST_WINS = ("sensitivity", "npv")


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold and how it came to be.

    Attributes:
        threshold: From which probability on an image is positive; None where none can be chosen.
        rule: The rule it follows, in words.
        positive: The class or group that is called.
        sensitivity: Reached on the table that chose it; None without a positive image.
        specificity: Reached there; None without a negative image.
        n_positive: Positive images of that table.
        n_negative: Negative images of that table.
        reason: Why there is no threshold, or what is wrong with it; empty otherwise.
    """

    threshold: float | None
    rule: str
    positive: str
    sensitivity: float | None = None
    specificity: float | None = None
    n_positive: int = 0
    n_negative: int = 0
    reason: str = ""


def two_sides(
    predictions: Predictions, tree: LabelTree | None = None, positive: str = ""
) -> Predictions:
    """Return the predictions of the positive group (first) against everything else.

    Args:
        predictions: At any level of the tree.
        tree: Says which group is positive; None: `positive` is one of the classes.
        positive: The positive class where there is no tree.

    Raises:
        InputError: There is no tree and no such class, or no class of the tree is positive.
    """
    if tree is not None:
        predictions, positive = folded_levels(predictions, tree)[-1][1], tree.positive
    names = predictions.classes
    if positive not in names:
        what = f"positive class {positive!r} is none of {', '.join(names)}"
        fix = "give --labels TREE, or --positive CLASS"
        raise InputError(Problem(what, fix, predictions.path))
    rest = [name for name in names if name != positive]
    negative = rest[0] if len(rest) == 1 else f"not {positive}"
    matrix = np.zeros((len(names), 2))
    matrix[:, 1] = 1.0
    matrix[names.index(positive)] = (1.0, 0.0)
    return predictions.folded(matrix, (positive, negative))


def scores(sides: Predictions) -> Floats:
    """Return the probability of the positive side, ``(n,)``, to 12 digits."""
    score: Floats = sides.probabilities[:, 0].round(DIGITS)
    return score


def choose(sides: Predictions, spec: OperatingPointSpec) -> OperatingPoint:
    """Choose a threshold on validation predictions.

    Args:
        sides: Validation predictions from `two_sides`.
        spec: The rule.

    Returns:
        The point. Where no threshold reaches the target, the threshold is 0 (everything is called
        positive, nothing is missed) and the reason says so; where a side has no image and the rule
        needs it, there is no threshold.
    """
    positive, score = sides.target == 0, scores(sides)
    about = OperatingPoint(None, str(spec), sides.classes[0])
    about = replace(about, n_positive=int(positive.sum()), n_negative=int((~positive).sum()))
    if spec.rule == "threshold":
        return _reached(about, spec.value, positive, score)
    if missing := _missing(about, spec, sides.classes):
        return replace(about, reason=missing)
    thresholds, shares = curve(positive, score)
    if spec.rule == "youden":
        # Of equal sums the lowest threshold: it misses fewer of the positive.
        index = shares["sensitivity"] + shares["specificity"]
        place = int(np.flatnonzero(index >= index.max() - SLACK)[-1])
        return _reached(about, float(thresholds[place]), positive, score)
    reached = np.flatnonzero(shares[spec.rule] >= spec.value - SLACK)  # NaN reaches nothing
    if not len(reached):
        found = _reached(about, 0.0, positive, score)
        said = f"no threshold reaches {spec} on the choosing table; everything is called positive"
        return replace(found, reason=said)
    place = reached[0] if spec.rule in HIGHEST_WINS else reached[-1]
    found = _reached(about, float(thresholds[place]), positive, score)
    if found.sensitivity == 0:
        return replace(found, reason=f"{spec} is reached only where nothing is called positive")
    return found


def curve(positive: Bools, score: Floats) -> tuple[Floats, dict[str, Floats]]:
    """Return what each threshold reaches.

    Args:
        positive: ``(n,)``.
        score: ``(n,)``, larger = more positive.

    Returns:
        ``(t,)`` thresholds from high to low, the first above every score, and of each of
        sensitivity, specificity, PPV and NPV ``(t,)``; NaN where undefined.
    """
    levels = np.unique(score)[::-1]
    thresholds = np.concatenate([[np.nextafter(levels[0], np.inf)], levels])
    hits = _called(score[positive], thresholds)
    alarms = _called(score[~positive], thresholds)
    p, n = float(positive.sum()), float((~positive).sum())
    return thresholds, {
        "sensitivity": quotient(hits, np.full_like(hits, p)),
        "specificity": quotient(n - alarms, np.full_like(alarms, n)),
        "ppv": quotient(hits, hits + alarms),
        "npv": quotient(n - alarms, n - alarms + p - hits),
    }


def decided(sides: Predictions, point: OperatingPoint) -> Predictions:
    """Return the decisions as certain predictions: 1 for the side that is called.

    Args:
        sides: From `two_sides`, with the point's positive class first.
        point: With a threshold.
    """
    if point.threshold is None or sides.classes[0] != point.positive:
        raise ValueError("the operating point has no threshold, or is of another class")
    called = (scores(sides) >= point.threshold).astype(float)
    return replace(sides, probabilities=np.column_stack([called, 1 - called]))


def _called(score: Floats, thresholds: Floats) -> Floats:
    ordered = np.sort(score)
    called: NDArray[np.float64] = (len(score) - np.searchsorted(ordered, thresholds)).astype(float)
    return called


def _reached(
    about: OperatingPoint, threshold: float, positive: Bools, score: Floats
) -> OperatingPoint:
    called = score >= threshold
    hit = float(called[positive].mean()) if positive.any() else None
    passed = float((~called[~positive]).mean()) if (~positive).any() else None
    return replace(about, threshold=threshold, sensitivity=hit, specificity=passed)


def _missing(about: OperatingPoint, spec: OperatingPointSpec, names: tuple[str, ...]) -> str:
    """Say which side the rule cannot do without has no image."""
    needs_positive = spec.rule != "specificity"
    needs_negative = spec.rule != "sensitivity"
    if needs_positive and not about.n_positive:
        return f"no image of {names[0]!r} to choose a threshold on"
    if needs_negative and not about.n_negative:
        return f"no image of {names[1]!r} to choose a threshold on"
    if not about.n_positive + about.n_negative:
        return "no image to choose a threshold on"
    return ""
