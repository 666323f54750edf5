"""`skinlab flow` and `skinlab checklist` on a manifest and on a run folder, through the words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

LABELS = "--labels=data_manifests/labels/synthetic.yaml"
MANIFEST = "data_manifests/synthetic.csv"
CONFIG = "data:\n  manifest: data_manifests/synthetic.csv\n"
CONFIG += "  labels: data_manifests/labels/synthetic.yaml\n"


def test_a_manifest_becomes_a_flow_and_table_1_beside_it(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("flow", MANIFEST, LABELS) == 0
    out = capsys.readouterr().out
    folder = Path("data_manifests/synthetic-flow")
    assert out.splitlines()[-1] == f"flow: {folder}/flow.png, table 1: {folder}/table_one.html"
    stored = json.loads((folder / "flow.json").read_text(encoding="utf-8"))
    images = sum(arm["count"]["images"] for arm in stored["arms"])
    assert images == stored["used"]["images"] == stored["listed"]["images"]
    assert stored["listed"]["patients"] == 40


def test_a_run_becomes_a_flow_and_a_checklist_in_its_report(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path("workspace/runs/a")
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (run / "statements.yaml").write_text("ethics: 承認 1\n", encoding="utf-8")
    assert at_work("flow", str(run)) == 0
    assert (run / "report" / "flow" / "table_one.tex").exists()
    for standard in ("claim", "tripod-ai", "stard-ai", "clear-derm"):
        assert at_work("checklist", str(run), "--standard", standard) == 0
        page = run / "report" / f"checklist-{standard}.html"
        assert capsys.readouterr().out.splitlines()[-1] == f"checklist: {page}"
        assert "承認 1" in page.read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_and_a_lost_manifest_are_one_line(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("checklist", "data_manifests", "--standard", "claim") == 2
    assert "data_manifests: is not a run folder" in capsys.readouterr().err
    run = Path("workspace/runs/b")
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("data: {manifest: gone.csv}\n", encoding="utf-8")
    assert at_work("flow", str(run)) == 2
    assert "the run's manifest gone.csv is not here" in capsys.readouterr().err
    assert at_work("checklist", str(run), "--standard", "claim") == 0
    assert "its items are MISSING" in capsys.readouterr().err
