"""A search before its first trial -> its settings and what they cannot tell apart, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig
from skinlab.figures.sweep_table import aligned
from skinlab.stats.factors import design as designs
from skinlab.stats.factors.aliases import alias_table
from skinlab.stats.factors.words import alias_lines, alias_sentence, confounding, short
from skinlab.tables.trials import letter
from skinlab.training.sweep_design import (
    base_runs,
    design_points,
    factorial_design,
    factorial_points,
)

SHOWN = 64  # settings of a large grid
ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII")


def plan_text(config: SweepConfig, base: FitConfig) -> str:
    """Return what will be trained: of a design, every setting and its alias table.

    Args:
        config: As `skinlab.training.sweep_design.opened` returns it.
        base: The training that is varied.
    """
    points = design_points(config, base)
    lines = _settings(config, base, points) if points else _drawn(config)
    return "\n".join(lines)


def _drawn(config: SweepConfig) -> Iterator[str]:
    same = "trial 0 is" if base_runs(config) == 1 else f"{base_runs(config)} trials are"
    how = "from the sequence" if config.sampler in ("sobol", "halton") else "one after another"
    yield f"{config.trials} trials by {config.sampler}, drawn {how}; {same} the defaults."
    yield from (f"  {name}: {_range(factor)}" for name, factor in config.space.items())


def _range(factor: Factor) -> str:
    if factor.choices:
        words = ", ".join(map(str, factor.choices))
    else:
        kinds = ["logarithmic"] * factor.log + ["whole numbers"] * factor.integer
        kinds += [f"steps of {factor.step:g}"] if factor.step else []
        words = ", ".join([f"{factor.low:g} to {factor.high:g}", *kinds])
    when = " and ".join(f"{name} is {value}" for name, value in factor.when.items())
    return f"{words} (when {when})" if when else words


def _settings(config: SweepConfig, base: FitConfig, whole: list[dict[str, Any]]) -> Iterator[str]:
    points = whole[: config.trials]
    yield from _titles(config, points)
    if len(points) < len(whole):
        yield f"`trials` leaves {len(whole) - len(points)} settings of this design out."
    rows = [["", *(short(name) for name in config.space), "seed"]]
    for number, point in enumerate(points[:SHOWN]):
        seed = base.seeds[0] + points[:number].count(point)
        cells = [str(point.get(name, "")) for name in config.space]
        rows.append([letter(number), *cells, str(seed)])
    yield aligned(rows)
    if len(points) > SHOWN:
        yield f"and {len(points) - SHOWN} more."
    yield ""
    yield from _aliases(config, base, points)


def _titles(config: SweepConfig, points: list[dict[str, Any]]) -> Iterator[str]:
    distinct = len({str(point) for point in points})
    yield f"{len(points)} trials of {distinct} distinct settings ({config.sampler})."
    if config.sampler == "factorial":
        design = factorial_design(config)
        runs, factors = design.on.shape
        kind = f"resolution {ROMAN[design.resolution]}" if design.generators else "full"
        power = f"2^({factors}-{len(design.generators)})" if design.generators else f"2^{factors}"
        yield f"{runs} runs of a {power} design ({kind}), {base_runs(config)} of the defaults."
        names = [short(name) for name in config.space]
        for factor, made_of in design.generators.items():
            yield f"  {names[factor]} = {' × '.join(names[i] for i in made_of)}"


def _aliases(config: SweepConfig, base: FitConfig, points: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the alias table of the runs, and what the design as a whole cannot tell apart."""
    whole = config.sampler == "factorial" and len(points) == len(design_points(config, base))
    runs = factorial_points(config) if whole else points  # the defaults would hide an alias
    factors = _factors(config, base, runs)
    if len(runs) < 2 or not any(factor.varies for factor in factors):
        yield "No factor varies."
        return
    table = alias_table(factors)
    yield "Alias table: effects on one line cannot be told from each other."
    yield from (f"  {line}" for line in alias_lines(table))
    yield alias_sentence(table)
    labels = [letter(number) for number in range(len(points))]
    design = designs.describe(_factors(config, base, points), labels)
    yield from (f"The same setting: {', '.join(group)}." for group in design.repeats)
    yield from confounding(design)


def _factors(
    config: SweepConfig, base: FitConfig, points: list[dict[str, Any]]
) -> list[designs.Factor]:
    own = configuration.flat(base)
    return [
        designs.Factor.of(name, [point.get(name, own[name]) for point in points])
        for name in config.space
    ]
