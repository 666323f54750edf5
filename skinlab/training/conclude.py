"""Best weights -> predictions on disk -> report with intervals -> final numbers in the journal."""

from __future__ import annotations

from dataclasses import replace

from skinlab.config import FitConfig
from skinlab.figures.report_page import write_report
from skinlab.stats.evaluate import evaluate
from skinlab.stats.flat import flat
from skinlab.tables.files import write_json
from skinlab.tables.predictions import Predictions
from skinlab.training.prepare import Prepared
from skinlab.workspace import Run


def conclude(
    run: Run, predicted: Predictions, split: str, prepared: Prepared, config: FitConfig
) -> None:
    """Store predictions, evaluate them, write the report, and journal the numbers."""
    path = run.folder / "predictions" / f"{split}.csv"
    predicted.save(path)
    stored = Predictions.read(path)  # every number comes from what is on disk
    name = "test" if split == "test" else f"best_{split}"  # beside the curves under val/
    report = evaluate(stored, prepared.tree, split=name, spec=config.evaluation)
    report = replace(report, fingerprints=report.fingerprints | prepared.fingerprints)
    write_report(report, run.folder / "report" / split, title=f"{run.folder.name}, {split}")
    numbers = flat(report)
    run.note("final", split=split, values=numbers.metrics)
    write_json(run.folder / "report" / split / "undefined.json", numbers.undefined)
    write_json(run.folder / "report" / split / "names.json", numbers.legend)
