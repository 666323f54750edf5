"""A run's flow shows the splits as it was trained, and what it predicted of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skinlab.reporting.evidence import Evidence, of_manifest, of_run
from skinlab.reporting.run_flow import flow_of

HEAD = "sample_id,image_path,patient_id,diagnosis,split\n"


def run_folder(folder: Path, splits: list[str], more: str = "") -> Path:
    rows = [f"s{i},s{i}.png,p{i},nevus,{split}\n" for i, split in enumerate(splits)]
    (folder / "clinic.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    run = folder / "run"
    (run / "predictions").mkdir(parents=True)
    config = f"data:\n  manifest: {folder / 'clinic.csv'}\n  fold: 2\n{more}"
    (run / "config.yaml").write_text(config, encoding="utf-8")
    (run / "provenance.json").write_text(json.dumps({}), encoding="utf-8")
    return run


def test_the_held_out_fold_tests_and_the_next_one_validates(tmp_path: Path) -> None:
    run = run_folder(tmp_path, ["0", "0", "1", "2", "2", "2"])
    (run / "predictions" / "test.csv").write_text("sample_id\na\nb\nc\n", encoding="utf-8")
    found = flow_of(of_run(run))
    counts = {arm.name: (arm.count.images, arm.predicted) for arm in found.arms}
    assert counts == {"train": (1, None), "val": (2, None), "test": (3, 3)}


def test_several_folds_are_shown_as_folds(tmp_path: Path) -> None:
    found = flow_of(of_run(run_folder(tmp_path, ["0", "1", "2"], "folds: [0, 1, 2]\n")))
    assert [arm.name for arm in found.arms] == ["fold 0", "fold 1", "fold 2"]
    alone = flow_of(of_manifest(tmp_path / "clinic.csv"))
    assert [arm.name for arm in alone.arms] == ["fold 0", "fold 1", "fold 2"]


def test_images_that_were_not_predicted_are_said(tmp_path: Path) -> None:
    run = run_folder(tmp_path, ["train", "val", "test", "test"])
    (run / "predictions" / "test.csv").write_text("sample_id\na\n", encoding="utf-8")
    assert "test: 1 images were predicted, the manifest has 2." in flow_of(of_run(run)).notes


def test_without_a_manifest_there_is_no_flow() -> None:
    with pytest.raises(ValueError, match="there is no manifest"):
        flow_of(Evidence())
