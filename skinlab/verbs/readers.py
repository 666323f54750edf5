"""``skinlab readers``: people and a model on the same cases."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinlab.verbs.verb import add

if TYPE_CHECKING:
    from skinlab.tables.answers import Answers
    from skinlab.tables.predictions import Predictions

ABOUT = """Compare readers with a model on the same cases.

ANSWERS is a table with one row a reader and case:

  reader,sample_id,answer[,confidence,seconds,group]
  R1,IMG_0001,melanoma
  R2,IMG_0001,benign

An answer may stand at any level of the label tree (a raw name, a diagnosis, or a group such as
benign); leave it empty where a reader gave none. Codes such as R1 are better than people's names.
sample_id is that of the predictions, or that of the manifest whose pseudonyms stand there.

For each reader: sensitivity, specificity and accuracy with intervals, the model on exactly the
same cases, and the paired difference with its interval and p-value (Holm over the readers). Then
the mean reader, the agreement between readers, and the readers on the model's ROC plane.

  skinlab readers answers.csv workspace/runs/EXPERIMENT/RUN/predictions/test.csv \\
      --labels data_manifests/labels/pad_ufes_20.yaml
"""


def add_verbs(verbs: Any) -> None:
    """Add ``readers``."""
    readers = add(verbs, "readers", _readers, "people and a model on the same cases")
    readers.description = ABOUT
    readers.formatter_class = argparse.RawDescriptionHelpFormatter
    readers.add_argument("answers", type=Path, help="reader, sample_id, answer")
    readers.add_argument("predictions", type=Path, help="sample_id, patient_id, target, p_<class>")
    readers.add_argument("--labels", default="", help="label tree; names the positive group")
    readers.add_argument("--positive", default="", help="the positive class, without a label tree")
    readers.add_argument(
        "--threshold",
        type=float,
        help="probability from which the model calls positive, such as the frozen operating point "
        "(default: its first answer)",
    )
    readers.add_argument("--out", type=Path, help="folder (default: the run's report, or beside)")


def _readers(words: argparse.Namespace) -> int:
    from skinlab.figures.reader_page import write_readers
    from skinlab.stats.readers.panel import panel
    from skinlab.stats.readers.study import reader_study
    from skinlab.tables.answers import Answers
    from skinlab.tables.errors import InputError, Problem
    from skinlab.tables.files import sha256
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.predictions import Predictions
    from skinlab.workspace import shipped

    if words.threshold is not None and not 0 <= words.threshold <= 1:
        raise InputError(Problem(f"--threshold {words.threshold} is no probability", "give 0 to 1"))
    if words.labels and words.positive:
        raise InputError(Problem("the label tree names the positive group", "leave out --positive"))
    predictions = Predictions.read(words.predictions)
    answers = _known(Answers.read(words.answers), predictions)
    tree = LabelTree.read(shipped(words.labels)) if words.labels else None
    together = panel(answers, predictions, tree, positive=words.positive, threshold=words.threshold)
    made_of = {"answers": sha256(words.answers), "predictions": predictions.fingerprint}
    study = replace(reader_study(together), fingerprints=made_of)
    out = words.out or _place(words)
    path = write_readers(study, out, title=f"Readers and model: {words.answers.stem}")
    for measure, mean in study.mean.items():
        print(f"mean reader, {measure}: {mean}; model: {study.model[measure]}")
    if not study.positive:
        print("no positive class is named: give --labels TREE or --positive CLASS")
    print(f"readers: {path}")
    return 0


def _known(answers: Answers, predictions: Predictions) -> Answers:
    """Return the answers under the pseudonyms of the predictions, where those hold pseudonyms."""
    from skinlab.workspace import Workspace

    known = set(predictions.frame["sample_id"])
    asked = set(answers.frame["sample_id"])
    if asked & known:
        return answers
    workspace = Workspace.here()
    names = {sample: workspace.pseudonym(sample) for sample in asked}
    return answers.renamed(names) if known & set(names.values()) else answers


def _place(words: argparse.Namespace) -> Path:
    """Return the run's report folder where the predictions are a run's, else one beside."""
    run: Path = words.predictions.parent.parent
    if words.predictions.parent.name == "predictions" and (run / "provenance.json").exists():
        return run / "report" / "readers"
    beside: Path = words.answers.with_name(f"{words.answers.stem}-readers")
    return beside
