import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from skinlab.figures.report.page import page, write_report
from skinlab.tables.report import (
    ConfusionMatrix,
    Estimate,
    EvaluationReport,
    ReliabilityBin,
    ReliabilityCurve,
    RocCurve,
)

CLASSES = ("<b>基底細胞癌</b>", 'nevus "&" co')


def example() -> EvaluationReport:
    estimates = [
        Estimate("accuracy", 0.71234, 0.61, 0.81, "", "diagnosis", method="Wilson", n_images=12),
        Estimate("balanced_accuracy", 0.5, None, None, "", "diagnosis", reason="one patient"),
        Estimate("mcc", None, None, None, "", "diagnosis", reason="one class only"),
    ]
    for name in CLASSES:
        estimates.append(Estimate("sensitivity", 0.25, 0.125, 0.5, name, "diagnosis", n_images=4))
        estimates.append(
            Estimate("auroc", None, None, None, name, "diagnosis", reason="one class only")
        )
    matrix = ConfusionMatrix("diagnosis", CLASSES, ("", ""), ((3, 1), (0, 0)))
    curve = RocCurve("diagnosis", CLASSES[0], 4, 8, (0.0, 0.5, 1.0), (0.0, 0.75, 1.0), (None,) * 3)
    one = ReliabilityBin(0.0, 0.5, 12, 9, 0.25, 0.3, 0.1, 0.6)
    reliability = ReliabilityCurve("diagnosis", "", "one bin", "Wilson", 0.95, (one,))
    return EvaluationReport(
        "test",
        CLASSES[0],
        tuple(estimates),
        (matrix,),
        {"predictions": "ab" * 32},
        ("A <note>.",),
        roc=(curve,),
        reliability=(reliability,),
    )


class Reader(HTMLParser):
    """Collects the text and checks that every element is closed in order."""

    VOID = frozenset({"meta", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href"):
                assert value is not None
                assert value.startswith("data:")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("line", "rect")  # of SVG; HTML knows no such form
        assert attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> str:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader.text


def test_names_and_notes_are_escaped() -> None:
    text = page(example(), {}, title="<script>alert(1)</script>")
    assert "<script" not in text
    assert "<b>基底" not in text
    assert "A <note>." in read(text)
    assert CLASSES[1] in read(text)


def test_numbers_stand_with_interval_and_undefined_ones_with_their_reason() -> None:
    text = read(page(example(), {}))
    assert "0.712 (0.610-0.810)" in text
    assert "0.712 0.610–0.810a" in text
    assert "Wilson; unit: image" in text
    assert "n/a one class only" in text
    assert "no interval: one patient" in text
    assert "None" not in text


def test_the_page_says_what_it_is_and_loads_nothing() -> None:
    text = page(example(), {"confusion_diagnosis": b"x"}, title="PAD-UFES-20", when="2026-11-21")
    assert "Research use only" in read(text)
    assert "2026-11-21" in read(text)
    assert "default-src 'none'" in text
    assert not re.search(r"https?:", text)
    assert "src='data:image/png;base64,eA=='" in text


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_report(example(), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [
        "confusion_diagnosis.json",
        "confusion_diagnosis.png",
        "reliability_diagnosis.json",
        "reliability_diagnosis.png",
        "report.csv",
        "report.html",
        "report.json",
        "roc_diagnosis.json",
        "roc_diagnosis.png",
    ]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_spread_over_seeds_has_a_column_when_there_are_seeds() -> None:
    one = example()
    first = replace(one.estimates[0], n_seeds=3, seed_sd=0.0123)
    text = read(page(replace(one, estimates=(first, *one.estimates[1:])), {}))
    assert "SD over 3 seeds" in text
    assert "0.012" in text
    assert "SD over" not in read(page(one, {}))


def test_numbers_per_patient_have_a_table_of_their_own() -> None:
    per_patient = Estimate(
        "accuracy", 0.875, 0.5, 0.98, "", "diagnosis", n_images=8, aggregated="patient"
    )
    report = example()
    text = read(page(replace(report, estimates=(*report.estimates, per_patient)), {}))
    assert "per imageper patient" in text
    assert "Accuracy0.712 0.610–0.810a n 120.875 0.500–0.980 n 8" in text
    assert "0.712 (0.610-0.810)" in text
    assert "per patient" not in read(page(report, {}))


def test_a_column_that_no_class_has_is_left_out() -> None:
    report = example()
    assert "prevalence" not in read(page(report, {}))
    ppv = Estimate("ppv_at_prevalence", 0.4, 0.3, 0.5, CLASSES[0], "diagnosis")
    text = read(page(replace(report, estimates=(*report.estimates, ppv)), {}))
    assert "PPV at the stated prevalence" in text


def test_sections_stand_in_the_order_in_which_a_physician_reads() -> None:
    report = example()
    named = {"class_name": CLASSES[0], "tree_level": "diagnosis"}
    more = (
        Estimate("sensitivity_at_operating_point", 0.9, 0.8, 0.95, **named),  # type: ignore[arg-type]
        Estimate("brier", 0.4, 0.3, 0.5, tree_level="diagnosis"),
        Estimate("accuracy", 0.6, 0.5, 0.7, tree_level="diagnosis", subgroup="sex=f"),
        Estimate("accuracy", 0.6, 0.5, 0.7, tree_level="diagnosis", aggregated="patient"),
    )
    names = ("confusion_diagnosis", "roc_diagnosis", "reliability_diagnosis")
    text = page(replace(report, estimates=report.estimates + more), dict.fromkeys(names, b"x"))
    assert re.findall(r"<h2>(.*?)</h2>", text) == [
        "In short",
        "Truth and answers",
        "Each class",
        "ROC curves",
        "Calibration",
        "Operating point",
        "Subgroups",
        "Per lesion and per patient",
        "Notes and methods",
    ]
    assert text.count("<img") == 3
