"""Probability and truth of one class -> calibration slope and calibration-in-the-large.

The truth is regressed on the logit x of the probability, by logistic regression: the slope is b in
``logit P(true) = a + b x`` (1 is right, below 1 means too extreme probabilities), the
calibration-in-the-large is a in ``logit P(true) = a + x`` (0 is right, below 0 means too high ones;
many call it the calibration intercept). Probabilities are kept 1e-12 away from 0 and 1.

Under a weighting of patients both are corrected by one Newton step from the fit to all of them, so
that thousands of weightings cost one matrix product ("one-step bootstrap").

Sources: Cox (1958) Biometrika 45:562; Van Calster et al. (2016) J Clin Epidemiol 74:167; Moulton &
Zeger (1991) Comput Stat Data Anal 11:53 (one step).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import expit, logit

from skinlab.stats.counts import Floats, quotient

NEAREST = 1e-12
STEPS = 100


class Recalibration:
    """One class against the rest, ready to be weighted. Memory: nine numbers a patient."""

    def __init__(
        self,
        positive: NDArray[np.bool_],
        probability: Floats,
        patient: NDArray[np.int64],
        patients: int,
    ) -> None:
        """Fit both regressions to all images and keep each patient's part in them.

        Args:
            positive: ``(n,)`` whether the image has the class.
            probability: ``(n,)`` of the class.
            patient: ``(n,)`` number of its patient in ``0..patients-1``.
            patients: Number of patients.
        """
        x = logit(np.clip(probability, NEAREST, 1 - NEAREST))
        # In an order of their own, so that the order of rows changes no last digit.
        order = np.lexsort((patient, positive, x))
        x, y, patient = x[order], positive[order].astype(float), patient[order]
        # The regression is done around the mean, in units of the SD: same slope, better numbers.
        spread = float(x.std())
        self._scale = spread or 1.0
        z = (x - x.mean()) / self._scale
        self._fit = _logistic(z, y) if _overlap(x, positive[order]) else np.full(2, np.nan)
        self._large = _shift(x, y)
        parts = np.zeros((patients, 9))
        if not np.isnan(self._fit[0]):
            p = expit(self._fit[0] + self._fit[1] * z)
            v = p * (1 - p)
            terms = [y - p, (y - p) * z, v, v * z, v * z * z]
            parts[:, :5] = _by_patient(terms, patient, patients)
        if not np.isnan(self._large):
            p = expit(self._large + x)
            parts[:, 5:7] = _by_patient([y - p, p * (1 - p)], patient, patients)
        parts[:, 7:] = _by_patient([y, 1 - y], patient, patients)
        self._parts = parts

    def at(self, weights: NDArray[np.floating[Any]]) -> tuple[Floats, Floats]:
        """Return slope and calibration-in-the-large of each weighting.

        Args:
            weights: ``(patients, b)`` how often each patient was drawn.

        Returns:
            Two arrays ``(b,)``; NaN where one side is empty, for the slope also where the
            probabilities separate the class perfectly (no finite slope) or are all the same.
        """
        sums = self._parts.T @ np.asarray(weights, float)
        score, moment, v, vz, vzz, shift, information, yes, no = sums
        gone = (yes == 0) | (no == 0)
        step = quotient(v * moment - vz * score, v * vzz - vz**2)
        slope = (self._fit[1] + step) / self._scale
        large = self._large + quotient(shift, information)
        return np.where(gone, np.nan, slope), np.where(gone, np.nan, large)


def calibration_slope(positive: NDArray[np.bool_], probability: Floats) -> float:
    """Return the calibration slope; NaN where it is undefined (see `Recalibration.at`)."""
    one = Recalibration(positive, probability, np.zeros(len(positive), np.int64), 1)
    return float(one.at(np.ones((1, 1)))[0][0])


def calibration_in_the_large(positive: NDArray[np.bool_], probability: Floats) -> float:
    """Return the intercept at slope 1; NaN where one side is empty."""
    one = Recalibration(positive, probability, np.zeros(len(positive), np.int64), 1)
    return float(one.at(np.ones((1, 1)))[1][0])


def _overlap(x: Floats, positive: NDArray[np.bool_]) -> bool:
    """Whether a finite slope exists (Albert & Anderson 1984)."""
    yes, no = x[positive], x[~positive]
    if not len(yes) or not len(no) or x.min() == x.max():
        return False
    return bool(yes.min() < no.max() and no.min() < yes.max())


def _logistic(z: Floats, y: Floats) -> Floats:
    """Return intercept and slope of maximum likelihood, by Newton's steps, halved if they fail."""
    design = np.column_stack([np.ones_like(z), z])
    best = -np.inf
    beta: Floats = np.zeros(2)
    step: Floats = np.zeros(2)
    for _ in range(STEPS):
        line = design @ (beta + step)
        likelihood = float((y * line - np.logaddexp(0, line)).sum())
        if likelihood < best - 1e-12 * abs(best):
            step = step / 2
            continue
        beta, gain, best = beta + step, likelihood - best, likelihood
        p = expit(design @ beta)
        information = design.T @ (design * (p * (1 - p))[:, None])
        change, *_ = np.linalg.lstsq(information, design.T @ (y - p), rcond=None)
        step = np.asarray(change, float)
        if gain < 1e-13 * max(1.0, abs(best)) and float(np.abs(step).max()) < 1e-9:
            break
    fitted: Floats = beta + step
    return fitted


def _shift(x: Floats, y: Floats) -> float:
    """Return the constant that, added to the logits, makes the mean probability right."""
    if not 0 < y.mean() < 1:
        return np.nan
    return float(optimize.brentq(lambda a: (expit(x + a) - y).sum(), -60.0, 60.0, xtol=1e-13))


def _by_patient(terms: list[Floats], patient: NDArray[np.int64], patients: int) -> Floats:
    sums = [np.bincount(patient, term, patients) for term in terms]
    return np.column_stack(sums).astype(float)
