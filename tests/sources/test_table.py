from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from skinlab.sources import table
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

COLUMNS = {"image_path": "ファイル", "diagnosis": "診断名", "patient_id": "患者ID"}
TEXT = "患者ID,診断名,ファイル,部位\r\n007,悪性黒色腫,髙①.png,背部\r\n7,母斑,b.png,\r\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for level, name in enumerate(("髙①.png", "b.png")):
        path = tmp_path / "写真" / "sub" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (level, 9, 9)).save(path)
    return tmp_path / "写真"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_japanese_tables_in_any_encoding_are_read(root: Path, encoding: str) -> None:
    path = root.parent / "一覧.csv"
    path.write_bytes(TEXT.encode(encoding))
    manifest = table.read(root, path, COLUMNS)
    assert manifest.column("patient_id") == ["007", "7"]
    assert manifest.column("diagnosis") == ["悪性黒色腫", "母斑"]
    assert manifest.column("image_path") == ["sub/髙①.png", "sub/b.png"]
    assert manifest.column("部位") == ["背部", ""]
    path.unlink()
    manifest.save(path)
    assert Manifest.read(path, root).fingerprint == manifest.fingerprint


def test_parquet_is_read_as_the_csv_is(root: Path) -> None:
    rows = [line.split(",") for line in TEXT.strip().split("\r\n")]
    pd.DataFrame(rows[1:], columns=rows[0]).to_parquet(root.parent / "t.parquet")
    manifest = table.read(root, root.parent / "t.parquet", COLUMNS)
    assert manifest.column("patient_id") == ["007", "7"]


def test_columns_of_the_manifests_names_need_no_mapping(root: Path) -> None:
    path = root.parent / "t.csv"
    path.write_text("sample_id,image_path,diagnosis,age\ns1,sub/b.png,nevus,40\n")
    assert table.read(root, path).frame.to_dict("records")[0]["sample_id"] == "s1"


def test_windows_separators_are_understood(root: Path) -> None:
    path = root.parent / "t.csv"
    path.write_text("image_path,diagnosis\nsub\\b.png,nevus\n")
    assert table.read(root, path).column("image_path") == ["sub/b.png"]


def test_rows_without_a_file_are_counted(root: Path) -> None:
    path = root.parent / "t.csv"
    path.write_text("image_path,diagnosis\nb.png,nevus\ngone.png,nevus\n,nevus\n")
    with pytest.raises(InputError, match="line 4: image_path is blank"):
        table.read(root, path)
    path.write_text("image_path,diagnosis\nb.png,nevus\ngone.png,nevus\n")
    assert [d.count for d in table.scan(root, path).dropped] == [1]


@pytest.mark.parametrize("value", ["/etc/passwd", "../x.png", "http://x/y.png", "C:\\x.png"])
def test_paths_out_of_the_folder_are_named_by_their_line(root: Path, value: str) -> None:
    path = root.parent / "t.csv"
    path.write_text(f"image_path,diagnosis\nb.png,nevus\n{value},nevus\n")
    with pytest.raises(InputError, match="line 3: image_path"):
        table.read(root, path)


def test_a_wrong_mapping_names_the_columns_there_are(root: Path) -> None:
    path = root.parent / "t.csv"
    path.write_text("file,dx\nb.png,nevus\n")
    with pytest.raises(InputError, match=r"no column 'files'.*it has file, dx"):
        table.read(root, path, {"image_path": "files", "diagnosis": "dx"})
    with pytest.raises(InputError, match="says not which column is diagnosis"):
        table.read(root, path, {"image_path": "file"})
    with pytest.raises(InputError, match="wanted twice"):
        table.read(root, path, {"image_path": "file", "diagnosis": "file"})
