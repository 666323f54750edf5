"""Predictions -> EvaluationReport: every metric with its interval, at every level of the tree."""

from __future__ import annotations

import numpy as np

from skinlab.stats.cases import Cases, folded_levels, repetitions
from skinlab.stats.intervals import LevelEstimates
from skinlab.stats.proportion import design_effect
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.statistics import Statistics, point_values, replicates
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport


def evaluate(
    predictions: Predictions,
    tree: LabelTree | None = None,
    *,
    split: str = "test",
    spec: EvaluationSpec | None = None,
) -> EvaluationReport:
    """Evaluate a table of predictions, from skinlab's models or anyone's.

    At each level of the tree that the classes can be folded to (probabilities are summed over
    leaves, then the largest is the answer), per class and overall. Stacked folds, where each image
    occurs once, are one table. Images that occur several times (training seeds, told apart by the
    column ``seed`` or ``run_id``) are averaged over seeds, never pooled as independent images; the
    spread over seeds stands beside the interval.

    Args:
        predictions: One row an image.
        tree: Label tree; None evaluates the classes as they are.
        split: What the table is, for the report: ``test``, ``val``, a name.
        spec: Confidence level, resamples, seed, interval.

    Returns:
        The report; independent of the order of rows and of patients' names.

    Raises:
        InputError: No rows, classes that are not in the tree, an image that occurs twice.
    """
    spec = spec or EvaluationSpec()
    repeat, names = repetitions(predictions)
    estimates: list[Estimate] = []
    matrices: list[ConfusionMatrix] = []
    notes = list(_table_notes(predictions, tree, names))
    for level, folded in folded_levels(predictions, tree):
        cases = Cases.of(folded, repeat)
        found = _level(cases, level, spec)
        estimates += found.estimates()
        matrices.append(_matrix(cases, level, tree))
        notes += _level_notes(cases, level, spec)
    fingerprints = {"predictions": predictions.fingerprint}
    if tree is not None:
        fingerprints["labels"] = tree.fingerprint
    return EvaluationReport(
        split=split,
        positive=tree.positive if tree else "",
        estimates=tuple(estimates),
        confusion=tuple(matrices),
        fingerprints=fingerprints,
        notes=tuple(dict.fromkeys(notes)),
    )


def _level(cases: Cases, level: Level, spec: EvaluationSpec) -> LevelEstimates:
    statistics = [Statistics(cases, repeat) for repeat in range(cases.repeats)]
    stratified = cases.has_rare_class(spec.few_patients)
    drawn = replicates(cases, statistics, spec.resamples, spec.seed, stratified=stratified)
    return LevelEstimates(
        cases=cases,
        tree_level=level,
        spec=spec,
        statistics=statistics,
        values=point_values(statistics),
        replicates=drawn,
        stratified=stratified,
    )


def _matrix(cases: Cases, level: Level, tree: LabelTree | None) -> ConfusionMatrix:
    group = {leaf.at(level): leaf.group for leaf in tree.leaves} if tree else {}
    return ConfusionMatrix(
        tree_level=level,
        classes=cases.classes,
        blocks=tuple(group.get(name, "") for name in cases.classes),
        counts=tuple(tuple(int(c) for c in row) for row in cases.confusion),
        repeats=cases.repeats,
    )


def _table_notes(
    predictions: Predictions, tree: LabelTree | None, names: tuple[str, ...]
) -> list[str]:
    notes = []
    if tree is not None:
        notes.append(
            f"Positive class: {tree.positive}. The sensitivity of a class is its recall; "
            "one-versus-rest accuracy counts both kinds of right answers."
        )
    nameless = int((predictions.frame["patient_id"] == "").sum())
    if nameless:
        notes.append(
            f"{nameless} of {len(predictions)} rows have no patient id: each lesion, or image, "
            "counts as a patient of its own, so intervals may be too narrow."
        )
    if len(names) > 1:
        notes.append(
            f"Mean over {len(names)} training seeds ({', '.join(names)}) on the same images; "
            "intervals resample seeds and patients, the SD over seeds stands beside them. "
            "Confusion matrices are summed over seeds."
        )
    return notes


def _level_notes(cases: Cases, level: Level, spec: EvaluationSpec) -> list[str]:
    notes = []
    carriers = dict(zip(cases.classes, cases.carriers.tolist(), strict=True))
    if cases.images > cases.patients:
        right = np.bincount(cases.patient, cases.answer == cases.target) / cases.repeats
        images = np.bincount(cases.patient) / cases.repeats
        effect = design_effect(right, images)
        size = "" if np.isnan(effect) else f"; design effect of accuracy {effect:.2f}"
        notes.append(
            f"{level}: {cases.images} images of {cases.patients} patients: images of a patient "
            f"are not independent, so intervals resample patients{size}."
        )
    if absent := [name for name, n in carriers.items() if n == 0]:
        rest = len(carriers) - len(absent)
        notes.append(
            f"{level}: averages are over {rest} of {len(carriers)} classes; no image of "
            f"{', '.join(absent)}."
        )
    if few := [f"{name} ({n})" for name, n in carriers.items() if 0 < n < spec.few_patients]:
        notes.append(
            f"{level}: fewer than {spec.few_patients} patients carry {', '.join(few)}: "
            "read these numbers, and averages over classes, with care."
        )
    return notes
