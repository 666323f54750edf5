from pathlib import Path

import pandas as pd

from skinlab.stats.factors.analysis import FactorSpec, analyze
from skinlab.stats.factors.words import p_text, sentences, short
from skinlab.tables.text import read_table

TABLE = Path(__file__).parents[3] / "data_manifests" / "printed" / "table_a_r.csv"
FACTORS = ("rotation", "phase", "brightness", "saturation", "blur", "crop")


def test_the_three_findings_on_the_printed_table_are_said_in_words() -> None:
    spec = FactorSpec(test_images=1200)
    report = analyze(read_table(TABLE), FACTORS, ["diagnosis"], spec, label="setting", marked="Q")
    said = " ".join(sentences(report))
    for part in (
        "18 rows are 11 distinct settings: A, M and N are the same",
        "BEST (Q) repeats D and F.",
        "SD of 1.22 points (7 degrees of freedom), so two single runs differ only beyond 4.1",
        "stands for 71.1 to 76.9: B, C, D, E, F, M, N, P and R lie inside",
        "Q is 1.7 above the mean of 13 rows that share its rotation; the best of 13 equal runs is "
        "expected 2.0 above",
        "after Holm over the 6 terms nothing is below 0.05",
        "AICc prefers {rotation, brightness} or {rotation}",
        "rotation alone, over all 8,568 splits: p = 0.0002",
        "rotation off (5 rows) has phase 0, brightness 0 and crop 0",
        "brightness 0.1 (6 rows) has rotation on, saturation over 0 and blur 5",
        "Rotation and blur agree in 16 of 18 rows (phi 0.72); only H and P tell them apart",
        "Phase 0.04 and crop 224 stand in one row only",
        "11 of the 15 two-factor tables have an empty cell",
        "51% of the D-efficiency",
        "25 runs for 1 point and 7 runs for 2 points",
    ):
        assert part in said


def test_a_sound_design_is_not_called_confounded() -> None:
    frame = pd.DataFrame({"a": [0, 0, 1, 1] * 3, "b": [0, 1, 0, 1] * 3})
    frame["accuracy"] = [70, 71, 75, 76, 71, 72, 76, 77, 70.5, 71.5, 75.5, 76.5]
    said = " ".join(sentences(analyze(frame, "ab", ["accuracy"])))
    for word in ("empty", "cannot be told", "no row shows", "one row only"):
        assert word not in said
    assert "100% of the D-efficiency" in said
    assert "accuracy: a 1 changes it by +5.00 points" in said


def test_two_factors_that_nothing_tells_apart_are_named() -> None:
    frame = pd.DataFrame({"a": [0, 0, 1, 1, 0, 1], "b": [0, 0, 2, 2, 0, 2]})
    frame["c"] = [0, 1, 0, 1, 1, 0]
    frame["accuracy"] = [70, 71, 75, 76, 71, 75]
    said = " ".join(sentences(analyze(frame, "abc", ["accuracy"])))
    assert "A and b agree in 6 of 6 rows (phi 1.00); nothing tells them apart" in said


def test_names_and_p_values_read_well() -> None:
    assert short("augment.hue per 0.02") == "hue per 0.02"
    assert short("benign_malignant") == "benign malignant"
    assert [p_text(p) for p in (None, 1e-9, 0.00023, 0.0186, 0.111, 1.0)] == [
        "n/a",
        "<0.0001",
        "0.0002",
        "0.019",
        "0.11",
        "1.00",
    ]


def test_factors_that_always_agree_are_said_to_be_one() -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 1, 0, 1], "y": [50.0, 60.0, 52.0, 61.0]})
    said = " ".join(sentences(analyze(frame, ["a", "b"], ["y"])))
    assert "A and b agree in 4 of 4 rows (phi 1.00); nothing tells them apart." in said
    assert "a 1 cannot be told from b 1." in said
