"""What validation chose is kept, read back, and never applied to an image that chose it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.spec import EvaluationSpec, OperatingPointSpec
from skinlab.stats.threshold.frozen import FrozenModels, freeze
from skinlab.stats.threshold.operating_point import scores, two_sides
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions

SPEC = EvaluationSpec(resamples=100)


def drawn(n: int, start: int, tag: str, **columns: str) -> Predictions:
    rng = np.random.default_rng(start)
    truth = np.r_[0, 1, rng.integers(2, size=n - 2)]
    p = (rng.normal(size=n) - truth + 0.5).clip(-3, 3) / 6.1 + 0.5
    ids = [f"{tag}{i}" for i in range(n)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids}, dtype=object)
    frame = frame.assign(target=[("ill", "well")[t] for t in truth], **columns)
    return Predictions(frame, np.column_stack([p, 1 - p]), ("ill", "well"))


def frozen(seed: int, tag: str) -> FrozenModels:
    return FrozenModels((freeze(drawn(60, seed, tag), None, SPEC, positive="ill"),))


def test_what_was_frozen_is_read_back_as_it_was(tmp_path: Path) -> None:
    before = frozen(1, "v")
    before.save(tmp_path / "operating_point.json")
    assert FrozenModels.read(tmp_path / "operating_point.json") == before
    (member,) = before.members
    assert member.operating_point is not None
    assert member.operating_point.rule == "sensitivity >= 0.95"
    assert member.temperature is not None
    assert member.temperature.n == len(member.samples) == 60


def test_no_id_of_an_image_or_patient_stands_in_the_file(tmp_path: Path) -> None:
    frozen(1, "Yamada-").save(tmp_path / "operating_point.json")
    assert "Yamada" not in (tmp_path / "operating_point.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"members": [{}]}', '{"members": [{"a": 1}]}']
)
def test_another_file_is_refused_with_what_would_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"holds no operating point .*--choose-on"):
        FrozenModels.read(tmp_path / "x.json")


def test_the_table_that_chose_is_refused_however_it_is_turned() -> None:
    chosen, table = frozen(1, "v"), drawn(60, 1, "v")
    backwards = replace(table, frame=table.frame[::-1], probabilities=table.probabilities[::-1])
    part = table.where(np.arange(60) < 7)
    renamed = replace(table, probabilities=table.probabilities.round(3))
    for same, n in ((table, 60), (backwards, 60), (part, 7), (renamed, 60)):
        with pytest.raises(InputError, match=f"{n} of its {n} images chose the operating point"):
            chosen.decisions(same, None)
        with pytest.raises(InputError, match="chose the operating point themselves"):
            chosen.rescaled(same)


def test_one_image_that_chose_is_enough_to_refuse_a_table() -> None:
    mixed = Predictions.stacked([drawn(30, 2, "t"), drawn(60, 1, "v").where(np.arange(60) == 4)])
    with pytest.raises(InputError, match="1 of its 31 images chose"):
        frozen(1, "v").decisions(mixed, None)


def test_a_strangers_table_that_counts_images_from_1_too_is_not_refused() -> None:
    other = drawn(40, 2, "v")
    other = replace(other, frame=other.frame.assign(patient_id=[f"q{i}" for i in range(40)]))
    decisions, reason = frozen(1, "v").decisions(other, None)
    assert decisions is not None
    assert reason == ""


def test_each_model_judges_its_own_rows_by_its_own_threshold() -> None:
    members, tables = [], []
    for seed in (0, 1):
        (one,) = frozen(seed + 10, f"v{seed}-").members
        members.append(replace(one, seed=str(seed)))
        tables.append(drawn(50, seed + 20, "t", seed=str(seed)))
    both = FrozenModels(tuple(members))
    stacked = Predictions.stacked(tables)
    decisions, _ = both.decisions(stacked, None)
    warm = both.rescaled(stacked)
    assert decisions is not None
    assert warm is not None
    for place, (member, table) in enumerate(zip(members, tables, strict=True)):
        point, heat = member.operating_point, member.temperature
        assert point is not None
        assert point.threshold is not None
        assert heat is not None
        rows = slice(50 * place, 50 * place + 50)
        called = decisions.answer[rows] == 0
        assert (called == (scores(two_sides(table, None, "ill")) >= point.threshold)).all()
        alone = FrozenModels((replace(member, seed=""),)).rescaled(table)
        assert alone is not None
        assert warm.probabilities[rows].tolist() == alone.probabilities.tolist()
    assert len({m.operating_point.threshold for m in members if m.operating_point}) == 2


def test_over_folds_an_image_may_choose_for_one_model_and_be_judged_by_another() -> None:
    first, second = drawn(40, 1, "a", fold="0"), drawn(40, 2, "b", fold="1")
    members = tuple(
        replace(freeze(val, None, SPEC, positive="ill"), fold=fold)
        for val, fold in ((second, "0"), (first, "1"))
    )
    decisions, _ = FrozenModels(members).decisions(Predictions.stacked([first, second]), None)
    assert decisions is not None
    assert len(decisions) == 80


def test_a_row_of_no_model_is_refused() -> None:
    (one,) = frozen(1, "v").members
    models = FrozenModels((replace(one, seed="0"),))
    for table in (drawn(20, 2, "t"), drawn(20, 2, "t", seed="1")):
        with pytest.raises(InputError, match="20 rows belong to none of the models seed 0"):
            models.decisions(table, None)


def test_a_model_without_a_threshold_leaves_the_group_without_numbers_and_says_which() -> None:
    one = frozen(1, "v").members[0]
    nothing = freeze(drawn(60, 3, "w").where(np.arange(60) == 1), None, SPEC, positive="ill")
    models = FrozenModels((replace(one, seed="0"), replace(nothing, seed="1")))
    stacked = Predictions.stacked([drawn(20, 4, "t", seed="0"), drawn(20, 5, "t", seed="1")])
    decisions, reason = models.decisions(stacked, None)
    assert decisions is None
    assert reason == "no operating point of seed 1: no image of 'ill' to choose a threshold on"


def test_nothing_is_chosen_that_was_not_asked_for() -> None:
    spec = replace(SPEC, operating_point=OperatingPointSpec("none"), temperature="none")
    found = freeze(drawn(20, 1, "v"), None, spec)
    assert (found.operating_point, found.temperature) == (None, None)
    models = FrozenModels((found,))
    assert models.rescaled(drawn(20, 2, "t")) is None
    assert models.decisions(drawn(20, 2, "t"), None) == (None, "no operating point was chosen")


def test_a_table_whose_classes_are_all_malignant_has_no_threshold(tmp_path: Path) -> None:
    text = "positive: bad\nclasses:\n  bad: {ill: [], well: []}\n  good: {fine: []}\n"
    (tmp_path / "tree.yaml").write_text(text, encoding="utf-8")
    found = freeze(drawn(20, 1, "v"), LabelTree.read(tmp_path / "tree.yaml"), SPEC)
    assert found.operating_point is not None
    assert found.operating_point.threshold is None
    assert "every class of the table is 'bad'" in found.operating_point.reason


def test_a_tree_that_calls_something_else_is_refused(tmp_path: Path) -> None:
    text = "positive: sound\nclasses:\n  sound: {well: []}\n  sick: {ill: []}\n"
    (tmp_path / "tree.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="point calls 'ill', the label tree 'sound'"):
        frozen(1, "v").decisions(drawn(20, 2, "t"), LabelTree.read(tmp_path / "tree.yaml"))
