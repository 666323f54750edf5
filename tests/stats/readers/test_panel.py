"""What an answer means, and which tables are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.readers.panel import panel
from skinlab.tables.answers import Answers
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions

TREE = LabelTree(
    (
        Leaf("superficial melanoma", "melanoma", "malignant", ("SSM",)),
        Leaf("nodular melanoma", "melanoma", "malignant", ("NM",)),
        Leaf("nevus", "nevus", "benign", ("NEV", "母斑")),
        Leaf("SK", "SK", "benign", ()),
    ),
    "malignant",
)


def model(classes: tuple[str, ...] = ("melanoma", "nevus", "SK")) -> Predictions:
    ids = ["a", "b", "c", "d"]
    target = [classes[0], classes[1], classes[-1], classes[0]]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids, "target": target})
    first = np.array([0.6, 0.45, 0.1, 0.2])
    rest = (1 - first) / (len(classes) - 1)
    table = np.column_stack([first, *[rest] * (len(classes) - 1)])
    return Predictions(frame, table, classes, Path("p.csv"))


def answers(*given: str, sample: str = "a", **more: list[str]) -> Answers:
    cells = {"reader": [f"R{i}" for i in range(len(given))], "sample_id": [sample] * len(given)}
    frame = pd.DataFrame(cells | {"answer": list(given)} | more)
    frame.index = pd.Index(range(2, len(given) + 2))
    return Answers(frame, Path("answers.csv"))


@pytest.mark.parametrize(
    ("answer", "name", "called"),
    [
        ("melanoma", "melanoma", 1),
        ("nodular melanoma", "melanoma", 1),
        ("ssm", "melanoma", 1),
        ("母斑", "nevus", 0),
        ("Malignant", "", 1),
        ("benign", "", 0),
        ("", "", -1),
    ],
)
def test_an_answer_may_stand_at_any_level(answer: str, name: str, called: int) -> None:
    found = panel(answers(answer), model(), TREE)
    assert found.named[0, 0] == name
    assert found.called[0, 0] == called


def test_predictions_of_groups_are_compared_as_groups() -> None:
    found = panel(answers("NM", "benign"), model(("malignant", "benign")), TREE)
    assert found.level == "group"
    assert found.named[:, 0].tolist() == ["malignant", "benign"]


def test_the_models_call_is_its_first_answer_or_a_threshold() -> None:
    both = Answers(
        pd.DataFrame(
            {"reader": ["R"] * 4, "sample_id": list("abcd"), "answer": ["nevus"] * 4},
            index=pd.Index(range(2, 6)),
        ),
        Path("answers.csv"),
    )
    assert panel(both, model(), TREE).alarm.tolist() == [True, False, False, False]
    assert panel(both, model(), TREE, threshold=0.45).alarm.tolist() == [True, True, False, False]


def test_without_a_tree_names_are_compared_as_they_stand() -> None:
    found = panel(answers("Melanoma"), model(), positive="melanoma")
    assert found.called[0, 0] == 1
    assert panel(answers("melanoma"), model()).positive == ""
    with pytest.raises(InputError, match="no class is called 'MM'"):
        panel(answers("melanoma"), model(), positive="MM")


def test_unknown_answers_are_all_named_with_the_nearest_word() -> None:
    with pytest.raises(InputError) as caught:
        panel(answers("melanom", "nevus", "wart"), model(), TREE)
    said = [str(problem) for problem in caught.value.problems]
    assert said[0] == "answers.csv line 2: unknown answer 'melanom'; did you mean 'melanoma'?"
    assert said[1].startswith("answers.csv line 4: unknown answer 'wart'; known: ")


def test_cases_that_the_model_never_saw_are_refused() -> None:
    with pytest.raises(InputError, match=r"line 2: case 'x' is not in the predictions"):
        panel(answers("nevus", sample="x"), model(), TREE)
    with pytest.raises(InputError, match="and 5 more such rows"):
        panel(answers(*["nevus"] * 15, sample="x"), model(), TREE)


def test_predictions_of_several_models_are_refused() -> None:
    once = model()
    frame = pd.concat([once.frame.assign(seed="0"), once.frame.assign(seed="1")])
    twice = Predictions(frame, np.vstack([once.probabilities] * 2), once.classes, Path("p.csv"))
    with pytest.raises(InputError, match=r"p\.csv: holds several models"):
        panel(answers("nevus"), twice, TREE)


def test_what_is_known_of_a_reader_rides_along() -> None:
    found = panel(answers("nevus", "SK", group=["8 years", ""]), model(), TREE)
    assert found.about == ("8 years", "")
    assert found.unseen == 3
