"""Images -> lesions or patients: the mean probability over the images of each.

A lesion or patient whose images have different truths at a level is no case of one class: it is
left out there and counted. It may be a case again at a coarser level, where the truths agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinlab.stats.counts import Floats, Ints
from skinlab.stats.spec import Aggregate
from skinlab.tables.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Aggregation:
    """Lesions or patients of a table, at the level of its classes.

    Attributes:
        unit: ``lesion`` or ``patient``.
        predictions: One row each (and repetition).
        repeat: ``(n,)`` number of the repetition of each row.
        found: Lesions or patients in the table.
        mixed: Those left out because their images have different truths.
        nameless: Images without a lesion id, each of which stands for a lesion of its own.
    """

    unit: Aggregate
    predictions: Predictions
    repeat: Ints
    found: int
    mixed: int
    nameless: int = 0


def aggregate(predictions: Predictions, repeat: Ints, unit: Aggregate) -> Aggregation | None:
    """Return the mean over the images of each lesion or patient.

    Args:
        predictions: One row an image and repetition.
        repeat: ``(n,)`` number of the repetition.
        unit: What an image belongs to. Lesions with the same id of two patients are two.

    Returns:
        None where each lesion or patient has one image, or no lesion is named: nothing would
        differ from the table itself.
    """
    named = np.ones(len(predictions), bool)
    key = predictions.patients
    if unit == "lesion":
        lesions = predictions.frame.get("lesion_id", pd.Series("", predictions.frame.index))
        named = lesions.to_numpy() != ""
        own = np.where(named, lesions, predictions.frame["sample_id"])
        names = zip(predictions.patients.tolist(), named.tolist(), own, strict=True)
        key = pd.factorize(pd.Series(list(names), dtype=object))[0].astype(np.int64)
    units = int(key.max()) + 1
    cells, group = np.unique(repeat * units + key, return_inverse=True)
    if not named.any() or len(cells) == len(predictions):
        return None
    first = np.full(len(cells), len(predictions.classes))
    last = np.full(len(cells), -1)
    np.minimum.at(first, group, predictions.target)
    np.maximum.at(last, group, predictions.target)
    pure = first == last
    patient = np.zeros(len(cells), np.int64)
    patient[group] = predictions.patients
    frame = pd.DataFrame(
        {
            "sample_id": cells[pure].astype(str),
            "patient_id": patient[pure].astype(str),
            "target": [predictions.classes[c] for c in first[pure]],
        }
    )
    table = _means(predictions.probabilities, group, len(cells))[pure]
    return Aggregation(
        unit=unit,
        predictions=Predictions(frame, table, predictions.classes, predictions.path),
        repeat=(cells // units)[pure].astype(np.int64),
        found=units,
        mixed=len(np.unique((cells % units)[~pure])),
        nameless=len(np.unique(key[~named])),
    )


def _means(table: Floats, group: Ints, groups: int) -> Floats:
    # Summed in an order of their own, so that the order of rows changes no last digit.
    order = np.lexsort((*table.T, group))
    sums = np.zeros((groups, table.shape[1]))
    np.add.at(sums, group[order], table[order])
    return sums / np.bincount(group, minlength=groups)[:, None]
