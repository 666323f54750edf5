"""Factors of a search -> what Optuna draws from, one sampler a trial, and points of sequences."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from typing import Any

import optuna
from scipy.stats import qmc

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig
from skinlab.tables.errors import InputError, Problem, RunError
from skinlab.tables.files import digest

MOST_POINTS = 10_000


def distribution(factor: Factor) -> optuna.distributions.BaseDistribution:
    """Return Optuna's word for a factor."""
    if factor.choices:
        return optuna.distributions.CategoricalDistribution(factor.choices)
    whole = all(float(v).is_integer() for v in (factor.low, factor.high, factor.step))
    if factor.integer or (whole and factor.step):
        low, last, step = int(factor.low), int(factor.high), int(factor.step) or 1
        last -= (last - low) % step
        return optuna.distributions.IntDistribution(low, last, log=factor.log, step=step)
    high = factor.high
    if factor.step and not ((high - factor.low) / factor.step + 1e-9) % 1 < 2e-9:
        count = math.floor((high - factor.low) / factor.step)
        high = round(factor.low + count * factor.step, 12)
    step_or_none = factor.step or None
    return optuna.distributions.FloatDistribution(
        factor.low, high, log=factor.log, step=step_or_none
    )


def extremes(name: str, factor: Factor) -> list[Any]:
    """Return the choices of a factor, or the smallest and the largest number it can draw.

    Raises:
        InputError: Its numbers cannot be drawn from, such as the logarithm of 0.
    """
    try:
        kind = distribution(factor)
    except ValueError as error:
        raise InputError(Problem(f"factor {name}: {error}", "mend its `space`")) from error
    if isinstance(kind, optuna.distributions.CategoricalDistribution):
        return list(kind.choices)
    numbers = (optuna.distributions.IntDistribution, optuna.distributions.FloatDistribution)
    return [kind.low, kind.high] if isinstance(kind, numbers) else []


def conditions(factor: Factor) -> dict[str, tuple[Any, ...]]:
    """Return each factor that this one hangs on, with the values with which it exists."""
    return {
        name: tuple(value) if isinstance(value, list | tuple) else (value,)
        for name, value in factor.when.items()
    }


def ordered(space: dict[str, Factor]) -> tuple[str, ...]:
    """Return the factors so that each stands behind those it hangs on, else as they were.

    Raises:
        InputError: A condition names no factor, no value of it, or hangs on itself.
    """
    problems = [
        Problem(f"factor {name}: `when` {wrong}", "name a factor of `space` and its choices")
        for name, factor in space.items()
        for wrong in _wrong_conditions(factor, space)
    ]
    if problems:
        raise InputError(problems)
    found: list[str] = []
    while len(found) < len(space):
        ready = [n for n in space if n not in found and set(space[n].when) <= set(found)]
        if not ready:
            stuck = ", ".join(name for name in space if name not in found)
            raise InputError(Problem(f"factors {stuck} hang on each other", "take one `when` out"))
        found.append(ready[0])
    return tuple(found)


def _wrong_conditions(factor: Factor, space: dict[str, Factor]) -> list[str]:
    wrong = []
    for name, values in conditions(factor).items():
        if name not in space:
            wrong.append(f"names {name}, which is no factor")
        elif not space[name].choices:
            wrong.append(f"names {name}, which has no `choices`")
        else:
            unknown = [value for value in values if value not in space[name].choices]
            wrong += [f"{name} is never {value!r}" for value in unknown]
    return wrong


def _exists(factor: Factor, values: dict[str, Any]) -> bool:
    return all(n in values and values[n] in allowed for n, allowed in conditions(factor).items())


def existing(space: dict[str, Factor], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of those factors that exist with these values of the others."""
    found: dict[str, Any] = {}
    for name in ordered(space):
        if _exists(space[name], found):
            found[name] = values[name]
    return found


def suggest(trial: optuna.Trial, space: dict[str, Factor]) -> dict[str, Any]:
    """Return the value of each factor that exists; a trial that has them already keeps them."""
    values: dict[str, Any] = {}
    for name in ordered(space):
        if not _exists(space[name], values):
            continue
        kind = distribution(space[name])
        if isinstance(kind, optuna.distributions.CategoricalDistribution):
            values[name] = trial.suggest_categorical(name, kind.choices)
        elif isinstance(kind, optuna.distributions.IntDistribution):
            values[name] = trial.suggest_int(
                name, kind.low, kind.high, step=kind.step, log=kind.log
            )
        elif isinstance(kind, optuna.distributions.FloatDistribution):
            values[name] = trial.suggest_float(
                name, kind.low, kind.high, step=kind.step, log=kind.log
            )
    return values


def sampler(config: SweepConfig, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial: a resumed search draws what an unbroken one would.

    TPE is multivariate; with conditional factors it models each group of them that exists
    together. Designs and sequences are not drawn here: their points are given to the trial.
    """
    seed = int(digest(str(config.seed), str(number))[:8], 16)
    if config.sampler == "gp":
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=8)
    if config.sampler != "tpe":
        return optuna.samplers.RandomSampler(seed=seed)
    grouped = any(factor.when for factor in config.space.values())
    with warnings.catch_warnings():  # grouping is called experimental since 2021
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=8, group=grouped)


