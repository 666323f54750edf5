import json
from pathlib import Path

import pandas as pd

from skinlab.figures.flow_page import page, write_flow
from skinlab.reporting.flow import flow
from skinlab.reporting.table_one import table_one
from skinlab.tables.manifest import Manifest


def manifest() -> Manifest:
    ids = [f"s{i}" for i in range(12)]
    frame = pd.DataFrame({"sample_id": ids, "image_path": ids, "patient_id": ids})
    frame = frame.assign(
        diagnosis=["<i>母斑</i>", "MM"] * 6, split=["train", "train", "test"] * 4, sex="f"
    )
    return Manifest(frame, Path("clinic.csv"), Path("nowhere"))


def test_flow_and_table_are_written_in_every_form_and_agree(tmp_path: Path) -> None:
    found = flow(manifest())
    write_flow(found, table_one(manifest()), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("flow.json", "flow.txt", "flow.png", "flow.pdf"),
        *("table_one.csv", "table_one.json", "table_one.tex", "table_one.html"),
    }
    stored = json.loads((tmp_path / "flow.json").read_text(encoding="utf-8"))
    assert stored["used"]["images"] == sum(arm["count"]["images"] for arm in stored["arms"]) == 12
    for form in ("csv", "tex", "html"):
        assert "8 (67%)" not in (tmp_path / f"table_one.{form}").read_text(encoding="utf-8")
    assert "s1" not in (tmp_path / "table_one.csv").read_text(encoding="utf-8")


def test_the_page_is_escaped_marks_small_cells_and_loads_nothing() -> None:
    text = page(table_one(manifest()), "<clinic>")
    assert "&lt;i&gt;母斑" in text
    assert "<i>" not in text
    assert "2 (50%) †" in text
    assert "src=" not in text
