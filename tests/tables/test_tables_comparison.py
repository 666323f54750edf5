"""A comparison on disk is the one in memory, and a number without sense is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from skinlab.tables.comparison import (
    ArmSummary,
    Comparison,
    Decision,
    Difference,
    OtherInterval,
    PairedTest,
)
from skinlab.tables.errors import InputError

DIFFERENCE = Difference(
    "accuracy",
    "diagnosis",
    a=0.81,
    b=0.76,
    value=0.05,
    low=0.01,
    high=0.09,
    method="Newcombe",
    n_images=100,
    n_patients=100,
    only_a=9,
    only_b=4,
    others=(OtherInterval("Tango", 0.012, 0.091),),
    tests=(PairedTest("McNemar, mid-p", 0.02), PairedTest("McNemar, exact", 0.03, "few")),
    in_family=True,
    p_holm=0.04,
    decision=Decision(0.05, 0.9, 0.02, 0.08, "Newcombe", "not shown", "non-inferior"),
)
UNDEFINED = Difference("auroc", "diagnosis", "黒色腫", case="patient", reason="one class only")
COMPARISON = Comparison(
    ArmSummary("new", ("1", "2"), ("aa", "bb")),
    ArmSummary("old", ("",), ("cc",)),
    "test",
    "malignant",
    (DIFFERENCE, UNDEFINED),
    methods=("So.",),
    notes=("Mind.",),
    family="headline",
    family_members=("diagnosis: accuracy",),
    margin=0.05,
    settings={"level": 0.95, "resamples": 2000},
    fingerprints={"cases": "ff"},
)


def test_what_was_saved_is_what_is_read(tmp_path: Path) -> None:
    COMPARISON.save(tmp_path)
    assert Comparison.read(tmp_path / "comparison.json") == COMPARISON
    assert "Research use only" in json.loads((tmp_path / "comparison.json").read_text())["use"]


def test_the_flat_table_has_the_same_numbers(tmp_path: Path) -> None:
    COMPARISON.save(tmp_path)
    table = pd.read_csv(tmp_path / "comparison.csv")
    row = table.iloc[0]
    assert (row["a"], row["b"], row["value"]) == (0.81, 0.76, 0.05)
    assert (row["low"], row["low_2"], row["method_2"]) == (0.01, 0.012, "Tango")
    assert (row["test_1"], row["p_1"], row["p_2"], row["p_holm"]) == (
        "McNemar, mid-p",
        0.02,
        0.03,
        0.04,
    )
    assert (row["decision_margin"], row["decision_noninferiority"]) == (0.05, "non-inferior")
    assert table.iloc[1][["value", "low", "p_1"]].isna().all()
    assert table.iloc[1]["reason"] == "one class only"


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(DIFFERENCE) == "+0.050 (95% CI +0.010 to +0.090)"
    assert str(UNDEFINED) == "n/a (one class only)"
    bare = replace(DIFFERENCE, low=None, high=None, reason="one patient")
    assert str(bare) == "+0.050 (no interval: one patient)"
    assert DIFFERENCE.p == 0.02
    assert UNDEFINED.p is None


def test_a_difference_is_found_by_metric_level_class_and_case() -> None:
    assert COMPARISON.find("accuracy", "diagnosis") is DIFFERENCE
    assert COMPARISON.find("auroc", "diagnosis", "黒色腫", "patient") is UNDEFINED
    with pytest.raises(KeyError, match="no auroc of 黒色腫 at diagnosis, per image"):
        COMPARISON.find("auroc", "diagnosis", "黒色腫")


def test_nan_and_undefined_without_a_reason_are_refused() -> None:
    with pytest.raises(ValueError, match="use None with a reason"):
        replace(DIFFERENCE, value=float("nan"))
    with pytest.raises(ValueError, match="needs its reason"):
        Difference("accuracy", "diagnosis")


def test_another_json_is_no_comparison(tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    path.write_text('{"use": 1, "a": {}}')
    with pytest.raises(InputError, match="is not a comparison"):
        Comparison.read(path)


def test_a_margin_that_came_after_the_result_is_told(tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    assert COMPARISON.after(path) == COMPARISON
    replace(COMPARISON, margin=None).save(tmp_path)
    told = COMPARISON.after(path)
    assert told.notes[-1] == "An earlier comparison of the same predictions had no margin."
    told.save(tmp_path)
    assert COMPARISON.after(path).notes == told.notes  # and stays told
    assert replace(COMPARISON, a=ArmSummary("x", ("",), ("00",))).after(path).notes == ("Mind.",)
    path.write_text("{}")
    assert COMPARISON.after(path) == COMPARISON
