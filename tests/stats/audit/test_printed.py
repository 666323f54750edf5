from pathlib import Path

import pytest

from skinlab.stats.audit.printed import Cell, is_printed, printed_cells
from skinlab.stats.audit.verdict import audit_table
from skinlab.tables.errors import InputError
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


def test_percentages_and_shares_are_the_same_table(tmp_path: Path) -> None:
    share = cells("x,sensitivity,a,0.912,0.850,0.951,100,90", tmp_path)[0]
    percent = cells("x,Sensitivity,a,91.2,85.0,95.1,100,90", tmp_path)[0]
    assert (percent.value, percent.low, percent.high) == pytest.approx((0.912, 0.850, 0.951))
    assert percent.half == pytest.approx(share.half)
    assert share.half == pytest.approx(0.0005)
    assert (share.n_images, share.n_patients, share.column) == (100, 90, "sensitivity of a")


def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 3: low 'about 0.8' is not a number"):
        cells("x,ppv,a,0.9,0.8,1,,\nx,ppv,b,0.9,about 0.8,1,,", tmp_path)


def test_an_empty_cell_is_undefined_and_no_fault(tmp_path: Path) -> None:
    assert found("x,sensitivity,a,,,,0,0", tmp_path) == []
    assert found("x,sensitivity,a,0,0,0,0,0", tmp_path) == ["undefined shown as a number"]
