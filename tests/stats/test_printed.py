from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats.audit import audit_table, is_clean
from skinlab.stats.audit_intervals import implied_size
from skinlab.stats.printed import Cell, is_printed, printed_cells
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


@given(
    hits=st.integers(0, 400),
    misses=st.integers(0, 400),
    digits=st.integers(2, 4),
    method=st.sampled_from(["wilson", "beta"]),
)
def test_an_honest_printed_row_is_clean_to_any_number_of_digits(
    hits: int, misses: int, digits: int, method: str
) -> None:
    n = hits + misses
    if n < 3:
        return
    low, high = proportion_confint(hits, n, method=method)
    value, low, high = (round(float(x), digits) for x in (hits / n, low, high))
    half = 0.5 * 10**-digits
    cell = Cell("x", "sensitivity", "a", value, low, high, half, n_images=n, n_patients=n)
    assert is_clean(audit_table([cell]))


def test_the_jeffreys_interval_of_statsmodels_misses_zero_of_three() -> None:
    low, high = (float(x) for x in proportion_confint(0, 3, method="jeffreys"))
    cell = Cell("x", "sensitivity", "a", 0.0, low, high, n_images=3, n_patients=3)
    assert [f.rule for f in audit_table([cell])] == ["misses its estimate"]


@given(p=st.floats(0.05, 0.95), n=st.integers(50, 100_000))
def test_the_implied_size_of_a_wald_interval_is_its_n(p: float, n: int) -> None:
    low, high = (float(x) for x in proportion_confint(p * n, n, method="normal"))
    if low > 0 and high < 1:
        seen, least, most = implied_size(Cell("", "accuracy", "", p, low, high, 1e-6))
        assert seen == pytest.approx(n, rel=1e-6)
        assert least <= n * (1 + 1e-9)
        assert most >= n * (1 - 1e-9)
