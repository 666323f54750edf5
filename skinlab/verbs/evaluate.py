"""``skinlab evaluate``: anyone's predictions -> a report with intervals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skinlab.verbs.verb import add


def add_verbs(verbs: Any) -> None:
    """Add ``evaluate``."""
    evaluate = add(verbs, "evaluate", _evaluate, "intervals for anyone's predictions")
    evaluate.add_argument("predictions", type=Path, help="sample_id, patient_id, target, p_<class>")
    evaluate.add_argument("--labels", default="", help="label tree, to fold into coarser classes")
    evaluate.add_argument("--out", type=Path, help="folder of the report (default: beside it)")


def _evaluate(words: argparse.Namespace) -> int:
    from skinlab.figures.report_page import write_report
    from skinlab.stats.evaluate import evaluate
    from skinlab.stats.spec import EvaluationSpec
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.predictions import Predictions
    from skinlab.workspace import shipped

    predictions = Predictions.read(words.predictions)
    tree = LabelTree.read(shipped(words.labels)) if words.labels else None
    name = words.predictions.stem
    report = evaluate(predictions, tree, split=name, spec=EvaluationSpec())
    out = words.out or words.predictions.with_name(f"{name}-report")
    write_report(report, out, title=name)
    for metric in ("accuracy", "balanced_accuracy", "auroc"):
        for estimate in report.estimates:
            if estimate.metric == metric and not estimate.class_name and not estimate.subgroup:
                print(f"{metric} ({estimate.tree_level}): {estimate}")
    print(f"report: {out / 'report.html'}")
    return 0
