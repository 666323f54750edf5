"""``skinlab evaluate``: anyone's predictions, or a run's, -> a report with intervals."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.verbs.verb import add
from skinlab.workspace import Run, Workspace, shipped

if TYPE_CHECKING:
    from skinlab.stats.spec import EvaluationSpec, OperatingPointSpec
    from skinlab.stats.subgroups.bands import Column
    from skinlab.stats.threshold.frozen import FrozenModels
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.predictions import Predictions
    from skinlab.tables.report import EvaluationReport

ABOUT = """\
Evaluate a table of predictions, from skinlab's models or anyone's; an interval for every number.

  skinlab evaluate predictions.csv
  skinlab evaluate predictions.parquet --labels TREE.yaml --prevalence 0.02
  skinlab evaluate test.csv --positive melanoma --choose-on val.csv --sensitivity 0.95
  skinlab evaluate test.csv --labels TREE.yaml --operating-point RUN
  skinlab evaluate test.csv --manifest M.csv --subgroups sex,skin_type,age:40:60:75
  skinlab evaluate RUN --interval clopper_pearson --subgroups site

The table (CSV or Parquet) has one row an image:

  sample_id,patient_id,target,p_melanoma,p_nevus
  img-001,patient-7,melanoma,0.81,0.19

target is one of the classes, each row of p_<class> sums to 1. Images of one patient must share
patient_id, or intervals are too narrow. Optional: lesion_id; seed or run_id where several models
predicted the same images; any column for --subgroups.

