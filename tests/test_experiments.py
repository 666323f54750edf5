"""Every file in experiments/, shrunk, on synthetic photographs, through the real command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, Clinic

from skinlab.tables.report import EvaluationReport

SHRUNK = {
    "data.manifest": "data_manifests/synthetic.csv",
    "data.labels": "data_manifests/labels/synthetic.yaml",
    "data.image_size": 32,
    "data.cache_size": 0,
    "model.backbone": "test_resnet",
    "optim.epochs": 1,
    "evaluation.resamples": 100,
    "training.threads": 1,
}
FILES = sorted(REPOSITORY.glob("experiments/*/*.yaml"))


def _fold_numbers(clinic: Clinic, call: Callable[..., int]) -> None:
    manifest = str(clinic.folder / "data_manifests" / "synthetic.csv")
    labels = "data_manifests/labels/synthetic.yaml"
    assert call("data", "split", manifest, "--folds", "5", "--labels", labels) == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_experiment_runs(
    path: Path,
    clinic: Clinic,
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind = path.parent.name
    words = yaml.safe_load(path.read_text())
    if words.get("folds") or kind == "sweeps":
        _fold_numbers(clinic, at_work)
    if kind == "classification":
        overrides = [f"--{name}={value}" for name, value in SHRUNK.items()]
        if words.get("folds"):
            overrides.append("--folds=[0, 1]")
        assert at_work("fit", str(path), *overrides) == 0
    elif kind == "sweeps":
        overrides = [f"--fixed.{name}={value}" for name, value in SHRUNK.items()]
        assert at_work("sweep", str(path), "--trials=3", *overrides) == 0
    else:
        pytest.fail(f"experiments/{kind} has no test")
    last = capsys.readouterr().out.strip().splitlines()[-1]
    report = Path(last.split(": ", 1)[1])
    assert report.is_file()
    if kind == "classification":
        numbers = EvaluationReport.read(report.with_name("report.json"))
        estimate = numbers.find("accuracy", "diagnosis")
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_experiment_says_its_claim_command_and_cost(path: Path) -> None:
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = "\n".join(head)
    assert "skinlab " in text or "make " in text
    assert "cores" in text
    assert len(head[0]) > 20
