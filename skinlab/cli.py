"""The verbs of the command line. Each loads what it needs when it is called, so --help is quick."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinlab import __version__
from skinlab.tables.errors import InputError, SkinlabError

if TYPE_CHECKING:
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest

# Libraries read these when they are imported: nothing phones home, nothing looks for a model hub.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

ABOUT = """skinlab trains and evaluates skin-image models: every number with its interval,
every split safe by patient, every sweep resumable, every figure traceable.

first steps, on synthetic photographs that are drawn on the spot:
  skinlab data synth
  skinlab sweep experiments/sweeps/preprocessing.yaml
  skinlab ui

your own photographs, in one folder a diagnosis:
  skinlab data import folder PHOTOGRAPHS --name clinic
  skinlab data check data_manifests/clinic.csv --labels LABELS.yaml
  skinlab data split data_manifests/clinic.csv --labels LABELS.yaml
  skinlab fit experiments/classification/synthetic.yaml --data.manifest=data_manifests/clinic.csv \\
      --data.labels=LABELS.yaml
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a run failed, 2 bad input, 130/143."""
    os.umask(0o077)  # photographs and what is made of them are their owner's only
    parser = _parser()
    known, rest = parser.parse_known_args(words)
    action: Callable[..., int] | None = getattr(known, "action", None)
    if action is None:
        parser.print_help()
        return 0
    try:
        overrides = _overrides(parser, known, rest)
        return action(known, overrides) if known.takes_overrides else action(known)
    except SkinlabError as error:
        problems = error.problems if isinstance(error, InputError) else (str(error),)
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        _trace(known.debug)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:  # the last door: one line, the rest in a file
        place = _trace(known.debug)
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        print(f"error: {what}; the details are in {place}", file=sys.stderr)
        return 1


def _trace(debug: bool) -> Path | None:
    """Show the traceback where asked for, else keep that of an unexpected error in a file."""
    if debug:
        traceback.print_exc()
        return None
    if isinstance(sys.exc_info()[1], SkinlabError):
        return None
    handle, name = tempfile.mkstemp(prefix="skinlab-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(traceback.format_exc())
    return Path(name)


def _overrides(
    parser: argparse.ArgumentParser, known: argparse.Namespace, rest: list[str]
) -> list[str]:
    """Accept ``--dotted.name=value`` and ``--dotted.name value``; refuse other words."""
    if rest and not known.takes_overrides:
        parser.error(f"unknown words: {' '.join(rest)}")
    words: list[str] = []
    for word in rest:
        if words and words[-1].startswith("--") and "=" not in words[-1]:
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


class _Verb(argparse.ArgumentParser):
    """A verb; one that reads a configuration explains every field of it in its --help."""

    def format_help(self) -> str:
        text = super().format_help()
        explained = self.get_default("explains")
        if not explained:
            return text
        from skinlab import config

        return f"{text}\nfields of CONFIG:\n\n{config.explain(getattr(config, explained))}"


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("skinlab", description=ABOUT, formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"skinlab {__version__}")
    parser.set_defaults(takes_overrides=False, explains="", debug=False)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Verb)
    _add_data(verbs)
    for name, action, about, explains in (
        ("fit", _fit, "train one configuration, over its seeds and folds", "FitConfig"),
        (
            "sweep",
            _sweep,
            "search the preprocessing space; goes on where it stopped",
            "SweepConfig",
        ),
    ):
        verb = _add(verbs, name, action, about)
        verb.add_argument("config", type=Path, help="YAML; then any field as --dotted.name=value")
        verb.set_defaults(takes_overrides=True, explains=explains)
    evaluate = _add(verbs, "evaluate", _evaluate, "intervals for anyone's predictions")
    evaluate.add_argument("predictions", type=Path, help="sample_id, patient_id, target, p_<class>")
    evaluate.add_argument("--labels", default="", help="label tree, to fold into coarser classes")
    evaluate.add_argument("--out", type=Path, help="folder of the report (default: beside it)")
    ui = _add(verbs, "ui", _ui, "open the MLflow UI of the workspace on this machine only")
    ui.add_argument("--port", type=int, default=5000)
    _add(verbs, "doctor", _doctor, "check packages, workspace, fonts and GPU")
    return parser


def _add(verbs: Any, name: str, action: Callable[..., int], about: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=about, description=about)
    verb.add_argument("--debug", action="store_true", help="show tracebacks")
    verb.set_defaults(action=action)
    return verb


def _add_data(verbs: Any) -> None:
    about = "draw, import, check and split photographs"
    data = verbs.add_parser("data", help=about, description=about)
    below = data.add_subparsers(metavar="COMMAND", required=True, parser_class=_Verb)
    synth = _add(below, "synth", _synth, "draw the embedded default: synthetic lesion photographs")
    synth.add_argument("--patients", type=int, default=240)
    synth.add_argument("--seed", type=int, default=0)
    synth.add_argument("--name", default="synthetic", help="name of the manifest")
    bring = _add(below, "import", _import, "an archive on disk -> manifest and dataset card")
    bring.add_argument("archive", help="which layout: see the list below")
    bring.add_argument("root", type=Path, help="folder of the archive")
    bring.add_argument("--name", help="name of the manifest (default: the archive's)")
    bring.add_argument("--csv", type=Path, help="`table`: the CSV")
    bring.add_argument("--column", action="append", default=[], metavar="OURS=THEIRS")
    bring.add_argument("--patient", default="", help="`folder`: regex for the patient in a path")
    check = _add(below, "check", _check, "every bad row of a manifest, all at once")
    split = _add(below, "split", _split, "stratified splits or folds that keep patients together")
    twins = _add(below, "duplicates", _duplicates, "near-duplicate photographs, across data sets")
    erase = _add(below, "forget", _forget, "erase a patient from manifests, caches, predictions")
    erase.add_argument("patient", help="the patient_id of the manifest")
    erase.add_argument("manifest", type=Path, nargs="*", help="default: all of data_manifests")
    erase.add_argument("--yes", action="store_true", help="erase; without it only counts are shown")
    for verb in (check, split):
        verb.add_argument("manifest", type=Path)
    twins.add_argument("manifests", type=Path, nargs="+")
    twins.add_argument("--write", action="store_true", help="write duplicate_group columns")
    for verb in (check, split, twins):
        verb.add_argument("--root", default="", help="folder of the photographs")
    for verb in (check, split):
        verb.add_argument("--labels", default="", help="label tree (YAML)")
    split.add_argument("--folds", type=int, default=0, help="number of folds (0: train/val/test)")
    split.add_argument("--fractions", type=float, nargs=3, default=[0.7, 0.15, 0.15])
    split.add_argument("--seed", type=int, default=0)
    split.add_argument("--out", type=Path, help="manifest to write (default: the same)")


def _synth(words: argparse.Namespace) -> int:
    from skinlab.data.split import split
    from skinlab.sources.archive import Scan
    from skinlab.sources.card import card
    from skinlab.sources.synthetic.draw import FACTS, draw
    from skinlab.tables.files import write_text
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest
    from skinlab.workspace import Workspace, shipped

    workspace = Workspace.here()
    root = workspace.data / words.name
    path = Path("data_manifests") / f"{words.name}.csv"
    with _bar("drawing", "patient") as progress:
        drawn = draw(root, patients=words.patients, seed=words.seed, progress=progress)
    workspace.remember_root(path, root)
    if path.exists() and list(Manifest.read(path, root).column("sha256")) == drawn.column("sha256"):
        print(f"{len(drawn)} photographs are there already: {path}")
        return 0
    tree = LabelTree.read(shipped("data_manifests/labels/synthetic.yaml"))
    ready = split(drawn, tree, fractions=(0.6, 0.2, 0.2), seed=words.seed)
    ready.save(path)
    write_text(path.with_suffix(".md"), card(words.name, Scan(ready, FACTS)))
    print(f"{len(ready)} photographs of {words.patients} patients: {path}")
    return 0


def _import(words: argparse.Namespace) -> int:
    from skinlab.sources.importing import import_archive
    from skinlab.workspace import Workspace

    workspace = Workspace.here()
    options: dict[str, object] = {}
    if words.csv:
        options["table"] = words.csv
    if words.column:
        options["columns"] = dict(pair.partition("=")[::2] for pair in words.column)
    if words.patient:
        options["patient"] = words.patient
    out = Path("data_manifests")
    name = words.name or ""
    found = import_archive(words.archive, words.root, out, name=name, options=options)
    workspace.remember_root(found.manifest_path, words.root)
    for dropped in found.dropped:
        print(f"left out: {dropped.count} in {dropped.where}: {dropped.reason}", file=sys.stderr)
    print(f"{len(found.manifest)} photographs: {found.manifest_path}, card {found.card_path}")
    return 0


def _opened(words: argparse.Namespace) -> tuple[Manifest, LabelTree | None]:
    """Open a manifest (bad rows let through) and the label tree, where one is named."""
    from skinlab.tables.labels import LabelTree
    from skinlab.tables.manifest import Manifest
    from skinlab.workspace import Workspace, shipped

    tree = LabelTree.read(shipped(words.labels)) if words.labels else None
    root = Workspace.here().root_of(words.manifest, words.root)
    return Manifest.open(words.manifest, root), tree


def _check(words: argparse.Namespace) -> int:
    from skinlab.data.check import check

    manifest, tree = _opened(words)
    with _bar("checking", "photograph") as progress:
        findings = check(manifest, tree, progress=progress)
    for note in findings.notes:
        print(f"note: {note}", file=sys.stderr)
    findings.refuse()
    print(f"{words.manifest}: {findings.summary()}")
    return 0


def _split(words: argparse.Namespace) -> int:
    from skinlab.data.split import safety_note, shared, split, split_table

    manifest, tree = _opened(words)
    ready = split(manifest, tree, fractions=words.fractions, folds=words.folds, seed=words.seed)
    if note := safety_note(ready):
        print(f"note: {note}", file=sys.stderr)
    out = words.out or words.manifest
    ready.save(out)
    print(split_table(ready, tree).to_string(index=False))
    print("in more than one split: " + ", ".join(f"{n} {k}" for k, n in shared(ready).items()))
    print(f"split: {out}")
    return 0


def _duplicates(words: argparse.Namespace) -> int:
    raise NotImplementedError


def _forget(words: argparse.Namespace) -> int:
    from skinlab.forget import find_traces, forget
    from skinlab.workspace import Workspace

    workspace = Workspace.here()
    manifests = words.manifest or sorted(Path("data_manifests").glob("*.csv"))
    traces = find_traces(words.patient, workspace, manifests)
    if traces.nothing:
        print("nothing left of this patient")
        return 0
    print(
        f"{sum(traces.manifests.values())} manifest rows, {sum(traces.predictions.values())} "
        f"prediction rows, {len(traces.caches)} caches, "
        f"{len(traces.trained)} networks trained with this patient"
    )
    for folder in traces.trained:
        print(f"trained with this patient: {folder}")
    if not words.yes:
        print("nothing was changed; give --yes to erase")
        return 0
    print(f"erased; receipt: {forget(words.patient, workspace, manifests)}")
    return 0


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
    write_report(report, predictions, out)
    for metric in ("accuracy", "balanced_accuracy", "auroc"):
        for estimate in report.estimates:
            if estimate.metric == metric and not estimate.class_name and not estimate.subgroup:
                print(f"{metric} ({estimate.tree_level}): {estimate}")
    print(f"report: {out / 'report.html'}")
    return 0


def _fit(words: argparse.Namespace, overrides: list[str]) -> int:
    from skinlab.config import FitConfig, load
    from skinlab.workspace import Workspace, shipped

    config = load(FitConfig, shipped(str(words.config)), overrides)
    workspace = Workspace.here()
    from skinlab.training.fit import fit

    run = fit(config, workspace)
    for split in config.splits:
        page = run.folder / "report" / split / "report.html"
        print(f"report on {split}: {page}")
    return 0


def _sweep(words: argparse.Namespace, overrides: list[str]) -> int:
    from skinlab.config import SweepConfig, load
    from skinlab.workspace import Workspace, shipped

    config = load(SweepConfig, shipped(str(words.config)), overrides)
    workspace = Workspace.here()
    from skinlab.training.sweep import sweep

    run, table = sweep(config, workspace)
    from skinlab.figures.sweep_table import as_text

    print(as_text(table))
    print(f"report: {run.folder / 'table.html'}")
    return 0


def _ui(words: argparse.Namespace) -> int:
    from skinlab.config import TrackingSpec
    from skinlab.training import tracking
    from skinlab.workspace import Workspace

    workspace = Workspace.here()
    caught = tracking.catch_up(TrackingSpec(), workspace)
    if caught:
        print(f"logged {caught} run(s) that the tracking store did not have", file=sys.stderr)
    return tracking.serve(TrackingSpec(), workspace, words.port)


def _doctor(_: argparse.Namespace) -> int:
    from skinlab.doctor import examine
    from skinlab.workspace import Workspace

    findings = examine(Workspace.here(), Path("requirements/skinlab.lock"))
    for finding in findings:
        print(f"{finding.verdict:8}{finding.text}")
    return 1 if any(finding.verdict == "bad" for finding in findings) else 0


@contextmanager
def _bar(title: str, unit: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar where a person is watching, nothing otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=title, unit=unit, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
