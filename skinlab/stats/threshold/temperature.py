"""Validation predictions -> one temperature; a temperature and predictions -> rescaled ones.

The logarithms of the stored probabilities stand for the logits (they differ by a constant of the
image, which softmax does not see): ``p_c(T) = p_c**(1/T) / sum_j p_j**(1/T)``. T > 1 makes answers
less certain, T < 1 more. The order of the classes of an image does not change, so neither does its
answer.

Source: Guo, Pleiss, Sun & Weinberger (2017) ICML, sec. 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from skinlab.stats.calibration import SMALLEST
from skinlab.stats.counts import Floats, Ints
from skinlab.tables.predictions import Predictions

COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Temperature:
    """A temperature and how it came to be.

    Attributes:
        value: T > 0; 1 changes nothing.
        log_loss_before: Mean of ``-ln p_truth`` on the table that chose it, at T = 1.
        log_loss_after: The same at T.
        n: Images of that table.
        reason: Why T is no minimum but 1, or a border of [0.05, 20]; empty otherwise.
    """

    value: float
    log_loss_before: float
    log_loss_after: float
    n: int
    reason: str = ""


def fit_temperature(probabilities: Floats, target: Ints) -> Temperature:
    """Return the temperature that minimizes the log loss.

    In 1/T the log loss is convex, so its slope has at most one zero: it is found by bisection
    between the borders, or lies beyond one of them. It is beyond the cold one when every answer is
    right (more certainty is always better), beyond the hot one when the answers tell nothing.

    Args:
        probabilities: ``(n, k)``, rows sum to 1; values below 1e-15 count as 1e-15.
        target: ``(n,)`` class of the truth; at least one image.
    """
    if not len(target):
        raise ValueError("no image to fit a temperature on")
    logits = _logits(probabilities)
    truth = logits[np.arange(len(target)), target]

    def slope(inverse: float) -> float:
        """Derivative of the mean log loss with respect to 1/T."""
        expected = (special.softmax(inverse * logits, axis=1) * logits).sum(axis=1)
        return float((expected - truth).mean())

    reason = ""
    cold, hot = slope(1 / COLDEST), slope(1 / HOTTEST)
    if cold <= 0 <= hot:  # convex, so flat
        value = 1.0
        reason = "every T has the same log loss"
    elif cold <= 0:
        value = COLDEST
        reason = (
            f"every T above {COLDEST} has a larger log loss: the answers are (nearly) all right"
        )
    elif hot >= 0:
        value = HOTTEST
        reason = f"every T below {HOTTEST} has a larger log loss: the answers tell (nearly) nothing"
    else:
        value = 1 / float(optimize.brentq(slope, 1 / HOTTEST, 1 / COLDEST, xtol=1e-13, rtol=1e-13))
    return Temperature(
        value, _log_loss(logits, target, 1.0), _log_loss(logits, target, value), len(target), reason
    )


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities at a temperature, ``(n, k)``; rows sum to 1."""
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0, not {temperature}")
    rescaled: Floats = special.softmax(_logits(probabilities) / temperature, axis=1)
    return rescaled


def rescaled(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions at a temperature; ids and truth stay."""
    return replace(predictions, probabilities=tempered(predictions.probabilities, temperature))


def _logits(probabilities: Floats) -> Floats:
    logits: Floats = np.log(np.clip(probabilities, SMALLEST, None))
    return logits


def _log_loss(logits: Floats, target: Ints, temperature: float) -> float:
    chosen = special.log_softmax(logits / temperature, axis=1)[np.arange(len(target)), target]
    return float(-chosen.mean())
