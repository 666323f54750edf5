"""`skinlab evaluate`: anyone's table -> a report beside it, and three lines with intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Tiny

from skinlab import config
from skinlab.stats.threshold.frozen import FILE, FrozenModels, freeze
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.workspace import Run

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


TREE = "--labels=data_manifests/labels/synthetic.yaml"
CLASSES = ("nodular melanoma", "dermal nevus")


def written(name: str, n: int, seed: int, tag: str, **columns: list[str]) -> Predictions:
    """Write a table of two classes, n images of n patients."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    p = ((rng.normal(size=n) + 1 - 2 * truth) / 8 + 0.5).clip(0.01, 0.99)
    ids = [f"{tag}{i}" for i in range(n)]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": ids}, dtype=object)
    frame = frame.assign(target=[CLASSES[t] for t in truth], **columns)
    table = Predictions(frame, np.column_stack([p, 1 - p]), CLASSES)
    table.save(Path(name))
    return table


def report(place: str) -> EvaluationReport:
    return EvaluationReport.read(Path(place) / "report.json")


def test_a_threshold_is_chosen_on_another_table_and_applied_to_this_one(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    written("val.csv", 80, 1, "v")
    test = written("test.csv", 60, 2, "t")
    words = ("--positive", "nodular melanoma", "--choose-on", "val.csv", "--sensitivity", "0.9")
    assert at_work("evaluate", "test.csv", *words) == 0
    out = capsys.readouterr().out
    assert "sensitivity_at_operating_point (nodular melanoma): 0." in out
    found = report("test-report")
    (member,) = found.operating_point["members"]
    assert member["operating_point"]["rule"] == "sensitivity >= 0.9"
    assert member["chosen_on"] == "val"
    threshold = member["operating_point"]["threshold"]
    ill = test.target == 0
    expected = float((test.probabilities[ill, 0] >= threshold).mean())
    estimate = found.find("sensitivity_at_operating_point", "diagnosis", "nodular melanoma")
    assert estimate.value == pytest.approx(expected)
    assert found.find("log_loss_after_temperature", "diagnosis").value is not None


def test_a_table_never_chooses_its_own_threshold(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    table = written("test.csv", 60, 2, "t")
    table.where(np.arange(60) < 30).save(Path("half.csv"))
    words = ("--positive", "nodular melanoma", "--youden", "--choose-on")
    for chooser, n in (("test.csv", 60), ("half.csv", 30)):
        assert at_work("evaluate", "test.csv", *words, chooser) == 2
        assert f"{n} of its 60 images chose the operating point" in capsys.readouterr().err
    assert not Path("test-report").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sensitivity", "0.95"), "chooses on images that are not evaluated; give --choose-on"),
        (("--choose-on", "val.csv", "--sensitivity", "95"), "is not in [0, 1]"),
        (("--choose-on", "val.csv"), "positive class '' is none of"),
        (("--choose-on", "val.csv", "--operating-point", "x.json"), "is frozen already"),
        (("--operating-point", "val.csv"), "holds no operating point"),
        (("--level", "95"), "try 0.95"),
        (("--subgroups", "sex"), "has no column 'sex' for subgroups"),
        (("--subgroups", "patient_id"), "holds no groups of people"),
        ((TREE, "--positive", "dermal nevus"), "a label tree names its positive group itself"),
        (("--positive", "wart", "--threshold", "0.5"), "positive class 'wart' is none of"),
    ],
)
def test_words_that_make_no_sense_are_one_line_and_no_report(
    words: tuple[str, ...],
    said: str,
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    written("val.csv", 40, 1, "v")
    written("test.csv", 40, 2, "t")
    assert at_work("evaluate", "test.csv", *words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not Path("test-report").exists()


def test_choices_of_the_command_line_are_those_of_the_report(at_work: Callable[..., int]) -> None:
    written("test.csv", 60, 2, "t")
    words = ("--level", "0.9", "--interval", "jeffreys", "--resamples", "150", "--seed", "4")
    assert at_work("evaluate", "test.csv", TREE, "--prevalence", "0.02", *words) == 0
    found = report("test-report")
    accuracy = found.find("accuracy", "group")
    assert (accuracy.level, accuracy.method) == (0.9, "Jeffreys")
    assert "B = 150, seed 4" in found.find("mcc", "group").method
    assert any("prevalence" in e.metric and e.value is not None for e in found.estimates)


def test_a_stated_threshold_needs_no_validation(at_work: Callable[..., int]) -> None:
    written("test.csv", 60, 2, "t")
    assert at_work("evaluate", "test.csv", TREE, "--threshold", "0.4") == 0
    found = report("test-report")
    (member,) = found.operating_point["members"]
    assert member["operating_point"]["threshold"] == 0.4
    assert "stated" in member["chosen_on"]


def test_subgroups_come_from_a_manifest_and_missing_rows_are_said(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    written("test.csv", 60, 2, "t")
    rows = "".join(f"t{i},{'female' if i % 2 else 'male'},{20 + i}\n" for i in range(50))
    Path("m.csv").write_text("sample_id,sex,age\n" + rows, encoding="utf-8")
    words = ("--manifest", "m.csv", "--subgroups", "sex,age:40:60")
    assert at_work("evaluate", "test.csv", TREE, *words) == 0
    assert "m.csv: 10 of 60 images are not in it" in capsys.readouterr().err
    groups = {e.subgroup: e for e in report("test-report").estimates if e.metric == "accuracy"}
    assert groups["sex=female"].n_patients == 25
    assert groups["sex=missing"].n_patients == 10
    assert groups["age=under 40"].n_patients == 20
    assert at_work("evaluate", "test.csv", TREE, "--manifest", "m.csv") == 0
    assert any(e.subgroup.startswith("age=20-29") for e in report("test-report").estimates)


def test_parquet_gives_the_report_of_the_csv(at_work: Callable[..., int]) -> None:
    table = written("a.csv", 40, 3, "t")
    table.save(Path("b.parquet"))
    for name in ("a.csv", "b.parquet"):
        assert at_work("evaluate", name, TREE) == 0
    assert report("a-report").estimates == report("b-report").estimates


@pytest.fixture
def trained(tiny: Tiny) -> Run:
    """A run folder as a fit leaves it, without the training."""
    run = Run(tiny.workspace.runs / "classification" / "tiny-1")
    run.begin({"kind": "fit", "params": config.flat(tiny.config)}, config.dump(tiny.config))
    tree = LabelTree.read(Path(tiny.config.data.labels))
    (run.folder / "predictions").mkdir()
    validation = written(str(run.folder / "predictions" / "val.csv"), 60, 1, "v")
    written(str(run.folder / "predictions" / "test.csv"), 60, 2, "t")
    FrozenModels((freeze(validation, tree, tiny.config.evaluation),)).save(run.folder / FILE)
    return run


def test_a_run_brings_its_labels_its_choices_and_its_operating_point(
    trained: Run, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_work("evaluate", str(trained.folder)) == 0
    place = capsys.readouterr().out.splitlines()[-1].removeprefix("report: ")
    found = report(str(Path(place).parent))
    assert Path(place).parent.parent == trained.folder / "report"
    assert found.positive == "malignant"
    assert "B = 100" in found.find("mcc", "group").method
    assert found.operating_point["members"][0]["chosen_on"] == "val"


def test_each_different_look_at_a_run_s_test_set_is_counted(
    trained: Run, at_work: Callable[..., int]
) -> None:
    table = str(trained.folder / "predictions" / "test.csv")
    for words in ((str(trained.folder),), (table,), (table, "--level", "0.9")):
        assert at_work("evaluate", *words) == 0
    # The run and its table are the same look; another level is another one.
    assert [e["split"] for e in trained.events("opened")] == ["test", "test"]
    assert trained.provenance["openings"] == {"test": 2}
    (last,) = [
        note
        for path in trained.folder.glob("report/*/report.json")
        for note in EvaluationReport.read(path).notes
        if "opened 2 times" in note
    ]
    assert "this report included" in last
    assert at_work("evaluate", str(trained.folder), "--split", "val") == 0
    assert trained.provenance["openings"] == {"test": 2}


def test_a_run_s_point_judges_another_table_but_not_its_own_validation(
    trained: Run, at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    written("abroad.csv", 50, 5, "x")
    point = ("--operating-point", str(trained.folder))
    assert at_work("evaluate", "abroad.csv", TREE, *point) == 0
    assert report("abroad-report").operating_point["counts"]
    validation = str(trained.folder / "predictions" / "val.csv")
    capsys.readouterr()
    assert at_work("evaluate", validation, *point) == 2
    assert "60 of its 60 images chose the operating point" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_refused(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    assert at_work("evaluate", "empty") == 2
    assert "empty: is no run with predictions of test" in capsys.readouterr().err


def test_the_help_shows_the_format_and_lines_to_copy(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        at_work("evaluate", "--help")
    out = capsys.readouterr().out
    assert "sample_id,patient_id,target,p_melanoma,p_nevus" in out
    assert "--choose-on val.csv --sensitivity 0.95" in out
