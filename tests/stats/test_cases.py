"""Predictions -> cases: patients, repetitions and folded levels, on tables counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.cases import Cases, folded_levels, repetitions
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions

TREE = LabelTree(
    (
        Leaf("nodular melanoma", "melanoma", "malignant"),
        Leaf("lentigo maligna", "melanoma", "malignant"),
        Leaf("basal cell carcinoma", "basal cell carcinoma", "malignant"),
        Leaf("nevus", "nevus", "benign"),
    ),
    positive="malignant",
    path=Path("labels.yaml"),
)
FINE = TREE.classes("fine")


def table(
    probabilities: list[list[float]],
    target: list[str],
    classes: tuple[str, ...] = FINE,
    **columns: list[str],
) -> Predictions:
    ids = [f"s{i}" for i in range(len(target))]
    about = {"sample_id": ids, "patient_id": ids, "target": target} | columns
    index = pd.RangeIndex(2, len(target) + 2)
    frame = pd.DataFrame(about, index=index)
    return Predictions(frame, np.array(probabilities), classes, Path("test.csv"))


def four(**columns: list[str]) -> Predictions:
    rows = [
        [0.4, 0.35, 0.15, 0.1],
        [0.1, 0.1, 0.2, 0.6],
        [0.0, 0.0, 0.9, 0.1],
        [0.0, 0.0, 0.1, 0.9],
    ]
    target = ["nodular melanoma", "basal cell carcinoma", "basal cell carcinoma", "nevus"]
    return table(rows, target, FINE, **columns)


def cases_of(predictions: Predictions) -> Cases:
    return Cases.of(predictions, repetitions(predictions)[0])


def test_patients_images_and_carriers_are_counted() -> None:
    cases = cases_of(four(patient_id=["p", "p", "q", "q"]))
    assert (cases.patients, cases.images, cases.repeats) == (2, 4, 1)
    # p carries a melanoma and a carcinoma, q a carcinoma and a nevus.
    by_class = dict(zip(cases.classes, cases.carriers.tolist(), strict=True))
    assert by_class == {
        "nodular melanoma": 1,
        "lentigo maligna": 0,
        "basal cell carcinoma": 2,
        "nevus": 1,
    }
    assert cases.has_rare_class(2)
    assert not cases.has_rare_class(1)


def test_the_confusion_matrix_has_the_truth_in_its_rows() -> None:
    cases = cases_of(four())
    place = {name: i for i, name in enumerate(cases.classes)}
    expected = np.zeros((4, 4), int)
    expected[place["nodular melanoma"], place["nodular melanoma"]] = 1
    expected[place["basal cell carcinoma"], place["nevus"]] = 1
    expected[place["basal cell carcinoma"], place["basal cell carcinoma"]] = 1
    expected[place["nevus"], place["nevus"]] = 1
    assert (cases.confusion == expected).all()


def test_of_equal_probabilities_the_first_class_is_the_answer_whatever_the_last_bits() -> None:
    nearly = [[0.1 + 0.2, 0.3, 0.2, 0.2], [0.3, 0.1 + 0.2, 0.2, 0.2]]
    cases = cases_of(table(nearly, ["nevus", "nevus"]))
    assert cases.answer.tolist() == [0, 0]


def test_a_sum_over_leaves_can_change_the_answer() -> None:
    rows = [[0.3, 0.3, 0.0, 0.4]]
    levels = dict(folded_levels(table(rows, ["nodular melanoma"]), TREE))
    assert FINE[cases_of(levels["fine"]).answer[0]] == "nevus"
    diagnosis = cases_of(levels["diagnosis"])
    assert diagnosis.classes[diagnosis.answer[0]] == "melanoma"
    assert levels["group"].probabilities.tolist() == [pytest.approx([0.6, 0.4])]


def test_a_level_with_one_class_left_is_no_level() -> None:
    classes = ("nodular melanoma", "basal cell carcinoma")
    levels = folded_levels(table([[0.7, 0.3]], ["nodular melanoma"], classes), TREE)
    assert [level for level, _ in levels] == ["fine", "diagnosis"]


def test_without_a_tree_the_classes_stay_as_they_are() -> None:
    ((level, same),) = folded_levels(four(), None)
    assert level == "diagnosis"
    assert same.classes == FINE


def test_classes_that_the_tree_does_not_know_are_named() -> None:
    strange = table([[0.5, 0.5]], ["nevus"], ("nevus", "wart"))
    with pytest.raises(InputError, match=r"test\.csv: classes wart are not in the label tree"):
        folded_levels(strange, TREE)


def test_seeds_tell_repetitions_apart() -> None:
    both = four(sample_id=["a", "b", "a", "b"], seed=["1", "1", "0", "0"])
    numbers, names = repetitions(both)
    assert numbers.tolist() == [1, 1, 0, 0]
    assert names == ("0", "1")
    assert Cases.of(both, numbers).images == 2


def test_run_ids_tell_them_apart_where_seeds_do_not() -> None:
    both = four(sample_id=["a", "b", "a", "b"], seed=["0"] * 4, run_id=["x", "x", "y", "y"])
    assert repetitions(both)[1] == ("x", "y")


def test_an_image_that_stands_twice_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"test\.csv line 4: sample 'a' stands there twice"):
        repetitions(four(sample_id=["a", "b", "a", "c"]))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(InputError, match="has no rows"):
        repetitions(table(np.zeros((0, 4)).tolist(), []))
