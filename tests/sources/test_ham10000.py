from pathlib import Path

import pytest

from skinlab.sources import ham10000

REAL = Path(__file__).parents[3] / "shared" / "data"
HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization\n"


def archive(root: Path) -> Path:
    rows = (
        "HAM_1,ISIC_0000001,bkl,histo,80.0,male,scalp\n"
        "HAM_1,ISIC_0000002,bkl,histo,80.0,male,scalp\n"
        "HAM_2,ISIC_0000003,nv,follow_up,,unknown,unknown\n"
    )
    (root / "HAM10000_metadata").write_text(HEADER + rows, encoding="utf-8")
    for part, name in ((1, "ISIC_0000001"), (1, "ISIC_0000002"), (2, "ISIC_0000003")):
        folder = root / f"HAM10000_images_part_{part}"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.jpg").write_text(name)
    return root


def test_photographs_of_a_lesion_stay_together(tmp_path: Path) -> None:
    manifest = ham10000.read(archive(tmp_path))
    assert manifest.groups == ("lesion:HAM_1", "lesion:HAM_1", "lesion:HAM_2")
    assert manifest.group_kind == "lesion"


def test_unknown_is_empty_and_numbers_lose_their_empty_decimals(tmp_path: Path) -> None:
    rows = ham10000.read(archive(tmp_path)).frame.to_dict("records")
    assert (rows[0]["age"], rows[0]["label_source"]) == ("80", "histology")
    assert (rows[2]["sex"], rows[2]["site"], rows[2]["age"]) == ("", "", "")
    assert rows[2]["label_source"] == "follow-up"


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data")
def test_the_official_table_reads_the_subset_and_says_what_is_missing() -> None:
    official = REAL / "official_csv" / "HAM10000_metadata.csv"
    found = ham10000.scan(REAL / "ham10000_256", official)
    assert len(found.manifest) == 2699
    assert found.dropped[0].count == 10015 - 2699
    assert sum(map(bool, found.manifest.column("mask_path"))) == 2698
    assert len(set(found.manifest.column("lesion_id"))) == 1806