RUN is the folder of a run: its test predictions, labels and operating point are taken. Every look
at a run's test set is counted and recorded in the run.
"""
EPILOG = "A threshold is never chosen on the table that it judges: such a table is refused."
RULES = ("sensitivity", "specificity", "ppv", "npv", "threshold")
USUAL = ("sex", "age", "skin_type", "site", "device", "label_source")


def add_verbs(verbs: Any) -> None:
    """Add ``evaluate``."""
    verb = add(verbs, "evaluate", _evaluate, "intervals for anyone's predictions")
    verb.description, verb.formatter_class = ABOUT, argparse.RawDescriptionHelpFormatter
    verb.epilog = EPILOG
    verb.add_argument("predictions", type=Path, metavar="TABLE|RUN", help="table or run folder")
    verb.add_argument("--labels", default="", help="label tree, to fold into coarser classes")
    verb.add_argument("--positive", default="", help="positive class where there is no label tree")
    verb.add_argument("--split", default="test", help="which predictions of a RUN (default: test)")
    verb.add_argument("--out", type=Path, help="folder of the report (default: beside the table)")
    numbers = verb.add_argument_group("numbers (of a RUN: as in its configuration)")
    numbers.add_argument("--interval", choices=("wilson", "clopper_pearson", "jeffreys"))
    numbers.add_argument("--level", type=float, help="confidence level (default: 0.95)")
    numbers.add_argument("--resamples", type=int, help="bootstrap replicates (default: 2000)")
    numbers.add_argument("--seed", type=int, help="of the resampling (default: 0)")
    numbers.add_argument("--prevalence", type=float, help="PPV and NPV at this share too")
    numbers.add_argument("--ordinal", action="store_true", default=None, help="classes in order")
    numbers.add_argument(
        "--unit",
        action="append",
        choices=("image", "lesion", "patient"),
        help="image alone, or beside it the mean of each lesion or patient; may be repeated",
    )
    groups = verb.add_argument_group("subgroups")
    groups.add_argument("--subgroups", help="columns, such as sex,age:40:60 (with edges),site")
    groups.add_argument("--manifest", type=Path, help="where the columns stand, by sample_id")
    point = verb.add_argument_group("operating point, chosen on other images")
    point.add_argument("--operating-point", type=Path, metavar="RUN|FILE", help="frozen there")
    point.add_argument("--choose-on", type=Path, metavar="TABLE", help="validation predictions")
    rule = point.add_mutually_exclusive_group()
    for name in RULES[:-1]:
        rule.add_argument(f"--{name}", type=float, metavar="SHARE", help=f"at least this {name}")
    rule.add_argument("--threshold", type=float, help="this probability itself")
    rule.add_argument("--youden", action="store_true", help="largest sensitivity + specificity")
    point.add_argument("--temperature", choices=("none", "validation"), help="of --choose-on")


@dataclass(frozen=True)
class _Subject:
    """What is evaluated.

    Attributes:
        table: The predictions.
        name: For the report.
        run: The run they are of, or None.
        split: Their split; the table's name outside of a run.
    """

    table: Path
    name: str
    run: Run | None
    split: str


def _evaluate(words: argparse.Namespace) -> int:
    from skinlab.figures.report.page import write_report
    from skinlab.tables.predictions import Predictions

    subject = _subject(words)
    tree = _tree(words, subject)
    spec = _spec(words, subject)
    predictions = Predictions.read(subject.table)
    frozen = _frozen(words, subject, tree, spec)
    predictions, columns = _columns(words, predictions, spec)
    report, out = _report(words, subject, predictions, tree, frozen, columns, spec)
    write_report(report, out, title=subject.name)
    _print(report)
    print(f"report: {out / 'report.html'}")
    return 0


def _subject(words: argparse.Namespace) -> _Subject:
    path: Path = words.predictions
    folder = path.parent.parent if path.parent.name == "predictions" else path
    if path.is_file() and (folder / "provenance.json").is_file():
        return _Subject(path, f"{folder.name}, {path.stem}", Run(folder), path.stem)
    if not path.is_dir():
        return _Subject(path, path.stem, None, path.stem)
    table = path / "predictions" / f"{words.split}.csv"
    if not (path / "provenance.json").is_file() or not table.is_file():
        what = f"is no run with predictions of {words.split}"
        raise InputError(Problem(what, "give a run folder or a table, or --split", path))
    run = Run(path)
    return _Subject(table, f"{path.absolute().name}, {words.split}", run, words.split)


def _tree(words: argparse.Namespace, subject: _Subject) -> LabelTree | None:
    from skinlab.tables.labels import LabelTree

    labels = words.labels
    if not labels and subject.run is not None:
        labels = subject.run.provenance.get("params", {}).get("data.labels", "")
    if not labels:
        return None
    if words.positive:
        what = "a label tree names its positive group itself"
        raise InputError(Problem(what, "give --labels or --positive"))
    return LabelTree.read(shipped(labels))


def _spec(words: argparse.Namespace, subject: _Subject) -> EvaluationSpec:
    """Return the choices: the run's or the defaults, then those on the command line."""
    from skinlab.config import FitConfig, load
    from skinlab.stats.spec import EvaluationSpec

    base = EvaluationSpec()
    if subject.run is not None:
        base = load(FitConfig, subject.run.folder / "config.yaml").evaluation
    names = ("interval", "level", "resamples", "seed", "prevalence", "ordinal", "temperature")
    given = {name: getattr(words, name) for name in names if getattr(words, name) is not None}
    if words.unit:
        given["units"] = tuple(unit for unit in dict.fromkeys(words.unit) if unit != "image")
    if words.subgroups is not None:
        given["subgroups"] = tuple(word for word in words.subgroups.split(",") if word.strip())
    try:
        if rule := _rule(words):
            given["operating_point"] = rule
        return replace(base, **given)
    except ValueError as error:
        raise InputError(Problem(str(error), "see `skinlab evaluate --help`")) from error


def _rule(words: argparse.Namespace) -> OperatingPointSpec | None:
    from skinlab.stats.spec import OperatingPointSpec

    if words.youden:
        return OperatingPointSpec("youden")
    for name in RULES:
        if (value := getattr(words, name)) is not None:
            return OperatingPointSpec(name, value)  # type: ignore[arg-type]
    return None


def _frozen(
    words: argparse.Namespace, subject: _Subject, tree: LabelTree | None, spec: EvaluationSpec
) -> FrozenModels | None:
    """Return what other images chose: as the command says, else as the run itself froze it."""
    from skinlab.stats.threshold.frozen import FILE, Frozen, FrozenModels, freeze
    from skinlab.stats.threshold.operating_point import OperatingPoint
    from skinlab.tables.predictions import Predictions

    rule, given = _rule(words), words.operating_point
    if given is not None:
        if words.choose_on or rule:
            what = "an operating point is frozen already, and a rule is given too"
            raise InputError(Problem(what, "give --operating-point, or --choose-on with a rule"))
        return FrozenModels.read(given / FILE if given.is_dir() else given)
    if words.choose_on:
        validation = Predictions.read(words.choose_on)
        name = words.choose_on.stem
        chosen = freeze(validation, tree, spec, chosen_on=name, positive=words.positive)
        return FrozenModels((chosen,))
    if rule and rule.rule == "threshold":
        positive = tree.positive if tree else words.positive
        stated = OperatingPoint(rule.value, str(rule), positive)
        return FrozenModels((Frozen("the command line (stated)", "", (), stated),))
    if rule:
        what = f"a rule ({rule}) chooses on images that are not evaluated"
        raise InputError(Problem(what, "give --choose-on VALIDATION.csv"))
    own = subject.run.folder / FILE if subject.run else None
    if own and own.is_file() and subject.split != "val":
        return FrozenModels.read(own)
    return None


