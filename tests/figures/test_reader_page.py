"""The same numbers on the page, in the JSON and in the CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from skinlab.figures.reader_page import page, write_readers
from skinlab.stats.readers.measures import Difference
from skinlab.stats.readers.study import ReaderResult, ReaderStudy
from skinlab.tables.report import Estimate


def estimate(metric: str, value: float | None, **more: str) -> Estimate:
    if value is None:
        return Estimate(metric, None, None, None, reason="n = 0: nothing")
    return Estimate(metric, value, value - 0.1, value + 0.1, method="Wilson", **more)  # type: ignore[arg-type]


def example() -> ReaderStudy:
    result = ReaderResult(
        reader="<b>佐藤</b>",
        group="8 年",
        answered=30,
        missing=2,
        measures={
            "sensitivity": estimate("sensitivity", 0.6123),
            "specificity": estimate("x", None),
        },
        model={"sensitivity": estimate("sensitivity", 0.7), "specificity": estimate("x", 0.8)},
        difference={
            "sensitivity": Difference(
                estimate("difference in sensitivity", -0.0877), 3, 7, 0.3438, 0.2266, 0.6, "McNemar"
            ),
            "specificity": Difference(estimate("difference in specificity", None)),
        },
    )
    other = replace(result, reader="R2", missing=0)
    both = {"sensitivity": estimate("sensitivity", 0.65), "specificity": estimate("s", 0.7)}
    return ReaderStudy(
        positive="malignant", level="diagnosis", rule="its first answer", cases=32, patients=32,
        results=(result, other), mean=both, mean_difference=both, model=both,
        auroc=estimate("auroc", 0.8), curve=((0.0, 0.0), (0.2, 0.7), (1.0, 1.0)),
        agreement=(estimate("Fleiss' kappa", 0.5, tree_level="diagnosis"),),
        notes=("Positive class: malignant.",), fingerprints={"answers": "ab" * 32},
    )  # fmt: skip


def test_page_json_and_csv_hold_the_same_numbers(tmp_path: Path) -> None:
    path = write_readers(example(), tmp_path, title="Study")
    text = path.read_text(encoding="utf-8")
    stored = json.loads((tmp_path / "readers.json").read_text(encoding="utf-8"))
    first = stored["results"][0]
    assert first["measures"]["sensitivity"]["value"] == 0.6123
    assert first["measures"]["specificity"]["value"] is None
    with (tmp_path / "readers.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    mine = next(
        r for r in rows if r["of"] == "reader minus model" and r["metric"].endswith("ivity")
    )
    assert float(mine["value"]) == -0.0877
    assert float(mine["p_holm"]) == 0.6
    assert "0.612<small>0.512–0.712</small>" in text
    assert "−0.088" in text or "-0.088" in text
    assert "n/a" in text
    assert (tmp_path / "reader_plane.png").exists()
    assert (tmp_path / "reader_plane.pdf").exists()


def test_names_are_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    text = page(example(), b"", title="<script>")
    assert "<b>佐藤" not in text
    assert "&lt;b&gt;佐藤" in text
    assert "<script" not in text
    assert "http://" not in text.replace("http-equiv", "")
    assert (
        write_readers(example(), tmp_path).read_bytes()
        == write_readers(example(), tmp_path).read_bytes()
    )


@pytest.mark.parametrize("positive", ["", "malignant"])
def test_without_a_positive_class_there_is_no_plane(tmp_path: Path, positive: str) -> None:
    study = replace(example(), positive=positive)
    text = write_readers(study, tmp_path).read_text(encoding="utf-8")
    assert ("On the ROC plane" in text) is bool(positive)
    assert (tmp_path / "reader_plane.png").exists() is bool(positive)
