from pathlib import Path

import pytest

from skinlab.sources import fitzpatrick17k
from skinlab.tables.labels import LabelTree
from skinlab.tables.text import read_table

OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "official_csv" / "fitzpatrick17k.csv"
TREE = Path(__file__).parents[2] / "data_manifests" / "labels" / "fitzpatrick17k.yaml"
TABLE = """md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,\
three_partition_label,qc,url,url_alphanum
aaa,-1,2,melanoma,malignant melanoma,malignant,,http://x/m.jpg,httpxmjpg.jpg
bbb,5,-1,acne,inflammatory,non-neoplastic,1 Diagnostic,http://x/a.jpg,httpxajpg.jpg
ccc,2,2,acne,inflammatory,non-neoplastic,,,
"""


def test_pictures_are_found_by_hash_or_by_link(tmp_path: Path) -> None:
    (tmp_path / "fitzpatrick17k.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "aaa.jpg").write_text("a")
    (tmp_path / "httpxajpg.jpg").write_text("b")
    found = fitzpatrick17k.scan(tmp_path)
    assert found.manifest.column("image_path") == ["aaa.jpg", "httpxajpg.jpg"]
    assert found.manifest.column("sample_id") == ["aaa", "bbb"]
    assert found.manifest.column("skin_type") == ["", "5"]
    assert found.manifest.column("fitzpatrick_centaur") == ["2", ""]
    assert found.dropped[0].count == 1
    assert "1 rows of the table have no link" in found.dropped[0].reason


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="needs ../shared/data/official_csv")
def test_the_tree_folds_as_the_owners_do() -> None:
    tree = LabelTree.read(TREE)
    assert [len(tree.classes(level)) for level in ("fine", "diagnosis", "group")] == [114, 9, 3]
    table = read_table(OFFICIAL)
    assert len(table) == 16577
    columns = ("label", "nine_partition_label", "three_partition_label")
    for label, nine, three in set(zip(*(table[name] for name in columns), strict=True)):
        leaf = tree.leaf(label)
        assert (leaf.diagnosis, leaf.group) == (nine, three)
