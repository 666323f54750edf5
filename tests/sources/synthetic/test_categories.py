"""The table of categories: complete, distinct, with cues in the lesion and around it."""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from pathlib import Path

from skinlab.sources.synthetic.categories import CATEGORIES
from skinlab.tables.labels import LabelTree

TREE = Path(__file__).parents[3] / "data_manifests" / "labels" / "synthetic.yaml"
AROUND = {"halo", "actinic", "lentigines", "satellites", "moles", "waxy", "angiomas", "flaking"}


def test_the_categories_are_the_leaves_of_the_label_tree() -> None:
    tree = LabelTree.read(TREE)
    assert {category.name for category in CATEGORIES} == set(tree.classes("fine"))
    for category in CATEGORIES:
        assert (tree.leaf(category.name).group == tree.positive) == category.malignant


def test_any_two_categories_differ_in_the_lesion_and_around_it() -> None:
    for one, other in combinations(CATEGORIES, 2):
        signs, others = asdict(one.traits), asdict(other.traits)
        inside = sum(abs(signs[n] - others[n]) for n in signs if n not in AROUND | {"diameter"})
        around = sum(abs(signs[n] - others[n]) for n in AROUND)
        assert inside > 0.6, (one.name, other.name)
        assert around > 0.1, (one.name, other.name)


def test_categories_of_one_diagnosis_share_more_than_those_of_two() -> None:
    """The fine level asks for finer cues: siblings look more alike than strangers on average."""
    tree = LabelTree.read(TREE)
    near: list[float] = []
    far: list[float] = []
    for one, other in combinations(CATEGORIES, 2):
        signs, others = asdict(one.traits), asdict(other.traits)
        gap = sum(
            abs(signs[n] - others[n]) / (1 if signs[n] + others[n] < 3 else 10) for n in signs
        )
        same = tree.leaf(one.name).diagnosis == tree.leaf(other.name).diagnosis
        (near if same else far).append(gap)
    assert sum(near) / len(near) < 0.75 * sum(far) / len(far)


def test_each_category_sits_on_four_sites_and_occurs() -> None:
    for category in CATEGORIES:
        assert len(category.sites) == 4
        assert category.frequency > 0
        assert 20 < category.age < 90
