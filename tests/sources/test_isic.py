import shutil
from collections import Counter
from pathlib import Path

import pytest

from skinlab.sources import isic
from skinlab.tables.errors import InputError
from skinlab.tables.text import read_table

OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "official_csv"
needs_official = pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="needs ../shared/data/official_csv"
)


def pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.jpg").write_text(name)


def test_2016_has_no_header_and_two_ways_to_write_a_label(tmp_path: Path) -> None:
    train = tmp_path / "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"
    train.write_text("ISIC_0000000,benign\nISIC_0000002,malignant\n", encoding="utf-8")
    test = tmp_path / "ISBI2016_ISIC_Part3_Test_GroundTruth.csv"
    test.write_text("ISIC_0000003,0.0\r\nISIC_0000004,1.0\r\n", encoding="utf-8")
    pictures(tmp_path / "images", [f"ISIC_000000{i}" for i in (0, 2, 3, 4)])
    manifest = isic.read(tmp_path)
    assert manifest.column("diagnosis") == ["benign", "malignant", "benign", "malignant"]
    assert manifest.column("split") == ["train", "train", "test", "test"]


def test_2017_neither_column_is_a_nevus(tmp_path: Path) -> None:
    truth = tmp_path / "ISIC-2017_Training_Part3_GroundTruth.csv"
    truth.write_text(
        "image_id,melanoma,seborrheic_keratosis\nISIC_1,0.0,0.0\nISIC_2,1.0,0.0\nISIC_3,0.0,1.0\n",
        encoding="utf-8",
    )
    metadata = tmp_path / "ISIC-2017_Training_Data_metadata.csv"
    metadata.write_text("image_id,age_approximate,sex\nISIC_2,55,male\nISIC_1,unknown,female\n")
    pictures(tmp_path / "ISIC-2017_Training_Data", ["ISIC_1", "ISIC_2", "ISIC_3"])
    superpixels = tmp_path / "ISIC-2017_Training_Data" / "ISIC_1_superpixels.png"
    superpixels.write_text("not a photograph")
    masks = tmp_path / "ISIC-2017_Training_Part1_GroundTruth"
    masks.mkdir()
    (masks / "ISIC_2_segmentation.png").write_text("a mask")
    manifest = isic.read(tmp_path)
    assert manifest.column("diagnosis") == ["nevus", "melanoma", "seborrheic_keratosis"]
    assert manifest.column("age") == ["", "55", ""]
    assert manifest.column("sex") == ["female", "male", ""]
    assert manifest.column("split") == ["", "", ""]
    assert manifest.column("mask_path")[1] == f"{masks.name}/ISIC_2_segmentation.png"


def test_2018_lesions_come_from_the_supplement(tmp_path: Path) -> None:
    (tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv").write_text(
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,0.0,1.0,0,0,0,0,0\nISIC_2,1.0,0,0,0,0,0,0\n"
    )
    (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").write_text(
        "image,lesion_id,diagnosis_confirm_type\nISIC_1,HAM_9,histopathology\nISIC_2,HAM_9,\n"
    )
    pictures(tmp_path, ["ISIC_1", "ISIC_2"])
    manifest = isic.read(tmp_path)
    assert manifest.column("lesion_id") == ["HAM_9", "HAM_9"]
    assert manifest.column("label_source") == ["histopathology", ""]
    assert manifest.column("diagnosis") == ["NV", "MEL"]


