"""The doctor finds what would hurt a study."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from skinlab import doctor
from skinlab.workspace import Workspace


def _verdicts(folder: Path, lock: Path = Path("none")) -> dict[str, str]:
    folder.mkdir(mode=0o700, exist_ok=True)
    return {f.text: f.verdict for f in doctor.examine(Workspace(folder), lock)}


def test_a_folder_that_is_copied_to_a_cloud_is_bad(tmp_path: Path) -> None:
    found = _verdicts(tmp_path / "Dropbox")
    assert any(v == "bad" and "copied elsewhere" in text for text, v in found.items())


def test_a_workspace_others_can_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    found = _verdicts(tmp_path / "open")
    assert any(v == "warning" and "chmod 700" in text for text, v in found.items())


def test_a_stolen_release_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Malware:
        name = "lightning"
        version = "2.6.2"

    monkeypatch.setattr(metadata, "distributions", lambda: [Malware()])
    found = _verdicts(tmp_path / "w")
    assert any(v == "bad" and "steals credentials" in text for text, v in found.items())


def test_other_versions_than_locked_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("numpy==0.0.1 \\\n    --hash=sha256:0\n")
    found = _verdicts(tmp_path / "w", lock)
    assert any("numpy" in text and "(locked 0.0.1)" in text for text in found)
