import json
from pathlib import Path

from skinlab.figures.checklist_page import page, write_checklist
from skinlab.reporting.answer import Found, Missing
from skinlab.reporting.checklist import Checklist, Filled, Item, Standing

ITEM = Item("x-1", "Data <b>", "What & why?", number="7")
FILLED = Filled(
    ITEM, "partly", (Found("120 人", "a.csv, <column>"),), (), (Missing("write `ethics: ...`"),)
)
CHECKLIST = Checklist(Standing("Standard", "Somewhere 2024", (ITEM,)), "run-1", (FILLED,))


def test_page_markdown_and_json_say_the_same(tmp_path: Path) -> None:
    path = write_checklist(CHECKLIST, "claim", tmp_path)
    assert path.name == "checklist-claim.html"
    text = path.read_text(encoding="utf-8")
    stored = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert stored["items"][0]["state"] == "partly"
    for content in (text, path.with_suffix(".md").read_text(encoding="utf-8")):
        assert "120 人" in content
        assert "1 items: 0 reported, 1 partly, 0 stated, 0 MISSING" in content
        assert "MISSING" in content


def test_the_page_is_escaped_and_loads_nothing() -> None:
    text = page(CHECKLIST)
    assert "Data &lt;b&gt;" in text
    assert "<script" not in text
    assert "src=" not in text.replace("src: url(data:", "")
