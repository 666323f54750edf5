from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.tables.errors import InputError
from skinlab.tables.predictions import Predictions

TABLE = """sample_id,patient_id,lesion_id,target,p_母斑,p_BCC
a,P1,L1,母斑,0.75,0.25
b,P1,L2,BCC,0.5,0.5
c,,L3,BCC,0.125,0.875
d,,L3,母斑,1,0
e,,,母斑,0,1
"""


def written(folder: Path, text: str = TABLE, encoding: str = "utf-8") -> Path:
    path = folder / "p.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_is_read_with_its_truth_and_answers(tmp_path: Path) -> None:
    predictions = Predictions.read(written(tmp_path))
    assert predictions.classes == ("母斑", "BCC")
    assert predictions.target.tolist() == [0, 1, 1, 0, 0]
    assert predictions.answer.tolist() == [0, 0, 1, 0, 1]


def test_a_row_without_a_patient_takes_its_lesion_else_stands_for_itself(tmp_path: Path) -> None:
    assert Predictions.read(written(tmp_path)).patients.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_saving_and_reading_keeps_every_digit(tmp_path: Path, suffix: str) -> None:
    predictions = Predictions.read(written(tmp_path))
    table = np.random.default_rng(0).dirichlet((1, 1), 5)
    exact = Predictions(predictions.frame, table, predictions.classes)
    exact.save(tmp_path / f"again{suffix}")
    again = Predictions.read(tmp_path / f"again{suffix}")
    assert (again.probabilities == table).all()
    assert again.fingerprint == exact.fingerprint
    assert again.frame["lesion_id"].tolist() == ["L1", "L2", "L3", "L3", ""]


def test_cp932_and_crlf_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE.replace("\n", "\r\n"), "cp932")
    assert Predictions.read(path).classes == ("母斑", "BCC")


def test_every_bad_row_is_named_with_its_line(tmp_path: Path) -> None:
    text = TABLE.replace("0.75,0.25", "0.75,0.75").replace("a,P1", "a,P1").replace("1,0\n", "x,0\n")
    text = text.replace("b,P1,L2,BCC", "b,P1,L2,BBC").replace("0.125,0.875", "1.125,-0.125")
    with pytest.raises(InputError) as found:
        Predictions.read(written(tmp_path, text))
    lines = str(found.value).splitlines()
    assert [line.split(": ")[0].rsplit(" ", 1)[1] for line in lines] == ["2", "3", "4", "5"]
    assert "sum to 1.5" in lines[0]
    assert "target 'BBC' is none of 母斑, BCC" in lines[1]
    assert "not a number" in lines[3]


@pytest.mark.parametrize("cell", ["nan", "inf", "", "1e400"])
def test_a_probability_that_is_no_probability_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        Predictions.read(written(tmp_path, TABLE.replace("0.75,0.25", f"{cell},0.25")))


def test_a_table_without_rows_or_with_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no rows"):
        Predictions.read(written(tmp_path, TABLE.splitlines()[0] + "\n"))
    with pytest.raises(InputError, match="1 columns of probabilities"):
        Predictions.read(written(tmp_path, "sample_id,patient_id,target,p_a\ns,p,a,1\n"))


def test_folded_probabilities_are_sums_over_leaves() -> None:
    frame = pd.DataFrame({"sample_id": ["s"], "patient_id": [""], "target": ["c"]})
    predictions = Predictions(frame, np.array([[0.2, 0.3, 0.5]]), ("a", "b", "c"))
    folded = predictions.folded(np.array([[1, 0], [0, 1], [1, 0]]) * 1.0, ("ac", "b"))
    assert folded.probabilities == pytest.approx(np.array([[0.7, 0.3]]))
    assert folded.frame["target"].tolist() == ["ac"]
    assert predictions.frame["target"].tolist() == ["c"]


def test_stacked_tables_keep_their_columns_and_refuse_other_classes(tmp_path: Path) -> None:
    predictions = Predictions.read(written(tmp_path))
    stacked = Predictions.stacked([predictions, predictions])
    assert len(stacked) == 10
    other = Predictions(predictions.frame, predictions.probabilities, ("BCC", "母斑"))
    with pytest.raises(InputError, match="different classes"):
        Predictions.stacked([predictions, other])


def test_a_selection_keeps_rows_and_probabilities_together(tmp_path: Path) -> None:
    predictions = Predictions.read(written(tmp_path))
    some = predictions.where(predictions.target == 1)
    assert some.frame["sample_id"].tolist() == ["b", "c"]
    assert some.probabilities[1].tolist() == [0.125, 0.875]


def test_the_fingerprint_changes_with_any_id_truth_or_probability(tmp_path: Path) -> None:
    one = Predictions.read(written(tmp_path))
    others = [
        TABLE.replace("a,P1", "A,P1"),
        TABLE.replace("a,P1", "a,P2"),
        TABLE.replace("L1,母斑", "L1,BCC"),
        TABLE.replace("0.75,0.25", "0.7500001,0.2499999"),
        TABLE.replace("p_BCC", "p_SCC").replace("BCC", "SCC"),
    ]
    found = {Predictions.read(written(tmp_path, text)).fingerprint for text in others}
    assert len(found | {one.fingerprint}) == 6
    assert one.fingerprint == Predictions.read(written(tmp_path)).fingerprint
