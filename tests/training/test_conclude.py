"""Predictions on disk -> the numbers of a run: those of the file, not those in memory."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from conftest import Tiny

from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.training.conclude import conclude
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
