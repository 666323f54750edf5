"""Words of the command line -> a verb, its exit code, and one line for whatever goes wrong."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from skinlab import __version__
from skinlab.tables.errors import InputError, SkinlabError
from skinlab.verbs import audit, compare, data, evaluate, factors, machine, readers, reporting, run
from skinlab.verbs.stopping import Interrupted, stoppable
from skinlab.verbs.verb import Verb

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
        with stoppable():
            overrides = _overrides(parser, known, rest)
            return action(known, overrides) if known.takes_overrides else action(known)
    except Interrupted as stop:
        return stop.exit_code
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
        details = f"; the details are in {place}" if place else ""
        print(f"error: {what}{details}", file=sys.stderr)
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


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("skinlab", description=ABOUT, formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"skinlab {__version__}")
    parser.set_defaults(takes_overrides=False, explains="", debug=False)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Verb)
    for group in (data, run, evaluate, compare, factors, audit, readers, reporting, machine):
        group.add_verbs(verbs)
    return parser
