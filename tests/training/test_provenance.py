"""What a run is made of is JSON, names packages and code, and names no person and no machine."""

from __future__ import annotations

import getpass
import json
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from skinlab.training import provenance


def test_it_survives_json_and_says_which_packages_made_the_numbers() -> None:
    made_of = provenance.describe()
    assert json.loads(json.dumps(made_of, allow_nan=False)) == made_of
    assert made_of["packages"]["torch"] == version("torch")
    assert made_of["packages"].keys() == set(provenance.PACKAGES)
    assert made_of["python"] == platform.python_version()
    assert made_of["hardware"]["threads"] == torch.get_num_threads()


def test_each_run_has_an_id_of_its_own() -> None:
    assert provenance.describe()["uid"] != provenance.describe()["uid"]


def test_it_names_neither_account_nor_machine_nor_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "山田太郎"
    place.mkdir()
    monkeypatch.chdir(place)
    text = json.dumps(provenance.describe(), ensure_ascii=False)
    for name in ("山田太郎", socket.gethostname(), f'"{getpass.getuser()}"', str(tmp_path)):
        assert name not in text


def test_outside_a_repository_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert provenance.describe()["git"] == {"commit": "", "dirty": False}
    assert provenance.describe()["lock"] == ""


def test_without_git_installed_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.describe()["git"] == {"commit": "", "dirty": False}


def test_a_changed_file_is_a_dirty_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("1\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@x")
    commit = ("git", *who, "commit", "-q", "--no-verify", "-m", "x")
    for words in (("git", "init", "-q"), ("git", "add", "a.py"), commit):
        subprocess.run(words, check=True, capture_output=True)
    clean = provenance.describe()["git"]
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "a.py").write_text("2\n")
    assert provenance.describe()["git"] == clean | {"dirty": True}


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert provenance.describe()["packages"] == {"no-such-package": "not installed"}
