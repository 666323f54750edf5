import json
from pathlib import Path

import pytest

from skinlab.cli import main


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_shipped_tables_are_found_suspicious(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "data_manifests/printed/ad_ai.csv", "--out", "found.json"]) == 1
    out = capsys.readouterr().out
    assert "accuracy of MF and accuracy of IM" in out
    assert out.splitlines()[-1] == "audit of ad_ai.csv: 4 found"
    content = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert len(content["findings"]) == 5
    assert main(["audit", "data_manifests/printed/table_a_r.csv"]) == 1
    assert "18 rows are 11 distinct settings" in capsys.readouterr().out


def test_a_sound_table_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.csv").write_text(
        "label,metric,class,value,low,high,n_images\nx,accuracy,,0.90,0.83,0.94,100\n",
        encoding="utf-8",
    )
    assert main(["audit", "t.csv"]) == 0
    assert "nothing impossible or suspicious was found" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.csv").write_text("metric,value,low,high\nppv,good,0,1\n", encoding="utf-8")
    assert main(["audit", "t.csv"]) == 2
    assert "t.csv line 2: value 'good' is not a number" in capsys.readouterr().err
    Path("report.json").write_text("{}", encoding="utf-8")
    assert main(["audit", "report.json"]) == 2


def test_help_says_what_the_exit_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["audit", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "exit code is 0 when nothing impossible or suspicious was found" in said
