"""`skinlab compare`: runs, tables, sets of seeds -> a folder beside them, or one line why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.tables.comparison import Comparison
from skinlab.workspace import Run

CLASSES = ("nodular melanoma", "dermal nevus")
AtWork = Callable[..., int]


def _table(path: Path, model: int, images: int = 40, seed: str = "") -> Path:
    rng = np.random.default_rng(model)
    target = np.arange(images) % 2
    p = np.clip(0.5 + (0.5 - target) * 0.6 + rng.normal(scale=0.3, size=images), 0.01, 0.99)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(images)]})
    frame["patient_id"] = [f"p{i // 2}" for i in range(images)]
    frame["target"] = [CLASSES[t] for t in target]
    if seed:
        frame["seed"] = seed
    frame[f"p_{CLASSES[0]}"], frame[f"p_{CLASSES[1]}"] = p, 1 - p
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def _run(folder: Path, model: int, seed: str = "") -> Path:
    _table(folder / "predictions" / "test.csv", model, seed=seed)
    (folder / "provenance.json").write_text("{}")
    return folder


def test_two_tables_become_a_folder_beside_the_first(
    at_work: AtWork, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _table(Path("tables/new.csv"), 1), _table(Path("tables/old.csv"), 2)
    assert at_work("compare", str(a), str(b), "--margin", "0.1", "--resamples", "300") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A = new, B = old; differences are A minus B"
    assert lines[1].startswith("Accuracy (diagnosis): ")
    assert "within ±0.1: " in lines[1]
    place = Path("tables/comparisons/new-vs-old")
    assert lines[-1] == f"comparison: {place / 'comparison.html'}"
    found = Comparison.read(place / "comparison.json")
    assert (found.margin, found.settings["resamples"]) == (0.1, 300)
    assert len(pd.read_csv(place / "comparison.csv")) == len(found.differences)


def test_with_labels_it_is_folded_to_benign_and_malignant(at_work: AtWork) -> None:
    a, b = _table(Path("new.csv"), 1), _table(Path("old.csv"), 2)
    labels = "--labels=data_manifests/labels/synthetic.yaml"
    assert at_work("compare", str(a), str(b), labels, "--out", "here", "--resamples=300") == 0
    found = Comparison.read(Path("here/comparison.json"))
    assert found.levels == ("fine", "diagnosis", "group")
    assert found.positive == "malignant"


def test_run_folders_are_compared_outside_of_themselves(
    at_work: AtWork, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _run(Path("runs/x/one"), 1), _run(Path("runs/x/group"), 2, seed="0")
    _run(Path("runs/x/one/seed0"), 1)
    before = sorted(Path("runs/x/one").rglob("*"))
    assert at_work("compare", str(a / "seed0"), str(b), "--resamples=300") == 0
    assert capsys.readouterr().out.endswith("runs/x/comparisons/seed0-vs-group/comparison.html\n")
    new = set(Path("runs/x/one").rglob("*")) - set(before)
    assert {path.name for path in new} <= {"journal.jsonl", ".owner.lock", "owner.json"}


def test_a_look_at_the_test_set_of_a_run_is_journaled_once_a_purpose(at_work: AtWork) -> None:
    a, b = _run(Path("runs/x/one"), 1), _run(Path("runs/x/two"), 2)
    (a / "provenance.json").write_text('{"uid": "1"}')
    for margin in ("0.1", "0.1", "0.2"):
        assert at_work("compare", str(a), str(b), "--resamples=300", "--margin", margin) == 0
    for run in (Run(a), Run(b)):
        found = run.events("opened")
        assert len(found) == 2
        assert all(e["purpose"].startswith("compare, settings ") for e in found)
    assert Run(a).provenance["openings"] == {"test": 2}
    loose = _table(Path("tables/new.csv"), 3)
    assert at_work("compare", str(loose), str(b), "--resamples=300") == 0
    assert len(Run(b).events("opened")) == 3
    assert not Path("tables/journal.jsonl").exists()


def test_several_runs_an_arm_are_seeds_and_so_is_a_folder_of_runs(at_work: AtWork) -> None:
    words = [str(_run(Path(f"a/seed{seed}"), seed)) for seed in (1, 2, 3)]
    others = [str(_run(Path(f"b/seed{seed}"), seed)) for seed in (4, 5)]
    common = ("--resamples=300", "--names", "ours", "theirs")
    assert at_work("compare", "--a", *words, "--b", *others, "--out", "apart", *common) == 0
    assert at_work("compare", "a", "b", "--out", "together", *common) == 0
    apart, together = (
        Comparison.read(Path(name) / "comparison.json") for name in ("apart", "together")
    )
    assert apart == together
    assert apart.a.name == "ours"
    assert (len(apart.a.seeds), len(apart.b.seeds)) == (3, 2)


def test_equal_names_are_told_apart_by_the_folder_above(
    at_work: AtWork, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _table(Path("x/test.csv"), 1), _table(Path("y/test.csv"), 2)
    assert at_work("compare", str(a), str(b), "--resamples=300") == 0
    assert "A = x/test, B = y/test" in capsys.readouterr().out
    assert Path("x/comparisons/x-test-vs-y-test/comparison.html").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new.csv"], "needs two arms; 1 stand there; give A B, or --a"),
        (["new.csv", "none.csv"], "none.csv: there is no such file or folder"),
        (["new.csv", "empty"], "empty: has no predictions of test"),
        (["new.csv", "short.csv"], "new.csv: 4 of its 40 cases are not in short.csv ('s36', "),
        (["new.csv", "old.csv", "--margin", "5"], "margin 5.0 is not between 0 and 1; try 0.05"),
        (["new.csv", "old.csv", "--level", "0.5"], "level 0.5 is not in [0.75, 1)"),
        (["new.csv", "--a", "old.csv"], "needs two arms"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    words: list[str], said: str, at_work: AtWork, capsys: pytest.CaptureFixture[str]
) -> None:
    _table(Path("new.csv"), 1)
    _table(Path("old.csv"), 2)
    _table(Path("short.csv"), 2, images=36)
    Path("empty").mkdir()
    assert at_work("compare", *words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not Path("comparisons").exists()


def test_an_unknown_family_is_refused(at_work: AtWork) -> None:
    with pytest.raises(SystemExit) as end:
        at_work("compare", "a", "b", "--family", "mine")
    assert end.value.code == 2
