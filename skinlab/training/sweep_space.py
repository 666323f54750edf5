"""Factors of a search -> what Optuna draws from, one sampler a trial, and the points of a grid."""

from __future__ import annotations

import itertools
import random
from typing import Any

import optuna

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest


def distribution(factor: Factor) -> optuna.distributions.BaseDistribution:
    """Return Optuna's word for a factor."""
    if factor.choices:
        return optuna.distributions.CategoricalDistribution(factor.choices)
    if all(float(v).is_integer() for v in (factor.low, factor.high, factor.step)) and factor.step:
        low, high, step = int(factor.low), int(factor.high), int(factor.step)
        return optuna.distributions.IntDistribution(low, high, step=step)
    step_or_none = factor.step or None
    return optuna.distributions.FloatDistribution(
        factor.low, factor.high, log=factor.log, step=step_or_none
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


def suggest(trial: optuna.Trial, space: dict[str, Factor]) -> dict[str, Any]:
    """Return the value of each factor; a trial that has them already keeps them."""
    values: dict[str, Any] = {}
    for name, factor in space.items():
        kind = distribution(factor)
        if isinstance(kind, optuna.distributions.CategoricalDistribution):
            values[name] = trial.suggest_categorical(name, kind.choices)
        elif isinstance(kind, optuna.distributions.IntDistribution):
            values[name] = trial.suggest_int(name, kind.low, kind.high, step=kind.step)
        elif isinstance(kind, optuna.distributions.FloatDistribution):
            values[name] = trial.suggest_float(
                name, kind.low, kind.high, step=kind.step, log=kind.log
            )
    return values


def sampler(config: SweepConfig, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial: a resumed search draws what an unbroken one would."""
    seed = int(digest(str(config.seed), str(number))[:8], 16)
    if config.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    return optuna.samplers.RandomSampler(seed=seed)


def pruner(config: SweepConfig, epochs: int) -> optuna.pruners.BasePruner:
    """Return what ends hopeless trials: asked at half and at three quarters of the epochs only.

    A trial below the median at any of many epochs would nearly always be ended: the best so far is
    noisy, and an equal one falls below the median half of the time.
    """
    if config.pruner == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(
        n_startup_trials=5, n_warmup_steps=epochs // 2, interval_steps=max(epochs // 4, 1)
    )


def grid(config: SweepConfig, base: FitConfig) -> list[dict[str, Any]]:
    """Return every combination, the defaults first, the rest in an order drawn from the seed."""
    values = configuration.flat(base)
    axes = []
    for name, factor in config.space.items():
        if not factor.choices and not factor.step:
            what = f"factor {name} has no `step`"
            raise InputError(Problem(what, "a grid needs `choices`, or `low`, `high` and `step`"))
        count = round((factor.high - factor.low) / factor.step) + 1 if factor.step else 0
        steps = [round(factor.low + i * factor.step, 12) for i in range(count)]
        axes.append(list(factor.choices) or steps)
    points = [dict(zip(config.space, point, strict=True)) for point in itertools.product(*axes)]
    default = {name: values[name] for name in config.space}
    others = [point for point in points if point != default]
    random.Random(config.seed).shuffle(others)
    return [default, *others]
