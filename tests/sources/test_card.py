from pathlib import Path

import pandas as pd

from skinlab.sources.archive import Dropped, Facts, Scan
from skinlab.sources.card import card
from skinlab.tables.manifest import Manifest


def made(**columns: list[str]) -> Manifest:
    cells = {
        "sample_id": ["a", "b", "c"],
        "image_path": ["a.png", "b.png", "c.png"],
        "patient_id": ["山田", "山田", "鈴木"],
        "diagnosis": ["nevus", "a|b", "nevus"],
        "split": ["train", "train", "test"],
    }
    return Manifest(pd.DataFrame(cells | columns, dtype=object), Path("m.csv"), Path())


def test_patients_lesions_and_images_are_counted_by_split_and_class() -> None:
    text = card("m", Scan(made(lesion_id=["1", "1", "2"]), Facts("Clinic", licence="CC0")))
    for line in (
        "| train | nevus | 1 | 1 | 1 |",
        "| train | all | 1 | 1 | 2 |",
        "| all | nevus | 2 | 2 | 2 |",
        "| all | all | 2 | 2 | 3 |",
        "| train | a\\|b | 1 | 1 | 1 |",
        "- Licence: CC0",
        "Nothing.",
    ):
        assert line in text.split("\n")


def test_faults_and_what_was_left_out_are_said_and_no_patient_is_named() -> None:
    scan = Scan(made(), Facts("Clinic", faults=("Pen marks.",)), (Dropped("no file", 4, "t.csv"),))
    text = card("m", scan)
    assert "- Pen marks." in text
    assert "- 4 in t.csv: no file" in text
    assert "山田" not in text


def test_a_card_says_when_patients_are_not_known() -> None:
    text = card("m", Scan(made(patient_id=["", "", ""]), Facts("Clinic")))
    assert "not proven to be patient-safe" in text
    assert "| train | nevus | – | – | 1 |" in text
