import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats.audit.intervals import implied_size
from skinlab.stats.audit.printed import Cell
from skinlab.stats.audit.verdict import audit_table, is_clean


def test_the_jeffreys_interval_of_statsmodels_misses_zero_of_three() -> None:
    low, high = (float(x) for x in proportion_confint(0, 3, method="jeffreys"))
    cell = Cell("x", "sensitivity", "a", 0.0, low, high, n_images=3, n_patients=3)
    assert [f.rule for f in audit_table([cell])] == ["misses its estimate"]


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


@given(p=st.floats(0.05, 0.95), n=st.integers(50, 100_000))
def test_the_implied_size_of_a_wald_interval_is_its_n(p: float, n: int) -> None:
    low, high = (float(x) for x in proportion_confint(p * n, n, method="normal"))
    if low > 0 and high < 1:
        seen, least, most = implied_size(Cell("", "accuracy", "", p, low, high, 1e-6))
        assert seen == pytest.approx(n, rel=1e-6)
        assert least <= n * (1 + 1e-9)
        assert most >= n * (1 - 1e-9)
