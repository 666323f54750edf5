"""`skinlab evaluate`: anyone's table -> a report beside it, and three lines with intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skinlab.tables.report import EvaluationReport

RIGHT = [("nodular melanoma", 0.9), ("dermal nevus", 0.1)] * 10
TABLE = "sample_id,patient_id,target,p_nodular melanoma,p_dermal nevus\n" + "".join(
    f"s{i},p{i},{target},{p},{1 - p:.1f}\n" for i, (target, p) in enumerate(RIGHT)
)


def test_a_table_becomes_a_report_beside_it(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text(TABLE, encoding="utf-8")
    assert at_work("evaluate", "mine.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("accuracy (diagnosis): 1.000 (95% CI 0.839-1.000)")
    assert lines[-1] == "report: mine-report/report.html"
    report = EvaluationReport.read(Path("mine-report/report.json"))
    assert report.find("accuracy", "diagnosis").n_images == 20
    assert report.split == "mine"


def test_with_labels_it_is_folded_to_benign_and_malignant(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text(TABLE, encoding="utf-8")
    labels = "--labels=data_manifests/labels/synthetic.yaml"
    assert at_work("evaluate", "mine.csv", labels, "--out", "here") == 0
    assert "accuracy (group)" in capsys.readouterr().out
    assert Path("here/report.html").is_file()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("0.9,0.1", "0.9,0.3"), "mine.csv line 2: probabilities sum to 1.2"),
        (("0.9,0.1", "nan,0.1"), "mine.csv line 2: probabilities sum to nan"),
        (("s1,", "s0,"), "mine.csv line 3: sample 's0' stands there twice"),
        ((",dermal nevus,0.1", ",wart,0.1"), "mine.csv line 3: target 'wart' is none of"),
        (("p_dermal nevus", "dermal nevus"), "mine.csv line 1"),
    ],
)
def test_a_bad_table_is_refused_and_no_report_is_begun(
    change: tuple[str, str],
    said: str,
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine.csv").write_text(TABLE.replace(*change, 1), encoding="utf-8")
    assert at_work("evaluate", "mine.csv") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert said in err
    assert not Path("mine-report").exists()
