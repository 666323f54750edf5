from pathlib import Path

import pytest
from PIL import Image

from skinlab.sources.archive import NOT_ON_DISK, Facts, Row, lower, others, scan, whole
from skinlab.sources.disk import Folder
from skinlab.tables.errors import InputError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("80.0", "80"),
        ("80", "80"),
        ("2.5", "2.5"),
        ("unknown", ""),
        ("NA", ""),
        ("", ""),
        ("x.0", "x.0"),
    ],
)
def test_numbers_lose_their_empty_decimals_only(value: str, expected: str) -> None:
    assert whole(value) == expected


def test_categories_are_small_letters_and_unknown_is_empty() -> None:
    assert [lower(v) for v in ("FEMALE", "Unknown", " Back ")] == ["female", "", "back"]


def test_columns_that_are_not_taken_ride_along() -> None:
    assert others({"age": "3", "smoke": "True", "": "0"}, ("age",)) == {"smoke": "True"}


def test_rows_keep_their_line_and_lose_empty_columns(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "b.png")
    rows = [
        Row(name, {"sample_id": name, "diagnosis": "nevus", "age": "", "smoke": "no"}, line)
        for line, name in ((2, "a"), (7, "b"))
    ]
    found = scan(Folder.walk(tmp_path), Path("t.csv"), rows, Facts("test"))
    assert list(found.manifest.frame.index) == [7]
    columns = list(found.manifest.frame.columns)
    assert columns[:5] == ["sample_id", "image_path", "patient_id", "diagnosis", "split"]
    assert "age" not in columns
    assert columns[-1] == "smoke"
    assert [(d.reason, d.count, d.where) for d in found.dropped] == [(NOT_ON_DISK, 1, "t.csv")]


def test_an_archive_without_any_picture_names_the_first_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of the 1 photographs named in t\.csv.*would be a"):
        scan(Folder.walk(tmp_path), Path("t.csv"), [Row("a", {}, 2)], Facts("test"))
