from pathlib import Path

import pytest

from skinlab.tables.errors import InputError
from skinlab.tables.exclusions import Exclusion, exclusions_of, read_exclusions, write_exclusions


def test_exclusions_are_read_back_as_written(tmp_path: Path) -> None:
    manifest = tmp_path / "診療所.csv"
    both = (Exclusion("not on disk", 3, "metadata.csv"), Exclusion("同意撤回", 2, "", 1, 1))
    assert write_exclusions(manifest, both).name == "診療所.exclusions.csv"
    assert read_exclusions(manifest) == both


def test_nothing_left_out_is_not_the_same_as_nothing_known(tmp_path: Path) -> None:
    manifest = tmp_path / "a.csv"
    assert read_exclusions(manifest) is None
    write_exclusions(manifest, [])
    assert read_exclusions(manifest) == ()


def test_a_person_may_write_it_with_reason_and_images_only(tmp_path: Path) -> None:
    manifest = tmp_path / "a.csv"
    exclusions_of(manifest).write_text("reason,images\nblurred,4\n", encoding="utf-8")
    assert read_exclusions(manifest) == (Exclusion("blurred", 4),)


@pytest.mark.parametrize("row", [",4,", "blurred,,", "blurred,four,", "blurred,4,-1"])
def test_a_line_that_cannot_be_counted_is_refused(tmp_path: Path, row: str) -> None:
    manifest = tmp_path / "a.csv"
    exclusions_of(manifest).write_text(f"reason,images,patients\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_exclusions(manifest)
