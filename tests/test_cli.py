"""Whatever a person types, the answer is one line that helps, and an exit code that is true."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import REPOSITORY

from skinlab import cli

VERBS = (
    *("data", "fit", "sweep", "evaluate", "compare", "audit", "factors", "readers"),
    *("flow", "checklist", "ui", "doctor"),
)
BELOW_DATA = ("synth", "import", "check", "split", "duplicates", "forget")


def test_help_teaches_the_first_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    text = capsys.readouterr().out
    for step in ("skinlab data synth", "skinlab sweep", "skinlab ui", *VERBS):
        assert step in text


@pytest.mark.parametrize("words", [*[[v] for v in VERBS], *[["data", v] for v in BELOW_DATA]])
def test_every_verb_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--help"])
    assert end.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_fit_help_explains_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["fit", "--help"])
    text = capsys.readouterr().out
    for field in ("--optim.lr", "--augment.hue", "--data.square", "--training.patience"):
        assert field in text
    assert "fraction of the hue circle" in " ".join(text.split())


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from skinlab import cli; cli.main([])\n"
        "heavy = {'torch', 'mlflow', 'optuna', 'pandas', 'scipy', 'matplotlib', 'jsonargparse'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY, capture_output=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "missing.yaml"], "missing.yaml: there is no such file"),
        (["sweep", "missing.yaml"], "missing.yaml: there is no such file"),
        (["fit", "experiments/classification/synthetic.yaml", "--optim.lrr=1"], "'optim.lr'?"),
        (["fit", "experiments/classification/synthetic.yaml", "--data.manifest=x.csv"], "x.csv"),
        (["data", "check", "missing.csv"], "missing.csv"),
        (["data", "import", "pad_ufes", "."], "did you mean pad_ufes_20?"),
        (["evaluate", "missing.csv"], "missing.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], said: str, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert said in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_traceback_is_shown_only_when_asked_for(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("fit", "missing.yaml", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_names_the_file_with_its_traceback(
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("skinlab.workspace.Workspace.here", broken)
    assert at_work("doctor") == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ZeroDivisionError: by accident; the details are in ")
    trace = Path(err.strip().rsplit(" ", 1)[1])
    assert "Traceback" in trace.read_text()
    trace.unlink()


def test_unknown_words_are_refused(at_work: Callable[..., int]) -> None:
    with pytest.raises(SystemExit) as end:
        at_work("doctor", "--fast")
    assert end.value.code == 2
