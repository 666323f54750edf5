from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinlab.tables.errors import InputError
from skinlab.tables.text import read_table, write_table

TEXT = "id,診断名,部位\n007,髙①悪性,背部\n1E5,母斑,\n"


def table(path: Path, content: bytes) -> pd.DataFrame:
    path.write_bytes(content)
    return read_table(path)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("cp932"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("cp932"),
        TEXT.encode() + b"\x1a",
        TEXT.rstrip("\n").encode(),
        TEXT.replace("007", '"007"').encode(),
    ],
)
def test_a_hospitals_table_is_read_whole_however_it_was_written(
    tmp_path: Path, content: bytes
) -> None:
    frame = table(tmp_path / "t.csv", content)
    assert list(frame.columns) == ["id", "診断名", "部位"]
    assert list(frame["id"]) == ["007", "1E5"]
    assert list(frame["診断名"]) == ["髙①悪性", "母斑"]
    assert list(frame["部位"]) == ["背部", ""]
    assert list(frame.index) == [2, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"a,b\n1,\x002\n", "NUL"),
        (b"a,b\n\xff\xfe\xfd,1\n", "neither UTF-8 nor cp932"),
        (b"", "is empty"),
        (b"a,a\n1,2\n", "repeats the column"),
        (b'a,b\n"1,2\n', "is not CSV"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        table(tmp_path / "t.csv", content)


def test_every_ragged_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        table(tmp_path / "t.csv", b"a,b\n1\n1,2\n1,2,3\n")
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_lines_are_those_of_the_file_where_some_are_blank_or_cells_have_breaks(
    tmp_path: Path,
) -> None:
    frame = table(tmp_path / "t.csv", b'a,b\n\n1,"x\ny"\n\n2,z\n')
    assert list(frame.index) == [4, 6]
    assert frame["b"].iloc[0] == "x\ny"


def test_missing_columns_are_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"line 1: lacks the column\(s\) c; it has a, b"):
        read_table(tmp_path / "t.csv", ("a", "c"))


def test_parquet_gives_the_same_text_as_csv(tmp_path: Path) -> None:
    columns = {"id": ["007", None], "name": [" か\u3099 ", "x"], "n": [1.5, float("nan")]}
    frame = pd.DataFrame(columns)
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    read = read_table(tmp_path / "t.parquet")
    assert read.to_dict("list") == {"id": ["007", ""], "name": ["が", "x"], "n": ["1.5", ""]}
    assert list(read.index) == [2, 3]


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="is not Parquet"):
        read_table(tmp_path / "t.parquet")


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")))


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("t")
    frame = pd.DataFrame([("id", *row) for row in rows], columns=["k", "a", "b"], dtype=object)
    for name in ("t.csv", "t.parquet"):
        write_table(folder / name, frame)
    read = read_table(folder / "t.csv")
    assert read.to_numpy().tolist() == read_table(folder / "t.parquet").to_numpy().tolist()
    write_table(folder / "again.csv", read)
    assert read_table(folder / "again.csv").to_numpy().tolist() == read.to_numpy().tolist()
