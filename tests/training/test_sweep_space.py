"""Factors -> draws: the same trial number draws the same, a grid holds every setting once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import REPOSITORY

from skinlab import config as configuration
from skinlab.config import Factor, FitConfig, SweepConfig, load
from skinlab.tables.errors import InputError, RunError
from skinlab.training.sweep_space import (
    best_objective,
    distribution,
    existing,
    extremes,
    grid,
    ordered,
    pruned_because,
    pruner,
    quasi_random,
    sampler,
    suggest,
)

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
    assert distribution(Factor(low=2, high=9, integer=True)) == kinds.IntDistribution(2, 9)
    assert distribution(Factor(low=4, high=64, log=True, integer=True)) == kinds.IntDistribution(
        4, 64, log=True
    )


def test_whole_numbers_have_whole_ends() -> None:
    with pytest.raises(ValueError, match="whole `low`"):
        Factor(low=0.5, high=9, integer=True)


def test_the_ends_of_a_factor_are_what_it_can_draw() -> None:
    assert extremes("r", ROTATION) == ["none", "any"]
    assert extremes("b", BLUR) == [1, 7]
    assert all(isinstance(end, int) for end in extremes("b", BLUR))
    with pytest.raises(InputError, match=r"factor lr: .*low > 0"):
        extremes("lr", Factor(low=0.0, high=0.1, log=True))


HANGING = {
    "augment.hue": Factor(low=0.0, high=0.1, when={"augment.rotation": "any"}),
    "augment.rotation": ROTATION,
    "augment.blur": BLUR,
}


def drawn(
    seed: int, kind: str, trials: int = 12, space: dict[str, Factor] | None = None
) -> list[dict[str, Any]]:
    """The settings of an unbroken search whose objective is known."""
    every = {"augment.rotation": ROTATION, "augment.hue": HUE, "augment.blur": BLUR}
    config = sweep_of(space or every, seed=seed, sampler=kind)
    study = optuna.create_study(direction="maximize")
    for number in range(trials):
        study.sampler = sampler(config, number)  # anew each time, as after a kill
        trial = study.ask()
        values = suggest(trial, config.space)
        study.tell(trial, values["augment.blur"])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("kind", ["tpe", "random", "gp"])
def test_a_search_draws_by_seed_and_trial_number(kind: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    first = drawn(0, kind)
    assert first == drawn(0, kind)
    assert first != drawn(1, kind)
    assert len({str(params) for params in first}) > 6  # not the same draw at every restart


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_conditional_factor_is_drawn_only_where_it_exists(kind: str) -> None:
    first = drawn(0, kind, 24, HANGING)
    assert first == drawn(0, kind, 24, HANGING)
    for params in first:
        assert ("augment.hue" in params) == (params["augment.rotation"] == "any")
    assert {params["augment.rotation"] for params in first} == {"none", "any"}


def test_tpe_learns_from_earlier_trials() -> None:
    blurs = [params["augment.blur"] for params in drawn(0, "tpe", 40)]
    assert blurs[20:].count(7) > 2 * 20 / 4  # the objective is the blur; chance is a quarter


def test_factors_stand_behind_those_they_hang_on() -> None:
    assert ordered(HANGING) == ("augment.rotation", "augment.hue", "augment.blur")
    plain = dict.fromkeys("zyx", HUE)
    assert ordered(plain) == ("z", "y", "x")


def test_a_factor_that_hangs_on_a_missing_one_is_missing() -> None:
    chain = {
        "a": Factor(choices=(0, 1)),
        "b": Factor(choices=(0, 1), when={"a": 1}),
        "c": Factor(choices=(0, 1), when={"b": [0, 1]}),
    }
    assert existing(chain, {"a": 1, "b": 0, "c": 1}) == {"a": 1, "b": 0, "c": 1}
    assert existing(chain, {"a": 0, "b": 0, "c": 1}) == {"a": 0}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"augment.crop": 0}, r"factor augment\.hue: `when` names augment\.crop, .* no factor"),
        ({"augment.blur": 3}, r"augment\.blur, which has no `choices`"),
        ({"augment.rotation": "half"}, r"augment\.rotation is never 'half'"),
    ],
)
def test_a_condition_that_never_holds_is_refused(when: dict[str, Any], said: str) -> None:
    space = HANGING | {"augment.hue": Factor(low=0.0, high=0.1, when=when)}
    with pytest.raises(InputError, match=said):
        ordered(space)


def test_factors_that_hang_on_each_other_are_refused() -> None:
    space = {
        "a": Factor(choices=(0, 1), when={"b": 1}),
        "b": Factor(choices=(0, 1), when={"a": 1}),
    }
    with pytest.raises(InputError, match="factors a, b hang on each other"):
        ordered(space)


@pytest.mark.parametrize("kind", ["sobol", "halton"])
def test_a_sequence_depends_on_seed_and_number_only_and_fills_the_space(kind: str) -> None:
    space = {
        "augment.rotation": ROTATION,
        "augment.blur": BLUR,
        "optim.lr": Factor(low=1e-4, high=1.0, log=True),
        "optim.epochs": Factor(low=4, high=64, log=True, integer=True),
        "augment.hue": Factor(low=0.0, high=0.1),
        "augment.saturation": Factor(low=0.0, high=0.3, step=0.1),
    }
    config = sweep_of(space, sampler=kind)
    points = [quasi_random(config, number) for number in range(64)]
    assert points[9] == quasi_random(config, 9)
    assert points[9] != quasi_random(sweep_of(space, sampler=kind, seed=1), 9)
    counts = {blur: sum(p["augment.blur"] == blur for p in points) for blur in (1, 3, 5, 7)}
    # Sobol's first 2^m points have exactly as many in each quarter; Halton's nearly.
    assert all(abs(count - 16) <= (0 if kind == "sobol" else 2) for count in counts.values())
    assert sum(p["augment.rotation"] == "any" for p in points) in range(31, 34)
    assert sum(p["optim.lr"] < 1e-2 for p in points) in range(31, 34)
    assert {p["augment.saturation"] for p in points} == {0.0, 0.1, 0.2, 0.3}
    assert sum(p["optim.epochs"] <= 16 for p in points) in range(29, 36)
    assert {type(p["optim.epochs"]) for p in points} == {int}
    study = optuna.create_study()
    for point in points[:8]:  # they are what Optuna takes
        study.enqueue_trial(point)
        assert suggest(study.ask(), space) == point


def test_a_sequence_leaves_out_what_does_not_exist() -> None:
    points = [quasi_random(sweep_of(HANGING, sampler="halton"), n) for n in range(16)]
    assert {len(point) for point in points} == {2, 3}
    for point in points:
        assert ("augment.hue" in point) == (point["augment.rotation"] == "any")


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


def test_a_grid_has_a_missing_factor_once(base: FitConfig) -> None:
    hue = Factor(choices=(0.0, 0.02, 0.04), when={"augment.rotation": "any"})
    space = {"augment.rotation": ROTATION, "augment.hue": hue}
    points = grid(sweep_of(space, sampler="grid"), base)
    assert len(points) == 1 + 3
    assert {"augment.rotation": "none"} in points


def test_a_step_that_does_not_end_at_high_stays_below_it(base: FitConfig) -> None:
    space = {"augment.hue": Factor(low=0.0, high=0.1, step=0.035)}
    points = grid(sweep_of(space, sampler="grid"), base)
    assert sorted(point["augment.hue"] for point in points) == [0.0, 0.035, 0.07]


def test_a_grid_beyond_all_patience_is_refused(base: FitConfig) -> None:
    space = {f"f{i}": Factor(choices=tuple(range(12))) for i in range(4)}
    with pytest.raises(InputError, match="the grid has 20,736 settings"):
        grid(sweep_of(space), base)


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


def test_hyperband_ends_what_is_not_in_the_best_third() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = sweep_of({"augment.rotation": ROTATION}, pruner="hyperband")
    study = optuna.create_study(direction="maximize", study_name="h", pruner=pruner(config, 27))
    ended = {}
    for number in range(30):
        trial = study.ask()
        for epoch in range(27):
            trial.report(number % 10 / 10, epoch)
            if trial.should_prune():
                ended[number] = epoch
                break
        state = optuna.trial.TrialState.PRUNED if number in ended else None
        study.tell(trial, None if number in ended else number % 10 / 10, state=state)
    assert len(ended) > 10
    assert set(ended.values()) <= {3, 9, 27}  # epochs of a factor of three
    assert not {9, 19, 29} & set(ended)  # the best is never ended
    assert pruned_because(config, 3) == "not among the best third of its bracket at epoch 4"


def epochs(*values: float | None) -> list[dict[str, Any]]:
    told = enumerate(values)
    return [{"epoch": e, "values": {} if v is None else {"val/accuracy": v}} for e, v in told]


def test_the_objective_is_that_of_the_best_epoch() -> None:
    assert best_objective(epochs(0.2, 0.5, 0.4), "val/accuracy") == 0.5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.2, float("nan"), 0.4), "val/accuracy is NaN or infinite in epoch 1"),
        ((0.2, float("inf")), "val/accuracy is NaN or infinite in epoch 1"),
        ((None, 0.4), "val/accuracy is missing in epoch 0"),
        ((), "no epoch was trained"),
    ],
)
def test_an_objective_that_is_no_number_is_a_failure(values: Any, said: str) -> None:
    with pytest.raises(RunError, match=said):
        best_objective(epochs(*values), "val/accuracy")
