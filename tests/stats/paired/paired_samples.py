"""Two models' predictions of the same drawn images, for the tests of comparisons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from skinlab.stats.paired.cases import Arm
from skinlab.tables.predictions import Predictions

CLASSES = ("黒色腫", "nevus", "BCC")


def predictions(
    model: int, skill: float = 1.5, n: int = 120, patients: int = 60, data: int = 0
) -> Predictions:
    """Draw a model's answers; the same `data` are the same images, equally hard for every model.

    With as many patients as images, each image is a patient's only one. A patient has one truth.
    """
    rng = np.random.default_rng(data)
    truth = np.concatenate([np.arange(3), rng.choice(3, size=patients - 3, p=[0.5, 0.3, 0.2])])
    again = rng.integers(patients, size=n - patients)
    patient = np.concatenate([np.arange(patients), again])
    target = truth[patient]
    hard = rng.normal(size=(n, 3)) + rng.normal(size=(patients, 3))[patient]
    logits = hard + np.random.default_rng([model, data]).normal(size=(n, 3)) * 0.7
    logits[np.arange(n), target] += skill
    odds = np.exp(logits)
    frame = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(n)],
            "patient_id": [f"p{p}" for p in patient],
            "target": [CLASSES[t] for t in target],
        }
    )
    return Predictions(frame, odds / odds.sum(axis=1, keepdims=True), CLASSES, Path(f"{model}.csv"))


def arm(*models: int, skill: float = 1.5, n: int = 120, patients: int = 60, data: int = 0) -> Arm:
    """Return an arm of one model, or of several seeds."""
    tables = [predictions(m, skill, n, patients, data) for m in models]
    return Arm.of("-".join(map(str, models)), tables)
