"""Cases are matched by id, and tables that do not belong together are refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paired_samples import CLASSES, arm, predictions

from skinlab.stats.paired.cases import Arm, pair
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions

TREE = """positive: bad
classes:
  bad: {tumor: {黒色腫: [], BCC: []}}
  good: {mole: {nevus: []}}
"""


def _changed(table: Predictions, **columns: Any) -> Predictions:
    return replace(table, frame=table.frame.assign(**columns))


def _refusal(a: Predictions, b: Predictions) -> str:
    with pytest.raises(InputError) as refused:
        pair(Arm.of("a", [a]), Arm.of("b", [b]))
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.fixture
def tree(tmp_path: Path) -> LabelTree:
    (tmp_path / "tree.yaml").write_text(TREE, encoding="utf-8")
    return LabelTree.read(tmp_path / "tree.yaml")


def test_rows_are_matched_by_id_in_any_order() -> None:
    a, b = predictions(1), predictions(2)
    shuffled = np.random.default_rng(0).permutation(len(b))
    mixed = replace(b, frame=b.frame.iloc[shuffled], probabilities=b.probabilities[shuffled])
    (_, plain), (_, other) = (
        pair(Arm.of("a", [a]), Arm.of("b", [table]))[0] for table in (b, mixed)
    )
    for name in ("target", "a", "b", "answer_a", "answer_b", "patient"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))


def test_columns_of_probabilities_may_stand_in_another_order() -> None:
    a, b = predictions(1), predictions(2)
    turned = Predictions(b.frame, b.probabilities[:, ::-1], CLASSES[::-1], b.path)
    _, cases = pair(Arm.of("a", [a]), Arm.of("b", [turned]))[0]
    right = (cases.answer_b[0] == cases.target).mean()
    assert right == pytest.approx((b.answer == b.target).mean())


def test_missing_cases_are_named_on_both_sides_with_their_number() -> None:
    a, b = predictions(1), predictions(2)
    rows = np.arange(len(a))
    said = _refusal(a.where(rows > 3), b.where(rows < 118)).splitlines()
    assert said[0].startswith("1.csv: 2 of its 116 cases are not in 2.csv ('s118', 's119')")
    assert said[1].startswith("2.csv: 4 of its 118 cases are not in 1.csv ('s0', 's1', 's2', …)")
    assert "same manifest and split" in said[0]


def test_ids_without_any_overlap_are_taken_for_pseudonyms_of_another_workspace() -> None:
    a, b = predictions(1), predictions(2)
    said = _refusal(a, _changed(b, sample_id=[f"x{i}" for i in range(len(b))]))
    assert "pseudonyms of two workspaces" in said


def test_another_truth_of_an_image_is_refused_by_name() -> None:
    a, b = predictions(1), predictions(2)
    truths = list(b.frame["target"])
    truths[5] = next(c for c in CLASSES if c != truths[5])
    said = _refusal(a, _changed(b, target=truths))
    assert "2.csv: 1 cases have another truth than in 1.csv" in said
    assert f"s5: {a.frame['target'].iloc[5]} / {truths[5]}" in said


def test_other_classes_are_refused_with_the_names_each_side_has_alone() -> None:
    a, b = predictions(1), predictions(2)
    renamed = replace(
        _changed(b, target=b.frame["target"].replace("BCC", "SCC")),
        classes=("黒色腫", "nevus", "SCC"),
    )
    assert "classes differ: only 1.csv has BCC; only 2.csv has SCC" in _refusal(a, renamed)


def test_patients_may_be_called_otherwise_but_not_put_together_otherwise() -> None:
    a, b = predictions(1), predictions(2)
    names = b.frame["patient_id"].map(lambda name: f"Z-{name[::-1]}-{len(name)}")
    _, cases = pair(Arm.of("a", [a]), Arm.of("b", [_changed(b, patient_id=names)]))[0]
    assert cases.patients == 60
    torn = list(b.frame["patient_id"])
    torn[-1] = "somebody else"
    assert "puts images together to other patients" in _refusal(a, _changed(b, patient_id=torn))


def test_patients_of_one_table_serve_the_other_that_has_none() -> None:
    a, b = predictions(1), predictions(2)
    for one, other in ((a, _changed(b, patient_id="")), (_changed(a, patient_id=""), b)):
        _, cases = pair(Arm.of("a", [one]), Arm.of("b", [other]))[0]
        assert cases.patients == 60


def test_models_of_different_levels_meet_where_both_can_be_folded_to(tree: LabelTree) -> None:
    fine, b = predictions(1), predictions(2)
    fold = tree.fold("fine", "diagnosis")[[0, 2, 1]]
    coarse = b.folded(fold, tree.classes("diagnosis"))
    found = dict(pair(Arm.of("a", [fine]), Arm.of("b", [coarse]), tree))
    assert "fine" not in found
    cases = found["diagnosis"]
    assert cases.classes == ("tumor", "mole")
    folded = fine.probabilities[:, [0, 2]].sum(axis=1)
    rows = [sorted(fine.frame["sample_id"]).index(s) for s in fine.frame["sample_id"]]
    np.testing.assert_allclose(cases.a[0][rows, 0], folded)


def test_a_column_of_seeds_and_separate_tables_make_the_same_arm() -> None:
    one, two = predictions(1), predictions(2)
    stacked = Predictions.stacked([_changed(one, seed="1"), _changed(two, seed="2")])
    together, apart = Arm.of("x", [stacked]), Arm.of("x", [one, two])
    assert together.seeds == apart.seeds == ("1", "2")
    other = arm(3)
    (_, first), (_, second) = (pair(side, other)[0] for side in (together, apart))
    np.testing.assert_array_equal(first.a, second.a)


def test_equal_seeds_of_two_runs_are_two_runs_and_folds_are_one() -> None:
    one, two = (_changed(predictions(m), seed="0") for m in (1, 2))
    assert Arm.of("x", [one, two]).seeds == ("1: 0", "2: 0")
    rows = np.arange(len(one))
    parts = [one.where(rows < 50), one.where(rows >= 50)]
    assert len(Arm.of("x", parts).runs) == 1
    with pytest.raises(InputError, match="cases are not in"):
        Arm.of("x", [one, two.where(rows < 100)])


def test_an_image_that_stands_twice_without_a_seed_is_refused() -> None:
    one = predictions(1)
    with pytest.raises(InputError, match="stands there twice"):
        Arm.of("x", [Predictions.stacked([one, one])])


def test_per_patient_is_the_mean_probability_and_leaves_mixed_patients_out() -> None:
    a, b = predictions(1), predictions(2)
    truths = list(a.frame["target"])
    last = a.frame["patient_id"].iloc[-1]
    truths[-1] = next(c for c in CLASSES if c != truths[-1])
    arms = [Arm.of("x", [_changed(table, target=truths)]) for table in (a, b)]
    _, cases = pair(arms[0], arms[1])[0]
    people = cases.per_patient()
    assert people is not None
    assert people.cases == people.patients == 59
    frame = a.frame.assign(p=a.probabilities[:, 0])
    means = frame[frame["patient_id"] != last].groupby("patient_id")["p"].mean()
    np.testing.assert_allclose(np.sort(people.a[0][:, 0]), np.sort(means), atol=1e-11)


def test_two_patients_at_least_are_needed_per_patient() -> None:
    a, b = predictions(1), predictions(2)
    arms = [Arm.of("x", [_changed(table, patient_id="only")]) for table in (a, b)]
    assert pair(arms[0], arms[1])[0][1].per_patient() is None
