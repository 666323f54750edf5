"""Whoever comes in is used or has left for one reason: everything adds up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from skinlab.reporting.flow import NO_REASON, Count, Flow, flow, used_rows
from skinlab.tables.exclusions import Exclusion, write_exclusions
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.manifest import Manifest

TREE = LabelTree(
    (Leaf("melanoma", "melanoma", "malignant", ("MM",)), Leaf("nevus", "nevus", "benign")),
    "malignant",
)
COLUMNS = ["patient_id", "lesion_id", "diagnosis", "split", "exclusion"]


def manifest(rows: Sequence[tuple[str, ...]], folder: Path = Path("nowhere")) -> Manifest:
    frame = pd.DataFrame(rows, columns=COLUMNS, dtype=object)
    ids = [f"s{i}" for i in range(len(rows))]
    frame = frame.assign(sample_id=ids, image_path=ids)
    return Manifest(frame, folder / "clinic.csv", folder)


ROWS = [
    ("p1", "l1", "MM", "train", ""),
    ("p1", "l1", "nevus", "train", ""),
    ("p2", "l2", "nevus", "val", ""),
    ("p3", "l3", "nevus", "test", ""),
    ("p3", "l4", "wart", "test", ""),
    ("p4", "l5", "nevus", "", "blurred"),
    ("p2", "l2", "nevus", "", "blurred"),
    ("p5", "l6", "nevus", "", ""),
    ("p6", "l7", "wart", "", "blurred"),
]


def test_each_row_leaves_for_the_first_reason_that_applies() -> None:
    found = flow(manifest(ROWS), TREE)
    assert found.listed == Count(9, 6, 7)
    left = {one.reason: one.count for one in found.excluded}
    assert left == {
        "diagnosis 'wart' is not in the label tree": Count(2, 1, 2),
        "blurred": Count(2, 1, 1),
        NO_REASON: Count(1, 1, 1),
    }
    assert found.used == Count(4, 3, 3)
    assert {arm.name: arm.count.images for arm in found.arms} == {"train": 2, "val": 1, "test": 1}
    assert found.arms[0].classes == {"melanoma": Count(1, 1, 1), "nevus": Count(1, 1, 1)}


def test_what_an_import_left_out_stands_in_front(tmp_path: Path) -> None:
    table = manifest(ROWS, tmp_path)
    write_exclusions(table.path, [Exclusion("not on disk", 5), Exclusion("consent", 2, "", 1, 1)])
    found = flow(table, TREE)
    assert found.source == Count(16, None, None)
    assert [str(one.count) for one in found.before] == ["5 images", "1 patient, 1 lesion, 2 images"]
    assert found.text().startswith("found: 16 images\n  left out before: 5 images: not on disk")


def test_an_unrecorded_import_is_said_and_not_taken_for_none() -> None:
    found = flow(manifest(ROWS), TREE)
    assert found.source is None
    assert "not recorded" in found.notes[0]


def test_folds_come_by_number_and_missing_ids_are_said() -> None:
    rows = [("", "", "nevus", fold, "") for fold in ("10", "2", "0", "test")]
    found = flow(manifest(rows))
    assert [arm.name for arm in found.arms] == ["fold 0", "fold 2", "fold 10", "test"]
    assert found.used == Count(4, None, None)
    assert any("not proven to be patient-safe" in note for note in found.notes)


def test_a_patient_in_two_splits_and_a_used_row_with_a_reason_are_said() -> None:
    rows = [("p1", "", "nevus", "train", "blurred"), ("p1", "", "nevus", "test", "")]
    said = " ".join(flow(manifest(rows)).notes)
    assert "1 patient(s) stand in several splits" in said
    assert "1 image(s) carry a reason for exclusion and are used all the same" in said


CELLS = st.tuples(
    st.sampled_from(["p1", "p2", "p3", "p4", ""]),
    st.sampled_from(["l1", "l2", "l3", ""]),
    st.sampled_from(["MM", "nevus", "wart", ""]),
    st.sampled_from(["train", "val", "test", ""]),
    st.sampled_from(["blurred", "同意撤回", ""]),
)


def adds_up(found: Flow) -> None:
    for name in ("images", "patients", "lesions"):
        listed, used = getattr(found.listed, name), getattr(found.used, name)
        lost = [getattr(one.count, name) for one in found.excluded]
        if listed is not None:
            assert listed == used + sum(lost)
            assert min(lost, default=0) >= 0


@given(st.lists(CELLS, min_size=1, max_size=25))
def test_the_numbers_add_up_whatever_the_manifest(rows: Sequence[tuple[str, ...]]) -> None:
    table = manifest(rows)
    found = flow(table, TREE)
    adds_up(found)
    assert sum(arm.count.images for arm in found.arms) == found.used.images
    for arm in found.arms:
        assert sum(count.images for count in arm.classes.values()) == arm.count.images
    assert int(used_rows(table, TREE).sum()) == found.used.images
    torn = any("several splits" in note for note in found.notes)
    patients = [arm.count.patients for arm in found.arms]
    if not torn and None not in patients:
        assert np.sum([n or 0 for n in patients]) == (found.used.patients or 0)
