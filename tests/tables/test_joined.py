"""Columns of a manifest go to the rows of the same sample, also where it has a pseudonym."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.tables.errors import InputError
from skinlab.tables.joined import join
from skinlab.tables.predictions import Predictions

MANIFEST = "sample_id,sex,age\na,female,40\nb,male,50\nc,,60\n"


def table(*samples: str) -> Predictions:
    frame = pd.DataFrame({"sample_id": list(samples)}, dtype=object)
    frame = frame.assign(patient_id=list(samples), target="ill", sex="?")
    return Predictions(frame, np.full((len(samples), 2), 0.5), ("ill", "well"))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "m.csv").write_text(MANIFEST, encoding="utf-8")
    return tmp_path / "m.csv"


def test_a_row_gets_the_cells_of_its_sample_in_any_order(manifest: Path) -> None:
    found, missing = join(table("c", "a", "b"), manifest, ("sex", "age"))
    assert found.frame["sex"].tolist() == ["", "female", "male"]
    assert found.frame["age"].tolist() == ["60", "40", "50"]
    assert missing == 0


def test_rows_that_the_manifest_lacks_are_counted_and_left_empty(manifest: Path) -> None:
    found, missing = join(table("a", "z", "y"), manifest, ("sex",))
    assert found.frame["sex"].tolist() == ["female", "", ""]
    assert missing == 2


def test_pseudonyms_are_matched_by_the_workspace_that_made_them(manifest: Path) -> None:
    found, missing = join(table("A*", "b"), manifest, ("sex",), lambda s: s.upper() + "*")
    assert found.frame["sex"].tolist() == ["female", "male"]
    assert missing == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sample_id,sex\nx,male\n", "has none of the images of the predictions"),
        ("sample_id,sex\na,male\na,male\n", "m.csv line 3: sample_id 'a' stands there twice"),
        ("sample_id,age\na,3\n", r"lacks the column\(s\) sex"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(manifest: Path, text: str, said: str) -> None:
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        join(table("a", "b"), manifest, ("sex",))
