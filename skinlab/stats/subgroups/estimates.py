"""Predictions with columns of who was photographed -> numbers of each subgroup and its gap.

Of each value of a column: accuracy, balanced accuracy and macro AUROC of the classes as predicted,
sensitivity and specificity of the positive group; each by the same rules as in the whole table.
Its gap is the difference to the rest: to all rows whose value is known and different (of the group
``missing``: all whose value is known).

A subgroup, or a denominator in it, with fewer than ten patients is "too few": n, no number.
Averages over classes are compared over the classes that both sides have. p is against no gap, after
Holm over all gaps of one metric; the two values of a column with two values have one gap.

Not corrected: that a subgroup has other diagnoses than the rest. Sensitivity and specificity of one
class are comparable, accuracy hardly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from skinlab.stats.cases import Cases, folded_levels, repetitions
from skinlab.stats.evaluate import evaluate
from skinlab.stats.paired.tests import holm
from skinlab.stats.rank import Bools
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.subgroups.bands import MISSING, Column, grouped, in_order
from skinlab.stats.subgroups.gaps import (
    ENOUGH_PATIENTS,
    GAP,
    OF_POSITIVE,
    OVERALL,
    Compared,
    Side,
    gaps,
)
from skinlab.stats.threshold.operating_point import two_sides
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate, EvaluationReport


def with_subgroups(
    report: EvaluationReport,
    predictions: Predictions,
    tree: LabelTree | None,
    columns: Sequence[Column],
    spec: EvaluationSpec,
) -> EvaluationReport:
    """Return the report with the numbers of each subgroup and the gaps to the rest.

    Args:
        report: Of `predictions`; its positive class is the one whose sensitivity is compared.
        predictions: With the columns in its frame.
        tree: As in the evaluation.
        columns: Which columns.
        spec: Intervals.

    Raises:
        InputError: A column is not there or holds no groups.
    """
    levels = list(_levels(predictions, tree, report.positive))
    values: list[Estimate] = []
    tested: list[tuple[Estimate, str]] = []
    notes = []
    for column in columns:
        groups = np.array(groups_of(predictions, column))
        names = in_order(groups.tolist())
        known = [name for name in names if name != MISSING]
        for name in names:
            subgroup = f"{column.name}={name}"
            mine = groups == name
            values += _values(levels, subgroup, mine, spec)
            if len(known) == 2 and name == known[1]:
                first = f"{column.name}={known[0]}"
                mirrored = [_mirrored(e, subgroup) for e, _ in tested if e.subgroup == first]
                tested += [(e, column.name) for e in mirrored]
                continue
            rest = ~mine & (groups != MISSING)
            test = column.name if len(known) == 2 and name == known[0] else subgroup
            tested += [(e, test) for e in _differences(levels, subgroup, mine, rest, spec)]
        if not known:
            notes.append(f"Subgroups of {column.name}: no value is known.")
    if tested:
        notes.append(
            "Gaps of subgroups are to all others whose value is known, p after Holm over all gaps "
            f"of a metric. Fewer than {ENOUGH_PATIENTS} patients are too few to show. Subgroups "
            "may differ in their mix of diagnoses, for which no gap is corrected."
        )
    estimates = (*report.estimates, *values, *_with_holm(tested))
    return replace(report, estimates=estimates, notes=(*report.notes, *notes))


def groups_of(predictions: Predictions, column: Column) -> tuple[str, ...]:
    """Return the group of each row.

    Raises:
        InputError: The table has no such column, or it holds no groups.
    """
    if column.name not in predictions.frame.columns:
        what = f"has no column {column.name!r} for subgroups"
        fix = f"it has {', '.join(predictions.frame.columns)}; or give --manifest"
        raise InputError(Problem(what, fix, predictions.path, 1))
    return grouped(column, [str(value) for value in predictions.frame[column.name]])


def _levels(predictions: Predictions, tree: LabelTree | None, positive: str) -> Iterator[Compared]:
    repeat, _ = repetitions(predictions)
    levels = folded_levels(predictions, tree)
    name, own = levels[0]
    yield Compared(name, own, Cases.of(own, repeat), OVERALL)
    if positive in levels[-1][1].classes:
        sides = two_sides(predictions, tree, positive)
        of = "group" if tree is not None else name
        yield Compared(of, sides, Cases.of(sides, repeat), OF_POSITIVE, positive)


def _values(
    levels: Sequence[Compared], subgroup: str, mine: Bools, spec: EvaluationSpec
) -> Iterator[Estimate]:
    """Yield the numbers of one subgroup."""
    for level in levels:
        side = Side.of(level.cases, mine)
        about = {"class_name": level.class_name, "tree_level": level.name, "subgroup": subgroup}
        if side.people < ENOUGH_PATIENTS:
            size = {"n_images": side.images, "n_patients": side.people, "level": spec.level}
            for metric in level.metrics:
                why = _too_few(side.people)
                yield Estimate(metric, None, None, None, reason=why, **about, **size)  # type: ignore[arg-type]
            continue
        plain = replace(spec, units=(), prevalence=None, ordinal=False)
        whole = evaluate(level.predictions.where(mine), None, spec=plain)
        for metric in level.metrics:
            found = replace(whole.find(metric, "diagnosis", level.class_name), **about)  # type: ignore[arg-type]
            if found.value is not None and found.n_patients < ENOUGH_PATIENTS:
                few = _too_few(found.n_patients)
                found = replace(found, value=None, low=None, high=None, method="", reason=few)
                found = replace(found, seed_sd=None)
            yield found


def _too_few(patients: int) -> str:
    return f"too few: {patients} patients, fewer than {ENOUGH_PATIENTS}"


def _differences(
    levels: Sequence[Compared], subgroup: str, mine: Bools, rest: Bools, spec: EvaluationSpec
) -> Iterator[Estimate]:
    """Yield the gaps of one subgroup; none where it or the rest has too few patients."""
    for level in levels:
        sides = [Side.of(level.cases, rows) for rows in (mine, rest)]
        if min(side.people for side in sides) >= ENOUGH_PATIENTS:
            for gap in gaps(level, sides, spec).values():
                yield replace(gap, subgroup=subgroup, tree_level=level.name)


def _mirrored(gap: Estimate, subgroup: str) -> Estimate:
    """Return the gap seen from the other side."""
    gap = replace(gap, subgroup=subgroup)
    if gap.value is None or gap.low is None or gap.high is None:
        return replace(gap, value=None if gap.value is None else -gap.value)
    return replace(gap, value=-gap.value, low=-gap.high, high=-gap.low)


def _with_holm(tested: Sequence[tuple[Estimate, str]]) -> Iterator[Estimate]:
    """Yield the gaps with p adjusted within each metric; gaps of one test count once."""
    families: dict[tuple[str, str], dict[str, float]] = {}
    for gap, test in tested:
        if gap.p is not None:
            families.setdefault((gap.tree_level, gap.metric), {}).setdefault(test, gap.p)
    adjusted = {
        family: dict(zip(tests, holm(list(tests.values())), strict=True))
        for family, tests in families.items()
    }
    for gap, test in tested:
        if gap.p is None:
            yield gap
            continue
        family = adjusted[gap.tree_level, gap.metric]
        words = f"Holm over {len(family)} gaps in {gap.metric.removesuffix(GAP)}"
        yield replace(gap, p_holm=family[test], method=f"{gap.method}; {words}")
