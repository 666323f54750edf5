from pathlib import Path

import pytest

from skinlab.sources.disk import Folder
from skinlab.sources.isic_tables import duplicate_groups, labels_2016, one_hot, words
from skinlab.tables.errors import InputError


def test_a_header_that_somebody_added_to_2016_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,label\nISIC_1,Benign\n\nISIC_2,1.0\n")
    assert [(x.image, x.diagnosis, x.line) for x in labels_2016(path)] == [
        ("ISIC_1", "benign", 2),
        ("ISIC_2", "malignant", 4),
    ]


def test_rows_of_2016_that_are_no_label_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ISIC_1,maybe\nISIC_2,benign\nISIC_3\n")
    with pytest.raises(InputError) as caught:
        list(labels_2016(path))
    assert [problem.line for problem in caught.value.problems] == [1, 3]


def test_columns_that_are_no_class_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,MEL,NV,UNK,score_weight\nISIC_1,0.0,0.0,1.0,1.0\n")
    assert [x.diagnosis for x in one_hot(path)] == ["UNK"]


def test_a_table_without_image_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("file,MEL,NV\nISIC_1,1,0\n")
    with pytest.raises(InputError, match="has no column image"):
        list(one_hot(path))


def test_unknown_benign_lesions_are_a_class_and_not_a_missing_label(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "image_name,patient_id,diagnosis,benign_malignant,target\n"
        "ISIC_1,IP_1,unknown,benign,0\nISIC_2,IP_1,nevus,benign,0\n"
    )
    assert [x.diagnosis for x in words(path)] == ["unspecified benign", "nevus"]


def test_pairs_that_share_a_picture_are_one_group(tmp_path: Path) -> None:
    (tmp_path / "ISIC_2020_Training_Duplicates.csv").write_text(
        "image_name_1,image_name_2\nC,D\nB,C\nX,Y\nA,B\n"
    )
    groups = duplicate_groups(Folder.walk(tmp_path))
    assert {groups[name] for name in "ABCD"} == {"isic2020_A"}
    assert groups["X"] == groups["Y"] == "isic2020_X"
