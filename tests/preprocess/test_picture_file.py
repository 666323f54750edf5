"""Only regular picture files inside the data set are opened; anything else is named."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from skinlab.preprocess.picture_file import picture_bytes, real_file
from skinlab.tables.errors import InputError


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tiff", "webp"])
def test_content_and_format_are_those_of_the_bytes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.new("RGB", (8, 8), "red").save(path)
    content, kind = picture_bytes(Path(path.name), tmp_path)
    assert content == path.read_bytes()
    assert kind.lower().startswith({"jpg": "jpeg"}.get(suffix, suffix)[:4])


@pytest.mark.parametrize("name", ["missing.jpg", "../outside.jpg", "folder", "link.jpg"])
def test_what_is_not_a_file_inside_is_refused_unopened(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    outside = tmp_path / "outside.jpg"
    Image.new("RGB", (8, 8)).save(outside)
    (root / "link.jpg").symlink_to(outside)
    with pytest.raises(InputError, match=Path(name).name):
        real_file(Path(name), root)


def test_a_name_in_the_other_unicode_form_is_found(tmp_path: Path) -> None:
    stored = unicodedata.normalize("NFD", "パグ.png")
    Image.new("RGB", (8, 8)).save(tmp_path / stored)
    asked = Path(unicodedata.normalize("NFC", stored))
    assert picture_bytes(asked, tmp_path)[1] == "PNG"


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(InputError, match="is empty"):
        picture_bytes(Path("empty.jpg"), tmp_path)
