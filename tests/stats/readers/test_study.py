"""Known answers, other libraries' numbers, and what must not change a reader study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats.evaluate import evaluate
from skinlab.stats.readers.panel import panel
from skinlab.stats.readers.study import ReaderStudy, reader_study
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.answers import Answers
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions

TREE = LabelTree(
    (
        Leaf("melanoma", "melanoma", "malignant", ("MM", "悪性黒色腫")),
        Leaf("BCC", "BCC", "malignant", ()),
        Leaf("nevus", "nevus", "benign", ("NEV",)),
    ),
    "malignant",
)
CLASSES = ("melanoma", "BCC", "nevus")
SPEC = EvaluationSpec(resamples=300)


def table(targets: list[str], patients: list[str] | None = None, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    ids = [f"s{i}" for i in range(len(targets))]
    raw = rng.random((len(targets), 3)) + 0.9 * np.eye(3)[[CLASSES.index(t) for t in targets]]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": patients or ids, "target": targets})
    return Predictions(frame, raw / raw.sum(axis=1, keepdims=True), CLASSES)


def answered(rows: list[tuple[str, str, str]]) -> Answers:
    frame = pd.DataFrame(rows, columns=["reader", "sample_id", "answer"], dtype=object)
    frame.index = pd.Index(range(2, len(rows) + 2))
    return Answers(frame, Path("answers.csv"))


def guesses(model: Predictions, readers: int, skill: float, seed: int = 1) -> Answers:
    rng = np.random.default_rng(seed)
    rows = []
    for r in range(readers):
        for sample, truth in zip(model.frame["sample_id"], model.frame["target"], strict=True):
            answer = truth if rng.random() < skill else CLASSES[rng.integers(3)]
            rows.append((f"R{r}", sample, answer))
    return answered(rows)


TARGETS = ["melanoma"] * 20 + ["BCC"] * 20 + ["nevus"] * 40


def study(model: Predictions, answers: Answers) -> ReaderStudy:
    return reader_study(panel(answers, model, TREE), SPEC)


def test_a_reader_with_known_hits_has_wilson_intervals_of_statsmodels() -> None:
    model = table(TARGETS)
    rows = [("A", f"s{i}", "MM" if i < 30 or i >= 75 else "NEV") for i in range(80)]
    found = study(model, answered(rows)).results[0].measures
    for measure, hits in (("sensitivity", 30), ("specificity", 35)):
        e = found[measure]
        assert e.value == hits / 40
        expected = proportion_confint(hits, 40, method="wilson")
        assert (e.low, e.high) == pytest.approx(expected)
        assert e.method == "Wilson"
    assert found["accuracy"].value == (20 + 35) / 80


def test_the_model_on_a_readers_cases_is_what_evaluate_says_of_them() -> None:
    model = table(TARGETS)
    report = evaluate(model, TREE, spec=SPEC)
    of_all = study(model, guesses(model, 1, 0.7)).results[0].model
    for measure, level, name in (
        ("sensitivity", "group", "malignant"),
        ("specificity", "group", "malignant"),
        ("accuracy", "diagnosis", ""),
    ):
        expected = report.find(measure, level, name)
        assert of_all[measure].value == expected.value
        assert (of_all[measure].low, of_all[measure].high) == (expected.low, expected.high)


def test_clustered_proportions_are_those_of_evaluate_too() -> None:
    model = table(TARGETS, [f"p{i % 35}" for i in range(80)])
    expected = evaluate(model, TREE, spec=SPEC).find("accuracy", "diagnosis")
    found = study(model, guesses(model, 1, 0.7)).results[0].model["accuracy"]
    assert found.value == expected.value
    assert found.low == pytest.approx(expected.low, abs=0.03)
    assert found.high == pytest.approx(expected.high, abs=0.03)
    assert found.unit == "patient"


def test_mcnemar_agrees_with_statsmodels() -> None:
    model = table(TARGETS)
    answers = guesses(model, 1, 0.5)
    found = study(model, answers).results[0].difference["accuracy"]
    reader = np.array(answers.frame["answer"]) == np.array(model.frame["target"])
    right = model.answer == model.target
    cells = [[(reader & right).sum(), (reader & ~right).sum()]]
    cells += [[(~reader & right).sum(), (~reader & ~right).sum()]]
    assert (found.only_reader, found.only_model) == (cells[0][1], cells[1][0])
    assert found.p_exact == pytest.approx(mcnemar(cells, exact=True).pvalue)
    assert found.estimate.value == pytest.approx(reader.mean() - right.mean())
    assert found.test == "McNemar"


def test_a_reader_who_answers_as_the_model_does_not_differ_from_it() -> None:
    model = table(TARGETS)
    rows = [("A", f"s{i}", CLASSES[a]) for i, a in enumerate(model.answer)]
    found = study(model, answered(rows)).results[0]
    difference = found.difference["accuracy"]
    assert difference.estimate.value == 0
    assert difference.p_exact == 1
    assert found.measures["accuracy"].value == found.model["accuracy"].value


def test_only_the_cases_that_a_reader_answered_count_and_missing_ones_are_counted() -> None:
    model = table(TARGETS)
    rows = [("A", f"s{i}", "nevus") for i in range(60)]
    rows += [("B", "s0", "MM"), ("B", "s45", "NEV"), ("B", "s1", "")]
    a, b = study(model, answered(rows)).results
    assert (a.answered, a.missing) == (60, 0)
    assert (b.answered, b.missing) == (2, 58)
    assert b.measures["sensitivity"].n_images == b.model["sensitivity"].n_images == 1
    notes = study(model, answered(rows)).notes
    assert any("20 image(s) of the predictions were shown to no reader" in note for note in notes)
    assert any("58 of 120 answers are missing" in note for note in notes)


def test_an_answer_that_names_a_group_says_nothing_about_the_diagnosis() -> None:
    model = table(TARGETS)
    rows = [("A", f"s{i}", "malignant" if i < 40 else "benign") for i in range(80)]
    found = study(model, answered(rows)).results[0]
    assert found.measures["sensitivity"].value == found.measures["specificity"].value == 1
    assert found.measures["accuracy"].value is None
    assert "no diagnosis" in found.measures["accuracy"].reason
    assert found.difference["accuracy"].p_exact is None


def test_holm_is_over_the_readers_within_a_measure() -> None:
    model = table(TARGETS)
    results = study(model, guesses(model, 4, 0.4)).results
    raw = sorted(r.difference["accuracy"].p_exact or 0 for r in results)
    adjusted = sorted(r.difference["accuracy"].p_holm or 0 for r in results)
    assert adjusted[0] == pytest.approx(min(1, 4 * raw[0]))
    assert adjusted == sorted(adjusted)


def test_the_mean_reader_is_the_mean_and_its_interval_holds_it() -> None:
    model = table(TARGETS)
    found = study(model, guesses(model, 5, 0.7))
    for measure, mean in found.mean.items():
        values = [r.measures[measure].value or 0 for r in found.results]
        assert mean.value == pytest.approx(np.mean(values))
        assert mean.low is not None
        assert mean.high is not None
        assert mean.low < np.mean(values) < mean.high
        differences = [r.difference[measure].estimate.value or 0 for r in found.results]
        assert found.mean_difference[measure].value == pytest.approx(np.mean(differences))
        assert "readers and patients resampled" in mean.method


def test_readers_that_differ_widen_the_interval_of_their_mean() -> None:
    model = table(TARGETS)
    alike = study(model, guesses(model, 4, 0.7)).mean["accuracy"]
    mixed = [
        (f"R{r}", s, a)
        for r, skill in enumerate((0.1, 0.5, 0.9, 1.0))
        for _, s, a in guesses(model, 1, skill, seed=r).frame.itertuples(index=False)
    ]
    apart = study(model, answered(mixed)).mean["accuracy"]
    assert (apart.high or 0) - (apart.low or 0) > 1.5 * ((alike.high or 0) - (alike.low or 0))


def test_two_readers_are_no_sample_of_readers() -> None:
    model = table(TARGETS)
    method = study(model, guesses(model, 2, 0.7)).mean["accuracy"].method
    assert "too few readers to resample" in method


def test_the_curve_and_its_area_are_those_of_scikit_learn() -> None:
    model = table(TARGETS)
    found = study(model, guesses(model, 1, 0.7))
    sick = np.array(TARGETS) != "nevus"
    score = model.probabilities[:, :2].sum(axis=1)
    assert found.auroc.value == pytest.approx(roc_auc_score(sick, score))
    x, y = np.array(found.curve).T
    assert np.trapezoid(y, x) == pytest.approx(found.auroc.value)


def test_renamed_patients_and_another_order_of_rows_change_nothing() -> None:
    patients = [f"p{i % 50}" for i in range(80)]
    model = table(TARGETS, patients)
    answers = guesses(model, 3, 0.6)
    order = np.random.default_rng(4).permutation(80)
    frame = model.frame.iloc[order].assign(
        patient_id=[f"q{p}" for p in model.frame["patient_id"].iloc[order]]
    )
    other = Predictions(frame, model.probabilities[order], CLASSES)
    mixed = answered(list(answers.frame.iloc[::-1].itertuples(index=False, name=None)))
    a, b = study(model, answers), study(other, mixed)
    by_name = {r.reader: r for r in b.results}
    for result in a.results:
        for measure, estimate in result.measures.items():
            assert by_name[result.reader].measures[measure] == estimate


def test_several_images_of_a_patient_are_tested_by_patient() -> None:
    model = table(TARGETS, [f"p{i // 4}" for i in range(80)])
    found = study(model, guesses(model, 3, 0.6))
    difference = found.results[0].difference["accuracy"]
    assert difference.test == "exact label swap by patient"
    assert "patient bootstrap" in difference.estimate.method
    assert any("80 images of 20 patients" in note for note in found.notes)


def test_a_threshold_moves_the_models_calls_and_not_its_diagnoses() -> None:
    model = table(TARGETS)
    answers = guesses(model, 1, 0.7)
    strict = reader_study(panel(answers, model, TREE, threshold=0.95), SPEC)
    loose = reader_study(panel(answers, model, TREE, threshold=0.0), SPEC)
    assert loose.model["sensitivity"].value == 1
    assert loose.model["specificity"].value == 0
    assert (strict.model["specificity"].value or 0) > 0.9
    assert strict.model["accuracy"] == loose.model["accuracy"]
    assert "p(malignant) >= 0.95" in strict.notes[0]
