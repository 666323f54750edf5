"""The forest: bars about zero on an axis that ends at a round number."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from comparison_samples import difference, example

from skinlab.figures.comparison_forest import forest, scale


def test_bars_lie_on_the_axis_with_zero_in_the_middle() -> None:
    text = forest(example().differences[:1], example())
    bars = re.findall(r"class='ci' x1='([\d.]+)' x2='([\d.]+)'", text)
    assert len(bars) == 1
    for left, right in bars:
        assert 20 <= float(left) < 160 < float(right) <= 300  # -0.0456 to +0.0789 about 0


def test_the_margin_is_a_band_only_where_it_decides() -> None:
    compared = example()
    accuracy, brier = compared.differences[:2]
    assert "class='band'" in forest([accuracy], compared)
    assert "class='band'" not in forest([brier], compared)


@pytest.mark.parametrize(
    ("largest", "margin", "reach"),
    [(0.0789, None, 0.1), (0.11, 0.05, 0.2), (0.21, None, 0.5), (0.01, 0.05, 0.05), (1.0, 0.1, 1)],
)
def test_the_axis_ends_at_a_round_number_beyond_everything(
    largest: float, margin: float | None, reach: float
) -> None:
    d = replace(difference("accuracy"), low=-largest, high=0.0, value=-0.001)
    assert scale([d], margin) == pytest.approx(reach)
