"""A configuration -> a complete run folder; the same command twice does nothing twice."""

from __future__ import annotations

import itertools
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Tiny
from safetensors.torch import load_file

from skinlab.inference.predict import probabilities
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.tables.text import read_table, write_table
from skinlab.training import checkpoint
from skinlab.training.callbacks import Stopped
from skinlab.training.fit import best_weights, expanded, fit, identity, trained
from skinlab.workspace import Run


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_folder_is_complete_and_a_second_fit_changes_nothing(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(tiny.config, tiny.workspace)
    whole = ("config.yaml", "provenance.json", "journal.jsonl", "patients.json")
    for name in (*whole, "operating_point.json"):
        assert (run.folder / name).is_file()
    assert run.state == "finished"
    for split in ("val", "test"):
        table = Predictions.read(run.folder / "predictions" / f"{split}.csv")
        report = EvaluationReport.read(run.folder / "report" / split / "report.json")
        right = float((table.target == table.answer).mean())
        assert report.find("accuracy", "fine").value == pytest.approx(right)
        name = "test" if split == "test" else "best_val"
        final = next(e["values"] for e in run.events("final") if e["split"] == split)
        assert final[f"{name}/fine/accuracy"] == pytest.approx(right)
    stored = load_file(run.folder / "weights.safetensors")
    best = load_file(best_weights(run))
    assert all(torch.equal(stored[key], best[key]) for key in best)
    before = _bytes(run.folder)
    assert fit(tiny.config, tiny.workspace) == run
    assert "finished already; nothing to do" in capsys.readouterr().err
    after = _bytes(run.folder)
    assert after == before


def test_test_alone_is_judged_by_validation_and_columns_of_subgroups_ride_along(
    tiny: Tiny,
) -> None:
    # A manifest of one's own with a column that no table of skinlab names.
    manifest = Path(tiny.config.data.manifest)
    rows = read_table(manifest)
    clinic = ["north" if i % 2 else "south" for i in range(len(rows))]
    write_table(manifest, rows.assign(clinic=clinic))
    run = fit(tiny.but(splits=["test"], evaluation__subgroups=["clinic"]), tiny.workspace)
    assert not (run.folder / "predictions" / "val.csv").exists()
    table = Predictions.read(run.folder / "predictions" / "test.csv")
    assert set(table.frame["clinic"]) == {"north", "south"}
    report = EvaluationReport.read(run.folder / "report" / "test" / "report.json")
    assert any(e.subgroup == "clinic=north" for e in report.estimates)
    assert report.operating_point["members"][0]["chosen_on"] == "val"
    found = report.find("sensitivity_at_operating_point", "group", report.positive)
    assert found.value is not None or found.reason
    assert run.provenance["openings"] == {"test": 1}
    assert run.state == "finished"


def test_a_subgroup_that_the_manifest_lacks_is_refused_before_training(tiny: Tiny) -> None:
    with pytest.raises(InputError, match="has no column 'clinic', which evaluation"):
        fit(tiny.but(evaluation__subgroups=["clinic"]), tiny.workspace)
    assert not tiny.workspace.runs.exists()


def test_predictions_name_images_and_people_by_pseudonym_unless_told(tiny: Tiny) -> None:
    rows = read_table(Path(tiny.config.data.manifest))
    known = set(rows["patient_id"]) | set(rows["sample_id"])
    run = fit(tiny.but(splits=["val"]), tiny.workspace)
    found = read_table(run.folder / "predictions" / "val.csv")
    assert not (set(found["patient_id"]) | set(found["sample_id"])) & known
    open_run = fit(tiny.but(splits=["val"], privacy__show_ids=True), tiny.workspace)
    shown = read_table(open_run.folder / "predictions" / "val.csv")
    assert set(shown["patient_id"]) <= set(rows["patient_id"])
    pairs = zip(shown["patient_id"], found["patient_id"], strict=True)
    assert all(tiny.workspace.pseudonym(name) == pseudonym for name, pseudonym in pairs)


def test_two_seeds_are_two_members_below_one_report(tiny: Tiny) -> None:
    run = fit(tiny.but(seeds=[0, 1], splits=["val"]), tiny.workspace)
    members = [Run(run.folder / name) for name in ("seed0", "seed1")]
    assert [member.state for member in members] == ["finished", "finished"]
    assert [member.provenance["parent"] for member in members] == ["..", ".."]
    stacked = read_table(run.folder / "predictions" / "val.csv")
    parts = [read_table(m.folder / "predictions" / "val.csv") for m in members]
    assert len(stacked) == sum(map(len, parts))
    assert sorted(set(stacked["seed"])) == ["0", "1"]
    report = EvaluationReport.read(run.folder / "report" / "val" / "report.json")
    accuracy = report.find("accuracy", "fine")
    assert (accuracy.n_seeds, accuracy.n_images) == (2, len(parts[0]))
    each = [Predictions.read(m.folder / "predictions" / "val.csv") for m in members]
    mean = np.mean([(p.target == p.answer).mean() for p in each])
    assert accuracy.value == pytest.approx(mean)


def test_where_a_run_is_made_does_not_change_its_identity(tiny: Tiny) -> None:
    own = identity(tiny.config)
    for same in (
        {"data__root": "/elsewhere"},
        {"data__workers": 2},
        {"tracking__uri": "http://x"},
        {"training__threads": 2},
        {"name": "other"},
    ):
        assert identity(tiny.but(**same)) == own
    for other in (
        {"optim__lr": 0.1},
        {"seeds": [1]},
        {"data__fold": 1},
        {"privacy__show_ids": True},
    ):
        assert identity(tiny.but(**other)) != own


def test_weights_count_by_their_content(tiny: Tiny, tmp_path: Path) -> None:
    def named(path: Path) -> str:
        return identity(replace(tiny.config, model=replace(tiny.config.model, weights=str(path))))

    one, copy, other = (tmp_path / name for name in ("a.npz", "b.npz", "c.npz"))
    for path, content in ((one, b"x"), (copy, b"x"), (other, b"y")):
        path.write_bytes(content)
    assert named(one) == named(copy) != named(other)


def test_every_seed_and_fold_is_one_training(tiny: Tiny) -> None:
    members = dict(expanded(tiny.but(seeds=[0, 7], folds=[1, 2])))
    assert list(members) == ["seed0-fold1", "seed0-fold2", "seed7-fold1", "seed7-fold2"]
    last = members["seed7-fold2"]
    assert (last.seeds, last.folds, last.data.fold) == ((7,), (), 2)
    assert [name for name, _ in expanded(tiny.but(seeds=[3]))] == ["seed3"]


@pytest.mark.parametrize(
    "change", [{"data__fold": 9}, {"data__labels": "gone.yaml"}, {"folds": [0, 1]}]
)
def test_bad_input_leaves_no_run_folder_behind(tiny: Tiny, change: dict[str, object]) -> None:
    with pytest.raises(InputError):
        fit(tiny.but(**change), tiny.workspace)
    assert not tiny.workspace.runs.exists()


def test_out_of_memory_is_a_failed_run_that_the_same_command_takes_up(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr("skinlab.tasks.classification.ClassificationTask.training_step", full)
        with pytest.raises(RunError, match=r"out of memory with data\.batch_size 32 and .*; lower"):
            fit(tiny.config, tiny.workspace)
    (run,) = tiny.workspace.all_runs()
    assert run.state == "failed"
    assert fit(tiny.config, tiny.workspace).state == "finished"


def test_a_run_killed_before_its_report_is_only_evaluated(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    config = tiny.but(splits=["val"])
    with monkeypatch.context() as patched:
        patched.setattr("skinlab.training.fit.conclude", killed)
        with pytest.raises(KeyboardInterrupt):
            fit(config, tiny.workspace)

    def never(*_: Any) -> None:
        raise AssertionError("trained a second time")

    monkeypatch.setattr("skinlab.training.fit.run_trainer", never)
    run = fit(config, tiny.workspace)
    assert run.state == "finished"
    assert len(run.events("epoch")) == 1


def test_epochs_are_done_by_number_or_by_patience(tiny: Tiny, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    config = tiny.but(optim__epochs=4, training__patience=2)
    assert not trained(run, config)
    for epoch, value in enumerate([0.5, 0.4]):
        run.note("epoch", epoch=epoch, values={config.training.monitor: value})
        checkpoint.save({}, run.folder / "checkpoints" / f"epoch-{epoch:04d}.ckpt")
    assert not trained(run, config)
    assert trained(run, tiny.but(optim__epochs=2))
    assert trained(run, tiny.but(optim__epochs=4, training__patience=1))


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_network_without_its_best_weights_is_not_evaluated(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "checkpoints" / "best-0001.safetensors"
    checkpoint.save_weights({"a": torch.ones(2)}, path)
    assert best_weights(Run(tmp_path)) == path
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match="the best weights are missing or damaged; delete"):
        best_weights(Run(tmp_path))


def test_the_list_of_patients_matches_the_splits(tiny: Tiny) -> None:
    run = fit(tiny.but(splits=["val"]), tiny.workspace)
    lists = json.loads((run.folder / "patients.json").read_text())
    assert not set(lists["train"]) & set(lists["val"])


def test_a_signal_while_photographs_are_predicted_stops_and_the_same_command_goes_on(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny.but(splits=["val"])

    def interrupted(network: Any, batches: Any, device: Any) -> Any:
        first = next(batches := iter(batches))
        os.kill(os.getpid(), signal.SIGTERM)
        return probabilities(network, itertools.chain([first], batches), device)

    with monkeypatch.context() as patch:
        patch.setattr("skinlab.training.fit.probabilities", interrupted)
        with pytest.raises(Stopped):
            fit(config, tiny.workspace)
    run = fit(config, tiny.workspace)
    assert run.state == "finished"
    assert len(run.events("epoch")) == 1
