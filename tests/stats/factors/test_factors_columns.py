from pathlib import Path

import pandas as pd
import pytest

from skinlab.figures.sweep_table import SettingRow, SweepTable, flat_rows
from skinlab.stats.factors.analysis import analyze
from skinlab.stats.factors.columns import factor_columns
from skinlab.tables.errors import InputError
from skinlab.tables.report import Estimate
from skinlab.tables.text import read_table, write_table
from skinlab.tables.trials import TrialRow

TABLE = Path(__file__).parents[3] / "data_manifests" / "printed" / "table_a_r.csv"


def test_the_printed_table_needs_no_column_names() -> None:
    found = factor_columns(read_table(TABLE))
    assert found.factors == ("rotation", "phase", "brightness", "saturation", "blur", "crop")
    assert found.responses == ("diagnosis", "benign_malignant")
    assert (found.label, found.marked) == ("setting", "Q")


def sweep(folder: Path, objective: str = "diagnosis/balanced_accuracy") -> pd.DataFrame:
    rows = []
    for i, value in enumerate([0.6, 0.7, None, 0.65, 0.72, 0.71]):
        params = {"augment.hue": 0.02 * (i % 3), "augment.flip": i % 2 == 0}
        state = "complete" if value else "pruned"
        trial = TrialRow(i, state, params, i, value, folder, "" if value else "below the median")
        accuracy, seen = {}, None
        if value:
            seen = Estimate("balanced_accuracy", value, value - 0.1, value + 0.1)
            accuracy = {"diagnosis": Estimate("accuracy", value + 0.1, 0.5, 0.99, n_images=50)}
        mark = "BEST" if value == 0.72 else ""
        rows.append(SettingRow("ABCDEF"[i], trial, accuracy, seen, None, mark))
    table = SweepTable(tuple(rows), ("augment.hue", "augment.flip"), objective, {})
    write_table(folder / "table.csv", flat_rows(table))
    return read_table(folder / "table.csv")


def test_the_table_of_a_sweep_is_understood_and_analyzed(tmp_path: Path) -> None:
    found = factor_columns(sweep(tmp_path))
    assert found.factors == ("augment.hue", "augment.flip")
    assert found.responses == ("diagnosis/balanced_accuracy", "accuracy/diagnosis")
    assert (found.label, found.marked, found.left_out) == ("setting", "E", 1)
    report = analyze(
        found.frame, found.factors, found.responses, label=found.label, marked=found.marked
    )
    assert report.design.factors == ("augment.hue", "augment.flip")
    assert report.responses[0].winner.value == pytest.approx(72)


def test_an_accuracy_that_is_the_objective_is_not_counted_twice(tmp_path: Path) -> None:
    frame = sweep(tmp_path)
    frame["diagnosis/balanced_accuracy"] = frame["accuracy/diagnosis"]
    assert factor_columns(frame).responses == ("accuracy/diagnosis",)


def test_named_columns_are_taken_as_they_are() -> None:
    found = factor_columns(read_table(TABLE), ["blur"], ["benign_malignant"])
    assert (found.factors, found.responses) == (("blur",), ("benign_malignant",))


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (
            "a,accuracy\n0,70\n1,",
            {"responses": ["accuracy"]},
            "line 3: accuracy '' is not a number",
        ),
        ("a,accuracy\n0,70\n,71\n1,72", {"factors": ["a"]}, "line 3: a is empty"),
        ("a,accuracy\n0,70\n1,71", {"factors": ["b"]}, "lacks the column(s) b"),
        ("a,b\n0,1\n1,0", {}, "no column of results"),
        ("accuracy\n70\n71", {}, "no column of settings"),
    ],
)
def test_what_cannot_be_analyzed_is_said_with_its_line(
    text: str, words: dict[str, list[str]], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        factor_columns(read_table(path), **words)
    assert said in str(error.value)
