"""What looks like an answer and is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_samples import estimate, full, predictions, report

from skinlab.reporting import probe_results
from skinlab.reporting.answer import Found, Missing
from skinlab.reporting.evidence import Evidence


@pytest.fixture
def run(tmp_path: Path) -> Evidence:
    return full(tmp_path)


def but(run: Evidence, **fields: Any) -> Evidence:
    return replace(run, reports={"test": report() | fields})


def test_without_a_positive_class_there_is_no_sensitivity(run: Evidence) -> None:
    assert isinstance(probe_results.positive_class(but(run, positive="")), Missing)


def test_an_undefined_number_is_no_answer(run: Evidence) -> None:
    blank = [e | {"value": None, "reason": "n = 0"} for e in report()["estimates"]]
    assert isinstance(probe_results.discrimination(but(run, estimates=blank)), Missing)
    assert isinstance(probe_results.uncertainty(but(run, estimates=blank)), Missing)


def test_a_number_without_interval_says_so(run: Evidence) -> None:
    bare = [e | {"low": None, "high": None, "reason": "one patient"} for e in report()["estimates"]]
    answer = probe_results.discrimination(but(run, estimates=bare))
    assert isinstance(answer, Found)
    assert "without interval (one patient)" in answer.text


def test_a_validation_report_is_no_test_report(run: Evidence) -> None:
    only = replace(run, reports={"val": report()})
    for probe in (probe_results.discrimination, probe_results.unit, probe_results.subgroups):
        assert isinstance(probe(only), Missing)


def test_a_frozen_threshold_that_the_test_never_saw_is_no_answer(run: Evidence) -> None:
    assert isinstance(probe_results.operating_point(but(run, operating_point={})), Missing)


def test_test_images_without_prediction_are_no_answer(run: Evidence) -> None:
    assert run.run is not None
    (run.run.folder / "predictions" / "test.csv").write_text("sample_id\na\n", encoding="utf-8")
    answer = probe_results.undecided(run)
    assert answer == Missing("1 of 4 test images were predicted: say what became of the others")


def test_sections_of_a_later_evaluation_of_the_test_set_are_found(run: Evidence) -> None:
    plain = report() | {"operating_point": {}, "notes": ["x"]}
    plain["estimates"] = [e for e in plain["estimates"] if not e["subgroup"]]
    cooler = estimate("brier_after_temperature", 0.2, tree_level="diagnosis")
    later = report() | {"estimates": [*report()["estimates"], cooler]}
    both = replace(run, reports={"test": plain, "test-0a1b": later, "val": report()})
    for probe in (probe_results.operating_point, probe_results.subgroups):
        answer = probe(both)
        assert isinstance(answer, Found)
        assert answer.place.startswith("report/test-0a1b/report.json")
        assert isinstance(probe(replace(both, reports={"test": plain})), Missing)
    calibration = probe_results.calibration(both)
    assert isinstance(calibration, Found)
    assert "brier (diagnosis) 0.310" in calibration.text
    assert "brier_after_temperature (diagnosis) 0.200" in calibration.text


def test_a_comparison_of_other_predictions_is_no_answer(run: Evidence) -> None:
    assert run.run is not None
    assert isinstance(probe_results.comparison(run), Found)
    table = run.run.folder / "predictions" / "test.csv"
    table.write_text(predictions(0.7), encoding="utf-8")
    assert isinstance(probe_results.comparison(run), Missing)
