"""The points of the plane are the numbers of the study, and the picture is the same twice."""

from __future__ import annotations

from skinlab.figures.look import pdf, png
from skinlab.figures.reader_plane import draw_plane, plane_numbers
from skinlab.stats.readers.study import ReaderResult, ReaderStudy
from skinlab.tables.report import Estimate


def measures(sensitivity: float | None, specificity: float) -> dict[str, Estimate]:
    found = Estimate("sensitivity", None, None, None, reason="n = 0: no positive case was answered")
    if sensitivity is not None:
        found = Estimate("sensitivity", sensitivity, sensitivity - 0.1, sensitivity + 0.05)
    return {
        "sensitivity": found,
        "specificity": Estimate("specificity", specificity, specificity - 0.2, specificity + 0.1),
    }


def example(readers: int = 3) -> ReaderStudy:
    results = [
        ReaderResult(f"医師{i}", "10 年", 20, 0, measures(0.6 + i / 100, 0.7), {}, {})
        for i in range(readers)
    ]
    results.append(ReaderResult("新人", "", 5, 15, measures(None, 0.7), {}, {}))
    return ReaderStudy(
        positive="悪性", level="diagnosis", rule="its first answer", cases=20, patients=20,
        results=tuple(results), mean=measures(0.62, 0.7), mean_difference={},
        model=measures(0.9, 0.8), auroc=Estimate("auroc", 0.93, 0.85, 0.98),
        curve=((0, 0), (0.1, 0.8), (0.2, 0.9), (1, 1)), agreement=(),
    )  # fmt: skip


def test_points_are_one_minus_specificity_with_the_limits_turned_round() -> None:
    numbers = plane_numbers(example())
    first = numbers.points[0]
    assert first.kind == "reader"
    x, low, high = first.x
    assert [round(v or 0, 6) for v in (x, low, high)] == [0.3, 0.2, 0.5]
    assert first.y[0] == 0.6
    assert [p.kind for p in numbers.points] == ["reader"] * 3 + ["mean", "model"]
    assert numbers.left_out == ("新人",)


def test_the_same_numbers_are_the_same_picture_in_png_and_pdf() -> None:
    numbers = plane_numbers(example())
    assert png(draw_plane(numbers)) == png(draw_plane(numbers))
    assert pdf(draw_plane(numbers)) == pdf(draw_plane(numbers))
    assert pdf(draw_plane(numbers)).startswith(b"%PDF")


def test_many_readers_have_points_and_no_names() -> None:
    few = draw_plane(plane_numbers(example(3)))
    many = draw_plane(plane_numbers(example(20)))
    assert sorted(t.get_text() for t in few.axes[0].texts) == ["医師0", "医師1", "医師2"]
    assert not many.axes[0].texts
    assert many.axes[0].get_legend_handles_labels()[1].count("reader") == 1
