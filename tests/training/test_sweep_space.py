"""Factors -> draws: the same trial number draws the same, a grid holds every setting once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import REPOSITORY

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig, load
from skinlab.tables.errors import InputError
from skinlab.training.sweep_space import distribution, extremes, grid, pruner, sampler, suggest

ROTATION = Factor(choices=("none", "any"))
HUE = Factor(low=0.0, high=0.04, step=0.02)
BLUR = Factor(low=1, high=7, step=2)


def sweep_of(space: dict[str, Factor], **more: Any) -> SweepConfig:
    return SweepConfig("s", "experiments/classification/synthetic.yaml", space, **more)


@pytest.fixture(scope="module")
def base() -> FitConfig:
    path = REPOSITORY / Path("experiments/classification/synthetic.yaml")
    return load(FitConfig, path, ["--augment.blur=3"])


def test_a_range_is_of_the_kind_that_its_numbers_are() -> None:
    kinds = optuna.distributions
    assert distribution(ROTATION) == kinds.CategoricalDistribution(("none", "any"))
    assert distribution(BLUR) == kinds.IntDistribution(1, 7, step=2)
    assert distribution(HUE) == kinds.FloatDistribution(0.0, 0.04, step=0.02)
    assert distribution(Factor(low=1e-4, high=1e-1, log=True)) == kinds.FloatDistribution(
        1e-4, 1e-1, log=True
    )
    assert distribution(Factor(low=0, high=1)) == kinds.FloatDistribution(0.0, 1.0)


def test_the_ends_of_a_factor_are_what_it_can_draw() -> None:
    assert extremes("r", ROTATION) == ["none", "any"]
    assert extremes("b", BLUR) == [1, 7]
    assert all(isinstance(end, int) for end in extremes("b", BLUR))
    with pytest.raises(InputError, match=r"factor lr: .*low > 0"):
        extremes("lr", Factor(low=0.0, high=0.1, log=True))


def drawn(seed: int, kind: str, trials: int = 12) -> list[dict[str, Any]]:
    """The settings of an unbroken search whose objective is known."""
    space = {"augment.rotation": ROTATION, "augment.hue": HUE, "augment.blur": BLUR}
    config = sweep_of(space, seed=seed, sampler=kind)
    study = optuna.create_study(direction="maximize")
    for number in range(trials):
        study.sampler = sampler(config, number)  # anew each time, as after a kill
        trial = study.ask()
        values = suggest(trial, config.space)
        study.tell(trial, values["augment.blur"])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_search_draws_by_seed_and_trial_number(kind: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    first = drawn(0, kind)
    assert first == drawn(0, kind)
    assert first != drawn(1, kind)
    assert len({str(params) for params in first}) > 6  # not the same draw at every restart


def test_what_a_trial_has_already_is_not_drawn_again() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"augment.rotation": "any", "augment.blur": 5})
    trial = study.ask()
    space = {"augment.rotation": ROTATION, "augment.blur": BLUR}
    assert suggest(trial, space) == {"augment.rotation": "any", "augment.blur": 5}


def test_a_grid_is_every_combination_once_with_the_defaults_first(base: FitConfig) -> None:
    space = {"augment.rotation": ROTATION, "augment.hue": HUE, "augment.blur": BLUR}
    points = grid(sweep_of(space, sampler="grid"), base)
    assert len(points) == 2 * 3 * 4
    assert len({tuple(point.items()) for point in points}) == 24
    values = configuration.flat(base)
    assert points[0] == {name: values[name] for name in space}
    assert sorted({point["augment.hue"] for point in points}) == [0.0, 0.02, 0.04]


def test_the_order_of_a_grid_is_drawn_from_the_seed(base: FitConfig) -> None:
    space = {"augment.hue": HUE, "augment.blur": BLUR}
    one, same, other = (grid(sweep_of(space, seed=seed), base) for seed in (0, 0, 1))
    assert one == same
    assert one != other
    assert one[0] == other[0]


def test_points_of_a_grid_can_be_enqueued(base: FitConfig) -> None:
    space = {"augment.rotation": ROTATION, "augment.hue": HUE, "augment.blur": BLUR}
    study = optuna.create_study()
    for point in grid(sweep_of(space, sampler="grid"), base):
        study.enqueue_trial(point)
        found = suggest(study.ask(), space)
        assert found == point
        assert isinstance(found["augment.blur"], int)


def test_a_continuous_factor_has_no_grid(base: FitConfig) -> None:
    space = {"augment.hue": Factor(low=0.0, high=0.04)}
    with pytest.raises(InputError, match=r"factor augment\.hue has no `step`"):
        grid(sweep_of(space), base)


def test_a_trial_is_pruned_at_half_or_three_quarters_of_its_epochs_only() -> None:
    study = optuna.create_study(
        direction="maximize", pruner=pruner(sweep_of({"augment.rotation": ROTATION}), 20)
    )
    for _ in range(6):
        good = study.ask()
        for epoch in range(20):
            good.report(0.9, epoch)
        study.tell(good, 0.9)
    bad = study.ask()
    asked = []
    for epoch in range(20):
        bad.report(0.1, epoch)
        asked.append(bad.should_prune())
    assert [epoch for epoch, ended in enumerate(asked) if ended] == [10, 15]
