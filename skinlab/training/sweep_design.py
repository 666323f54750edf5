"""A sweep's configuration -> the training it varies, and the settings that are known beforehand."""

from __future__ import annotations

import json
import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig, load, replaced
from skinlab.stats.factors.fractional import Fractional, fractional_factorial
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.text import parse_table, read_table
from skinlab.training.sweep_space import existing, extremes, grid, ordered, quasi_random
from skinlab.workspace import shipped

# Trials that differ in these could not be compared, or would be the same training again.
NO_FACTORS = (
    *("name", "experiment", "seeds", "folds", "splits", "tracking", "privacy", "evaluation"),
    *("data.manifest", "data.labels", "data.level", "data.root", "data.fold", "data.workers"),
    "training.monitor",
)
DRAWN = 20  # trials where the number is not stated
# Fields that came later: at their default they say nothing, so older studies keep their identity.
LATER = ("settings", "runs", "base_seeds")


def opened(config: SweepConfig) -> tuple[SweepConfig, FitConfig]:
    """Return the search with its list read and its trials counted, and the training it varies.

    Raises:
        InputError: Whatever is wrong with either, before the first trial.
    """
    if config.sampler == "list":
        config = _listed(config)
    base = base_config(config)
    points = design_points(config, base)
    if config.sampler == "list":
        for row in {str(row): row for row in points}.values():
            replaced(base, row)  # fields that are fine alone may not be so together
    trials = config.trials or len(points) or DRAWN
    return replace(config, trials=min(trials, len(points) or trials)), base


def base_config(config: SweepConfig) -> FitConfig:
    """Return the training that is varied: evaluated on validation only, picked by the objective.

    Raises:
        InputError: A factor is no field of it, or its own value is outside the factor.
    """
    base = load(FitConfig, shipped(config.fit))
    base = replaced(base, {**config.fixed, "training.monitor": config.objective})
    base = replaced(base, {"splits": ["val"], "seeds": [base.seeds[0]], "folds": []})
    base = replaced(base, {"experiment": config.experiment})
    values = configuration.flat(base)
    for name in ordered(config.space):
        factor = config.space[name]
        if any(name == fixed or name.startswith(f"{fixed}.") for fixed in NO_FACTORS):
            fix = "set it under `fixed:`, or run a sweep for each"
            raise InputError(Problem(f"{name} cannot be a factor of a search", fix))
        if isinstance(values.get(name), int) and not factor.choices and not _whole(name, factor):
            what = f"factor {name} takes whole numbers"
            raise InputError(Problem(what, "add `integer: true`, or `step: 1`"))
        for value in extremes(name, factor):  # here, not after hours at the trial that draws it
            replaced(base, {name: value})
    if config.sampler == "list":
        return base
    for name in existing(config.space, values):
        if not _inside(values[name], config.space[name]):
            what = f"the default {name} = {values[name]!r} of {config.fit} is outside the space"
            fix = "trial 0 is the defaults: widen the factor, or set the field under `fixed:`"
            raise InputError(Problem(what, fix))
    return base


def _inside(value: Any, factor: Factor) -> bool:
    if factor.choices:
        return value in factor.choices
    return bool(factor.low <= value <= factor.high)


def _whole(name: str, factor: Factor) -> bool:
    return all(isinstance(end, int) for end in extremes(name, factor))


def _listed(config: SweepConfig) -> SweepConfig:
    """Return the search with the list's text in it, and its columns as the space."""
    if config.space:
        what = "a `list` has its factors in the header of `settings`"
        raise InputError(Problem(what, "take `space` out"))
    rows = _rows(config.settings)
    space = {name: Factor(choices=tuple(dict.fromkeys(r[name] for r in rows))) for name in rows[0]}
    return replace(config, space=space, settings="\n".join(map(json.dumps, rows)))


def _rows(settings: str) -> list[dict[str, Any]]:
    """Return the rows of a list; cells are JSON where they can be, else words."""
    inline = "\n" in settings
    where: Path | str = "settings" if inline else shipped(settings.strip())
    frame = parse_table(settings, where) if isinstance(where, str) else read_table(where)
    found = []
    problems = []
    for line, row in zip(frame.index, frame.to_dict("records"), strict=True):
        problems += [
            Problem(f"{name} is empty", "write its value", where, int(line))
            for name, cell in row.items()
            if not cell
        ]
        found.append({str(name): _cell(cell) for name, cell in row.items()})
    if not found:
        problems.append(Problem("has no row", "write a setting a row below the header", where))
    if problems:
        raise InputError(problems)
    return found


def _cell(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def base_runs(config: SweepConfig) -> int:
    """Return how many trials train the training's own values."""
    least = {"factorial": 2, "list": 0}.get(config.sampler, 1)
    return max(config.base_seeds, least)


def design_points(config: SweepConfig, base: FitConfig) -> list[dict[str, Any]]:
    """Return the settings of a list, grid or factorial in their order; of others, nothing.

    Raises:
        InputError: A factor that the design cannot have.
    """
    if config.sampler == "list":
        return [json.loads(line) for line in config.settings.splitlines()]
    if config.sampler == "grid":
        points = grid(config, base)
        return [points[0]] * (base_runs(config) - 1) + points
    if config.sampler == "factorial":
        default = existing(config.space, configuration.flat(base))
        runs = factorial_points(config)
        random.Random(config.seed).shuffle(runs)
        return [default] * base_runs(config) + runs
    return []


def factorial_design(config: SweepConfig) -> Fractional:
    """Return the two-level design of a factorial.

    Raises:
        InputError: There is none for so many factors and runs.
    """
    try:
        return fractional_factorial(len(config.space), config.runs)
    except ValueError as error:
        raise InputError(Problem(str(error), "change `runs` or `space`")) from error


def factorial_points(config: SweepConfig) -> list[dict[str, Any]]:
    """Return the runs of a factorial in standard order, without those of the defaults.

    Raises:
        InputError: A factor has not two levels, or exists only sometimes.
    """
    ends = {name: extremes(name, factor) for name, factor in config.space.items()}
    for name, values in ends.items():
        if len(values) != 2 or config.space[name].when:
            what = f"factor {name} is not one of two levels"
            fix = "a factorial needs two `choices`, or `low` and `high`, and no `when`"
            raise InputError(Problem(what, fix))
    design = factorial_design(config)
    return [
        {name: two[int(on)] for (name, two), on in zip(ends.items(), row, strict=True)}
        for row in design.on.tolist()
    ]


def next_point(config: SweepConfig, base: FitConfig, number: int) -> dict[str, Any] | None:
    """Return the setting of a trial where it depends on the configuration only, else None.

    Args:
        config: As `opened` returns it.
        base: The training that is varied.
        number: Of the trial.
    """
    if config.sampler in ("list", "grid", "factorial"):
        return design_points(config, base)[number]
    if number < base_runs(config):
        return existing(config.space, configuration.flat(base))
    if config.sampler in ("sobol", "halton"):
        return quasi_random(config, number - base_runs(config))
    return None


def unsaid(config: SweepConfig) -> tuple[str, ...]:
    """Return the fields to leave out of a study's identity: later ones at their default."""
    default = {field.name: field.default for field in fields(config)}
    own = [name for name in LATER if getattr(config, name) == default[name]]
    return (*own, *(f"space.{n}.integer" for n, f in config.space.items() if not f.integer))
