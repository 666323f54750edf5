from pathlib import Path

import pytest

from skinlab.tables.answers import Answers
from skinlab.tables.errors import InputError


def write(folder: Path, *rows: str, head: str = "reader,sample_id,answer,confidence") -> Path:
    path = folder / "answers.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_answers_are_read_and_readers_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = write(tmp_path, "佐藤,a,nevus,0.7", "R10,a,MM,", "R2,a,MM,", "佐藤,b,,1")
    answers = Answers.read(path)
    assert answers.readers == ("R2", "R10", "佐藤")
    assert list(answers.frame["answer"]) == ["nevus", "MM", "MM", ""]


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "R1,a,nevus,1.2", ",a,nevus,", "R1,,nevus,", "R1,a,nevus,often")
    with pytest.raises(InputError) as caught:
        Answers.read(path)
    said = [str(problem) for problem in caught.value.problems]
    assert any("line 2: confidence is '1.2'; give 0 to 1" in line for line in said)
    assert any("line 3: reader is blank" in line for line in said)
    assert any("line 4: sample_id is blank" in line for line in said)
    assert any("line 5: reader 'R1' answered 'a' in line 2 already" in line for line in said)
    assert any("line 5: confidence is 'often'" in line for line in said)


def test_a_table_without_rows_or_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no rows"):
        Answers.read(write(tmp_path))
    with pytest.raises(InputError, match="lacks the column"):
        Answers.read(write(tmp_path, "R1,a", head="reader,sample_id"))


def test_cases_can_be_renamed_to_pseudonyms(tmp_path: Path) -> None:
    answers = Answers.read(write(tmp_path, "R1,a,nevus,", "R1,b,nevus,"))
    assert list(answers.renamed({"a": "xyz"}).frame["sample_id"]) == ["xyz", "b"]
    assert list(answers.frame["sample_id"]) == ["a", "b"]
