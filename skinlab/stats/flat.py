"""EvaluationReport -> flat names and numbers for a tracker: ``test/sensitivity/melanoma/low``.

Names follow MLflow's rule: letters and digits of any script, ``_ - .`` and space, parts split by
``/``. A class name that breaks the rule, or collides, gets a stable substitute; the legend leads
back. Undefined numbers are left out and listed with their reason: a tracker has no null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from skinlab.tables.files import digest
from skinlab.tables.report import Estimate, EvaluationReport

MAIN_LEVEL = "diagnosis"
LONGEST = 100
RESERVED = frozenset({"low", "high", "n", "seed_sd", ""})


@dataclass(frozen=True)
class FlatReport:
    """A report as a tracker takes it.

    Attributes:
        metrics: ``split/metric`` and ``split/metric/class``, each with ``/low``, ``/high``, ``/n``
            (and ``/seed_sd``) beside it. Levels other than the main one stand as
            ``split/level/metric…``, numbers per lesion or patient as ``split/per_patient/metric…``
            (after the level, where there is one).
        legend: Substitute -> class name, where the two differ.
        undefined: Name -> reason, of every estimate without a value.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    legend: dict[str, str] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)


def flat(report: EvaluationReport) -> FlatReport:
    """Flatten a report; the main level is ``diagnosis``, else the first one there."""
    levels = [matrix.tree_level for matrix in report.confusion]
    main = MAIN_LEVEL if MAIN_LEVEL in levels or not levels else levels[0]
    result = FlatReport()
    names: dict[str, dict[str, str]] = {}
    for matrix in report.confusion:
        names[matrix.tree_level] = legal_names(matrix.classes)
        result.legend.update({v: k for k, v in names[matrix.tree_level].items() if v != k})
    for estimate in report.estimates:
        if estimate.subgroup:
            continue
        parts = [legal_names([report.split])[report.split]]
        parts += [] if estimate.tree_level == main else [estimate.tree_level]
        parts += [f"per_{estimate.aggregated}"] if estimate.aggregated else []
        parts += [estimate.metric]
        if estimate.class_name:
            parts += [names[estimate.tree_level][estimate.class_name]]
        _add(result, "/".join(parts), estimate)
    return result


def legal_names(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Return a legal part of a metric name for each class name; different for different classes.

    Most names stay as they are, Japanese ones too. The substitute of a name does not depend on
    the other names unless they differ in case only.
    """
    legal: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        part = re.sub(r"[^\w.\- ]", "_", name).strip(" .")[:LONGEST]
        if part != name or part.casefold() in taken | RESERVED:
            part = f"{part or 'class'}-{digest(name)[:6]}"
        legal[name] = part
        taken.add(part.casefold())
    return legal


def _add(result: FlatReport, name: str, estimate: Estimate) -> None:
    if estimate.value is None:
        result.undefined[name] = estimate.reason
        return
    result.metrics[name] = estimate.value
    beside = {"low": estimate.low, "high": estimate.high, "seed_sd": estimate.seed_sd}
    result.metrics.update({f"{name}/{k}": v for k, v in beside.items() if v is not None})
    result.metrics[f"{name}/n"] = float(estimate.n_images)
