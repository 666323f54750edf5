"""Predictions + a manifest -> predictions with columns of the manifest, matched by sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.predictions import Predictions
from skinlab.tables.text import read_table


def join(
    predictions: Predictions,
    path: Path,
    columns: Sequence[str],
    identify: Callable[[str], str] | None = None,
) -> tuple[Predictions, int]:
    """Put columns of a manifest beside the predictions.

    Args:
        predictions: Named as in the manifest, or by pseudonym.
        path: The manifest: ``sample_id`` and the columns.
        columns: Which to take; they replace columns of the same name.
        identify: Sample id -> its pseudonym, asked where the id itself is not found.

    Returns:
        The predictions, and how many rows the manifest does not have (their cells are empty).

    Raises:
        InputError: The manifest lacks a column or repeats a sample, or has none of the images.
    """
    manifest = read_table(path, ("sample_id", *columns))
    again = manifest["sample_id"].duplicated()
    if again.any():
        line = int(manifest.index[again][0])
        what = f"sample_id {manifest['sample_id'][line]!r} stands there twice"
        raise InputError(Problem(what, "give each image an id of its own", path, line))
    place = {sample: i for i, sample in enumerate(manifest["sample_id"])}
    samples = [str(sample) for sample in predictions.frame["sample_id"]]
    if identify is not None and not set(samples) <= set(place):
        place = {identify(sample): i for sample, i in place.items()} | place
    rows = [place.get(sample, -1) for sample in samples]
    missing = rows.count(-1)
    if missing == len(rows):
        what = "has none of the images of the predictions"
        fix = "give the manifest they were made from, in the workspace that made them"
        raise InputError(Problem(what, fix, path))
    cells = {
        name: pd.Series(
            ["" if row < 0 else str(manifest[name].iloc[row]) for row in rows],
            index=predictions.frame.index,
            dtype=object,
        )
        for name in columns
    }
    return replace(predictions, frame=predictions.frame.assign(**cells)), missing
