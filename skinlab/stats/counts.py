"""Counts of truth and answer -> sensitivity, specificity, PPV, NPV, F1, accuracy, MCC, kappa.

Everything here needs only the correct answers, the images and the answers of each class (not the
whole confusion matrix), and takes any number of replicates at once. Undefined is NaN: a quotient
by 0 is never 0 or 1. Average over classes = over the classes that occur in the truth.

Per-class *sensitivity* is the recall that the literature of this field calls "accuracy of a
diagnosis"; per-class *accuracy* here is one-versus-rest (both kinds of right answers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIOS = ("sensitivity", "specificity", "ppv", "npv", "accuracy")


def confusion_counts(target: Ints, answer: Ints, k: int) -> Ints:
    """Return the confusion matrix.

    Args:
        target: ``(n,)`` class of the truth in ``0..k-1``.
        answer: ``(n,)`` class of the answer.
        k: Number of classes.

    Returns:
        ``(k, k)``, rows truth, columns answer.
    """
    cells = np.bincount(target * k + answer, minlength=k * k).astype(np.int64)
    return cells.reshape(k, k)


@dataclass(frozen=True, eq=False)
class Counts:
    """What the confusion-based metrics need.

    Attributes:
        correct: ``(k, ...)`` images of each class that were answered with it.
        truth: ``(k, ...)`` images of each class.
        answered: ``(k, ...)`` images answered with each class.
    """

    correct: Floats
    truth: Floats
    answered: Floats

    @property
    def n(self) -> Floats:
        """All images, ``(...)``."""
        total: Floats = self.truth.sum(axis=0)
        return total

    def ratio(self, metric: str) -> tuple[Floats, Floats]:
        """Return numerator and denominator of a proportion of each class, ``(k, ...)`` each.

        Args:
            metric: One of `RATIOS`.
        """
        rejected = self.n - self.truth - self.answered + self.correct
        parts = {
            "sensitivity": (self.correct, self.truth),
            "specificity": (rejected, self.n - self.truth),
            "ppv": (self.correct, self.answered),
            "npv": (rejected, self.n - self.answered),
            "accuracy": (self.correct + rejected, self.n + 0 * self.truth),
        }
        return parts[metric]

    def f1(self) -> Floats:
        """F1 of each class, ``(k, ...)``; undefined for a class that does not occur."""
        score = quotient(2 * self.correct, self.truth + self.answered)
        return np.where(self.truth > 0, score, np.nan)

    def accuracy(self) -> Floats:
        """Share of correct answers, ``(...)``."""
        return quotient(self.correct.sum(axis=0), self.n)

    def mcc(self) -> Floats:
        """Matthews correlation of k classes (Gorodkin 2004), ``(...)``.

        Undefined where all images have one class, or all answers are the same.
        """
        correct, n = self.correct.sum(axis=0), self.n
        covariance = correct * n - (self.truth * self.answered).sum(axis=0)
        spread_truth = n**2 - (self.truth**2).sum(axis=0)
        spread_answer = n**2 - (self.answered**2).sum(axis=0)
        return quotient(covariance, np.sqrt(spread_truth * spread_answer))

    def kappa(self) -> Floats:
        """Cohen's kappa, unweighted, ``(...)``; undefined where chance alone agrees fully."""
        n = self.n
        chance = quotient((self.truth * self.answered).sum(axis=0), n**2)
        return quotient(self.accuracy() - chance, 1 - chance)

    def weighted_kappa(self, distance: Floats, power: int) -> Floats:
        """Cohen's weighted kappa of classes in order, ``(...)``; undefined as in `kappa`.

        Args:
            distance: ``(...)`` sum over images of ``|answer - truth| ** power``, in steps.
            power: 1 for linear weights, 2 for quadratic ones.
        """
        steps = np.arange(len(self.truth))
        weight = np.abs(steps[:, None] - steps).astype(float) ** power
        chance = np.einsum("i...,ij,j...->...", self.truth, weight, self.answered)
        return 1 - quotient(distance * self.n, chance)


def quotient(top: Floats, bottom: Floats) -> Floats:
    """Divide; NaN where the denominator is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    out: Floats = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def average(values: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """Return the mean over the chosen classes, ``(...)``; NaN where one of them is NaN.

    Args:
        values: ``(k, ...)``.
        chosen: ``(k,)`` the classes that are averaged, the same in every replicate.
    """
    if not chosen.any():
        return np.full(values.shape[1:], np.nan)
    mean: Floats = values[chosen].mean(axis=0)
    return mean