def pruner(config: SweepConfig, epochs: int) -> optuna.pruners.BasePruner:
    """Return what ends hopeless trials.

    The median is asked at half and at three quarters of the epochs only: a trial below it at any
    of many epochs would nearly always be ended, since the best so far is noisy, and an equal one
    falls below the median half of the time. Hyperband begins at a ninth of the epochs.
    """
    if config.pruner == "none":
        return optuna.pruners.NopPruner()
    if config.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(
            min_resource=max(epochs // 9, 1), max_resource=max(epochs, 1), reduction_factor=3
        )
    return optuna.pruners.MedianPruner(
        n_startup_trials=5, n_warmup_steps=epochs // 2, interval_steps=max(epochs // 4, 1)
    )


def pruned_because(config: SweepConfig, epoch: int) -> str:
    """Return why the pruner ended a trial at an epoch counted from 0."""
    if config.pruner == "hyperband":
        return f"not among the best third of its bracket at epoch {epoch + 1}"
    return f"below the median of the other trials at epoch {epoch + 1}"


def best_objective(epochs: list[dict[str, Any]], objective: str) -> float:
    """Return the best epoch's objective; the same quantity is what the pruner saw.

    Args:
        epochs: The ``epoch`` events of a run.
        objective: Its name.

    Raises:
        RunError: No epoch has it, or one is NaN or infinite: a failed trial is never a number.
    """
    values = {event["epoch"]: event["values"].get(objective) for event in epochs}
    if not values:
        raise RunError(f"no epoch was trained, so there is no {objective}")
    for epoch, value in values.items():
        if value is None or not math.isfinite(value):
            what = "is missing" if value is None else "is NaN or infinite"
            raise RunError(f"{objective} {what} in epoch {epoch}")
    return float(max(values.values()))


def levels(name: str, factor: Factor) -> list[Any]:
    """Return every value that a factor of a grid takes.

    Raises:
        InputError: It is continuous.
    """
    kind = distribution(factor)
    if isinstance(kind, optuna.distributions.CategoricalDistribution):
        return list(kind.choices)
    if isinstance(kind, optuna.distributions.IntDistribution):
        return list(range(kind.low, kind.high + 1, kind.step))
    if isinstance(kind, optuna.distributions.FloatDistribution) and kind.step:
        count = math.floor((kind.high - kind.low) / kind.step + 1e-9) + 1
        return [round(kind.low + i * kind.step, 12) for i in range(count)]
    what = f"factor {name} has no `step`"
    raise InputError(Problem(what, "a grid needs `choices`, or `low`, `high` and `step`"))


def grid(config: SweepConfig, base: FitConfig) -> list[dict[str, Any]]:
    """Return every combination, the defaults first, the rest in an order drawn from the seed."""
    axes = [levels(name, factor) for name, factor in config.space.items()]
    if (size := math.prod(map(len, axes))) > MOST_POINTS:
        what = f"the grid has {size:,} settings"
        raise InputError(Problem(what, "take levels away, or use `sampler: tpe` or `factorial`"))
    every = (dict(zip(config.space, values, strict=True)) for values in itertools.product(*axes))
    points = [existing(config.space, point) for point in every]
    distinct = {str(point): point for point in points}  # some differ in what does not exist only
    default = existing(config.space, configuration.flat(base))
    others = [point for point in distinct.values() if point != default]
    random.Random(config.seed).shuffle(others)
    return [default, *others]


def quasi_random(config: SweepConfig, number: int) -> dict[str, Any]:
    """Return a point of a scrambled Sobol or Halton sequence; it depends on seed and number only.

    Sources: Sobol (1967) with Owen's scrambling; Halton (1960).
    """
    kind = qmc.Halton if config.sampler == "halton" else qmc.Sobol
    engine = kind(len(config.space), scramble=True, seed=config.seed)
    if number:
        engine.fast_forward(number)
    shares = engine.random(1)[0].tolist()
    factors = zip(config.space.items(), shares, strict=True)
    return existing(config.space, {name: _at(distribution(f), u) for (name, f), u in factors})


def _at(kind: optuna.distributions.BaseDistribution, share: float) -> Any:
    """Return the value below which a share in [0, 1) of a distribution lies."""
    if isinstance(kind, optuna.distributions.CategoricalDistribution):
        return kind.choices[int(share * len(kind.choices))]
    if isinstance(kind, optuna.distributions.IntDistribution):
        if kind.log:
            low, high = math.log(kind.low - 0.5), math.log(kind.high + 0.5)
            found = round(math.exp(low + share * (high - low)))
            return min(max(found, kind.low), kind.high)
        count = (kind.high - kind.low) // kind.step + 1
        return kind.low + kind.step * int(share * count)
    if not isinstance(kind, optuna.distributions.FloatDistribution):
        raise TypeError(f"{kind} is no distribution of a factor")
    if kind.step:
        count = math.floor((kind.high - kind.low) / kind.step + 1e-9) + 1
        return round(kind.low + kind.step * int(share * count), 12)
    if kind.log:
        return math.exp(math.log(kind.low) + share * math.log(kind.high / kind.low))
    return kind.low + share * (kind.high - kind.low)
