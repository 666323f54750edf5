"""Images -> lesions and patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.units import Aggregation, aggregate
from skinlab.tables.predictions import Predictions

QUICK = EvaluationSpec(resamples=200)
Row = tuple[str, str, str, float]


def table(rows: list[Row]) -> Predictions:
    """Rows of patient, lesion, truth and probability of ``mel``."""
    frame = pd.DataFrame(rows, columns=["patient_id", "lesion_id", "target", "p"])
    p = frame.pop("p").to_numpy(float)
    frame["sample_id"] = [f"s{i}" for i in range(len(frame))]
    return Predictions(frame, np.column_stack([p, 1 - p]), ("mel", "nevus"))


def aggregated(rows: list[Row], unit: str) -> Aggregation | None:
    predictions = table(rows)
    return aggregate(predictions, np.zeros(len(rows), np.int64), unit)  # type: ignore[arg-type]


ROWS = [
    ("A", "1", "mel", 0.9),
    ("A", "1", "mel", 0.3),
    ("A", "2", "nevus", 0.2),
    ("B", "1", "nevus", 0.4),
    ("B", "1", "nevus", 0.8),
    ("C", "", "mel", 0.7),
]


def test_a_lesion_has_the_mean_probability_of_its_images() -> None:
    found = aggregated(ROWS, "lesion")
    assert found is not None
    # Lesion 1 of A and lesion 1 of B are two; the image without a lesion stands for itself.
    assert sorted(found.predictions.probabilities[:, 0].round(12)) == [0.2, 0.6, 0.6, 0.7]
    assert (found.found, found.mixed, found.nameless) == (4, 0, 1)


def test_a_patient_with_different_truths_is_left_out_and_counted() -> None:
    found = aggregated(ROWS, "patient")
    assert found is not None
    assert sorted(found.predictions.probabilities[:, 0].round(12)) == [0.6, 0.7]
    assert (found.found, found.mixed) == (3, 1)


def test_nothing_is_made_where_it_would_be_the_table_itself() -> None:
    single = [("A", "1", "mel", 0.9), ("B", "2", "nevus", 0.3)]
    assert aggregated(single, "lesion") is None
    assert aggregated(single, "patient") is None
    nameless = [("A", "", "mel", 0.9), ("A", "", "mel", 0.3)]
    assert aggregated(nameless, "lesion") is None
    assert aggregated(nameless, "patient") is not None


def test_repetitions_are_aggregated_apart() -> None:
    predictions = table(ROWS[:2] * 2)
    found = aggregate(predictions, np.array([0, 0, 1, 1]), "lesion")
    assert found is not None
    assert found.repeat.tolist() == [0, 1]
    assert (found.found, len(found.predictions)) == (1, 2)


def many(seed: int = 0) -> Predictions:
    """40 patients of one truth, two lesions each, two images a lesion."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(40):
        truth = ("mel", "nevus")[patient % 2]
        for lesion in range(2):
            p = rng.beta(3, 2, 2) if truth == "mel" else rng.beta(2, 3, 2)
            rows += [(f"P{patient}", f"L{lesion}", truth, float(x)) for x in p]
    return table(rows)


def test_the_report_holds_the_main_numbers_of_each_unit_with_its_interval() -> None:
    predictions = many()
    report = evaluate(predictions, spec=QUICK)
    by_patient = pd.Series(predictions.probabilities[:, 0]).groupby(predictions.patients).mean()
    truth = np.arange(40) % 2 == 0
    found = {(e.metric, e.class_name): e for e in report.estimates if e.aggregated == "patient"}
    accuracy = found["accuracy", ""]
    assert accuracy.value == pytest.approx(((by_patient > 0.5) == truth).mean())
    assert (accuracy.method, accuracy.unit) == ("Wilson", "patient")
    assert (accuracy.n_images, accuracy.n_patients) == (40, 40)
    assert found["auroc", "mel"].method == "DeLong (logit)"
    lesion = next(e for e in report.estimates if e.aggregated == "lesion")
    assert (lesion.metric, lesion.n_images, lesion.n_patients) == ("accuracy", 80, 40)
    assert (lesion.unit, lesion.method[:17]) == ("patient", "patient bootstrap")
    names = {e.metric for e in report.estimates if e.aggregated}
    assert names == {
        "accuracy",
        "balanced_accuracy",
        "macro_auroc",
        "sensitivity",
        "specificity",
        "auroc",
    }
    assert any("40 of 40 patients" in note for note in report.notes)


def test_the_number_per_image_stays_the_one_that_is_found() -> None:
    report = evaluate(many(), spec=QUICK)
    images_only = evaluate(many(), spec=EvaluationSpec(resamples=200, units=()))
    assert report.find("accuracy", "diagnosis") == images_only.find("accuracy", "diagnosis")
    assert not [e for e in images_only.estimates if e.aggregated]


def test_who_is_left_out_is_said() -> None:
    report = evaluate(table(ROWS), spec=QUICK)
    assert any(
        "per patient" in note and "2 of 3 patients; 1 with images of different classes" in note
        for note in report.notes
    )
    assert any("1 images without a lesion id" in note for note in report.notes)


def test_no_patient_of_one_class_leaves_a_note_and_no_number() -> None:
    rows = [("A", "", "mel", 0.9), ("A", "", "nevus", 0.3)]
    report = evaluate(table(rows), spec=QUICK)
    assert not [e for e in report.estimates if e.aggregated]
    assert any("0 of 1 patients; 1 with" in note for note in report.notes)
