"""Only what the run was made of counts; a changed manifest is no evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skinlab.reporting.evidence import of_manifest, of_run
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

HEAD = "sample_id,image_path,patient_id,diagnosis,split\n"


def run_folder(folder: Path, fingerprint: str = "") -> Path:
    manifest = folder / "clinic.csv"
    manifest.write_text(HEAD + "s1,a.png,p1,nevus,train\n", encoding="utf-8")
    made_of = fingerprint or Manifest.open(manifest, folder).fingerprint
    run = folder / "run"
    (run / "report" / "test").mkdir(parents=True)
    (run / "config.yaml").write_text(f"data:\n  manifest: {manifest}\n", encoding="utf-8")
    provenance = {"fingerprints": {"manifest": made_of}}
    (run / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    (run / "report" / "test" / "report.json").write_text('{"positive": "x"}', encoding="utf-8")
    return run


def test_a_run_says_what_it_is_made_of(tmp_path: Path) -> None:
    run = run_folder(tmp_path)
    (tmp_path / "clinic.md").write_text("# 診療所\n", encoding="utf-8")
    (run / "statements.yaml").write_text("ethics: 承認番号 1\nfunding:\n", encoding="utf-8")
    found = of_run(run)
    assert found.manifest is not None
    assert found.card == "# 診療所\n"
    assert found.reports == {"test": {"positive": "x"}}
    assert found.statements == {"ethics": "承認番号 1"}
    assert found.setting("data.manifest") == str(tmp_path / "clinic.csv")
    assert found.setting("data.nothing.below") is None


def test_a_manifest_that_changed_since_is_no_evidence(tmp_path: Path) -> None:
    found = of_run(run_folder(tmp_path, fingerprint="0" * 64))
    assert found.manifest is None
    assert "changed since the run was made" in found.why_no_manifest


def test_a_folder_that_is_no_run_and_files_that_are_broken_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run folder"):
        of_run(tmp_path)
    run = run_folder(tmp_path)
    with pytest.raises(InputError, match="there is no such file"):
        of_run(run, statements=tmp_path / "none.yaml")
    (run / "report" / "test" / "report.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON"):
        of_run(run)


def test_a_manifest_alone_is_evidence_of_itself(tmp_path: Path) -> None:
    run_folder(tmp_path)
    assert of_manifest(tmp_path / "clinic.csv").manifest is not None
