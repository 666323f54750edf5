"""What a search will train, before it does: lists, grids, factorials, defaults, identity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

from skinlab import config as configuration
from skinlab.config import Factor, SweepConfig, load
from skinlab.tables.errors import InputError
from skinlab.tables.text import read_table
from skinlab.training.sweep_design import base_config, design_points, next_point, opened, unsaid

FIT = "experiments/classification/synthetic.yaml"
SWEEPS = REPOSITORY / "experiments" / "sweeps"
TWO = {
    "augment.rotation": Factor(choices=("none", "any")),
    "augment.hue": Factor(low=0.0, high=0.04),
    "augment.blur": Factor(low=0, high=3, step=3),
    "augment.crop": Factor(choices=(0.0, 0.875)),
}
ROWS = """augment.rotation, augment.hue
any, 0.02
none, 0
any, 0.02
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def sweep_of(**more: Any) -> SweepConfig:
    return SweepConfig(**{"name": "s", "fit": FIT, **more})


def test_a_list_is_trained_row_by_row() -> None:
    config, base = opened(sweep_of(sampler="list", settings=ROWS))
    assert config.trials == 3
    assert [next_point(config, base, number) for number in range(3)] == [
        {"augment.rotation": "any", "augment.hue": 0.02},
        {"augment.rotation": "none", "augment.hue": 0},
        {"augment.rotation": "any", "augment.hue": 0.02},
    ]
    assert config.space["augment.hue"].choices == (0.02, 0)


def test_a_list_in_a_file_is_the_same_search_as_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "settings.csv"
    path.write_text(ROWS.replace(", ", ";"), encoding="utf-8")
    inside, base = opened(sweep_of(sampler="list", settings=ROWS))
    file, _ = opened(sweep_of(sampler="list", settings=str(path)))
    assert file == inside
    path.unlink()  # the search knows its rows already
    assert len(design_points(file, base)) == 3


def test_table_a_r_is_the_printed_table_in_its_order() -> None:
    config, base = opened(load(SweepConfig, SWEEPS / "table_a_r.yaml"))
    printed = read_table(REPOSITORY / "data_manifests" / "printed" / "table_a_r.csv")
    assert "".join(printed["setting"]) == "ABCDEFGHIJKLMNOPQR"
    units = {
        "augment.rotation": printed["rotation"].map({"on": "any", "off": "none"}).tolist(),
        "augment.hue": printed["phase"].astype(float).tolist(),
        "augment.brightness": printed["brightness"].astype(float).tolist(),
        "augment.saturation": printed["saturation"].astype(float).tolist(),
        "augment.blur": printed["blur"].astype(int).tolist(),
        "augment.crop": [float(crop) / 256 for crop in printed["crop"]],
    }
    points = design_points(config, base)
    assert config.trials == len(points) == 18
    assert {name: [point[name] for point in points] for name in points[0]} == units


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("augment.hue\n0.02\n0.9\n", r"augment\.hue is 0\.9"),
        ("augment.hu\n0.02\n", r"did you mean 'augment\.hue'"),
        ("augment.hue, augment.blur\n0.02\n", r"settings line 2: has 1 cells"),
        ("augment.hue, augment.blur\n0.02,\n", r"settings line 2: augment\.blur is empty"),
        ("augment.hue\n\n", "settings: has no row"),
        ("seeds\n0\n", "seeds cannot be a factor"),
        ("gone.csv", r"gone\.csv: there is no such file"),
    ],
)
def test_a_list_that_cannot_be_trained_is_refused_with_its_line(settings: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        opened(sweep_of(sampler="list", settings=settings))
    assert len(str(caught.value).splitlines()) == 1


def test_a_factorial_is_the_defaults_twice_and_every_run_once() -> None:
    config, base = opened(sweep_of(sampler="factorial", pruner="none", space=TWO))
    points = design_points(config, base)
    own = configuration.flat(base)
    assert config.trials == len(points) == 2 + 8  # 2^(4-1)
    assert points[0] == points[1] == {name: own[name] for name in TWO}
    runs = points[2:]
    assert len({str(run) for run in runs}) == 8
    every: dict[str, list[float]] = {"augment.hue": [0.0, 0.04], "augment.blur": [0, 3]}
    for name, ends in every.items():
        assert sorted(run[name] for run in runs) == ends[:1] * 4 + ends[1:] * 4
    signs = [[1 if run[n] in ("any", 0.04, 3, 0.875) else -1 for n in TWO] for run in runs]
    assert len({a * b * c * d for a, b, c, d in signs}) == 1  # the defining relation I = ABCD


def test_the_order_of_a_factorial_comes_from_its_seed_and_its_size_from_its_runs() -> None:
    config, base = opened(sweep_of(sampler="factorial", pruner="none", space=TWO, base_seeds=3))
    points = design_points(config, base)
    other = design_points(replace(config, seed=1), base)
    assert points[:3] == other[:3] == [points[0]] * 3
    assert points[3:] != other[3:]
    assert sorted(map(str, points[3:])) == sorted(map(str, other[3:]))
    assert len(design_points(replace(config, runs=16), base)) == 3 + 16


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"space": TWO | {"augment.hue": Factor(choices=(0.0, 0.1, 0.2))}}, "not one of two"),
        ({"space": TWO, "runs": 4}, "4 factors in 4 runs: use 8 or 16"),
        ({"space": {"augment.hue": TWO["augment.hue"]}}, "1 factors: .* 2 to 16"),
    ],
)
def test_a_factorial_without_two_levels_or_runs_enough_is_refused(
    more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        opened(sweep_of(sampler="factorial", pruner="none", **more))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"space": TWO, "sampler": "factorial", "base_seeds": 1, "pruner": "none"}, "two or more"),
        ({"space": TWO, "sampler": "factorial"}, "pruner: none"),
        ({"space": TWO, "runs": 8}, "`runs` is for"),
        ({"space": TWO, "settings": ROWS}, "`settings` is for a `list`"),
        ({"sampler": "list"}, "has `settings`"),
        ({"sampler": "list", "settings": ROWS, "base_seeds": 2}, "repeat a row"),
        ({}, "a space of one factor or more"),
        ({"space": TWO, "trials": -1}, "0 or more"),
    ],
)
def test_options_of_another_sampler_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sweep_of(**more)