def _columns(
    words: argparse.Namespace, predictions: Predictions, spec: EvaluationSpec
) -> tuple[Predictions, list[Column]]:
    """Return the predictions with the columns of subgroups, from the manifest where one is given.

    A manifest without --subgroups brings the usual columns that it has.
    """
    from skinlab.stats.subgroups.bands import Column
    from skinlab.tables.joined import join
    from skinlab.tables.text import read_table

    asked = list(spec.subgroups)
    if words.manifest is None:
        return predictions, [Column.parse(word) for word in asked]
    if not asked:
        held = read_table(words.manifest, ("sample_id",)).columns
        asked = [name for name in USUAL if name in held]
    columns = [Column.parse(word) for word in asked]
    names = [column.name for column in columns]
    joined, missing = join(predictions, words.manifest, names, Workspace.here().pseudonym)
    if missing:
        what = f"{missing} of {len(predictions)} images are not in it; their subgroup is missing"
        print(f"note: {Problem(what, '', words.manifest)}", file=sys.stderr)
    return joined, columns


def _report(
    words: argparse.Namespace,
    subject: _Subject,
    predictions: Predictions,
    tree: LabelTree | None,
    frozen: FrozenModels | None,
    columns: list[Column],
    spec: EvaluationSpec,
) -> tuple[EvaluationReport, Path]:
    """Return the report and where it goes; a look at a run's test set is journaled first."""
    from skinlab.stats.evaluate import evaluate
    from skinlab.stats.subgroups.estimates import groups_of, with_subgroups
    from skinlab.stats.threshold.judged import judged

    for column in columns:
        groups_of(predictions, column)
    if frozen is not None:
        list(frozen.each(predictions))  # refused before anything is looked at
    out = words.out or subject.table.with_name(f"{subject.table.stem}-report")
    notes: tuple[str, ...] = ()
    if subject.run is not None:
        settings = _settings(spec, tree, frozen, words.manifest)
        out = words.out or subject.run.folder / "report" / f"{subject.split}-{settings}"
        if subject.split == "test":
            purpose = f"evaluate, settings {settings}"
            with subject.run.owner():
                number = subject.run.opened("test", purpose, predictions.fingerprint)
            notes = (f"Test set opened {number} times, this report included (journal of the run).",)
    report = evaluate(predictions, tree, split=subject.split, spec=spec)
    known = subject.run.provenance.get("fingerprints", {}) if subject.run else {}
    positive = report.positive or words.positive or (frozen.positive if frozen else "")
    report = replace(report, positive=positive, fingerprints=known | report.fingerprints)
    if frozen is not None:
        report = judged(report, predictions, tree, frozen, spec)
    if columns:
        report = with_subgroups(report, predictions, tree, columns, spec)
    return replace(report, notes=(*report.notes, *notes)), out


def _settings(
    spec: EvaluationSpec,
    tree: LabelTree | None,
    frozen: FrozenModels | None,
    manifest: Path | None,
) -> str:
    """Return what tells this look at a test set from others: a hash of settings, no paths."""
    parts = [repr(spec), tree.fingerprint if tree else "", repr(frozen), str(bool(manifest))]
    return digest(*parts)[:12]


def _print(report: EvaluationReport) -> None:
    for metric in ("accuracy", "balanced_accuracy", "macro_auroc"):
        for estimate in report.estimates:
            plain = not (estimate.class_name or estimate.subgroup or estimate.aggregated)
            if estimate.metric == metric and plain:
                print(f"{metric} ({estimate.tree_level}): {estimate}")
    for estimate in report.estimates:
        if estimate.metric.endswith("_at_operating_point") and not estimate.subgroup:
            print(f"{estimate.metric} ({estimate.class_name}): {estimate}")
