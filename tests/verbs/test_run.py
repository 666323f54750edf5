"""`fit` and `sweep`: words -> a configuration, and a last line that says where the result is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL

from skinlab.workspace import Workspace

FIT = ("fit", "experiments/classification/synthetic.yaml", *SMALL)
SWEEP = (
    *("sweep", "experiments/sweeps/preprocessing.yaml", "--trials=1"),
    *(word.replace("--", "--fixed.", 1) for word in SMALL),
)


def _report(out: str) -> Path:
    return Path(out.strip().splitlines()[-1].split(": ", 1)[1])


def test_fit_ends_with_its_report_and_overrides_take_both_forms(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work(*FIT, "--splits=[val]", "--name", "mine") == 0
    out = capsys.readouterr().out
    assert out.count("report on ") == 1
    report = _report(out)
    assert report.is_file()
    assert report.parts[-4].startswith("mine-")


def test_sweep_ends_with_its_table(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work(*SWEEP) == 0
    out = capsys.readouterr().out
    assert "BEST is A on validation" in out
    assert _report(out).read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data.image_size=7",), "data.image_size >= 8|image_size >= 8"),
        (("--data.image_size=abc",), "data.image_size"),
        (("--optim.epoch=3",), "did you mean 'optim.epochs'"),
        (("--model.weights=gone.npz",), "gone.npz: cannot be read"),
        (("--model.backbone=resnet9000",), "did you mean resnet"),
        (("--data.fold=9",), "has no fold 9"),
        (("--name=a/b",), "must be one folder name"),
        (("--splits=[train]",), "splits"),
        (("--seeds=[]",), "give at least one"),
        (("--optim.lr=-1",), "optim.lr is -1"),
        (("--data.batch_size=1",), "set data.batch_size to 2"),
    ],
)
def test_a_bad_value_is_one_line_and_exit_code_2(
    words: tuple[str, ...],
    said: str,
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert at_work(*FIT, *words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert any(part in err for part in said.split("|"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\ndata: [1, 2\n", "bad.yaml line 3: is not YAML"),
        ("", "is not a configuration"),
        ("- a\n", "is not a configuration"),
        ("name: x\n", "data.manifest"),
        ("name: x\ndata: {manifest: a.csv, labels: l.yaml}\noptimm: {lr: 1}\n", "line 3: unknown"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line(
    text: str, said: str, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.yaml").write_text(text, encoding="utf-8")
    assert at_work("fit", "bad.yaml") == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not Workspace.here().runs.exists()
