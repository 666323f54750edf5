"""Laws of a comparison: nothing against itself, signs turn, order and names change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_samples import CLASSES, arm, predictions
from statsmodels.stats.multitest import multipletests

from skinlab.stats.evaluate import evaluate
from skinlab.stats.paired.cases import Arm
from skinlab.stats.paired.comparison import Family, compare
from skinlab.stats.paired.differences import ComparisonSpec
from skinlab.tables.comparison import Comparison
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions

SPEC = ComparisonSpec(resamples=300, margin=0.05)
FEW = settings(deadline=None, max_examples=8)
TREE = "positive: bad\nclasses:\n  bad: {黒色腫: [], BCC: []}\n  good: {nevus: []}\n"


@pytest.fixture
def tree(tmp_path: Path) -> LabelTree:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    return LabelTree.read(tmp_path / "tree.yaml")


def _compared(
    tables: list[Predictions], tree: LabelTree | None = None, family: Family = "headline"
) -> Comparison:
    a, b = (Arm.of("x", [table]) for table in tables)
    return compare(a, b, tree, family=family, spec=SPEC)


def _numbers(found: Comparison, *, sign: int = 1) -> np.ndarray:
    """Values, limits and p-values of every difference, with the sign turned where asked."""
    rows = []
    for d in found.differences:
        low, high = (d.low, d.high) if sign > 0 else (d.high, d.low)
        signed = [np.nan if x is None else sign * x for x in (d.value, low, high)]
        rows.append([*signed, np.nan if d.p is None else d.p])
    return np.array(rows)


@FEW
@given(st.integers(0, 1000), st.sampled_from([60, 120]))
def test_a_model_does_not_differ_from_itself(data: int, patients: int) -> None:
    one = arm(1, data=data, patients=patients)
    for d in compare(one, one, spec=SPEC).differences:
        assert d.value == 0.0
        assert [test.p for test in d.tests] == [1.0] * len(d.tests)
        assert d.low is None or d.low <= 0 <= (d.high or 0)


@FEW
@given(st.integers(0, 1000), st.sampled_from([60, 120]))
def test_exchanging_the_arms_turns_the_signs(data: int, patients: int) -> None:
    a, b = (arm(m, data=data, patients=patients) for m in (1, 2))
    one, other = compare(a, b, spec=SPEC), compare(b, a, spec=SPEC)
    np.testing.assert_allclose(_numbers(one), _numbers(other, sign=-1), atol=1e-12)


def test_exchanging_arms_of_several_seeds_turns_the_signs_too() -> None:
    a, b = arm(1, 2, 3), arm(4, 5)
    one, other = compare(a, b, spec=SPEC), compare(b, a, spec=SPEC)
    np.testing.assert_allclose(_numbers(one), _numbers(other, sign=-1), atol=1e-12)


@FEW
@given(st.integers(0, 1000))
def test_order_of_rows_and_names_of_patients_change_nothing(data: int) -> None:
    rng = np.random.default_rng(data)
    tables = [predictions(m, data=data) for m in (1, 2)]
    names = {f"p{i}": f"Q{n}" for i, n in enumerate(rng.permutation(60))}
    changed = []
    for table in tables:
        rows = rng.permutation(len(table))
        frame = table.frame.assign(patient_id=table.frame["patient_id"].map(names)).iloc[rows]
        changed.append(replace(table, frame=frame, probabilities=table.probabilities[rows]))
    before, after = _compared(tables), _compared(changed)
    assert before.differences == after.differences
    assert before.fingerprints["cases"] == after.fingerprints["cases"]


def test_both_arms_have_the_numbers_of_the_evaluation(tree: LabelTree) -> None:
    tables = [predictions(m) for m in (1, 2)]
    found = _compared(tables, tree)
    for side, table in zip(("a", "b"), tables, strict=True):
        report = evaluate(table, tree)
        compared = [d for d in found.differences if d.metric != "truth_probability"]
        for d in compared:
            if d.case == "image":
                estimate = report.find(d.metric, d.tree_level, d.class_name)
                assert getattr(d, side) == pytest.approx(estimate.value, abs=1e-9), d.metric


def test_folding_first_gives_the_same_as_folding_inside(tree: LabelTree) -> None:
    tables = [predictions(m) for m in (1, 2)]
    fold = tree.fold("diagnosis", "group")[[0, 2, 1]]
    coarse = [table.folded(fold, tree.classes("group")) for table in tables]
    whole, alone = _compared(tables, tree), _compared(coarse, tree)
    inside = [d for d in whole.differences if d.tree_level == "group"]
    for one, other in zip(inside, alone.differences, strict=True):
        assert (one.value, one.low, one.high) == (other.value, other.low, other.high)


def test_the_family_is_adjusted_by_holm_and_says_who_is_in_it(tree: LabelTree) -> None:
    a, b = arm(1), arm(2, skill=0.6)
    found = compare(a, b, tree, family="sensitivity", spec=SPEC)
    inside = [d for d in found.differences if d.in_family]
    assert {d.metric for d in inside} == {"sensitivity"}
    assert {d.case for d in inside} == {"image"}
    assert len(found.family_members) == 5  # three diagnoses, two groups
    assert "diagnosis: sensitivity of 黒色腫" in found.family_members
    expected = multipletests([d.p for d in inside], method="holm")[1]
    assert [d.p_holm for d in inside] == pytest.approx(expected)
    assert all(d.p_holm is None for d in found.differences if not d.in_family)
    assert "“sensitivity”: 5 main p-values" in " ".join(found.methods)


def test_undefined_p_values_leave_the_family() -> None:
    tables = [predictions(m) for m in (1, 2)]
    rows = (tables[0].frame["target"] != "BCC").to_numpy()
    found = _compared([table.where(rows) for table in tables], family="sensitivity")
    assert found.family_members == tuple(f"diagnosis: sensitivity of {c}" for c in CLASSES[:2])
    assert found.find("sensitivity", "diagnosis", "BCC").p_holm is None


def test_notes_say_what_a_reader_must_know() -> None:
    text = " ".join(compare(arm(1), arm(2), spec=SPEC).notes)
    assert "One training an arm" in text
    assert "120 images of 60 patients are not independent" in text
    seeds = " ".join(compare(arm(1, 2, 3), arm(4, 5), spec=SPEC).notes)
    assert "3 and 2 training seeds" in seeds
    assert "Fewer than five seeds: 1-2-3 (3), 4-5 (2)" in seeds


def test_the_margin_is_recorded_with_its_rule() -> None:
    found = compare(arm(1), arm(2), spec=SPEC)
    assert found.margin == 0.05
    assert "90% interval lies inside ±0.05" in " ".join(found.methods)
    without = compare(arm(1), arm(2), spec=replace(SPEC, margin=None))
    assert without.margin is None
    assert all(d.decision is None for d in without.differences)


def test_single_images_have_no_table_per_patient() -> None:
    found = compare(arm(1, patients=120), arm(2, patients=120), spec=SPEC)
    assert {d.case for d in found.differences} == {"image"}
    assert {d.case for d in compare(arm(1), arm(2), spec=SPEC).differences} == {"image", "patient"}
