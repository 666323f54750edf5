import os
from pathlib import Path

import pytest

from skinlab.data import content
from skinlab.data.content import contents
from skinlab.tables.files import sha256


def test_files_are_hashed_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, file = tmp_path / "memory.json", tmp_path / "a"
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    read: list[Path] = []

    def noted(path: Path) -> str:
        read.append(path)
        return sha256(path)

    monkeypatch.setattr(content, "sha256", noted)
    first = contents(["a", "a"], tmp_path, memory).hashes
    assert contents(["a"], tmp_path, memory).hashes == first == {"a": sha256(file)}
    assert len(read) == 1
    file.write_bytes(b"two")
    os.utime(file, (1e9, 1e9))  # same size, same time: the change of the inode still shows
    assert contents(["a"], tmp_path, memory).hashes == {"a": sha256(file)}
    assert len(read) == 2


def test_a_file_written_this_moment_is_not_trusted_to_stay(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    contents(["a"], tmp_path, tmp_path / "memory.json")
    assert not (tmp_path / "memory.json").exists()


def test_missing_files_are_told_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    found = contents(["a", "b", "../c"], tmp_path, tmp_path / "memory.json")
    assert set(found.hashes) == {"a"}
    assert set(found.problems) == {"b", "../c"}


def test_the_memory_names_no_file(tmp_path: Path) -> None:
    file = tmp_path / "yamada.png"
    file.write_bytes(b"one")
    os.utime(file, (1e9, 1e9))
    contents(["yamada.png"], tmp_path, tmp_path / "memory.json")
    assert "yamada" not in (tmp_path / "memory.json").read_text()


def test_what_killed_writers_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / ".memory.json.aa.part", tmp_path / ".memory.json.bb.part"
    old.write_bytes(b"")
    new.write_bytes(b"")
    os.utime(old, (1e9, 1e9))
    contents([], tmp_path, tmp_path / "memory.json")
    assert not old.exists()
    assert new.exists()
