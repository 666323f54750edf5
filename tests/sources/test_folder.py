import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from skinlab.sources import folder
from skinlab.tables.errors import InputError


def picture(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (level, 0, 0)).save(path)


def test_the_folder_is_the_class_and_no_file_name_becomes_an_id(tmp_path: Path) -> None:
    picture(tmp_path / "メラノーマ" / "山田太郎.png", 1)
    picture(tmp_path / "母斑" / "deep" / "b.png", 2)
    manifest = folder.read(tmp_path)
    assert sorted(manifest.column("diagnosis")) == ["メラノーマ", "母斑"]
    assert all(len(name) == 16 and name.startswith("img_") for name in manifest.column("sample_id"))
    assert "山田" not in "".join(manifest.column("sample_id"))
    assert manifest.group_kind == "image"
    assert not list(manifest.problems())


def test_a_copy_gets_an_id_of_its_own_and_stays_with_its_original(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "one.png", 7)
    picture(tmp_path / "a" / "two.png", 7)
    manifest = folder.read(tmp_path)
    one, two = manifest.column("sample_id")
    assert two == f"{one}_2"
    assert manifest.groups[0] == manifest.groups[1]


@pytest.mark.parametrize("pattern", [r"P\d+", r"(P\d+)_", r"x?(?P<patient>P\d+)"])
def test_a_pattern_finds_the_patient_in_the_path(tmp_path: Path, pattern: str) -> None:
    picture(tmp_path / "a" / "P007_1.png", 1)
    picture(tmp_path / "b" / "P7_1.png", 2)
    assert folder.read(tmp_path, pattern).column("patient_id") == ["P007", "P7"]


def test_paths_without_a_patient_are_all_named(tmp_path: Path) -> None:
    for name in ("P1", "x", "y"):
        picture(tmp_path / "a" / f"{name}.png", len(name))
    with pytest.raises(InputError) as caught:
        folder.read(tmp_path, r"P\d")
    assert len(caught.value.problems) == 2


def test_a_broken_pattern_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png", 1)
    with pytest.raises(InputError, match="not a regular expression"):
        folder.read(tmp_path, "(P")


def test_what_is_not_taken_is_counted(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png", 1)
    picture(tmp_path / "loose.png", 2)
    (tmp_path / "a" / "phone.HEIC").write_bytes(b"....ftypheic")
    (tmp_path / "a" / "Thumbs.db").write_text("")
    (tmp_path / "a" / "link.png").symlink_to(tmp_path / "loose.png")
    found = folder.scan(tmp_path)
    assert len(found.manifest) == 1
    reasons = {dropped.reason.split()[0]: dropped.count for dropped in found.dropped}
    assert reasons == {"picture": 1, ".heic": 1, "link,": 1}


def test_masks_are_not_a_class(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png", 1)
    picture(tmp_path / "masks" / "x.png", 2)
    manifest = folder.read(tmp_path)
    assert manifest.column("diagnosis") == ["a"]
    assert manifest.column("mask_path") == ["masks/x.png"]


def test_names_in_nfd_and_cp932_bytes_are_found(tmp_path: Path) -> None:
    picture(tmp_path / "a" / unicodedata.normalize("NFD", "がん.png"), 1)
    odd = os.fsdecode(os.fsencode(tmp_path / "a") + b"/" + "髙橋.png".encode("cp932"))
    Image.new("RGB", (3, 3)).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(odd)
    manifest = folder.read(tmp_path)
    assert sorted(manifest.column("image_path")) == ["a/がん.png", "a/髙橋.png"]
    assert all(manifest.column("sha256"))


def test_a_flat_folder_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "x.png", 1)
    with pytest.raises(InputError, match="no pictures in folders named as classes"):
        folder.read(tmp_path)
