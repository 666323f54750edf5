"""Trials with known answers -> the table: who is BEST, who cannot be told apart from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from skinlab.figures.sweep_table import (
    SweepTable,
    as_latex,
    as_text,
    draw,
    flat_rows,
    sweep_table,
    verdict,
    write_sweep_table,
)
from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions
from skinlab.tables.text import read_table
from skinlab.tables.trials import TrialRow, letter

TREE = LabelTree(
    (
        Leaf("melanoma", "melanoma", "malignant"),
        Leaf("nevus", "nevus", "benign"),
        Leaf("wart", "wart", "benign"),
    ),
    positive="malignant",
)
CLASSES = TREE.classes("diagnosis")
SPEC = EvaluationSpec(resamples=200)
N = 120


def trial(folder: Path, number: int, wrong: set[int], **params: object) -> TrialRow:
    """A trial that answers `wrong` of 120 images of 120 people wrongly."""
    truth = np.arange(N) % 3
    answer = np.array([(t + 1) % 3 if i in wrong else t for i, t in enumerate(truth)])
    table = np.full((N, 3), 0.1)
    table[np.arange(N), answer] = 0.8
    ids = [f"s{i}" for i in range(N)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids})
    frame["target"] = [CLASSES[t] for t in truth]
    predictions = Predictions(frame, table, CLASSES)
    place = folder / f"trial-{number:04d}"
    predictions.save(place / "predictions" / "val.csv")
    evaluate(predictions, TREE, split="val", spec=SPEC).save(place / "report" / "val")
    value = 1 - len(wrong) / N
    return TrialRow(number, "complete", dict(params), number, value, place)


@pytest.fixture
def trials(tmp_path: Path) -> list[TrialRow]:
    few = set(range(12))
    return [
        trial(tmp_path, 0, set(range(70)), **{"augment.hue": 0.0, "augment.rotation": "none"}),
        trial(tmp_path, 1, few, **{"augment.hue": 0.02, "augment.rotation": "any"}),
        trial(tmp_path, 2, few | {12}, **{"augment.hue": 0.04, "augment.rotation": "any"}),
        TrialRow(3, "fail", {"augment.hue": 0.04}, 0, None, tmp_path / "x", "out of memory <8 GB>"),
    ]


def table_of(trials: list[TrialRow]) -> SweepTable:
    shares = {"augment.rotation": 0.75, "augment.hue": 0.25}
    return sweep_table(trials, "val/accuracy", shares, SPEC)


def test_the_best_is_marked_with_those_that_cannot_be_told_apart(trials: list[TrialRow]) -> None:
    table = table_of(trials)
    assert [row.mark for row in table.rows] == ["", "BEST", "tied", ""]
    assert table.best is not None
    assert table.best.letter == "B"
    assert [row.letter for row in table.ties] == ["C"]


def test_a_difference_is_the_best_minus_the_setting_on_the_same_images(
    trials: list[TrialRow],
) -> None:
    far, best, near, failed = table_of(trials).rows
    assert best.difference is None
    assert failed.difference is None
    assert near.difference is not None
    assert near.difference.value == pytest.approx(1 / N)
    assert far.difference is not None
    assert far.difference.value == pytest.approx(58 / N)
    assert far.difference.low is not None
    assert far.difference.low > 0
    # Two comparisons: each interval is at 97.5 %.
    assert far.difference.level == pytest.approx(0.975)


def test_accuracies_are_those_of_the_stored_reports_at_both_levels(trials: list[TrialRow]) -> None:
    row = table_of(trials).rows[1]
    assert row.accuracy["diagnosis"].value == pytest.approx(108 / N)
    # Errors within benign do not count at benign/malignant: nevus taken for wart.
    truth = np.arange(12) % 3
    names = [CLASSES[t] for t in truth]
    crossed = sum(
        {name, CLASSES[(t + 1) % 3]} != {"nevus", "wart"}
        for name, t in zip(names, truth, strict=True)
    )
    assert row.accuracy["group"].value == pytest.approx(1 - crossed / N)


def test_of_equal_objectives_the_first_is_the_best(tmp_path: Path) -> None:
    same = [trial(tmp_path, n, {1, 2}, **{"optim.lr": n}) for n in range(3)]
    table = table_of(same)
    assert [row.mark for row in table.rows] == ["BEST", "tied", "tied"]


def test_settings_are_lettered_like_columns() -> None:
    assert [letter(n) for n in (0, 25, 26, 27, 51, 52, 701, 702)] == [
        *("A", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA")
    ]
    assert len({letter(n) for n in range(1000)}) == 1000


def test_the_verdict_says_who_won_and_what_mattered(trials: list[TrialRow]) -> None:
    said = verdict(table_of(trials))
    assert said.startswith("BEST is B on validation, not separable from C.")
    assert "rotation 75%, hue 25%" in said
    alone = verdict(table_of(trials[:2]))
    assert "separable from all other settings" in alone


def test_a_sweep_without_a_complete_trial_has_a_table_all_the_same(tmp_path: Path) -> None:
    failed = TrialRow(0, "fail", {"optim.lr": 1.0}, 0, None, tmp_path / "gone", "NaN")
    table = sweep_table([failed], "val/accuracy", {}, SPEC)
    assert table.best is None
    assert verdict(table) == "No trial was completed."
    write_sweep_table(table, tmp_path / "out")
    assert "No trial was completed." in (tmp_path / "out" / "table.html").read_text()
    assert as_text(table).endswith("No trial was completed.")


def test_the_written_table_reads_back_with_every_number(
    trials: list[TrialRow], tmp_path: Path
) -> None:
    table = table_of(trials)
    folder = tmp_path / "sweep"
    write_sweep_table(table, folder)
    found = read_table(folder / "table.csv")
    assert list(found["setting"]) == ["A", "B", "C", "D"]
    assert list(found["state"]) == ["complete"] * 3 + ["fail"]
    assert float(found["accuracy/diagnosis"].iloc[1]) == pytest.approx(108 / N)
    for row in (0, 1, 2):
        low, high = (float(found[f"accuracy/group/{end}"].iloc[row]) for end in ("low", "high"))
        assert low < float(found["accuracy/group"].iloc[row]) < high
    assert found["val/accuracy"].iloc[3] == ""
    assert json.loads((folder / "importances.json").read_text()) == table.importances
    with Image.open(folder / "figures" / "sweep.png") as picture:
        assert "Software" not in picture.info
        assert min(picture.size) > 200
    assert len(flat_rows(table)) == 4


def test_words_of_a_trial_cannot_write_html(trials: list[TrialRow], tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    odd = [trial(tmp_path, 9, {1}, **{"model.backbone": evil})]
    write_sweep_table(table_of([*trials, *odd]), tmp_path / "sweep")
    page = (tmp_path / "sweep" / "table.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "research use" in page.lower()


def test_the_text_for_a_terminal_is_aligned(trials: list[TrialRow]) -> None:
    lines = as_text(table_of(trials)).splitlines()
    assert len(lines) == 6
    assert lines[2].startswith("B")
    assert lines[2].endswith("BEST")
    column = lines[0].index("rotation")
    assert lines[1][column:].startswith("none")
    assert lines[2][column:].startswith("any")


def test_the_picture_shows_a_point_for_every_complete_setting(trials: list[TrialRow]) -> None:
    figure = draw(table_of(trials))
    assert isinstance(figure, Figure)
    words = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert any("B" in word for word in words)


def test_latex_has_the_layout_of_the_printed_table(trials: list[TrialRow], tmp_path: Path) -> None:
    table = table_of(trials)
    lines = as_latex(table).splitlines()
    assert lines[1:4] == [
        r"\begin{tabular}{lllrrrrl}",
        r"\toprule",
        r" & hue & rotation & diagnosis & benign/malignant & accuracy & seed &  \\",
    ]
    rows = {line[0]: line for line in lines[5:9]}
    assert list(rows) == ["A", "\\", "C", "D"]
    assert rows["\\"].startswith(r"\textbf{B} & \textbf{0.02} & \textbf{any} & \textbf{90.0 (8")
    assert rows["\\"].endswith(r"\textbf{1} & \textbf{BEST} \\")
    assert rows["C"].endswith(r"& 2 & tied \\")
    assert "fail" in rows["D"]
    assert "--" in rows["A"]
    assert all(line.startswith("%") for line in lines[11:])
    assert all(line.count("&") == 7 for line in lines[5:9])
    write_sweep_table(table, tmp_path / "paper")
    assert (tmp_path / "paper" / "table.tex").read_text(encoding="utf-8") == as_latex(table)


def test_latex_shows_what_would_be_its_commands(trials: list[TrialRow]) -> None:
    odd = [replace(trial, params={"data.square": "50%_{a}"}) for trial in trials]
    assert r"50\%\_\{a\}" in as_latex(table_of(odd))


def test_repeated_settings_and_their_noise_stand_beside_the_best(tmp_path: Path) -> None:
    found = [
        trial(tmp_path, n, set(range(wrong)), **{"augment.hue": hue})
        for n, (wrong, hue) in enumerate([(12, 0.0), (24, 0.0), (20, 0.04), (22, 0.04)])
    ]
    words = as_text(table_of(found))
    assert "4 rows are 2 distinct settings: A and B are the same; C and D are the same." in words
    assert "The best row (A) repeats B." in words
    # pure error: variances 50 and 1.39 points with a degree of freedom each
    assert "Equal settings differ by an SD of 5.07 points (2 degrees of freedom)" in words
    write_sweep_table(table_of(found), tmp_path / "out")
    assert "Equal settings differ by an SD" in (tmp_path / "out" / "table.html").read_text()
    page = (tmp_path / "out" / "factors" / "factors.html").read_text(encoding="utf-8")
    assert "Alias table" in page
