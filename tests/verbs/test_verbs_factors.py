from pathlib import Path

import pytest
from conftest import REPOSITORY

from skinlab.cli import main

SHIPPED = "data_manifests/printed/table_a_r.csv"


def test_the_shipped_table_is_analyzed_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["factors", SHIPPED]) == 0
    out = capsys.readouterr().out
    assert "18 rows are 11 distinct settings" in out
    assert out.splitlines()[-1].endswith("factors.html")
    assert Path("table_a_r-factors/factors.html").is_file()
    assert not (REPOSITORY / "data_manifests" / "printed" / "table_a_r-factors").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--level=2"], "level in [0.5, 1)"),
        (["--differences=none"], "could not convert"),
        (["--factors=hue"], "lacks the column(s) hue"),
        (["--factors=rotation", "--responses=mark"], "line 2: mark '' is not a number"),
    ],
)
def test_bad_words_are_one_line_and_exit_two(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["factors", SHIPPED, *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_the_wheel_carries_the_printed_tables() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert '"data_manifests/printed" = "skinlab/resources/data_manifests/printed"' in text
    for name in ("table_a_r", "ad_ai"):
        for ending in (".csv", ".md"):
            assert (REPOSITORY / "data_manifests" / "printed" / f"{name}{ending}").is_file()
