from pathlib import Path

import pytest

from skinlab.stats.audit.printed import Cell, is_printed, printed_cells
from skinlab.stats.audit.verdict import audit_table
from skinlab.tables.text import read_table

HEAD = "label,metric,class,value,low,high,n_images,n_patients\n"


def cells(text: str, folder: Path, head: str = HEAD) -> tuple[Cell, ...]:
    path = folder / "t.csv"
    path.write_text(head + text, encoding="utf-8")
    frame = read_table(path)
    assert is_printed(frame)
    return printed_cells(frame)


def found(text: str, folder: Path, head: str = HEAD) -> list[str]:
    return [finding.rule for finding in audit_table(cells(text, folder, head))]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x,accuracy,,0.90,0.91,0.95,100,100", "misses its estimate"),
        ("x,accuracy,,0.97,0.93,1.01,100,100", "outside its range"),
        ("x,accuracy,,0.97,0.99,0.93,100,100", "limits reversed"),
        ("x,accuracy,,0.90,0.899,0.901,100,100", "too narrow"),
        ("x,accuracy,,0.95,0.70,0.99,14,", "no whole number of hits"),  # 13/14 = 0.93
        ("x,sensitivity,a,0.5,0.1,0.9,10,11", "sums"),
    ],
)
def test_each_fault_is_found(text: str, rule: str, tmp_path: Path) -> None:
    assert rule in found(text, tmp_path)


def test_averages_must_follow_from_their_classes(tmp_path: Path) -> None:
    classes = "x,sensitivity,a,0.90,0.83,0.94,100,\nx,sensitivity,b,0.50,0.40,0.60,100,\n"
    assert found(f"{classes}x,accuracy,,0.70,0.63,0.76,200,", tmp_path) == []
    assert found(f"{classes}x,accuracy,,0.75,0.68,0.80,200,", tmp_path) == ["sums"]
    assert found(f"{classes}x,accuracy,,0.70,0.63,0.76,210,", tmp_path) == ["sums"]
    assert found(f"{classes}x,balanced_accuracy,,0.70,0.63,0.76,200,", tmp_path) == []
    assert found(f"{classes}x,balanced_accuracy,,0.72,0.65,0.78,200,", tmp_path) == ["sums"]


def test_identical_cells_need_n_to_be_explained(tmp_path: Path) -> None:
    two = "x,sensitivity,a,0.75,0.66,0.82,{},\nx,sensitivity,b,0.75,0.66,0.82,{},"
    assert found(two.format("", ""), tmp_path) == ["identical cells"]
    assert found(two.format(100, 100), tmp_path) == []
    assert found(two.format(100, 96), tmp_path) == ["identical cells"]
    rows = "x,sensitivity,a,0.75,0.66,0.82,,\ny,sensitivity,a,0.75,0.66,0.82,,"
    assert found(rows, tmp_path) == ["identical cells"]
