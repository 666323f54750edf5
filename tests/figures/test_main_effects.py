from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.figures.look import png
from skinlab.figures.main_effects import draw_main_effects, effect_numbers
from skinlab.stats.factors.analysis import FactorReport, analyze
from skinlab.tables.text import read_table

TABLE = Path(__file__).parents[2] / "data_manifests" / "printed" / "table_a_r.csv"
FACTORS = ("rotation", "phase", "brightness", "saturation", "blur", "crop")


@pytest.fixture(scope="module")
def report() -> FactorReport:
    return analyze(read_table(TABLE), FACTORS, ("diagnosis",), label="setting", marked="Q")


def test_the_picture_shows_every_run_best_first(report: FactorReport) -> None:
    panel = effect_numbers(report).panels[0]
    values = [value for _, value in panel.runs]
    assert values == sorted(values, reverse=True)
    assert len(values) == 18
    assert (panel.best, panel.runs[0]) == ("Q", ("Q", 74.0))


def test_every_effect_has_its_interval_in_the_picture(report: FactorReport) -> None:
    left, right = draw_main_effects(effect_numbers(report)).axes
    lines = [(np.asarray(line.get_xdata()).tolist(), line) for line in left.lines]
    effects = report.responses[0].fit.effects
    intervals = [x for x, line in lines if len(x) == 2 and line.get_linewidth() == 2]
    assert intervals == [[effect.low, effect.high] for effect in effects]
    points = [(x[0], line.get_markerfacecolor()) for x, line in lines if len(x) == 1]
    assert [x for x, _ in points] == [effect.value for effect in effects]
    assert [color != "white" for _, color in points] == [True] + [False] * 5
    assert len([line for line in right.lines if line.get_marker() == "D"]) == 1


def test_terms_that_cannot_be_told_apart_are_said_and_drawn() -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1, 1], "twin": [0, 1, 0, 1, 1], "b": [0, 0, 1, 1, 0]})
    frame["accuracy"] = [70, 72, 71, 74, 73]
    figure = draw_main_effects(effect_numbers(analyze(frame, ("a", "twin", "b"), ("accuracy",))))
    texts = [text.get_text().strip() for text in figure.axes[0].texts]
    assert texts == ["cannot be told apart"] * 2
    assert png(figure).startswith(b"\x89PNG")
