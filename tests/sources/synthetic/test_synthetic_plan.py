"""What is known before a pixel is drawn: who, what, and how often."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from skinlab.sources.synthetic.appearance import Category
from skinlab.sources.synthetic.categories import CATEGORIES
from skinlab.sources.synthetic.plan import DEVICES, Patient, grown, plan_patient


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    return [plan_patient(0, number) for number in range(600)]


def test_a_patient_depends_on_seed_and_number_only(patients: list[Patient]) -> None:
    assert plan_patient(0, 17) == patients[17]
    assert plan_patient(1, 17) != patients[17]


def test_the_default_set_holds_about_600_photographs_and_every_category(
    patients: list[Patient],
) -> None:
    default = patients[:240]
    photographs = sum(len(lesion.photographs) for p in default for lesion in p.lesions)
    assert 550 < photographs < 750
    counts = Counter(lesion.category.name for p in default for lesion in p.lesions)
    assert set(counts) == {category.name for category in CATEGORIES}
    assert min(counts.values()) >= 20
    assert {len(p.lesions) for p in default} == {1, 2, 3}


def test_every_skin_type_and_phone_occurs(patients: list[Patient]) -> None:
    assert {p.skin_type for p in patients} == set(range(1, 7))
    assert {p.device for p in patients} == set(DEVICES)
    lightest = np.mean([p.melanin for p in patients if p.skin_type == 1])
    darkest = np.mean([p.melanin for p in patients if p.skin_type == 6])
    assert darkest > lightest + 0.7


def test_pen_marks_are_a_weak_shortcut_to_malignancy(patients: list[Patient]) -> None:
    marks: dict[bool, list[bool]] = {True: [], False: []}
    for patient in patients:
        for lesion in patient.lesions:
            marks[lesion.category.malignant] += [shot.ink for shot in lesion.photographs]
    malignant, benign = np.mean(marks[True]), np.mean(marks[False])
    assert 0.03 < malignant - benign < 0.2


def test_the_camera_is_held_at_any_angle_and_many_files_are_stored_turned(
    patients: list[Patient],
) -> None:
    shots = [s for p in patients for lesion in p.lesions for s in lesion.photographs]
    quarters = np.histogram([shot.angle for shot in shots], bins=4, range=(0, 2 * np.pi))[0]
    assert quarters.min() > 0.2 * len(shots)
    stored = Counter(shot.orientation for shot in shots)
    assert set(stored) == {1, 3, 6, 8}
    assert 0.3 < 1 - stored[1] / len(shots) < 0.5


def test_in_situ_and_benign_lesions_look_the_same_whatever_the_depth_says() -> None:
    traits = CATEGORIES[0].traits
    assert grown(traits, None) == traits
    assert grown(traits, 0.0) == traits


@pytest.mark.parametrize("category", [c for c in CATEGORIES if c.malignant])
def test_a_deeper_tumor_never_shows_less(category: Category) -> None:
    traits = category.traits
    looks = [grown(traits, depth) for depth in (0.2, 1.0, 4.0, 10.0)]
    for name in ("diameter", "melanin", "blue", "blood", "height", "ulcer", "halo"):
        values = [getattr(look, name) for look in looks]
        assert values == sorted(values), name
    assert looks[-1].height > looks[0].height + 0.3


def test_light_and_angle_vary_between_patients_more_than_within_one(
    patients: list[Patient],
) -> None:
    warmth = [
        [shot.light[0] - shot.light[2] for lesion in p.lesions for shot in lesion.photographs]
        for p in patients
    ]
    within = np.mean([np.var(values, ddof=1) for values in warmth if len(values) > 1])
    between = np.var([np.mean(values) for values in warmth])
    assert between > 4 * within
    pairs = [
        abs(math.remainder(lesion.photographs[0].angle - lesion.photographs[1].angle, 2 * math.pi))
        for p in patients
        for lesion in p.lesions
        if len(lesion.photographs) > 1
    ]
    assert 0.1 < np.median(pairs) < 0.6
