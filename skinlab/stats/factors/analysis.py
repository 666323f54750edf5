"""A table of settings and results -> FactorReport: what each factor does, and what nobody can tell.

One row is one training run. The report reproduces, for any such table, what a statistician would
say of it by hand: main effects with intervals, rows that are the same setting, the noise of one
run, the winner against that noise, and which factors the design cannot tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinlab.stats.factors.aliases import AliasTable, alias_table
from skinlab.stats.factors.design import Design, Factor, Floats, describe, setting_of
from skinlab.stats.factors.effects import (
    Fit,
    Mean,
    Permutation,
    Subset,
    best_subsets,
    main_effects,
    marginal_means,
    permutation,
)
from skinlab.stats.factors.repeats import Noise, SeedsNeeded, Winner, noise, seeds_needed, winner


@dataclass(frozen=True)
class FactorSpec:
    """Choices of the analysis.

    Attributes:
        level: Confidence level of every interval.
        differences: Differences in points for which the runs needed are computed.
        power: Of finding them.
        test_images: Images of the test set, for the binomial standard error; 0 when not known.
        most_splits: Permutation tests are exact up to so many splits, else drawn.
        seed: Of the random splits.
    """

    level: float = 0.95
    differences: tuple[float, ...] = (1.0, 2.0)
    power: float = 0.8
    test_images: int = 0
    most_splits: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse choices without sense."""
        if not 0.5 <= self.level < 1 or not 0 < self.power < 1:
            raise ValueError("factors: level in [0.5, 1), power in (0, 1)")
        if self.test_images < 0 or any(not d > 0 for d in self.differences):
            raise ValueError("factors: test_images >= 0, differences > 0")


@dataclass(frozen=True)
class ResponseReport:
    """What a table says of one response, in points (percent).

    Attributes:
        name: Of the column.
        values: ``(n,)`` the result of each run.
        mean: Grand mean.
        means: Marginal means, a level each.
        fit: All main effects together.
        subsets: Factor sets that AICc cannot tell from the best one.
        alone: Each factor alone, by permutation.
        noise: Of one run.
        winner: The best row against the noise.
        seeds: Runs per arm for given differences; empty when the noise is not known.
        binomial_se: Standard error from the size of the test set alone, in points; None where
            that is not known.
    """

    name: str
    values: tuple[float, ...]
    mean: float
    means: tuple[Mean, ...]
    fit: Fit
    subsets: tuple[Subset, ...]
    alone: tuple[Permutation, ...]
    noise: Noise
    winner: Winner
    seeds: tuple[SeedsNeeded, ...]
    binomial_se: float | None


@dataclass(frozen=True)
class FactorReport:
    """Everything about a factor table.

    Attributes:
        labels: Names of the rows.
        design: What the settings alone say.
        responses: One a result column.
        correlations: Of each pair of responses: first, second, Pearson r.
        level: Confidence level.
        notes: What was done to the table: constant columns, shares shown as percent.
        aliases: Effects that the settings mix.
    """

    labels: tuple[str, ...]
    design: Design
    responses: tuple[ResponseReport, ...]
    correlations: tuple[tuple[str, str, float], ...]
    level: float
    notes: tuple[str, ...]
    aliases: AliasTable


def analyze(
    frame: pd.DataFrame,
    factors: Sequence[str],
    responses: Sequence[str],
    spec: FactorSpec | None = None,
    *,
    label: str = "",
    marked: str = "",
) -> FactorReport:
    """Analyze a table of runs; nothing is read or written.

    Args:
        frame: A row a run, ``(n, …)``. Factors are numbers, on/off words or other words.
        factors: Columns of settings.
        responses: Columns of results: percentages, or shares in [0, 1], which become percent.
        spec: Confidence level, differences, splits.
        label: Column that names the rows; empty numbers them from 1.
        marked: Label of the row that the table calls best; empty takes each response's largest.

    Returns:
        The report; independent of the order of rows but for the order in which it lists them.

    Raises:
        ValueError: Fewer than three rows, no factor that varies, a response that is not a number,
            labels that repeat, or a marked row that is not there.
    """
    spec = spec or FactorSpec()
    if len(frame) < 3:
        raise ValueError(f"{len(frame)} rows: a factor table needs three or more")
    labels = tuple(str(x) for x in (frame[label] if label else range(1, len(frame) + 1)))
    if len(set(labels)) < len(labels):
        raise ValueError("rows share a label")
    if marked and marked not in labels:
        raise ValueError(f"no row is called {marked!r}")
    columns = [Factor.of(name, list(frame[name])) for name in factors]
    design = describe(columns, labels)
    varying = [factor for factor in columns if factor.varies]
    notes = []
    if design.fixed:
        notes.append(f"The same in every row, so left out: {', '.join(design.fixed)}.")
    values: dict[str, Floats] = {}
    for name in responses:
        values[name], scaled = _points(frame[name], name)
        if scaled:
            notes.append(f"{name} is a share; it is shown in percent.")
    best = labels.index(marked) if marked else None
    found = [_response(n, v, varying, design, labels, best, spec) for n, v in values.items()]
    return FactorReport(
        labels,
        design,
        tuple(found),
        _correlations(values),
        spec.level,
        tuple(notes),
        alias_table(columns),
    )


def _points(column: pd.Series, name: str) -> tuple[Floats, bool]:
    """Return a response in percent, and whether it was a share."""
    try:
        numbers = np.array([float(cell) for cell in column])
    except ValueError as error:
        raise ValueError(f"column {name}: {error}") from error
    if not bool(np.isfinite(numbers).all()):
        raise ValueError(f"column {name} has a cell without a number")
    share = bool((numbers >= 0).all() and (numbers <= 1).all())
    return (100 * numbers, True) if share else (numbers, False)


def _response(
    name: str,
    values: Floats,
    factors: list[Factor],
    design: Design,
    labels: tuple[str, ...],
    marked: int | None,
    spec: FactorSpec,
) -> ResponseReport:
    fit = main_effects(factors, values, design, spec.level)
    setting = setting_of(factors)
    spread = noise(values, setting, fit, spec.level)
    best = int(np.argmax(values)) if marked is None else marked
    shared, peers = _peers(factors, fit, best)
    mean = float(values.mean())
    share = min(max(mean / 100, 0.0), 1.0)
    size = spec.test_images
    return ResponseReport(
        name=name,
        values=tuple(values.tolist()),
        mean=mean,
        means=marginal_means(factors, values),
        fit=fit,
        subsets=best_subsets(factors, values),
        alone=tuple(permutation(f, values, spec.most_splits, spec.seed) for f in factors),
        noise=spread,
        winner=winner(values, setting, labels, spread, marked, peers, shared),
        seeds=seeds_needed(spread.sd, spec.differences, spec.power) if spread.sd else (),
        binomial_se=100 * math.sqrt(share * (1 - share) / size) if size else None,
    )


def _peers(
    factors: list[Factor], fit: Fit, best: int
) -> tuple[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the factor with the smallest p below 0.05, and the rows with the best row's side."""
    told = [(e.p, e.factor) for e in fit.effects if e.p is not None and e.p < 0.05]
    if not told:
        return "", np.ones(len(factors[0].level), dtype=np.bool_)
    name = min(told)[1]
    on = next(f.on for f in factors if f.name == name)
    return name, on == on[best]


def _correlations(values: dict[str, Floats]) -> tuple[tuple[str, str, float], ...]:
    names = list(values)
    return tuple(
        (a, b, float(np.corrcoef(values[a], values[b])[0, 1]))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if np.ptp(values[a]) > 0 and np.ptp(values[b]) > 0
    )