def test_a_row_with_two_classes_or_none_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "ISIC2018_Task3_Training_GroundTruth.csv").write_text(
        "image,MEL,NV\nISIC_1,1.0,1.0\nISIC_2,0.0,0.0\nISIC_3,0.5,0.5\nISIC_4,0.0,1.0\n"
    )
    pictures(tmp_path, ["ISIC_4"])
    with pytest.raises(InputError) as caught:
        isic.read(tmp_path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_2019_copies_keep_the_id_of_their_original(tmp_path: Path) -> None:
    (tmp_path / "ISIC_2019_Training_GroundTruth.csv").write_text(
        "image,MEL,NV,UNK\nISIC_0000013_downsampled,1.0,0.0,0.0\nISIC_2,0.0,1.0,0.0\n"
    )
    (tmp_path / "ISIC_2019_Test_Metadata.csv").write_text("image,age_approx\nISIC_8,60\nISIC_9,\n")
    pictures(tmp_path, ["ISIC_0000013_downsampled", "ISIC_2"])
    found = isic.scan(tmp_path)
    assert found.manifest.column("sample_id")[0] == "ISIC_0000013_downsampled"
    assert found.manifest.column("isic_id") == ["ISIC_0000013", "ISIC_2"]
    assert [(d.count, d.where) for d in found.dropped] == [(2, "ISIC_2019_Test_Metadata.csv")]


def test_2020_listed_duplicates_stay_together_across_patients(tmp_path: Path) -> None:
    head = "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,"
    (tmp_path / "ISIC_2020_Training_GroundTruth.csv").write_text(
        f"{head}diagnosis,benign_malignant,target\n"
        "ISIC_1,IP_1,male,45.0,head/neck,unknown,benign,0\n"
        "ISIC_2,IP_2,,,,unknown,benign,0\n"
        "ISIC_3,IP_3,,,,melanoma,malignant,1\n"
    )
    (tmp_path / "ISIC_2020_Training_Duplicates.csv").write_text(
        "image_name_1,image_name_2\nISIC_1,ISIC_2\n"
    )
    pictures(tmp_path / "train", ["ISIC_1", "ISIC_2", "ISIC_3"])
    manifest = isic.read(tmp_path)
    assert manifest.column("diagnosis") == ["unspecified benign"] * 2 + ["melanoma"]
    assert manifest.groups[0] == manifest.groups[1] != manifest.groups[2]
    assert not list(manifest.problems())


def test_several_years_ask_which_is_meant(tmp_path: Path) -> None:
    for name in ("ISIC_2019_Training_GroundTruth.csv", "ISIC2018_Task3_Test_GroundTruth.csv"):
        (tmp_path / name).write_text("image,MEL,NV\nISIC_1,1.0,0.0\n")
    pictures(tmp_path, ["ISIC_1"])
    with pytest.raises(InputError, match="2018, 2019; say which year"):
        isic.read(tmp_path)
    assert isic.read(tmp_path, year=2019).column("diagnosis") == ["MEL"]


@needs_official
@pytest.mark.parametrize(
    ("year", "table", "key", "rows"),
    [
        (2017, "ISIC-2017_Training_Part3_GroundTruth.csv", "image_id", 2000),
        (2018, "ISIC2018_Task3_Test_GroundTruth.csv", "image", 1512),
        (2019, "ISIC_2019_Training_GroundTruth.csv", "image", 25331),
        (2020, "ISIC_2020_Training_GroundTruth.csv", "image_name", 33126),
    ],
)
def test_the_official_tables_are_read(
    tmp_path: Path, year: int, table: str, key: str, rows: int
) -> None:
    names = list(read_table(OFFICIAL / table)[key])
    assert len(names) == rows
    pictures(tmp_path, names[::100])
    found = isic.scan(tmp_path, table=OFFICIAL / table)
    assert isic.scan(tmp_path, year, OFFICIAL).manifest.fingerprint == found.manifest.fingerprint
    assert set(found.manifest.column("sample_id")) >= set(names[::100])
    assert not list(found.manifest.problems())
    assert sum(d.count for d in found.dropped) >= rows - len(names[::100])


@needs_official
def test_2017_counts_equal_the_published_ones(tmp_path: Path) -> None:
    table = OFFICIAL / "ISIC-2017_Training_Part3_GroundTruth.csv"
    shutil.copy(table, tmp_path)
    pictures(tmp_path, list(read_table(table)["image_id"]))
    counts = Counter(isic.read(tmp_path).column("diagnosis"))
    assert counts == {"nevus": 1372, "melanoma": 374, "seborrheic_keratosis": 254}
