from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinlab.tables.box import Box
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

HEADER = "sample_id,image_path,patient_id,diagnosis,split"


def made(folder: Path, rows: list[str], header: str = HEADER) -> Manifest:
    path = folder / "m.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return Manifest.open(path, folder)


def said(manifest: Manifest) -> list[str]:
    return [f"{problem.line}: {problem.what}" for problem in manifest.problems()]


def test_read_refuses_what_open_lets_through(tmp_path: Path) -> None:
    manifest = made(tmp_path, ["a,a.png,P,nevus,train", "a,b.png,Q,nevus,train"])
    assert len(manifest) == 2
    with pytest.raises(InputError, match="line 3: sample_id 'a' stands in line 2 too"):
        Manifest.read(manifest.path, tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        "/a.png",
        "../a.png",
        "x/../../a.png",
        "C:/a.png",
        "file:///a.png",
        "https://x/a.png",
        "s3://x/a.png",
        "\\\\nas\\a.png",
        "x\\..\\..\\a.png",
        "~/a.png",
        "$HOME/a.png",
        "%USERPROFILE%/a.png",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, value: str) -> None:
    for column in ("image_path", "mask_path"):
        image, mask = (value, "") if column == "image_path" else ("a.png", value)
        manifest = made(tmp_path, [f"a,{image},P,nevus,,{mask}"], f"{HEADER},mask_path")
        what = f"{column} {value!r} is not a path inside the data set's folder"
        assert said(manifest) == [f"2: {what}"]


@pytest.mark.parametrize("value", ["写真/①.png", "a b/c.png", "a..b.png", "x#1.png", "100%.png"])
def test_odd_names_inside_the_folder_are_fine(tmp_path: Path, value: str) -> None:
    assert said(made(tmp_path, [f"a,{value},P,nevus,"])) == []


@pytest.mark.parametrize("word", ["NA", "n/a", "NaN", "None", "null", "Unknown", "ＮＡ", "-", "?"])
@pytest.mark.parametrize("column", ["patient_id", "lesion_id", "duplicate_group", "diagnosis"])
def test_words_for_a_missing_value_are_no_id_and_no_class(
    tmp_path: Path, word: str, column: str
) -> None:
    cells = {"patient_id": "P", "diagnosis": "nevus", "lesion_id": "", "duplicate_group": ""}
    cells[column] = word
    row = f"a,a.png,{cells['patient_id']},{cells['diagnosis']},,{cells['lesion_id']},"
    row += cells["duplicate_group"]
    manifest = made(tmp_path, [row], f"{HEADER},lesion_id,duplicate_group")
    assert said(manifest) == [f"2: {column} is {word!r}, a word for a missing value"]


def test_ids_are_text_for_ever(tmp_path: Path) -> None:
    ids = ["007", "7", "07", "1E5", "1.0", "TRUE", "2024-01-02"]
    manifest = made(tmp_path, [f"s{i},{i}.png,{p},nevus," for i, p in enumerate(ids)])
    assert manifest.column("patient_id") == ids
    assert len(set(manifest.groups)) == len(ids)


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("lesion_id", "lesion"),
        ("duplicate_group", "near-duplicate group"),
        ("sha256", "identical image"),
    ],
)
def test_whatever_must_stay_together_and_does_not_is_named(
    tmp_path: Path, column: str, word: str
) -> None:
    rows = ["a,a.png,P,nevus,train,x", "b,b.png,Q,nevus,val,x"]
    (text,) = said(made(tmp_path, rows, f"{HEADER},{column}"))
    assert text == f"3: {word} 'x' is in split 'val' here and in 'train' in line 2"


@pytest.mark.parametrize("value", ["Train", "0.5", "trian", "-1", "validation"])
def test_unknown_splits_are_refused(tmp_path: Path, value: str) -> None:
    (text,) = said(made(tmp_path, [f"a,a.png,P,nevus,{value}"]))
    assert repr(value) in text


