"""EvaluationReport -> what its confusion matrices and its operating point contradict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from skinlab.stats.audit.finding import Finding
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport

CLOSE = 1e-6


def matrices(report: EvaluationReport) -> Iterator[Finding]:
    """Find counts that contradict n, recalls, accuracy, or each other between tree levels."""
    totals = {m.tree_level: sum(map(sum, m.counts)) / m.repeats for m in report.confusion}
    if len(set(totals.values())) > 1:
        said = ", ".join(f"{level} {total:g}" for level, total in totals.items())
        yield _impossible("confusion matrices", f"the levels hold different numbers: {said}")
    for matrix in report.confusion:
        yield from _matrix(report, matrix)


def _matrix(report: EvaluationReport, matrix: ConfusionMatrix) -> Iterator[Finding]:
    level, rows = matrix.tree_level, [sum(row) for row in matrix.counts]
    if any(count < 0 for row in matrix.counts for count in row):
        yield _impossible(f"confusion matrix, {level}", "has a negative count")
        return
    right = [matrix.counts[i][i] for i in range(len(rows))]
    recalls = [hit / n for hit, n in zip(right, rows, strict=True) if n]
    for i, name in enumerate(matrix.classes):
        if found := _find(report, "sensitivity", level, name):
            share = right[i] / rows[i] if rows[i] else None
            yield from _against(found, share, rows[i] / matrix.repeats)
    if (found := _find(report, "accuracy", level)) and sum(rows):
        yield from _against(found, sum(right) / sum(rows), sum(rows) / matrix.repeats)
    if (found := _find(report, "balanced_accuracy", level)) and recalls:
        yield from _against(found, math.fsum(recalls) / len(recalls), sum(rows) / matrix.repeats)


def _against(found: Estimate, share: float | None, n: float) -> Iterator[Finding]:
    where = " of ".join(x for x in (f"{found.tree_level}, {found.metric}", found.class_name) if x)
    if found.value is not None and share is None:
        yield _impossible(where, f"{found.value:g}, but the matrix has no image of it")
    elif found.value is not None and share is not None and abs(found.value - share) > CLOSE:
        yield _impossible(where, f"{found.value:.4f}, but the matrix gives {share:.4f}")
    if abs(found.n_images - n) > 0.5:
        yield _impossible(where, f"n = {found.n_images}, but the matrix has {n:g} images")


def _impossible(where: str, what: str) -> Finding:
    why = "numbers and matrix are of the same images, so one follows from the other"
    fix = "evaluate the stored predictions again; do not edit a report"
    return Finding("impossible", "sums", where, what, why, fix)


def _find(report: EvaluationReport, metric: str, level: str, name: str = "") -> Estimate | None:
    try:
        return report.find(metric, level, name)
    except KeyError:
        return None


def self_chosen(report: EvaluationReport) -> Iterator[Finding]:
    """Find a threshold or temperature that the evaluated images chose themselves."""
    point = report.operating_point
    members: list[dict[str, Any]] = list(point.get("members", ())) or ([point] if point else [])
    for member in members:
        chosen = str(member.get("chosen_on", ""))
        own = report.fingerprints.get("predictions", "")
        same_table = bool(own) and member.get("predictions") == own
        if chosen == report.split or same_table:
            yield Finding(
                "suspicious",
                "threshold chosen on the test set",
                "operating point",
                f"was chosen on {chosen or 'these predictions'}, which is what it is judged on",
                "a threshold that the test set chose for itself looks better there than anywhere",
                "choose it on validation, freeze it, then open the test set once",
            )


def counts_at_point(report: EvaluationReport) -> Iterator[Finding]:
    """Find numbers at the operating point that its four counts contradict."""
    counts = report.operating_point.get("counts")
    if not isinstance(counts, dict):
        return
    sides = {
        "sensitivity": ("true_positive", "false_negative"),
        "specificity": ("true_negative", "false_positive"),
    }
    for metric, (hit, miss) in sides.items():
        total = counts.get(hit, 0) + counts.get(miss, 0)
        for e in report.estimates:
            named = e.metric == f"{metric}_at_operating_point" and not e.subgroup
            if not named or e.aggregated or e.n_seeds > 1 or not total or e.value is None:
                continue
            share = counts[hit] / total
            if abs(e.value - share) > CLOSE:
                what = f"{e.value:.4f}, but the counts give {share:.4f}"
                yield _impossible(f"{e.tree_level}, {e.metric}", what)
