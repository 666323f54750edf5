import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from skinlab.tables.errors import InputError, RunError
from skinlab.tables.files import (
    append_line,
    digest,
    read_lines,
    read_text,
    sha256,
    write_bytes,
    write_json,
    write_text,
)


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\); free"):
        write_bytes(path, b"new" * 1000)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_json_without_a_valid_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"auc": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_torn_last_line_is_passed_over_and_later_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append_line(path, {"epoch": 0})
    with path.open("ab") as stream:
        stream.write('{"epoch": 1, "name": "髙'.encode()[:-1])
    append_line(path, {"epoch": 2})
    assert list(read_lines(path)) == [{"epoch": 0}, {"epoch": 2}]


def test_text_is_nfc_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(unicodedata.normalize("NFD", "がん\r\nab\rc").encode())
    assert read_text(path) == "がん\nab\nc"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.txt: cannot be read"):
        read_text(tmp_path / "x.txt")


def test_fingerprints_agree_with_hashlib_and_keep_parts_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 99999)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 99999).hexdigest()
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
