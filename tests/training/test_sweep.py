"""A search with a known best: it is found, told once, and goes on where it was stopped."""

from __future__ import annotations

import itertools
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
from conftest import SMALL, Tiny

from skinlab.config import Factor, FitConfig, SweepConfig
from skinlab.stats.evaluate import evaluate
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.predictions import Predictions
from skinlab.tables.text import read_table
from skinlab.training import sweep as module
from skinlab.training.callbacks import Stopped
from skinlab.training.prepare import Prepared
from skinlab.training.record import Place, Session, begin, lifecycle
from skinlab.training.sweep import sweep
from skinlab.training.sweep_design import base_config
from skinlab.workspace import Run

FIT = "experiments/classification/synthetic.yaml"
FIXED = {
    "data.image_size": 32,
    "data.cache_size": 0,
    "optim.epochs": 2,
    "training.threads": 1,
    "training.device": "cpu",
    "evaluation.resamples": 100,
    "tracking.enabled": False,
}
SPACE = {
    "augment.rotation": Factor(choices=("none", "any")),
    "augment.hue": Factor(choices=(0.0, 0.02, 0.04)),
}


def config_of(**more: Any) -> SweepConfig:
    return SweepConfig(**{"name": "s", "fit": FIT, "space": SPACE, "fixed": FIXED, **more})


NAMED = "/home/山田太郎/a.jpg"


