"""Subgroups: too few is said, missing is a group, gaps are adjusted once each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from skinlab.stats.evaluate import evaluate
from skinlab.stats.flat import flat
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.subgroups.bands import Column
from skinlab.stats.subgroups.estimates import with_subgroups
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate, EvaluationReport

TEXT = """positive: malignant
classes:
  malignant: {melanoma: [], BCC: []}
  benign: {nevus: [], wart: []}
"""
CLASSES = ("melanoma", "BCC", "nevus", "wart")
SPEC = EvaluationSpec(resamples=200, units=())


@pytest.fixture
def tree(tmp_path: Path) -> LabelTree:
    (tmp_path / "tree.yaml").write_text(TEXT, encoding="utf-8")
    return LabelTree.read(tmp_path / "tree.yaml")


def drawn(n: int, seed: int, **columns: list[str]) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(4, size=n)
    logits = rng.normal(size=(n, 4))
    logits[np.arange(n), truth] += 1.5
    table = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = [f"s{i}" for i in range(n)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids}, dtype=object).assign(**columns)
    return Predictions(frame.assign(target=[CLASSES[t] for t in truth]), table, CLASSES)


def report(table: Predictions, tree: LabelTree | None, *words: str) -> EvaluationReport:
    whole = evaluate(table, tree, spec=SPEC)
    return with_subgroups(whole, table, tree, [Column.parse(word) for word in words], SPEC)


def find(found: EvaluationReport, metric: str, subgroup: str) -> Estimate:
    (one,) = [e for e in found.estimates if (e.metric, e.subgroup) == (metric, subgroup)]
    return one


def sexes(n: int, *sizes: int) -> list[str]:
    names = ["female", "male", ""]
    return [name for name, size in zip(names, sizes, strict=False) for _ in range(size)][:n]


def test_a_subgroup_has_the_numbers_of_its_own_table(tree: LabelTree) -> None:
    table = drawn(150, 1, sex=sexes(150, 80, 70))
    found = report(table, tree, "sex")
    alone = evaluate(table.where(np.arange(150) < 80), tree, spec=SPEC)
    for metric, level, name in (
        ("accuracy", "diagnosis", ""),
        ("balanced_accuracy", "diagnosis", ""),
        ("macro_auroc", "diagnosis", ""),
        ("sensitivity", "group", "malignant"),
        ("specificity", "group", "malignant"),
    ):
        ours = find(found, metric, "sex=female")
        theirs = alone.find(metric, level, name)
        assert ours.value == pytest.approx(theirs.value)
        assert ours.n_images == theirs.n_images
        assert (ours.tree_level, ours.class_name) == (level, name)
        assert ours.low is not None
    accuracy = alone.find("accuracy", "diagnosis")
    assert find(found, "accuracy", "sex=female").low == accuracy.low


def test_nine_patients_are_too_few_and_ten_are_not(tree: LabelTree) -> None:
    found = report(drawn(129, 2, sex=sexes(129, 110, 10, 9)), tree, "sex")
    ten = find(found, "accuracy", "sex=male")
    nine = find(found, "accuracy", "sex=missing")
    assert ten.value is not None
    assert (nine.value, nine.low, nine.high) == (None, None, None)
    assert (nine.n_images, nine.n_patients) == (9, 9)
    assert nine.reason == "too few: 9 patients, fewer than 10"
    assert not [e for e in found.estimates if e.subgroup == "sex=missing" and e.value is not None]


def test_many_images_of_few_patients_are_too_few(tree: LabelTree) -> None:
    table = drawn(160, 3, sex=sexes(160, 100, 60))
    patients = [f"f{i}" for i in range(100)] + [f"m{i % 9}" for i in range(60)]
    frame = table.frame.assign(patient_id=patients)
    found = report(replace(table, frame=frame), tree, "sex")
    assert find(found, "accuracy", "sex=male").reason == "too few: 9 patients, fewer than 10"
    assert find(found, "accuracy", "sex=male").n_images == 60


def test_the_two_values_of_a_column_have_one_gap_seen_from_both_sides(tree: LabelTree) -> None:
    found = report(drawn(160, 4, sex=sexes(160, 80, 60, 20)), tree, "sex")
    for metric in ("accuracy", "macro_auroc", "sensitivity"):
        one = find(found, f"{metric}_difference", "sex=female")
        other = find(found, f"{metric}_difference", "sex=male")
        assert one.value is not None
        assert one.low is not None
        assert other.value == -one.value
        assert other.high == -one.low
        assert (other.p, other.p_holm) == (one.p, one.p_holm)
    # female against male, and the missing against both: two gaps
    assert "Holm over 2 gaps in accuracy" in find(found, "accuracy_difference", "sex=male").method
    missing = find(found, "accuracy_difference", "sex=missing")
    assert missing.n_images == 160


def test_the_missing_stand_on_no_side_of_the_others(tree: LabelTree) -> None:
    found = report(drawn(160, 4, sex=sexes(160, 80, 60, 20)), tree, "sex")
    assert find(found, "accuracy_difference", "sex=female").n_images == 140


def test_holm_is_that_of_statsmodels_over_all_gaps_of_a_metric(tree: LabelTree) -> None:
    rng = np.random.default_rng(0)
    site = [["face", "arm", "leg"][i] for i in rng.integers(3, size=240)]
    table = drawn(240, 5, sex=sexes(240, 120, 120), site=site)
    found = report(table, tree, "sex", "site")
    for metric in ("accuracy", "balanced_accuracy", "sensitivity"):
        gaps = [e for e in found.estimates if e.metric == f"{metric}_difference"]
        tests = [e for e in gaps if e.subgroup != "sex=male"]
        assert len(tests) == 4
        adjusted = multipletests([e.p for e in tests], method="holm")[1]
        assert [e.p_holm for e in tests] == pytest.approx(list(adjusted))


def test_a_real_gap_is_found_and_a_gap_that_is_none_is_not(tree: LabelTree) -> None:
    table = drawn(600, 6, sex=sexes(600, 300, 300), hand=["left", "right"] * 300)
    worse = table.probabilities.copy()
    worse[300:] = np.random.default_rng(1).dirichlet(np.ones(4), size=300)
    found = report(replace(table, probabilities=worse), tree, "sex", "hand")
    gap = find(found, "accuracy_difference", "sex=female")
    assert gap.p_holm is not None
    assert gap.low is not None
    assert gap.low > 0
    assert gap.p_holm < 0.001
    none = find(found, "accuracy_difference", "hand=left")
    assert none.p_holm is not None
    assert none.p_holm > 0.05


def test_without_a_tree_there_is_accuracy_but_no_positive_class() -> None:
    found = report(drawn(80, 7, sex=sexes(80, 40, 40)), None, "sex")
    metrics = {e.metric for e in found.estimates if e.subgroup}
    assert "accuracy" in metrics
    assert "sensitivity" not in metrics


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tree: LabelTree) -> None:
    with pytest.raises(InputError, match=r"has no column 'sex' .* it has sample_id.*--manifest"):
        report(drawn(20, 8), tree, "sex")


def test_a_column_without_a_known_value_is_said(tree: LabelTree) -> None:
    found = report(drawn(20, 8, sex=[""] * 20), tree, "sex")
    assert any("Subgroups of sex: no value is known" in note for note in found.notes)


def test_subgroups_do_not_go_to_the_tracker(tree: LabelTree) -> None:
    table = drawn(80, 9, sex=sexes(80, 40, 40))
    found = report(table, tree, "sex")
    assert flat(found).metrics == flat(evaluate(table, tree, spec=SPEC)).metrics


def test_seeds_are_averaged_in_a_subgroup_too(tree: LabelTree) -> None:
    one, two = (drawn(120, 10, sex=sexes(120, 60, 60)) for _ in range(2))
    noise = np.random.default_rng(3).dirichlet(np.ones(4), size=120)
    two = replace(two, probabilities=0.5 * two.probabilities + 0.5 * noise)
    stacked = Predictions.stacked(
        [replace(t, frame=t.frame.assign(seed=s)) for s, t in (("0", one), ("1", two))]
    )
    found = find(report(stacked, tree, "sex"), "accuracy_difference", "sex=female")
    each = [
        find(report(t, tree, "sex"), "accuracy_difference", "sex=female").value for t in (one, two)
    ]
    assert found.value == pytest.approx(np.mean([v for v in each if v is not None]))
    assert found.n_seeds == 2
    assert found.n_images == 120


def test_a_subgroup_report_is_read_back_whole(tree: LabelTree, tmp_path: Path) -> None:
    found = report(drawn(80, 9, sex=sexes(80, 40, 40)), tree, "sex")
    found.save(tmp_path)
    assert EvaluationReport.read(tmp_path / "report.json").estimates == found.estimates
