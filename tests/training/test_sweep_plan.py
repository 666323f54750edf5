"""A design is shown, with what it cannot tell apart, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REPOSITORY

from skinlab.cli import main
from skinlab.config import Factor, SweepConfig, load
from skinlab.training.sweep_design import opened
from skinlab.training.sweep_plan import plan_text

FIT = "experiments/classification/synthetic.yaml"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


def plan_of(name: str, *overrides: str) -> list[str]:
    path = REPOSITORY / "experiments" / "sweeps" / f"{name}.yaml"
    return plan_text(*opened(load(SweepConfig, path, overrides))).splitlines()


def test_table_a_r_is_found_to_repeat_and_to_confound_before_it_is_trained() -> None:
    lines = plan_of("table_a_r")
    assert lines[0] == "18 trials of 11 distinct settings (list)."
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:20]}
    assert "".join(rows) == "ABCDEFGHIJKLMNOPQR"
    assert rows["Q"] == ["any", "0.0", "0.1", "0.1", "5", "0.0", "2"]  # the third of its setting
    same = [line for line in lines if line.startswith("The same setting")]
    assert [line.split(": ")[1] for line in same] == [
        "A, M, N.",
        "C, L.",
        "D, F, Q.",
        "G, K.",
        "I, J.",
    ]
    assert any("only H and P tell them apart" in line for line in lines)
    assert any(line.startswith("13 of the 15 two-factor interactions are sums") for line in lines)
    assert any("51% of the D-efficiency" in line for line in lines)


def test_a_factorial_shows_its_generators_and_aliases() -> None:
    lines = plan_of("factorial")
    assert lines[1] == "16 runs of a 2^(6-2) design (resolution IV), 2 of the defaults."
    assert "  blur = rotation × hue × brightness" in lines
    assert "  rotation × hue = brightness × blur" in lines
    assert any(line.startswith("No main effect is aliased") for line in lines)
    assert "The same setting: A, B." in lines
    shrunk = plan_of("factorial", "--trials=3")
    assert "`trials` leaves 15 settings of this design out." in shrunk


def test_a_drawn_search_shows_its_factors() -> None:
    space = {
        "augment.rotation": Factor(choices=("none", "any")),
        "optim.lr": Factor(low=1e-4, high=0.1, log=True),
        "augment.hue": Factor(low=0, high=0.1, when={"augment.rotation": "any"}),
    }
    config = SweepConfig("s", FIT, space, sampler="sobol", trials=8, base_seeds=2)
    assert plan_text(*opened(config)).splitlines() == [
        "8 trials by sobol, drawn from the sequence; 2 trials are the defaults.",
        "  augment.rotation: none, any",
        "  optim.lr: 0.0001 to 0.1, logarithmic",
        "  augment.hue: 0 to 0.1 (when augment.rotation is any)",
    ]


def test_the_plan_is_shown_without_training(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SKINLAB_WORKSPACE", str(tmp_path / "workspace"))
    assert main(["sweep", "experiments/sweeps/factorial.yaml", "--plan", "--runs=32"]) == 0
    assert "32 runs of a 2^(6-1) design (resolution VI)" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*.json"))


def test_a_single_setting_has_no_aliases() -> None:
    config = SweepConfig("s", FIT, sampler="list", settings="augment.hue\n0.02\n0.02\n")
    assert plan_text(*opened(config)).splitlines()[-1] == "No factor varies."
