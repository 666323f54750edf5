import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from skinlab.tables.errors import InputError
from skinlab.tables.report import (
    RESEARCH_USE,
    ConfusionMatrix,
    Estimate,
    EvaluationReport,
    ReliabilityBin,
    ReliabilityCurve,
    RocCurve,
)


def example() -> EvaluationReport:
    return EvaluationReport(
        split="test",
        positive="悪性",
        estimates=(
            Estimate("accuracy", 0.1 + 0.2, 0.25, 0.35, "", "diagnosis", method="Wilson"),
            Estimate(
                "auroc", None, None, None, "母斑, 色素性", "diagnosis", reason="one class only"
            ),
            Estimate("sensitivity", 1.0, 0.8, 1.0, "BCC", "diagnosis", n_seeds=3, seed_sd=0.02),
        ),
        confusion=(
            ConfusionMatrix("diagnosis", ("母斑, 色素性", "BCC"), ("a", "b"), ((1, 2), (3, 4))),
        ),
        fingerprints={"predictions": "ab12"},
        notes=("one", "two"),
        reliability=(
            ReliabilityCurve(
                "diagnosis",
                "BCC",
                "equal mass",
                "Wilson",
                0.95,
                (ReliabilityBin(0.0, 0.5, 4, 1, 0.3, 0.25, None, None),),
            ),
        ),
        roc=(RocCurve("diagnosis", "BCC", 3, 7, (0.0, 0.2, 1.0), (0.0, 0.9, 1.0), (None, 0.4, 0)),),
    )


def test_a_report_is_read_back_exactly(tmp_path: Path) -> None:
    example().save(tmp_path)
    assert EvaluationReport.read(tmp_path / "report.json") == example()
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["use"] == RESEARCH_USE


def test_json_and_csv_hold_the_same_numbers(tmp_path: Path) -> None:
    example().save(tmp_path)
    with (tmp_path / "report.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for row, estimate in zip(rows, example().estimates, strict=True):
        for name in ("value", "low", "high", "seed_sd"):
            number = getattr(estimate, name)
            assert row[name] == ("" if number is None else repr(number))
        assert row["class_name"] == estimate.class_name
        assert row["reason"] == estimate.reason


def test_saving_again_leaves_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        example().save(tmp_path / folder)
    for name in ("report.json", "report.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_older_report_without_the_new_fields_is_read(tmp_path: Path) -> None:
    example().save(tmp_path)
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    for estimate in content["estimates"]:
        del estimate["n_seeds"], estimate["seed_sd"], estimate["n_classes"]
        del estimate["aggregated"]
    del content["confusion"][0]["repeats"], content["roc"], content["reliability"]
    (tmp_path / "report.json").write_text(json.dumps(content), "utf-8")
    older = EvaluationReport.read(tmp_path / "report.json")
    assert older.estimates[1] == example().estimates[1]
    assert (older.roc, older.reliability) == ((), ())


def test_a_number_per_patient_is_not_found_in_place_of_the_number_per_image() -> None:
    per_image = Estimate("accuracy", 0.7, 0.6, 0.8, tree_level="group")
    per_patient = replace(per_image, value=0.75, aggregated="patient")
    report = replace(example(), estimates=(per_patient, per_image))
    assert report.find("accuracy", "group") == per_image
    assert list(report.select("accuracy", "group")) == [per_image]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"use": "", "estimates": 3}', "no json"])
def test_a_file_that_is_no_report_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"x\.json: is not a report"):
        EvaluationReport.read(tmp_path / "x.json")


def test_a_number_without_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="None with a reason"):
        Estimate("accuracy", float("nan"), None, None)
    with pytest.raises(ValueError, match="needs its reason"):
        Estimate("accuracy", None, None, None)


def test_estimates_read_as_sentences() -> None:
    accuracy, area, _ = example().estimates
    assert str(accuracy) == "0.300 (95% CI 0.250-0.350)"
    assert str(area) == "n/a (one class only)"
    assert str(replace(accuracy, low=None, high=None, reason="one patient")) == (
        "0.300 (no interval: one patient)"
    )


def test_an_estimate_is_found_by_metric_level_and_class() -> None:
    assert example().find("sensitivity", "diagnosis", "BCC").value == 1
    with pytest.raises(KeyError, match="no sensitivity of all classes at diagnosis"):
        example().find("sensitivity", "diagnosis")
