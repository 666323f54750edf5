"""Metrics have the names that a reader knows, and every metric of a report has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from skinlab.figures.report.words import OVERALL, PER_CLASS, name_of
from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate

TREE = "positive: a\nclasses:\n  a: {x: []}\n  b: {y: [], z: [], v: [], w: [], u: []}\n"


def test_a_metric_at_a_point_or_after_heat_keeps_its_name() -> None:
    at = Estimate("ppv_at_operating_point", 0.5, 0.4, 0.6, "母斑")
    after = Estimate("log_loss_after_temperature", 0.5, 0.4, 0.6)
    unknown = Estimate("some_new_metric", 0.5, 0.4, 0.6)
    assert [name_of(e) for e in (at, after, unknown)] == [
        "PPV: 母斑",
        "Log loss (nats)",
        "some new metric",
    ]


def test_every_metric_of_a_report_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    names, rng = tuple("xyzvwu"), np.random.default_rng(0)
    frame = pd.DataFrame({"sample_id": range(60), "patient_id": range(60), "target": names * 10})
    predictions = Predictions(frame.astype(str), rng.dirichlet([1.0] * 6, 60), names)
    spec = EvaluationSpec(resamples=200, prevalence=0.1, ordinal=True)
    report = evaluate(predictions, LabelTree.read(tmp_path / "tree.yaml"), spec=spec)
    for e in report.estimates:
        assert e.metric in (PER_CLASS if e.class_name else OVERALL)
