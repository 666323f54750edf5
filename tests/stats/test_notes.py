"""What a reader must know, said when it is so and not otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.cases import Cases
from skinlab.stats.notes import answer_notes
from skinlab.tables.predictions import Predictions


def notes(truth: list[str], answers: list[str]) -> list[str]:
    classes = tuple(sorted({*truth, *answers}))
    table = np.array(
        [[0.8 if c == a else 0.2 / (len(classes) - 1) for c in classes] for a in answers]
    )
    ids = [str(i) for i in range(len(truth))]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids, "target": truth})
    cases = Cases.of(Predictions(frame, table, classes), np.zeros(len(truth), np.int64))
    return list(answer_notes(cases, "diagnosis"))


def test_a_dead_class_behind_a_good_average_is_named() -> None:
    truth = ["a"] * 10 + ["b"] * 10 + ["c"] * 4
    found = notes(truth, ["a"] * 10 + ["b"] * 14)
    assert len(found) == 1
    assert "no image of c was answered right (sensitivity 0)" in found[0]


def test_balanced_classes_answered_well_need_no_note() -> None:
    truth = ["a"] * 10 + ["b"] * 10
    assert notes(truth, ["a"] * 9 + ["b"] * 11) == []


@pytest.mark.parametrize(
    ("wrong", "said"), [(0, "less than the model's 1.000"), (6, "NO LESS THAN the model's 0.800")]
)
def test_accuracy_is_set_against_always_answering_the_largest_class(wrong: int, said: str) -> None:
    truth = ["nevus"] * 24 + ["mel"] * 6
    answers = ["nevus"] * 24 + ["nevus"] * wrong + ["mel"] * (6 - wrong)
    found = [note for note in notes(truth, answers) if "unequal" in note]
    assert len(found) == 1
    assert "nevus holds 80% of the images" in found[0]
    assert "has accuracy 0.800" in found[0]
    assert said in found[0]


def test_one_class_alone_is_not_called_unequal() -> None:
    assert notes(["a"] * 5, ["a"] * 4 + ["b"]) == []
