"""The picture shows the report's curves, areas and frozen point."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from skinlab.figures.look import LINES, png
from skinlab.figures.roc import draw_roc, roc_numbers
from skinlab.tables.report import Estimate, EvaluationReport, RocCurve


def curve(name: str, n: int, level: str = "group") -> RocCurve:
    return RocCurve(level, name, n, 100 - n, (0.0, 0.25, 1.0), (0.0, 0.75, 1.0), (None, 0.5, 0.0))


def at_point(metric: str, value: float) -> Estimate:
    name = f"{metric}_at_operating_point"
    return Estimate(name, value, value - 0.125, value + 0.0625, "悪性", "group")


def report(*curves: RocCurve, positive: str = "悪性") -> EvaluationReport:
    estimates = (
        Estimate("auroc", 0.75, 0.625, 0.875, "悪性", "group"),
        Estimate("auroc", 0.5, 0.25, 0.75, "悪性", "group", "sex=f"),
        at_point("sensitivity", 0.875),
        at_point("specificity", 0.5),
    )
    return EvaluationReport("test", positive, estimates, (), roc=curves)


def test_of_two_classes_the_positive_one_is_drawn_with_its_area() -> None:
    numbers = roc_numbers(report(curve("良性", 60), curve("悪性", 40)), "group")
    assert numbers is not None
    (line,) = numbers.lines
    assert line.class_name == "悪性"
    assert line.auroc == "0.750 (0.625–0.875)"
    assert line.true_positive_rate == (0.0, 0.75, 1.0)


def test_the_frozen_point_stands_with_its_intervals_at_its_level_only() -> None:
    curves = (curve("悪性", 40), curve("良性", 60), curve("a", 3, "fine"))
    numbers = roc_numbers(report(*curves), "group")
    assert numbers is not None
    assert numbers.point is not None
    assert numbers.point.x == (0.5, 0.4375, 0.625)
    assert numbers.point.y == (0.875, 0.75, 0.9375)
    fine = roc_numbers(report(*curves), "fine")
    assert fine is not None
    assert fine.point is None


def test_a_level_without_curves_has_no_numbers() -> None:
    assert roc_numbers(report(), "group") is None


@pytest.mark.parametrize("k", [1, 2, 8, 30])
def test_any_number_of_classes_is_drawn_and_the_largest_have_names(k: int) -> None:
    curves = [curve(f"診断 {i} with a rather long name of its own", i + 1) for i in range(k)]
    numbers = roc_numbers(report(*curves, positive=curves[0].class_name), "group")
    assert numbers is not None
    named = [line.class_name for line in numbers.lines if line.named]
    assert len(named) == min(len(numbers.lines), len(LINES))
    assert curves[0].class_name in named  # the positive one, though it is the rarest
    with Image.open(io.BytesIO(png(draw_roc(numbers)))) as picture:
        assert 800 < picture.width < 1600
        assert 500 < picture.height < 900


def test_lines_differ_without_color() -> None:
    assert len({dashes for _, dashes in LINES}) == len(LINES)
    assert len({color for color, _ in LINES}) == len(LINES)
