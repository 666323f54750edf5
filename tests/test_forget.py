"""A person who is erased is found nowhere in the workspace; what cannot forget is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from skinlab.forget import find_traces, forget
from skinlab.tables.predictions import image_hash
from skinlab.tables.text import read_table, write_table
from skinlab.workspace import Run, Workspace

NAME = "山田太郎"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    workspace.folder.mkdir()
    run = Run(workspace.runs / "classification" / "fit")
    pseudonym = workspace.pseudonym(NAME)
    other = workspace.pseudonym("P2")
    run.begin({"uid": "1"}, "name: x\n")
    frame = pd.DataFrame(
        {"sample_id": ["a", "b"], "patient_id": [pseudonym, other], "target": ["x", "y"]}
    )
    write_table(run.folder / "predictions" / "test.csv", frame)
    lists = {"train": [pseudonym], "test": [other]}
    (run.folder / "patients.json").write_text(json.dumps(lists))
    (workspace.cache / "pixels-1").mkdir(parents=True)
    images = [("s0", other), (workspace.pseudonym("a"), pseudonym), ("a", pseudonym)]
    members = [{"threshold": 0.3, "samples": [image_hash(*image) for image in images]}]
    (run.folder / "operating_point.json").write_text(json.dumps({"members": members}))
    pairs = pd.DataFrame({"sample_1": [f"{NAME}-1"], "sample_2": ["b"]})
    write_table(workspace.folder / "duplicates.csv", pairs)
    return workspace


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "clinic.csv"
    frame = pd.DataFrame({"sample_id": ["a", "b"], "patient_id": [NAME, "P2"]})
    write_table(path, frame)
    return path


def _bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_dry_run_changes_nothing(workspace: Workspace, manifest: Path) -> None:
    before = _bytes_below(workspace.folder)
    traces = find_traces(NAME, workspace, [manifest])
    assert list(traces.manifests.values()) == [1]
    assert list(traces.predictions.values()) == [1]
    assert [folder.name for folder in traces.trained] == ["fit"]
    assert _bytes_below(workspace.folder) == before


def test_after_erasure_nothing_of_the_person_is_left(workspace: Workspace, manifest: Path) -> None:
    pseudonym = workspace.pseudonym(NAME)
    receipt = forget(NAME, workspace, [manifest])
    assert NAME.encode() not in _bytes_below(workspace.folder) + manifest.read_bytes()
    left = [p for p in workspace.folder.rglob("*") if p.is_file() and p != receipt]
    assert not any(pseudonym.encode() in path.read_bytes() for path in left)
    assert not workspace.cache.exists()
    assert list(read_table(manifest)["patient_id"]) == ["P2"]
    assert find_traces(NAME, workspace, [manifest]).nothing


def test_the_receipt_lists_the_networks_and_names_nobody(
    workspace: Workspace, manifest: Path
) -> None:
    receipt = json.loads(forget(NAME, workspace, [manifest]).read_text(encoding="utf-8"))
    assert receipt["trained_networks"] == ["classification/fit"]
    assert receipt["manifest_rows"] == 1
    assert NAME not in json.dumps(receipt, ensure_ascii=False)
    assert any("cannot be un-trained" in sentence for sentence in receipt["not_reachable"])


def test_others_stay(workspace: Workspace, manifest: Path) -> None:
    forget(NAME, workspace, [manifest])
    table = read_table(workspace.runs / "classification" / "fit" / "predictions" / "test.csv")
    assert list(table["sample_id"]) == ["b"]


def test_a_stranger_leaves_everything_as_it_is(workspace: Workspace, manifest: Path) -> None:
    assert find_traces("P3", workspace, [manifest]).nothing


def test_hashes_of_images_that_chose_a_threshold_go_and_the_threshold_stays(
    workspace: Workspace, manifest: Path
) -> None:
    path = workspace.runs / "classification" / "fit" / "operating_point.json"
    assert find_traces(NAME, workspace, [manifest]).choosers == {path: 2}
    receipt = json.loads(forget(NAME, workspace, [manifest]).read_text(encoding="utf-8"))
    (member,) = json.loads(path.read_text(encoding="utf-8"))["members"]
    other = image_hash("s0", workspace.pseudonym("P2"))
    assert member == {"threshold": 0.3, "samples": [other]}
    assert receipt["images_that_chose_an_operating_point"] == 2
