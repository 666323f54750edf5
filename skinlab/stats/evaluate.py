"""Predictions -> EvaluationReport: every metric with its interval, at every level of the tree."""

from __future__ import annotations

from collections.abc import Iterator

from skinlab.stats.cases import Cases, folded_levels, repetitions
from skinlab.stats.counts import Ints
from skinlab.stats.curves import reliability_curves, roc_curves
from skinlab.stats.intervals import LevelEstimates
from skinlab.stats.notes import answer_notes, level_notes, prevalence_note, table_notes, unit_note
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.statistics import Metrics, Statistics, point_values, replicates
from skinlab.stats.units import Aggregation, aggregate
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import (
    Aggregated,
    ConfusionMatrix,
    Estimate,
    EvaluationReport,
    ReliabilityCurve,
    RocCurve,
)


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
    spread over seeds stands beside the interval. Where lesions or patients have several images, the
    main numbers are also given for the mean probability of each (`EvaluationSpec.units`).

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
    positive = tree.positive if tree else ""
    notes = table_notes(predictions, tree, names)
    if spec.prevalence is not None and tree is None:
        notes.append("A prevalence is given, but no label tree names the positive class: not used.")
    reliability: list[ReliabilityCurve] = []
    roc: list[RocCurve] = []
    for level, folded in folded_levels(predictions, tree):
        cases = Cases.of(folded, repeat)
        estimates += _level(cases, level, spec, positive).estimates()
        matrices.append(_matrix(cases, level, tree))
        notes += [*level_notes(cases, level, spec), *answer_notes(cases, level)]
        if level == "group" and spec.prevalence is not None and positive in cases.classes:
            notes.append(prevalence_note(cases, positive, spec.prevalence))
        reliability += reliability_curves(cases, level, spec)
        roc += roc_curves(cases, level)
        for aggregation in _aggregations(folded, repeat, spec):
            notes.append(unit_note(aggregation, level))
            estimates += _per_unit(aggregation, level, spec)
    fingerprints = {"predictions": predictions.fingerprint}
    if tree is not None:
        fingerprints["labels"] = tree.fingerprint
    return EvaluationReport(
        split=split,
        positive=positive,
        estimates=tuple(estimates),
        confusion=tuple(matrices),
        fingerprints=fingerprints,
        notes=tuple(dict.fromkeys(notes)),
        reliability=tuple(reliability),
        roc=tuple(roc),
    )


def _level(
    cases: Cases,
    level: Level,
    spec: EvaluationSpec,
    positive: str = "",
    aggregated: Aggregated = "",
) -> LevelEstimates:
    prevalence = spec.prevalence if level == "group" and positive in cases.classes else None
    metrics = Metrics(brief=bool(aggregated), ordinal=spec.ordinal, prevalence=prevalence)
    statistics = [Statistics(cases, repeat, metrics) for repeat in range(cases.repeats)]
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
        positive=positive,
        aggregated=aggregated,
    )


def _aggregations(
    predictions: Predictions, repeat: Ints, spec: EvaluationSpec
) -> Iterator[Aggregation]:
    """Yield what a lesion, then a patient, says, where that is not the table itself."""
    for unit in spec.units:
        found = aggregate(predictions, repeat, unit)
        if found is not None:
            yield found


def _per_unit(aggregation: Aggregation, level: Level, spec: EvaluationSpec) -> list[Estimate]:
    if not len(aggregation.predictions):
        return []
    cases = Cases.of(aggregation.predictions, aggregation.repeat)
    return _level(cases, level, spec, aggregated=aggregation.unit).estimates()


def _matrix(cases: Cases, level: Level, tree: LabelTree | None) -> ConfusionMatrix:
    group = {leaf.at(level): leaf.group for leaf in tree.leaves} if tree else {}
    return ConfusionMatrix(
        tree_level=level,
        classes=cases.classes,
        blocks=tuple(group.get(name, "") for name in cases.classes),
        counts=tuple(tuple(int(c) for c in row) for row in cases.confusion),
        repeats=cases.repeats,
    )