def test_a_list_with_a_space_beside_it_is_refused() -> None:
    with pytest.raises(InputError, match="take `space` out"):
        opened(sweep_of(sampler="list", settings=ROWS, space=TWO))


def test_without_a_number_a_design_is_trained_whole_and_a_search_draws_twenty() -> None:
    grid = {name: TWO[name] for name in ("augment.rotation", "augment.crop")}
    assert opened(sweep_of(space=grid, sampler="grid"))[0].trials == 4
    assert opened(sweep_of(space=grid, sampler="grid", trials=3))[0].trials == 3
    assert opened(sweep_of(space=grid, sampler="grid", trials=99))[0].trials == 4
    assert opened(sweep_of(space=grid))[0].trials == 20
    assert opened(sweep_of(space=grid, trials=7))[0].trials == 7


def test_the_defaults_are_trained_as_often_as_asked_and_then_drawn() -> None:
    config, base = opened(sweep_of(space=TWO, base_seeds=3))
    default = {name: configuration.flat(base)[name] for name in TWO}
    assert [next_point(config, base, n) for n in range(4)] == [default, default, default, None]
    sobol = replace(config, sampler="sobol")
    points = [next_point(sobol, base, n) for n in range(5)]
    assert points[:3] == [default] * 3
    assert points[3] not in (default, None)
    grid = {"augment.rotation": TWO["augment.rotation"], "augment.crop": TWO["augment.crop"]}
    config, base = opened(sweep_of(space=grid, sampler="grid", base_seeds=2))
    twice = design_points(config, base)
    assert twice[0] == twice[1]
    assert len(twice) == 5


def test_a_default_outside_a_factor_that_does_not_exist_there_is_no_matter() -> None:
    space = {
        "augment.rotation": Factor(choices=("none", "any")),
        "augment.hue": Factor(low=0.02, high=0.04, when={"augment.rotation": "none"}),
    }
    config, base = opened(sweep_of(space=space))
    assert next_point(config, base, 0) == {"augment.rotation": "any"}
    with pytest.raises(InputError, match=r"augment\.hue = 0\.0 .*outside the space"):
        opened(sweep_of(space=space, fixed={"augment.rotation": "none"}))


def test_a_field_of_whole_numbers_needs_a_factor_of_whole_numbers() -> None:
    with pytest.raises(InputError, match=r"optim\.epochs takes whole numbers; add `integer: true`"):
        base_config(sweep_of(space={"optim.epochs": Factor(low=4, high=64, log=True)}))
    base_config(sweep_of(space={"optim.epochs": Factor(low=4, high=64, log=True, integer=True)}))


def test_a_study_begun_before_these_options_keeps_its_identity() -> None:
    """The fingerprints that skinlab made when there were tpe, random and grid only."""
    config = load(SweepConfig, SWEEPS / "preprocessing.yaml")
    before = "f21e1dd2d9cf431923118fd08a7b1e95f0fafefa45324ee3cecdbdc05a16f058"
    assert configuration.fingerprint(config, "trials", "fit", *unsaid(config)) == before
    config = replace(config, base_seeds=2)
    assert configuration.fingerprint(config, "trials", "fit", *unsaid(config)) != before
    ranges = {"augment.blur": Factor(low=1, high=7, step=2)}
    ranges["optim.lr"] = Factor(low=1e-4, high=0.1, log=True)
    config = sweep_of(space=ranges, trials=9, sampler="random")
    before = "11d5a905a3b53e58f7b8d6f1057b91e1dcfb666d3e529de8f39af6dbd2b4abcf"
    assert configuration.fingerprint(config, "trials", "fit", *unsaid(config)) == before
