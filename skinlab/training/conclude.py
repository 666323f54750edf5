"""Best weights -> predictions on disk -> report with intervals -> final numbers in the journal.

Before that, validation freezes its threshold and temperature (`freeze_on_validation`); test is
judged by them. Each conclusion on test is an opening of the test set and is journaled as one.
"""

from __future__ import annotations

from dataclasses import replace

from skinlab.config import FitConfig
from skinlab.figures.report.page import write_report
from skinlab.stats.evaluate import evaluate
from skinlab.stats.flat import flat
from skinlab.stats.subgroups.bands import Column
from skinlab.stats.subgroups.estimates import with_subgroups
from skinlab.stats.threshold.frozen import FILE, FrozenModels, freeze
from skinlab.stats.threshold.judged import judged
from skinlab.tables.files import write_json
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.training.prepare import Prepared
from skinlab.workspace import Run


def freezes(config: FitConfig) -> bool:
    """Whether anything is chosen on validation predictions."""
    spec = config.evaluation
    return spec.operating_point.rule != "none" or spec.temperature != "none"


def freeze_on_validation(
    run: Run, predicted: Predictions, prepared: Prepared, config: FitConfig
) -> None:
    """Choose threshold and temperature on the validation predictions of one model; store them."""
    if freezes(config):
        frozen = freeze(predicted, prepared.tree, config.evaluation)
        FrozenModels((frozen,)).save(run.folder / FILE)


def gather_frozen(run: Run, members: dict[str, tuple[str, str]]) -> None:
    """Store in a group's folder what the validation images of each of its members chose.

    Args:
        run: The group.
        members: Folder of a member below the group's -> what stands in the columns seed and fold
            of its rows in the stacked predictions.
    """
    found = []
    for name, (seed, fold) in members.items():
        (frozen,) = FrozenModels.read(run.folder / name / FILE).members
        found.append(replace(frozen, seed=seed, fold=fold))
    FrozenModels(tuple(found)).save(run.folder / FILE)


def conclude(
    run: Run, predicted: Predictions, split: str, prepared: Prepared, config: FitConfig
) -> None:
    """Store predictions, evaluate them, write the report, and journal the numbers."""
    path = run.folder / "predictions" / f"{split}.csv"
    openings = run.opened(split, "fit", predicted.fingerprint) if split == "test" else 0
    predicted.save(path)
    stored = Predictions.read(path)  # every number comes from what is on disk
    name = "test" if split == "test" else f"best_{split}"  # beside the curves under val/
    report = evaluate(stored, prepared.tree, split=name, spec=config.evaluation)
    report = replace(report, fingerprints=report.fingerprints | prepared.fingerprints)
    if split == "test":
        if (run.folder / FILE).exists():
            frozen = FrozenModels.read(run.folder / FILE)
            report = judged(report, stored, prepared.tree, frozen, config.evaluation)
        report = noted(report, openings)
    if config.evaluation.subgroups:
        columns = [Column.parse(word) for word in config.evaluation.subgroups]
        report = with_subgroups(report, stored, prepared.tree, columns, config.evaluation)
    write_report(report, run.folder / "report" / split, title=f"{run.folder.name}, {split}")
    numbers = flat(report)
    run.note("final", split=split, values=numbers.metrics)
    write_json(run.folder / "report" / split / "undefined.json", numbers.undefined)
    write_json(run.folder / "report" / split / "names.json", numbers.legend)


def noted(report: EvaluationReport, openings: int) -> EvaluationReport:
    """Return the report with the number of openings of its test set among its notes."""
    times = "once: this report" if openings == 1 else f"{openings} times, this report included"
    return replace(report, notes=(*report.notes, f"Test set opened {times} (journal of the run)."))
