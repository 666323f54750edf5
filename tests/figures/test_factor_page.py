import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from skinlab.figures.factor_page import as_text, write_factors
from skinlab.stats.factors.analysis import FactorReport, analyze
from skinlab.tables.text import read_table

TABLE = Path(__file__).parents[2] / "data_manifests" / "printed" / "table_a_r.csv"
FACTORS = ("rotation", "phase", "brightness", "saturation", "blur", "crop")


@pytest.fixture(scope="module")
def report() -> FactorReport:
    responses = ("diagnosis", "benign_malignant")
    return analyze(read_table(TABLE), FACTORS, responses, label="setting", marked="Q")


def test_the_folder_holds_the_same_numbers_in_every_form(
    report: FactorReport, tmp_path: Path
) -> None:
    path = write_factors(report, tmp_path, title="表 A-R")
    page = path.read_text(encoding="utf-8")
    content = json.loads((tmp_path / "factors.json").read_text(encoding="utf-8"))
    flat = pd.read_csv(tmp_path / "factors.csv")
    effects = flat[(flat["kind"] == "main effect") & (flat["response"] == "diagnosis")]
    stored = content["responses"][0]["fit"]["effects"]
    assert effects["value"].tolist() == [e["value"] for e in stored]
    assert effects["low"].tolist() == [e["low"] for e in stored]
    for effect in stored:
        assert f"{effect['value']:+.2f}" in page
        assert f"({effect['low']:.2f} to {effect['high']:.2f})" in page
    assert "Every" not in as_text(report).split("- ")[0]
    drawn = json.loads((tmp_path / "main_effects.json").read_text(encoding="utf-8"))
    assert drawn["panels"][0]["effects"] == stored


def test_the_page_stands_alone_and_is_well_formed(report: FactorReport, tmp_path: Path) -> None:
    page = write_factors(report, tmp_path, title="<b>x").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=['\"](?!data:)", page)
    assert "<script" not in page
    assert "&lt;b&gt;x" in page
    assert "Research use only" in page
    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
            if tag not in ("meta", "img", "br"):
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Checker().feed(page)
    assert opened == []


def test_the_same_report_gives_the_same_bytes(report: FactorReport, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    write_factors(report, first)
    write_factors(report, second)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