def test_folds_may_stand_beside_test_only(tmp_path: Path) -> None:
    rows = [f"{s},{s}.png,{s},nevus,{s}" for s in ("0", "1", "test", "val")]
    assert said(made(tmp_path, rows)) == ["5: split 'val' stands beside fold numbers"]


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ("0,0,1,", "has an empty corner"),
        ("0.5,0,0.5,1", "is empty or leaves"),
        ("0,0,1.1,1", "is empty or leaves"),
        ("nan,0,1,1", "is empty or leaves"),
        ("left,0,1,1", "could not convert"),
    ],
)
def test_bad_windows_are_refused(tmp_path: Path, window: str, words: str) -> None:
    manifest = made(tmp_path, [f"a,a.png,P,nevus,,{window}"], f"{HEADER},x0,y0,x1,y1")
    (text,) = said(manifest)
    assert words in text


def test_a_window_is_given_whole_or_not_at_all(tmp_path: Path) -> None:
    rows = ["a,a.png,P,nevus,,0.1,0,0.9,1", "b,b.png,Q,nevus,,,,,"]
    manifest = made(tmp_path, rows, f"{HEADER},x0,y0,x1,y1")
    assert [manifest.window(0), manifest.window(1)] == [Box(0.1, 0, 0.9, 1), None]
    assert said(manifest) == []
    half = made(tmp_path, ["a,a.png,P,nevus,,0.1"], f"{HEADER},x0")
    assert said(half) == ["1: has the window column(s) x0 but not all of x0, y0, x1, y1"]


def test_a_chain_of_shared_keys_is_one_group(tmp_path: Path) -> None:
    rows = [
        "a,a.png,P1,nevus,,L1,",
        "b,b.png,,nevus,,L1,D1",
        "c,c.png,,nevus,,,D1",
        "d,d.png,,nevus,,L2,",
        "e,e.png,,nevus,,,",
    ]
    manifest = made(tmp_path, rows, f"{HEADER},lesion_id,duplicate_group")
    assert manifest.groups == ("patient:P1",) * 3 + ("lesion:L2", "image:e")
    assert manifest.group_kind == "image"


KEYS = st.lists(
    st.tuples(*(st.sampled_from(["", "1", "2", "3"]) for _ in range(3))), min_size=1, max_size=12
)


@given(keys=KEYS, seed=st.integers(0, 99))
def test_group_names_do_not_depend_on_the_order_of_rows(
    tmp_path_factory: pytest.TempPathFactory, keys: list[tuple[str, str, str]], seed: int
) -> None:
    rows = [f"s{i},{i}.png,{p},nevus,,{lesion},{d}" for i, (p, lesion, d) in enumerate(keys)]
    folder = tmp_path_factory.mktemp("m")
    manifest = made(folder, rows, f"{HEADER},lesion_id,duplicate_group")
    shuffled = manifest.where(np.random.default_rng(seed).permutation(len(rows)))
    names = dict(zip(shuffled.column("sample_id"), shuffled.groups, strict=True))
    assert [names[s] for s in manifest.column("sample_id")] == list(manifest.groups)


def test_the_fingerprint_follows_cells_and_not_columns_order_or_format(tmp_path: Path) -> None:
    manifest = made(tmp_path, ["a,a.png,P,nevus,train"])
    manifest.save(tmp_path / "m.parquet")
    assert Manifest.read(tmp_path / "m.parquet", tmp_path).fingerprint == manifest.fingerprint
    turned = Manifest(manifest.frame[list(manifest.frame.columns)[::-1]], Path("x"), tmp_path)
    assert turned.fingerprint == manifest.fingerprint
    assert manifest.with_column("split", ["val"]).fingerprint != manifest.fingerprint


def test_a_table_that_was_never_split_is_opened_without_the_column(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("sample_id,image_path,patient_id,diagnosis\na,a.jpg,p,nevus\n")
    assert Manifest.open(path, tmp_path).column("split") == [""]
    with pytest.raises(InputError, match="lacks the column"):
        Manifest.read(path, tmp_path)
