from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree, canonical
from skinlab.tables.manifest import Manifest

TREES = sorted((Path(__file__).parents[2] / "data_manifests" / "labels").glob("*.yaml"))
TEXT = """positive: malignant
classes:
  malignant:
    melanoma: {SSM: [superficial spreading], NM: [nodular, 結節型]}
    BCC: [basal cell carcinoma]
  benign:
    nevus: []
"""


def tree(folder: Path, text: str = TEXT) -> LabelTree:
    path = folder / "tree.yaml"
    path.write_text(text, encoding="utf-8")
    return LabelTree.read(path)


def test_levels_keep_the_order_of_the_file(tmp_path: Path) -> None:
    made = tree(tmp_path)
    assert made.classes("fine") == ("SSM", "NM", "BCC", "nevus")
    assert made.classes("diagnosis") == ("melanoma", "BCC", "nevus")
    assert made.classes("group") == ("malignant", "benign")
    assert (made.positive, made.negative) == ("malignant", "benign")


@pytest.mark.parametrize("raw", ["Nodular", " nodular ", "ＮＯＤＵＬＡＲ", "nm", "結節型"])
def test_case_width_and_spaces_do_not_make_another_class(tmp_path: Path, raw: str) -> None:
    assert tree(tmp_path).leaf(raw).fine == "NM"


def test_the_nearest_known_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="did you mean 'basal cell carcinoma'"):
        tree(tmp_path).leaf("basal cell carcinom")


def test_all_unknown_rows_are_named_at_once(tmp_path: Path) -> None:
    columns = ["sample_id", "image_path", "patient_id", "diagnosis", "split"]
    rows = [(f"s{i}", "x", "P", d, "") for i, d in enumerate(["NM", "nevsu", "BCC", "wart"])]
    frame = pd.DataFrame(rows, columns=columns, index=[2, 3, 4, 5])
    with pytest.raises(InputError) as caught:
        tree(tmp_path).targets(Manifest(frame, Path("m.csv"), tmp_path), "fine")
    assert [problem.line for problem in caught.value.problems] == [3, 5]
    good = Manifest(frame.iloc[[0, 2]], Path("m.csv"), tmp_path)
    assert tree(tmp_path).targets(good, "diagnosis").tolist() == [0, 1]


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_a_folded_probability_is_the_sum_over_its_leaves(
    tmp_path_factory: pytest.TempPathFactory, weights: list[float]
) -> None:
    made = tree(tmp_path_factory.mktemp("t"))
    probs = np.array(weights) / sum(weights)
    direct = probs @ made.fold("fine", "group")
    assert direct == pytest.approx([probs[:3].sum(), probs[3]], abs=1e-12)
    by_way = probs @ made.fold("fine", "diagnosis") @ made.fold("diagnosis", "group")
    assert by_way == pytest.approx(direct, abs=1e-12)


def test_words_that_yaml_takes_for_values_stay_names(tmp_path: Path) -> None:
    made = tree(tmp_path, "positive: on\nclasses:\n  on:\n    NO: [1, 1.0]\n  off:\n    null: []\n")
    assert made.classes("fine") == ("NO", "null")
    assert (made.leaf("1.0").fine, made.positive) == ("NO", "on")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("positive: m\nclasses:\n  m: {a: [], a: []}\n  b: {c: []}\n", "'a' stands twice"),
        ("positive: m\nclasses:\n  m: {a: []}\n  m: {c: []}\n", "'m' stands twice"),
        ("positive: m\nclasses:\n  m: {a: [x]}\n  b: {c: [X]}\n", "means both"),
        ("positive: m\nclasses:\n  m: {a: []}\n  b: {a: []}\n", "stand twice"),
        ("positive: x\nclasses:\n  m: {a: []}\n", "not one of the groups"),
        ("positive: m\nclasses: {}\n", "is empty"),
        ("positive: m\nclasses:\n  m: []\n", "has no diagnoses"),
        ("positive: m\nclasses:\n  m: {a: {b: {c: []}}}\n", "below the fine category"),
        ("classes:\n  m: {a: []}\n", "not a label tree"),
        ("positive: [\n", "is not YAML"),
        ("? [a, b]\n: c\n", "is not YAML"),
        ("positive: !!python/object/apply:os.system ['true']\n", "is not YAML"),
    ],
)
def test_trees_that_mean_two_things_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        tree(tmp_path, text)


@pytest.mark.parametrize("path", TREES, ids=lambda path: path.stem)
def test_the_trees_that_are_shipped_are_read_and_fold(path: Path) -> None:
    made = LabelTree.read(path)
    assert len(made.classes("diagnosis")) >= 2
    assert made.fold("fine", "group").sum(axis=1).tolist() == [1.0] * len(made.leaves)


def test_herpes_simplex_and_kaposis_eruption_are_one_class() -> None:
    made = LabelTree.read(TREES[0].parent / "ad_ai.yaml")
    assert {made.leaf(raw).diagnosis for raw in ("HSV", "カポジ水痘様発疹症")} == {"HI"}
    assert made.positive == "others"
    assert made.leaf("アトピー性皮膚炎").group == "AD"


def test_canonical_names_are_stable() -> None:
    assert canonical("  Seborrheic_Keratosis ") == canonical("SEBORRHEIC  keratosis")
