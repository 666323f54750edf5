"""The picture shows the report's bins, before and after a temperature."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from skinlab.figures.look import png
from skinlab.figures.reliability import MOST_PANELS, draw_reliability, reliability_numbers
from skinlab.tables.report import EvaluationReport, ReliabilityBin, ReliabilityCurve

BINS = (
    ReliabilityBin(0.0, 0.2, 10, 9, 0.1, 0.2, 0.05, 0.4),
    ReliabilityBin(0.6, 0.8, 1, 1, 0.7, 1.0, None, None),  # bins in between are empty
    ReliabilityBin(0.8, 1.0, 5, 4, 0.9, 0.8, 0.4, 0.95),
)


def curve(name: str, bins: tuple[ReliabilityBin, ...] = BINS) -> ReliabilityCurve:
    return ReliabilityCurve("group", name, "some bins", "Wilson", 0.95, bins)


def report(*curves: ReliabilityCurve) -> EvaluationReport:
    return EvaluationReport("test", "悪性", (), (), reliability=curves)


def test_answers_come_first_and_of_two_classes_the_positive_one() -> None:
    numbers = reliability_numbers(report(curve(""), curve("良性"), curve("悪性")), "group")
    assert numbers is not None
    assert [panel.class_name for panel in numbers.panels] == ["", "悪性"]
    assert numbers.panels[0].curve.bins == BINS
    assert reliability_numbers(report(curve("")), "fine") is None


def test_a_curve_after_temperature_stands_in_the_panel_of_the_one_before() -> None:
    heated = replace(curve("悪性", BINS[:1]), after_temperature=True)
    numbers = reliability_numbers(report(curve(""), curve("悪性"), heated), "group")
    assert numbers is not None
    assert [panel.after for panel in numbers.panels] == [None, heated]


def test_of_many_classes_those_with_most_images_have_a_panel() -> None:
    rare = curve("rare", (replace(BINS[0], n_images=1),))
    many = [curve(f"class {i}") for i in range(MOST_PANELS - 1)]
    numbers = reliability_numbers(report(curve(""), rare, *many), "group")
    assert numbers is not None
    assert len(numbers.panels) == MOST_PANELS
    assert numbers.left_out == ("rare",)


@pytest.mark.parametrize("k", [1, 2, 7])
def test_it_is_drawn_large_enough_to_read(k: int) -> None:
    curves = [curve("")] + [curve(f"有棘細胞癌・ボーエン病 {i}") for i in range(k - 1)]
    heated = [replace(c, after_temperature=True) for c in curves]
    numbers = reliability_numbers(report(*curves, *heated), "group")
    assert numbers is not None
    with Image.open(io.BytesIO(png(draw_reliability(numbers)))) as picture:
        assert 300 < picture.width < 1500
        assert 300 < picture.height < 1500
