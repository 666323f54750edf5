"""A report, its predictions and what validation froze -> the report with numbers at that point.

Sensitivity, specificity, PPV and NPV of the positive group at the frozen threshold, by the same
rules of intervals as every other proportion (decisions are certain predictions), and the
calibration after the frozen temperature beside the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.threshold.frozen import Frozen, FrozenModels
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate, EvaluationReport

AT_POINT = ("sensitivity", "specificity", "ppv", "npv")
AFTER = ("log_loss", "brier", "ece", "ece_equal_mass")
SUFFIX_POINT, SUFFIX_AFTER = "_at_operating_point", "_after_temperature"


def judged(
    report: EvaluationReport,
    predictions: Predictions,
    tree: LabelTree | None,
    frozen: FrozenModels,
    spec: EvaluationSpec,
) -> EvaluationReport:
    """Return the report with the numbers at the frozen point and after the frozen temperature.

    Args:
        report: Of `predictions`.
        predictions: Images that did not choose.
        tree: As in the evaluation.
        frozen: What validation chose.
        spec: Intervals.

    Raises:
        InputError: An image of the table chose the point, or a row belongs to no model.
    """
    estimates = [*report.estimates]
    notes = [*report.notes]
    about: dict[str, Any] = {"members": [_summary(member) for member in frozen.members]}
    if frozen.positive:
        decisions, reason = frozen.decisions(predictions, tree)
        level = "group" if tree is not None else "diagnosis"
        found = list(_at_point(decisions, frozen.positive, level, spec, reason))
        estimates += found
        notes += _notes(frozen)
        if decisions is not None:
            about["counts"] = _counts(decisions)
    curves = [*report.reliability]
    warm = frozen.rescaled(predictions)
    if warm is not None:
        heated = evaluate(warm, tree, spec=replace(spec, units=()))
        estimates += _after(heated)
        curves += [replace(curve, after_temperature=True) for curve in heated.reliability]
    return replace(
        report,
        estimates=tuple(estimates),
        notes=tuple(notes),
        operating_point=about,
        reliability=tuple(curves),
    )


def _at_point(
    decisions: Predictions | None, positive: str, level: str, spec: EvaluationSpec, reason: str
) -> Iterator[Estimate]:
    if decisions is None:
        for metric in AT_POINT:
            name = metric + SUFFIX_POINT
            yield Estimate(name, None, None, None, positive, level, level=spec.level, reason=reason)
        return
    # A tree of the two sides alone, so that a stated prevalence is that of the positive one.
    tree = LabelTree(tuple(Leaf(name, name, name) for name in decisions.classes), positive)
    for estimate in evaluate(decisions, tree, spec=replace(spec, units=())).estimates:
        mine = estimate.class_name == positive
        if mine and estimate.metric.startswith(AT_POINT):
            name = estimate.metric + SUFFIX_POINT
            yield replace(estimate, metric=name, tree_level=level)


def _after(heated: EvaluationReport) -> Iterator[Estimate]:
    for estimate in heated.estimates:
        calibration = estimate.metric in AFTER or estimate.metric.startswith("calibration_")
        if calibration and not estimate.class_name:
            yield replace(estimate, metric=estimate.metric + SUFFIX_AFTER)


def _counts(decisions: Predictions) -> dict[str, int]:
    truth, called = decisions.target == 0, decisions.answer == 0
    return {
        "true_positive": int((truth & called).sum()),
        "false_negative": int((truth & ~called).sum()),
        "false_positive": int((~truth & called).sum()),
        "true_negative": int((~truth & ~called).sum()),
    }


def _summary(member: Frozen) -> dict[str, Any]:
    """Return what a reader needs of a member; the hashes of its images stay in the run."""
    content = asdict(member)
    content["n_images"] = len(content.pop("samples"))
    return content


def _notes(frozen: FrozenModels) -> Iterator[str]:
    for member in frozen.members:
        point, heat = member.operating_point, member.temperature
        of = f" ({member.name})" if member.name else ""
        if point is not None and point.threshold is not None:
            yield (
                f"Operating point{of}: {point.positive} from probability {point.threshold:.4g} on, "
                f"chosen on {member.chosen_on} by the rule {point.rule}; it judges probabilities "
                "that no temperature has changed."
            )
        if point is not None and point.reason:
            yield f"Operating point{of}: {point.reason}."
        if heat is not None:
            border = f" ({heat.reason})" if heat.reason else ""
            yield (
                f"Temperature{of}: {heat.value:.4g}, fitted on {member.chosen_on}{border}; "
                "stored probabilities are as the network gave them."
            )