class Trainings:
    """Stands in for training: the objective is known, and what was asked for is written down."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, int]] = []
        self.hook: Callable[[int], None] = lambda _: None

    def __call__(
        self, config: FitConfig, prepared: Prepared, session: Session, place: Place
    ) -> None:
        run = place.run
        self.seen.append((config.augment.rotation, config.augment.hue, config.seeds[0]))
        begin(run, config, prepared, place, place.kind)
        with lifecycle(run, session):
            self.hook(len(self.seen) - 1)
            right = 6 + 5 * (config.augment.rotation == "any") + round(200 * config.augment.hue)
            for epoch in range(config.optim.epochs):
                value = right / 20 * (epoch + 1) / config.optim.epochs
                values = {config.training.monitor: value}
                run.note("epoch", epoch=epoch, values=values, seconds=1.0)
                if place.report is not None:
                    place.report(epoch, value)
            self._evaluate(run, _predicted(prepared, right), prepared, config)

    def _evaluate(
        self, run: Run, predicted: Predictions, prepared: Prepared, config: FitConfig
    ) -> None:
        """Leave what the table reads; `conclude` would draw pages and pictures as well."""
        predicted.save(run.folder / "predictions" / "val.csv")
        report = evaluate(predicted, prepared.tree, split="val", spec=config.evaluation)
        report.save(run.folder / "report" / "val")
        values = {"best_val/fine/accuracy": report.find("accuracy", "fine").value}
        run.note("final", split="val", values=values)


def _predicted(prepared: Prepared, right: int) -> Predictions:
    classes = prepared.tree.classes("fine")
    truth = np.arange(20) % len(classes)
    answer = np.where(np.arange(20) < right, truth, (truth + 1) % len(classes))
    table = np.full((20, len(classes)), 0.1 / (len(classes) - 1))
    table[np.arange(20), answer] = 0.9
    ids = [f"s{i}" for i in range(20)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids})
    return Predictions(frame.assign(target=[classes[t] for t in truth]), table, classes)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    trainings = Trainings()
    monkeypatch.setattr(module, "train", trainings)
    return trainings


def test_a_grid_tries_everything_once_and_finds_the_best(tiny: Tiny, trainings: Trainings) -> None:
    run, table = sweep(config_of(sampler="grid", pruner="none", trials=99), tiny.workspace)
    assert len(trainings.seen) == len(set(trainings.seen)) == 6
    assert table.best is not None
    assert table.best.trial.params == {"augment.rotation": "any", "augment.hue": 0.04}
    assert table.best.trial.value == pytest.approx(19 / 20)
    assert trainings.seen[0] == ("any", 0.0, 0)  # trial 0 is the defaults
    assert run.state == "finished"
    found = read_table(run.folder / "table.csv")
    assert list(found["mark"]).count("BEST") == 1
    assert (run.folder / "figures" / "sweep.png").stat().st_size > 1000
    tags = run.events("tags")[-1]["values"]
    assert tags == {"best_trial": table.best.trial.number}


def test_the_same_command_again_does_nothing_and_more_trials_are_added(
    tiny: Tiny, trainings: Trainings
) -> None:
    config = config_of(trials=2, pruner="none")
    first, _ = sweep(config, tiny.workspace)
    sweep(config, tiny.workspace)
    assert len(trainings.seen) == 2
    second, table = sweep(replace(config, trials=4), tiny.workspace)
    assert second == first
    assert len(trainings.seen) == len(table.rows) == 4


def test_stopped_and_resumed_it_draws_what_an_unbroken_search_draws(
    tiny: Tiny, trainings: Trainings
) -> None:
    config = config_of(trials=6, pruner="none")
    sweep(replace(config, name="straight"), tiny.workspace)
    straight, trainings.seen = trainings.seen, []

    def stop(number: int) -> None:
        if number in (2, 4):
            raise Stopped(signal.SIGTERM)

    trainings.hook = stop
    for _ in range(2):
        with pytest.raises(Stopped):
            sweep(config, tiny.workspace)
    _, table = sweep(config, tiny.workspace)
    drawn = [tuple(row.trial.params.values()) for row in table.rows]
    assert drawn == [params[:2] for params in straight]
    assert len(trainings.seen) == 8  # six, and the two that were stopped begun again


def test_a_setting_drawn_twice_is_trained_with_another_seed(
    tiny: Tiny, trainings: Trainings
) -> None:
    space = {"augment.rotation": Factor(choices=("any",))}
    _, table = sweep(config_of(space=space, trials=3, pruner="none"), tiny.workspace)
    assert [row.trial.seed for row in table.rows] == [0, 1, 2]
    assert trainings.seen == [("any", 0.0, seed) for seed in (0, 1, 2)]


def test_a_trial_out_of_memory_fails_and_the_search_goes_on(
    tiny: Tiny, trainings: Trainings
) -> None:
    def full(number: int) -> None:
        if number == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    trainings.hook = full
    _, table = sweep(config_of(trials=4, pruner="none"), tiny.workspace)
    assert [row.trial.state for row in table.rows] == ["complete", "fail", "complete", "complete"]
    failed = table.rows[1].trial
    assert failed.reason.startswith("out of memory with data.batch_size 32 and")
    assert failed.value is None


def test_a_setting_that_torch_refuses_fails_without_its_message_in_the_record(
    tiny: Tiny, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(number: int) -> None:
        if number == 0:
            raise ValueError(NAMED)

    trainings.hook = broken
    run, table = sweep(config_of(trials=2, pruner="none"), tiny.workspace)
    assert [row.trial.state for row in table.rows] == ["fail", "complete"]
    log = run.folder / "trial-0000" / "log.txt"
    assert f"trial 0: ValueError: {NAMED}; the details are in {log}\n" in capsys.readouterr().err
    assert "builtins.ValueError at" in log.read_text(encoding="utf-8")
    written = [path.read_bytes() for path in run.folder.rglob("*") if path.is_file()]
    assert not any("山田太郎".encode() in content for content in written)


def test_a_database_that_another_process_holds_is_waited_for(
    tiny: Tiny, trainings: Trainings
) -> None:
    held: list[threading.Timer] = []

    def hold(number: int) -> None:
        if number == 0:  # at the end of this trial Optuna alone would lose its value after 5 s
            place = tiny.workspace.tracking / "optuna.db"
            other = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
            other.execute("begin immediate")
            held.append(threading.Timer(8, other.close))
            held[0].start()

    trainings.hook = hold
    config = config_of(trials=2, sampler="grid", pruner="none")
    begun = time.monotonic()
    _, table = sweep(config, tiny.workspace)
    assert time.monotonic() - begun > 7
    assert [row.trial.state for row in table.rows] == ["complete", "complete"]
    assert len(trainings.seen) == 2


def test_another_search_never_shares_the_study_of_the_first(
    tiny: Tiny, trainings: Trainings
) -> None:
    config = config_of(trials=1)
    first, _ = sweep(config, tiny.workspace)
    narrow = {"augment.rotation": SPACE["augment.rotation"]}
    for other in (
        replace(config, space=narrow),
        replace(config, objective="val/accuracy"),
        replace(config, fixed={**FIXED, "optim.lr": 0.5}),
        replace(config, seed=1),
    ):
        run, table = sweep(other, tiny.workspace)
        assert run.folder != first.folder
        assert len(table.rows) == 1
    assert len(trainings.seen) == 5


def test_three_same_failures_in_a_row_stop_the_search(tiny: Tiny, trainings: Trainings) -> None:
    def broken(number: int) -> None:
        if number:
            raise RunError("train/loss is NaN")

    trainings.hook = broken
    config = config_of(trials=9, pruner="none")
    said = "3 trials in a row failed: train/loss is NaN; mend it and run the same command"
    with pytest.raises(RunError, match=said):
        sweep(config, tiny.workspace)
    assert len(trainings.seen) == 4
    (parent,) = (run for run in tiny.workspace.all_runs() if run.provenance["kind"] == "sweep")
    assert parent.state == "failed"


def test_a_pruned_trial_has_its_reason(tiny: Tiny, trainings: Trainings) -> None:
    space = {"augment.hue": SPACE["augment.hue"]}
    fixed = FIXED | {"optim.epochs": 6, "augment.rotation": "none"}
    config = config_of(space=space, fixed=fixed, trials=12, sampler="random")
    _, table = sweep(config, tiny.workspace)
    pruned = [row for row in table.rows if row.trial.state == "pruned"]
    assert pruned
    assert len(trainings.seen) == 12
    for row in pruned:
        assert row.trial.number >= 5  # the pruner watches five first
        said, epoch = row.trial.reason.rsplit(" ", 1)
        assert said == "below the median of the other trials at epoch"
        assert int(epoch) >= 4  # half of the six epochs is over
        assert not row.accuracy


def test_a_trial_without_objective_fails_with_its_reason_and_never_has_a_number(
    tiny: Tiny, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(config: FitConfig, prepared: Prepared, session: Session, place: Place) -> None:
        trainings(config, prepared, session, replace(place, report=None))
        if len(trainings.seen) == 2:
            place.run.note("epoch", epoch=1, values={}, seconds=1.0)

    monkeypatch.setattr(module, "train", without)
    config = config_of(trials=3, pruner="none")
    _, table = sweep(config, tiny.workspace)
    assert [row.trial.state for row in table.rows] == ["complete", "fail", "complete"]
    failed = table.rows[1].trial
    assert failed.value is None
    assert failed.reason == "val/balanced_accuracy is missing in epoch 1"
    (tiny.workspace.tracking / "optuna.db").unlink()
    _, again = sweep(config, tiny.workspace)
    assert [row.trial for row in again.rows] == [row.trial for row in table.rows]


def test_a_list_is_trained_in_its_order_with_a_seed_for_each_repeat(
    tiny: Tiny, trainings: Trainings
) -> None:
    rows = "augment.rotation, augment.hue\nany, 0.02\nnone, 0\nany, 0.02\nany, 0.02\nnone, 0\n"
    config = config_of(space={}, sampler="list", settings=rows, pruner="none")

    def stop(number: int) -> None:
        if number == 2:
            raise Stopped(signal.SIGTERM)

    trainings.hook = stop
    with pytest.raises(Stopped):
        sweep(config, tiny.workspace)
    run, table = sweep(config, tiny.workspace)
    order = [
        ("any", 0.02, 0),
        ("none", 0.0, 0),
        ("any", 0.02, 1),
        ("any", 0.02, 2),
        ("none", 0.0, 1),
    ]
    assert trainings.seen == [*order[:3], *order[2:]]  # the third was stopped and done again
    assert [row.letter for row in table.rows] == list("ABCDE")
    assert [row.trial.seed for row in table.rows] == [0, 0, 1, 2, 1]
    assert (run.folder / "plan.txt").read_text().startswith("5 trials of 2 distinct settings")


def test_a_factor_that_does_not_exist_keeps_the_own_value(tiny: Tiny, trainings: Trainings) -> None:
    hue = Factor(choices=(0.02, 0.04), when={"augment.rotation": "any"})
    space = {"augment.rotation": Factor(choices=("none", "any")), "augment.hue": hue}
    fixed = FIXED | {"augment.rotation": "none"}
    config = config_of(space=space, fixed=fixed, trials=12, pruner="none")
    sweep(replace(config, trials=5), tiny.workspace)
    _, table = sweep(config, tiny.workspace)
    straight = list(trainings.seen)
    assert {(rotation, hue) for rotation, hue, _ in straight} == {
        *(("none", 0.0), ("any", 0.02), ("any", 0.04))
    }
    for row, (rotation, value, _) in zip(table.rows, straight, strict=True):
        assert row.trial.params == {"augment.rotation": rotation, "augment.hue": value}
    (tiny.workspace.tracking / "optuna.db").unlink()
    _, again = sweep(config, tiny.workspace)
    assert [row.trial for row in again.rows] == [row.trial for row in table.rows]
    trainings.seen = []
    sweep(replace(config, name="unbroken"), tiny.workspace)
    assert trainings.seen == straight


def test_a_lost_study_is_completed_from_the_folders(tiny: Tiny, trainings: Trainings) -> None:
    config = config_of(trials=3, pruner="none")
    _, before = sweep(config, tiny.workspace)
    (tiny.workspace.tracking / "optuna.db").unlink()
    _, after = sweep(config, tiny.workspace)
    assert len(trainings.seen) == 3
    assert [row.trial for row in after.rows] == [row.trial for row in before.rows]


def test_a_trial_that_was_trained_but_not_told_is_not_trained_again(
    tiny: Tiny, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    config = config_of(trials=2, pruner="none")
    with monkeypatch.context() as patched:
        patched.setattr(module, "_tell", killed)
        with pytest.raises(KeyboardInterrupt):
            sweep(config, tiny.workspace)
    _, table = sweep(config, tiny.workspace)
    assert len(trainings.seen) == 2
    assert [row.trial.state for row in table.rows] == ["complete", "complete"]


def test_other_photographs_than_the_search_began_with_are_refused(
    tiny: Tiny, trainings: Trainings
) -> None:
    sweep(config_of(trials=1), tiny.workspace)
    path = Path("data_manifests/synthetic.csv")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match="changed since this run began"):
        sweep(config_of(trials=2), tiny.workspace)
    assert len(trainings.seen) == 1


def test_a_factor_of_the_pixels_is_trained_on_those_pixels(
    tiny: Tiny, trainings: Trainings
) -> None:
    space = {"data.square": Factor(choices=("crop", "stretch"))}
    run, _ = sweep(config_of(space=space, trials=2, sampler="grid"), tiny.workspace)
    prints = [
        json.loads((run.folder / f"trial-000{i}" / "provenance.json").read_text())["fingerprints"]
        for i in (0, 1)
    ]
    assert prints[0]["photographs"] != prints[1]["photographs"]
    assert prints[0]["manifest"] == prints[1]["manifest"]
    assert len(trainings.seen) == 2


def test_a_signal_stops_a_trial_that_is_still_reading_its_photographs(
    tiny: Tiny, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told_to_stop(config: FitConfig, prepared: Prepared, session: Session, place: Place) -> None:
        trainings(config, prepared, session, place)
        monkeypatch.setattr(session.signals, "received", signal.SIGTERM)

    monkeypatch.setattr(module, "train", told_to_stop)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    space = {"data.square": Factor(choices=("crop", "stretch"))}
    config = config_of(space=space, trials=2, sampler="grid")
    with pytest.raises(Stopped, match="SIGTERM"):
        sweep(config, tiny.workspace)
    for number, handler in handlers.items():  # a stopped command keeps them to its end
        signal.signal(number, handler)
    assert len(trainings.seen) == 1
    assert len(list(tiny.workspace.cache.glob("pixels-*"))) == 1
    monkeypatch.setattr(module, "train", trainings)
    _, table = sweep(config, tiny.workspace)
    assert [row.trial.state for row in table.rows] == ["complete", "complete"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"space": {"augment.hue": Factor(choices=(0.02, 0.04))}},
            r"augment\.hue = 0\.0 .*outside",
        ),
        ({"space": {"augment.hue": Factor(low=0.0, high=9.0)}}, r"augment\.hue is 9\.0; use 0 to"),
        ({"space": {"augment.hue": Factor(choices=(0.0, 9.0))}}, r"augment\.hue is 9\.0; use 0 to"),
        ({"space": {"augment.hu": Factor(choices=(0.0,))}}, "did you mean 'augment.hue'"),
        ({"space": {"seeds": Factor(choices=([0], [1]))}}, "seeds cannot be a factor"),
        ({"space": {"data.manifest": Factor(choices=("a", "b"))}}, "cannot be a factor"),
        ({"fixed": {"optim.lrr": 1}}, "unknown field 'optim.lrr'"),
        ({"fit": "gone.yaml"}, r"gone\.yaml: there is no such file"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_the_first_trial(
    tiny: Tiny, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        sweep(config_of(**more), tiny.workspace)
    assert not tiny.workspace.runs.exists()


def test_trials_are_judged_on_validation_only(tiny: Tiny) -> None:
    base = base_config(config_of(objective="val/accuracy"))
    assert base.splits == ("val",)
    assert base.training.monitor == "val/accuracy"
    assert base.seeds == (0,)
    assert tiny.config.splits == ("val", "test")


def test_the_pruned_quantity_is_the_objective(tiny: Tiny) -> None:
    space = {"augment.rotation": Factor(choices=("any",))}
    config = config_of(space=space, objective="val/accuracy", trials=1, pruner="hyperband")
    run, table = sweep(config, tiny.workspace)
    events = Run(run.folder / "trial-0000").events("epoch")
    objective = [event["values"]["val/accuracy"] for event in events]
    assert objective != [event["values"]["val/balanced_accuracy"] for event in events]
    study = optuna.load_study(
        study_name=run.folder.name, storage=f"sqlite:///{tiny.workspace.tracking / 'optuna.db'}"
    )
    (trial,) = study.trials
    seen = trial.intermediate_values  # what the pruner is asked about
    assert [seen[epoch] for epoch in sorted(seen)] == list(itertools.accumulate(objective, max))
    assert trial.value == max(objective) == table.rows[0].trial.value


def test_two_real_trials_leave_a_table_with_intervals(tiny: Tiny) -> None:
    fixed = FIXED | {"optim.epochs": 1}
    assert {word.split("=")[0].removeprefix("--") for word in SMALL} <= fixed.keys()
    run, table = sweep(config_of(trials=2, fixed=fixed), tiny.workspace)
    assert [row.trial.state for row in table.rows] == ["complete", "complete"]
    for row in table.rows:
        accuracy = row.accuracy["diagnosis"]
        assert accuracy.low is not None
        folder = run.folder / f"trial-{row.trial.number:04d}"
        assert row.trial.folder == folder
        stored = Predictions.read(folder / "predictions" / "val.csv")
        assert len(stored) == accuracy.n_images
