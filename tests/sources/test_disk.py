from pathlib import Path

import pytest
from PIL import Image

from skinlab.sources.disk import Folder, describe, upright_size
from skinlab.tables.errors import InputError


def touch(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(file)


def test_one_data_set_does_not_mix_two_sizes(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "fullres/a.png")
    assert Folder.walk(tmp_path).find(["a.png", "b.png"]) == {
        "a.png": "images/a.jpg",
        "b.png": "images/b.jpg",
    }


def test_hidden_files_and_links_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "._a.jpg", "__MACOSX/a.jpg", ".cache/b.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    folder = Folder.walk(tmp_path)
    assert folder.files == ("a.jpg",)
    assert folder.left_out == ("loop",)


def test_two_tables_of_equal_right_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "one/metadata.csv", "two/metadata.csv")
    with pytest.raises(InputError, match="several tables"):
        Folder.walk(tmp_path).table("metadata.csv")
    touch(tmp_path, "metadata.csv")
    assert Folder.walk(tmp_path).table("metadata.csv") == tmp_path / "metadata.csv"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
    assert upright_size(tmp_path / "a.jpg") == ((6, 8) if orientation >= 5 else (8, 6))


def test_a_damaged_file_has_a_fingerprint_and_no_size(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (found,) = describe(Folder.walk(tmp_path), ["a.jpg"])
    assert len(found.sha256) == 64
    assert (found.width, found.height) == ("", "")
