"""The intervals of Newcombe and Tango against published examples and a numeric likelihood."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from skinlab.stats.paired.proportion import (
    PairedCounts,
    corrected_phi,
    newcombe_paired,
    tango,
)

CELLS = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) > 0)
# Airway hyper-responsiveness (Bentur 2009) and consolidation therapy (Cavo 2012), as tabulated by
# Fagerland, Lydersen & Laake (2014) Stat Med 33:2850; the third is Newcombe (1998), table II.
AIRWAY = PairedCounts(1, 1, 7, 12)
RESPONSE = PairedCounts(59, 6, 16, 80)
NEWCOMBE = PairedCounts(36, 12, 2, 0)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [(AIRWAY, -0.507, -0.026), (RESPONSE, -0.119, -0.005), (NEWCOMBE, 0.0569, 0.3404)],
)
def test_newcombe_gives_the_published_intervals(
    counts: PairedCounts, low: float, high: float
) -> None:
    digits = 5e-4 if counts is not NEWCOMBE else 5e-5
    assert newcombe_paired(counts) == pytest.approx((low, high), abs=digits)


@pytest.mark.parametrize(
    ("counts", "low", "high"), [(AIRWAY, -0.517, -0.026), (RESPONSE, -0.124, -0.005)]
)
def test_tango_gives_the_published_intervals(counts: PairedCounts, low: float, high: float) -> None:
    assert tango(counts) == pytest.approx((low, high), abs=5e-4)


def _score(counts: PairedCounts, difference: float) -> float:
    """Tango's score with the restricted likelihood maximized numerically, not by its formula."""
    n, b, c = counts.n, counts.only_a, counts.only_b

    def loss(only_b: float) -> float:
        shares = np.array([only_b + difference, only_b, 1 - 2 * only_b - difference])
        return -float(np.log(np.maximum(shares, 1e-300)) @ [b, c, n - b - c])

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    share = optimize.minimize_scalar(
        loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}
    ).x
    variance = n * (2 * share + difference - difference**2)
    return (b - c - n * difference) / math.sqrt(variance)


@pytest.mark.parametrize("cells", [(1, 1, 7, 12), (36, 12, 2, 0), (50, 40, 20, 50), (9, 3, 1, 20)])
def test_the_score_at_tangos_limits_is_the_critical_value(cells: tuple[int, ...]) -> None:
    counts = PairedCounts(*cells)
    low, high = tango(counts, 0.9)
    critical = float(stats.norm.ppf(0.95))
    assert _score(counts, low) == pytest.approx(critical, abs=1e-3)
    assert _score(counts, high) == pytest.approx(-critical, abs=1e-3)


def test_without_discordance_tango_has_its_closed_form_and_newcombe_a_width() -> None:
    z2 = float(stats.norm.ppf(0.975)) ** 2
    counts = PairedCounts(10, 0, 0, 5)
    assert tango(counts) == pytest.approx((-z2 / (15 + z2), z2 / (15 + z2)), abs=1e-9)
    low, high = newcombe_paired(PairedCounts(12, 0, 0, 0))
    assert low == pytest.approx(-high)
    assert high > 0.2


@given(CELLS, st.sampled_from([0.8, 0.9, 0.95]))
def test_both_hold_the_estimate_and_turn_with_the_sign(
    cells: tuple[int, int, int, int], level: float
) -> None:
    a, b, c, d = cells
    counts, turned = PairedCounts(a, b, c, d), PairedCounts(a, c, b, d)
    for interval in (newcombe_paired, tango):
        low, high = interval(counts, level)
        assert -1 <= low <= counts.difference + 1e-12
        assert counts.difference - 1e-12 <= high <= 1
        assert interval(turned, level) == pytest.approx((-high, -low), abs=1e-7)


@given(CELLS)
def test_a_higher_level_is_wider_and_more_cases_are_narrower(
    cells: tuple[int, int, int, int],
) -> None:
    counts = PairedCounts(*cells)
    for interval in (newcombe_paired, tango):
        low, high = interval(counts, 0.95)
        inner = interval(counts, 0.9)
        assert low <= inner[0] + 1e-9
        assert inner[1] <= high + 1e-9
        narrow = interval(counts.scaled(4 * counts.n), 0.95)
        assert narrow[1] - narrow[0] <= high - low + 1e-9


def test_tango_and_mcnemar_without_correction_decide_alike() -> None:
    for b in range(12):
        for c in range(12):
            counts = PairedCounts(20, b, c, 20)
            low, high = tango(counts)
            rejected = b + c > 0 and (b - c) ** 2 / (b + c) > stats.chi2.ppf(0.95, 1)
            assert (low > 0 or high < 0) == rejected


def test_phi_is_corrected_towards_zero_and_no_cases_have_no_interval() -> None:
    assert corrected_phi(PairedCounts(10, 1, 1, 10)) == pytest.approx((99 - 11) / 121)
    assert corrected_phi(PairedCounts(3, 2, 2, 2)) == 0.0
    assert corrected_phi(PairedCounts(1, 5, 5, 1)) == pytest.approx(-24 / 36)
    assert corrected_phi(PairedCounts(5, 0, 3, 0)) == 0.0
    assert all(math.isnan(x) for x in newcombe_paired(PairedCounts(0, 0, 0, 0)))
    assert all(math.isnan(x) for x in tango(PairedCounts(0, 0, 0, 0)))
    with pytest.raises(ValueError, match="no counts of pairs"):
        PairedCounts(1, -1, 0, 0)
