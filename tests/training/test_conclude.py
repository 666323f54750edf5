"""Predictions on disk -> the numbers of a run: those of the file, not those in memory."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import Tiny

from skinlab.stats.threshold.frozen import FILE, FrozenModels
from skinlab.tables.errors import InputError
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.training.conclude import conclude, freeze_on_validation, gather_frozen
from skinlab.training.prepare import Prepared, prepare
from skinlab.workspace import Run


def predicted(prepared: Prepared, right: int) -> Predictions:
    """Twenty images of twenty people, the first `right` of them answered rightly."""
    classes = prepared.tree.classes("fine")
    truth = np.arange(20) % len(classes)
    answer = np.where(np.arange(20) < right, truth, (truth + 1) % len(classes))
    table = np.full((20, len(classes)), 0.1 / (len(classes) - 1))
    table[np.arange(20), answer] = 0.9
    ids = [f"s{i}" for i in range(20)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids})
    return Predictions(frame.assign(target=[classes[t] for t in truth]), table, classes)


@pytest.mark.parametrize(("split", "name"), [("test", "test"), ("val", "best_val")])
def test_the_journal_gets_each_number_with_its_interval(tiny: Tiny, split: str, name: str) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    conclude(run, predicted(prepared, 15), split, prepared, tiny.config)
    (final,) = run.events("final")
    values = final["values"]
    assert final["split"] == split
    assert values[f"{name}/fine/accuracy"] == pytest.approx(0.75)
    assert values[f"{name}/fine/accuracy/low"] < 0.75 < values[f"{name}/fine/accuracy/high"]
    assert len(Predictions.read(run.folder / "predictions" / f"{split}.csv")) == 20


def test_the_report_says_which_data_and_which_predictions_it_is_of(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    conclude(run, predicted(prepared, 20), "test", prepared, tiny.config)
    folder = run.folder / "report" / "test"
    report = EvaluationReport.read(folder / "report.json")
    stored = Predictions.read(run.folder / "predictions" / "test.csv")
    assert report.fingerprints == prepared.fingerprints | {"predictions": stored.fingerprint}
    assert report.find("accuracy", "group").value == 1
    assert (folder / "report.html").stat().st_size > 1000
    assert "fit, test" in (folder / "report.html").read_text(encoding="utf-8")
    undefined = json.loads((folder / "undefined.json").read_text(encoding="utf-8"))
    assert all(isinstance(reason, str) for reason in undefined.values())


def other(prepared: Prepared, right: int) -> Predictions:
    """Twenty images of twenty other people, for validation."""
    table = predicted(prepared, right)
    ids = [f"v{i}" for i in range(20)]
    return replace(table, frame=table.frame.assign(sample_id=ids, patient_id=ids))


def test_test_is_judged_at_the_threshold_that_validation_froze(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    freeze_on_validation(run, other(prepared, 14), prepared, tiny.config)
    conclude(run, predicted(prepared, 15), "test", prepared, tiny.config)
    report = EvaluationReport.read(run.folder / "report" / "test" / "report.json")
    (member,) = report.operating_point["members"]
    (frozen,) = FrozenModels.read(run.folder / FILE).members
    assert frozen.operating_point is not None
    assert member["operating_point"]["threshold"] == frozen.operating_point.threshold
    assert (member["chosen_on"], member["predictions"]) == ("val", frozen.predictions)
    estimate = report.find("sensitivity_at_operating_point", "group", report.positive)
    (final,) = run.events("final")
    name = f"test/group/sensitivity_at_operating_point/{report.positive}"
    assert final["values"][name] == estimate.value
    assert "test/fine/log_loss_after_temperature" in final["values"]


def test_validation_is_never_judged_at_the_threshold_it_chose(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    freeze_on_validation(run, other(prepared, 14), prepared, tiny.config)
    conclude(run, other(prepared, 14), "val", prepared, tiny.config)
    report = EvaluationReport.read(run.folder / "report" / "val" / "report.json")
    assert report.operating_point == {}
    assert not [e for e in report.estimates if "operating_point" in e.metric]
    with pytest.raises(InputError, match="20 of its 20 images chose the operating point"):
        conclude(run, other(prepared, 14), "test", prepared, tiny.config)


def test_probabilities_on_disk_are_as_the_network_gave_them(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    freeze_on_validation(run, other(prepared, 14), prepared, tiny.config)
    given = predicted(prepared, 15)
    conclude(run, given, "test", prepared, tiny.config)
    stored = Predictions.read(run.folder / "predictions" / "test.csv")
    assert stored.probabilities.tolist() == given.probabilities.tolist()


def test_an_opening_of_test_is_journaled_once_however_often_the_command_goes_on(
    tiny: Tiny,
) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    run.begin({"kind": "fit"}, "")
    conclude(run, other(prepared, 14), "val", prepared, tiny.config)
    assert run.events("opened") == []
    pages = []
    for _ in range(2):  # killed after the journal, before the end
        conclude(run, predicted(prepared, 15), "test", prepared, tiny.config)
        pages.append((run.folder / "report" / "test" / "report.json").read_bytes())
    (event,) = run.events("opened")
    stored = Predictions.read(run.folder / "predictions" / "test.csv")
    assert (event["split"], event["purpose"]) == ("test", "fit")
    assert event["predictions"] == stored.fingerprint
    assert run.provenance["openings"] == {"test": 1}
    assert b"Test set opened once" in pages[0]
    assert pages[0] == pages[1]


def test_a_group_keeps_the_choice_of_each_of_its_members(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "group")
    for name, right in (("seed0", 14), ("seed1", 17)):
        member = Run(run.folder / name)
        freeze_on_validation(member, other(prepared, right), prepared, tiny.config)
    gather_frozen(run, {"seed0": ("0", ""), "seed1": ("1", "")})
    members = FrozenModels.read(run.folder / FILE).members
    assert [(m.seed, m.fold, m.name) for m in members] == [
        *(("0", "", "seed 0"), ("1", "", "seed 1")),
    ]
    parts = [predicted(prepared, right) for right in (15, 16)]
    stacked = Predictions.stacked(
        [replace(p, frame=p.frame.assign(seed=str(i), fold="")) for i, p in enumerate(parts)]
    )
    conclude(run, stacked, "test", prepared, tiny.config)
    report = EvaluationReport.read(run.folder / "report" / "test" / "report.json")
    assert report.find("specificity_at_operating_point", "group", report.positive).n_seeds == 2
    assert [m["seed"] for m in report.operating_point["members"]] == ["0", "1"]


def test_subgroups_of_the_configuration_stand_in_the_report(tiny: Tiny) -> None:
    config = tiny.but(evaluation__subgroups=["sex"])
    prepared = prepare(tiny.config, tiny.workspace)
    run = Run(tiny.workspace.runs / "classification" / "fit")
    given = predicted(prepared, 15)
    sex = ["female"] * 12 + ["male"] * 8
    conclude(run, replace(given, frame=given.frame.assign(sex=sex)), "val", prepared, config)
    report = EvaluationReport.read(run.folder / "report" / "val" / "report.json")
    found = {e.subgroup: e for e in report.estimates if e.metric == "accuracy" and e.subgroup}
    assert found["sex=female"].n_patients == 12
    assert found["sex=male"].reason == "too few: 8 patients, fewer than 10"
