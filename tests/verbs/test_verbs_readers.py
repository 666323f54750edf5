"""`skinlab readers`: two tables -> a page beside them, or one line of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from skinlab.workspace import Workspace

CLASSES = ("melanoma", "nevus")
HEAD = "sample_id,patient_id,target,p_melanoma,p_nevus\n"
LABELS = "--labels=data_manifests/labels/synthetic.yaml"


def predictions(name: Callable[[str], str] = str) -> str:
    rows = [
        f"{name(f's{i}')},{name(f'p{i}')},{CLASSES[i % 2]},{0.9 - i / 50:.2f},{0.1 + i / 50:.2f}"
        for i in range(20)
    ]
    return HEAD + "\n".join(rows) + "\n"


def answers(*wrong: int) -> str:
    rows = [
        f"{reader},s{i},{CLASSES[(i + (i in wrong)) % 2]}"
        for reader in ("R1", "R2", "R3")
        for i in range(20)
    ]
    return "reader,sample_id,answer\n" + "\n".join(rows) + "\n"


def test_two_tables_become_a_page_beside_the_answers(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text(predictions(), encoding="utf-8")
    Path("answers.csv").write_text(answers(0, 1), encoding="utf-8")
    assert at_work("readers", "answers.csv", "mine.csv", LABELS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mean reader, sensitivity: 0.900 (95% CI")
    assert lines[-1] == "readers: answers-readers/readers.html"
    stored = json.loads(Path("answers-readers/readers.json").read_text(encoding="utf-8"))
    assert [r["reader"] for r in stored["results"]] == ["R1", "R2", "R3"]
    assert stored["positive"] == "malignant"


def test_answers_by_manifest_id_find_the_pseudonyms_of_a_run(at_work: Callable[..., int]) -> None:
    run = Path("workspace/runs/classification/a")
    (run / "predictions").mkdir(parents=True)
    (run / "provenance.json").write_text("{}", encoding="utf-8")
    text = predictions(Workspace.here().pseudonym)
    (run / "predictions" / "test.csv").write_text(text, encoding="utf-8")
    Path("answers.csv").write_text(answers(), encoding="utf-8")
    assert at_work("readers", "answers.csv", str(run / "predictions" / "test.csv"), LABELS) == 0
    folder = run / "report" / "readers"
    stored = json.loads((folder / "readers.json").read_text(encoding="utf-8"))
    assert stored["results"][0]["measures"]["accuracy"]["value"] == 1
    assert "s1" not in (folder / "readers.csv").read_text(encoding="utf-8").split(",")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threshold=1.5"], "--threshold 1.5 is no probability"),
        (["--positive=melanoma"], "the label tree names the positive group"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    words: list[str],
    said: str,
    at_work: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine.csv").write_text(predictions(), encoding="utf-8")
    Path("answers.csv").write_text(answers(), encoding="utf-8")
    assert at_work("readers", "answers.csv", "mine.csv", LABELS, *words) == 2
    assert said in capsys.readouterr().err


def test_unknown_answers_and_cases_are_one_line_each(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text(predictions(), encoding="utf-8")
    Path("answers.csv").write_text(answers() + "R4,s1,melanome\n", encoding="utf-8")
    assert at_work("readers", "answers.csv", "mine.csv", LABELS) == 2
    assert "line 62: unknown answer 'melanome'; did you mean" in capsys.readouterr().err
    assert not Path("answers-readers").exists()


def test_without_a_positive_class_it_says_how_to_name_one(
    at_work: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.csv").write_text(predictions(), encoding="utf-8")
    Path("answers.csv").write_text(answers(), encoding="utf-8")
    assert at_work("readers", "answers.csv", "mine.csv") == 0
    assert "give --labels TREE or --positive CLASS" in capsys.readouterr().out
    assert at_work("readers", "answers.csv", "mine.csv", "--positive=melanoma") == 0
