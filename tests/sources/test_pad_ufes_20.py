from pathlib import Path

import pytest
from PIL import Image

from skinlab.sources import pad_ufes_20
from skinlab.tables.errors import InputError

REAL = Path(__file__).parents[3] / "shared" / "data" / "pad_ufes_20"
HEADER = (
    "patient_id,lesion_id,smoke,age,gender,fitspatrick,region,diagnostic,img_id,biopsed,diameter_1"
)
ROWS = (
    "PAT_1,7,,8,,,ARM,NEV,PAT_1_7_530.png,False,",
    "PAT_2,7,False,55,FEMALE,3.0,NECK,BCC,PAT_2_7_939.png,True,6.0",
    "PAT_3,9,True,70,MALE,2.0,NOSE,SCC,PAT_3_9_1.png,True,6.0",
)


def archive(root: Path) -> Path:
    (root / "metadata.csv").write_text("\n".join((HEADER, *ROWS)) + "\n", encoding="utf-8")
    for folder, name in (("images", "PAT_1_7_530.jpg"), ("images", "PAT_2_7_939.png")):
        (root / folder).mkdir(exist_ok=True)
        Image.new("RGB", (6, 4), (200, len(name), 10)).save(root / folder / name)
    for folder in ("masks", "masks_expert"):
        (root / folder).mkdir()
        Image.new("L", (6, 4), 255).save(root / folder / "PAT_2_7_939.png")
    return root


def test_each_column_comes_from_its_misspelled_or_odd_name(tmp_path: Path) -> None:
    row = pad_ufes_20.read(archive(tmp_path)).frame.to_dict("records")[1]
    assert row["sample_id"] == "PAT_2_7_939"
    assert row["image_path"] == "images/PAT_2_7_939.png"
    assert (row["skin_type"], row["sex"], row["site"], row["age"]) == ("3", "female", "neck", "55")
    assert (row["label_source"], row["device"]) == ("histology", "smartphone")
    assert (row["width"], row["height"]) == ("6", "4")
    assert row["diameter_1"] == "6.0"


def test_lesion_numbers_of_two_patients_stay_two_lesions(tmp_path: Path) -> None:
    manifest = pad_ufes_20.read(archive(tmp_path))
    assert manifest.column("lesion_id") == ["PAT_1_7", "PAT_2_7"]
    assert len(set(manifest.groups)) == 2


def test_a_png_of_the_table_is_found_as_jpg(tmp_path: Path) -> None:
    assert pad_ufes_20.read(archive(tmp_path)).column("image_path")[0] == "images/PAT_1_7_530.jpg"


def test_rows_without_a_file_are_counted(tmp_path: Path) -> None:
    found = pad_ufes_20.scan(archive(tmp_path))
    assert [(d.count, d.where) for d in found.dropped] == [(1, "metadata.csv")]


def test_masks_of_students_and_of_dermatologists_are_kept_apart(tmp_path: Path) -> None:
    manifest = pad_ufes_20.read(archive(tmp_path))
    assert manifest.column("mask_path") == ["", "masks/PAT_2_7_939.png"]
    assert manifest.column("mask_expert") == ["", "masks_expert/PAT_2_7_939.png"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("\n".join((HEADER, *ROWS)), encoding="utf-8")
    with pytest.raises(InputError, match="holds none of the 3 photographs"):
        pad_ufes_20.read(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/pad_ufes_20")
def test_the_real_subset_has_the_published_counts() -> None:
    found = pad_ufes_20.scan(REAL)
    assert len(found.manifest) == 775
    assert found.dropped[0].count == 2298 - 775
    assert len(set(found.manifest.column("patient_id"))) == 604
    assert sum(map(bool, found.manifest.column("mask_path"))) == 746
    assert sum(map(bool, found.manifest.column("mask_expert"))) == 24
    assert not list(found.manifest.problems())
    assert not any("fullres" in path for path in found.manifest.column("image_path"))
