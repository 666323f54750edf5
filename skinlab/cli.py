"""The verbs of the command line. Each loads what it needs when it is called, so --help is quick."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from skinlab import __version__
from skinlab.tables.errors import InputError, SkinlabError

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
