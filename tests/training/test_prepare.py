"""Everything that cannot be trained is refused at the door, in lines that name the remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Tiny
from PIL import Image

from skinlab.tables.errors import InputError
from skinlab.tables.text import read_table, write_table
from skinlab.training.prepare import prepare

MANIFEST = Path("data_manifests/synthetic.csv")


def test_photographs_are_checked_decoded_and_fingerprinted(tiny: Tiny) -> None:
    prepared = prepare(tiny.config, tiny.workspace)
    assert prepared.cache.images.shape[1:] == (32, 32, 3)
    assert len(prepared.cache.slots) == len(prepared.manifest)
    assert all(len(value) == 64 for value in prepared.fingerprints.values())
    assert prepare(tiny.config, tiny.workspace).fingerprints == prepared.fingerprints
    module = prepared.module(tiny.config)
    splits = [set(module.rows(split).tolist()) for split in ("train", "val", "test")]
    assert sum(map(len, splits)) == len(set.union(*splits)) == len(prepared.manifest)


def test_another_size_is_another_fingerprint_of_the_same_manifest(tiny: Tiny) -> None:
    one = prepare(tiny.config, tiny.workspace).fingerprints
    other = prepare(tiny.but(data__image_size=16), tiny.workspace).fingerprints
    assert one["photographs"] != other["photographs"]
    assert one["manifest"] == other["manifest"]


def test_a_touched_pixel_changes_the_fingerprint(tiny: Tiny, tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    rows = read_table(MANIFEST).iloc[:4].drop(columns="mask_path")
    rows = rows.assign(split=["train", "train", "val", "val"], patient_id=list("abcd"))
    rows = rows.assign(lesion_id="", sha256="", width="", height="")
    rows["diagnosis"] = ["nodular melanoma", "dermal nevus"] * 2
    for name in rows["image_path"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        pixels[0, 0] = int(rows.index[rows["image_path"] == name][0])
        Image.fromarray(pixels).save(root / name, format="PNG")
    write_table(MANIFEST, rows)
    config = tiny.but(data__root=str(root), splits=["val"])
    before = prepare(config, tiny.workspace).fingerprints
    assert prepare(config, tiny.workspace).fingerprints == before
    pixels[5, 5] = 255 - pixels[5, 5]
    Image.fromarray(pixels).save(root / name, format="PNG")
    after = prepare(config, tiny.workspace).fingerprints
    assert after["photographs"] != before["photographs"]
    assert after["manifest"] == before["manifest"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data__manifest": "gone.csv"}, r"gone\.csv: there is no such manifest; draw .*synth"),
        ({"data__labels": "gone.yaml"}, r"gone\.yaml: there is no such file"),
        ({"data__root": "/gone"}, "the folder of its photographs, /gone, is not there"),
        ({"data__fold": 2}, "has no fold 2: its column split holds words"),
        ({"folds": [0, 1]}, "has no fold 0, 1: its column split holds words"),
    ],
)
def test_what_is_not_there_is_named(tiny: Tiny, change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        prepare(tiny.but(**change), tiny.workspace)


def test_a_folder_without_any_of_the_photographs_is_one_line(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of its \d+ photographs is in") as refused:
        prepare(tiny.but(data__root=str(tmp_path)), tiny.workspace)
    assert len(refused.value.problems) == 1


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_read(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"training\.device is cuda and there is no GPU"):
        prepare(tiny.but(training__device="cuda", data__manifest="gone.csv"), tiny.workspace)


def test_rows_without_a_split_are_left_out_and_counted(
    tiny: Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_table(MANIFEST)
    rows.loc[rows.index[:3], "split"] = ""
    write_table(MANIFEST, rows)
    prepared = prepare(tiny.config, tiny.workspace)
    assert f"3 of {len(rows)} photographs have no split" in capsys.readouterr().err
    assert min(prepared.module(tiny.config).rows("train")) == 3


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_empty_split_is_refused(tiny: Tiny, split: str) -> None:
    rows = read_table(MANIFEST)
    write_table(MANIFEST, rows[rows["split"] != split])
    prepared = prepare(tiny.config, tiny.workspace)
    with pytest.raises(InputError, match=f"has no photographs in split '{split}'; split it with"):
        prepared.module(tiny.config)


def test_one_class_cannot_be_learned(tiny: Tiny) -> None:
    rows = read_table(MANIFEST)
    write_table(MANIFEST, rows.assign(diagnosis="dermal nevus"))
    prepared = prepare(tiny.config, tiny.workspace)
    with pytest.raises(InputError) as refused:
        prepared.module(tiny.config)
    assert [str(problem).count("holds only") for problem in refused.value.problems] == [1, 1]
    assert "'dermal nevus'" in str(refused.value)


def test_the_same_file_in_two_splits_is_refused_with_both_lines(tiny: Tiny, tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    rows = read_table(MANIFEST).iloc[:4].drop(columns="mask_path")
    rows = rows.assign(split=["train", "train", "val", "val"], patient_id=list("abcd"))
    rows = rows.assign(lesion_id="", sha256="", width="", height="")
    rows["diagnosis"] = ["nodular melanoma", "dermal nevus"] * 2
    rows["image_path"] = [f"{i}.png" for i in range(4)]
    for i, name in enumerate(rows["image_path"]):
        same = 0 if i == 3 else i  # the last one is the first one under another name
        Image.fromarray(np.full((40, 40, 3), 40 + same, dtype=np.uint8)).save(root / name)
    write_table(MANIFEST, rows)
    with pytest.raises(InputError, match=r"line 5: is the same photograph as line 2.*'train'"):
        prepare(tiny.but(data__root=str(root), splits=["val"]), tiny.workspace)
