"""The page of a comparison: its numbers, its words, nothing from outside."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skinlab.figures.comparison_page import (
    as_text,
    headline,
    p_text,
    page,
    scale,
    with_earlier_margin,
    write_comparison,
)
from skinlab.tables.comparison import (
    ArmSummary,
    CaseUnit,
    Comparison,
    Decision,
    Difference,
    PairedTest,
)

NAMES = ("<b>基底細胞癌</b>", 'nevus "&" co')


def _difference(metric: str, name: str = "", case: CaseUnit = "image") -> Difference:
    decision = Decision(0.05, 0.9, -0.03, 0.043, "Newcombe", "equivalent", "non-inferior")
    return Difference(
        metric,
        "diagnosis",
        name,
        case,
        a=0.8123,
        b=0.8,
        value=0.0123,
        low=-0.0456,
        high=0.0789,
        method="Newcombe",
        n_images=120,
        n_patients=60,
        tests=(PairedTest("McNemar, mid-p", 0.0004), PairedTest("exact", 0.2, "few <pairs>")),
        p_holm=0.0012 if not name else None,
        decision=None if metric == "brier" else decision,
    )


def _example() -> Comparison:
    metrics = ("sensitivity", "specificity", "ppv", "npv", "f1", "auroc", "average_precision")
    found = [_difference("accuracy"), _difference("brier")]
    found += [_difference(metric, name) for name in NAMES for metric in metrics]
    found.append(Difference("mcc", "diagnosis", a=0.5, reason="one class only"))
    found.append(_difference("accuracy", case="patient"))
    found.append(_difference("sensitivity", NAMES[0], "patient"))
    return Comparison(
        ArmSummary("new <i>", ("1", "2"), ("ab" * 32, "cd" * 32)),
        ArmSummary("old", ("",), ("ef" * 32,)),
        "test",
        NAMES[0],
        tuple(found),
        methods=("We did <this>.",),
        notes=("Mind & read.",),
        family="headline",
        family_members=("diagnosis: accuracy",),
        margin=0.05,
    )


class Reader(HTMLParser):
    """Collects the text; every element is closed in order and nothing is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [v for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("line", "rect", "path")
        assert attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(text: str) -> str:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader.text


def test_names_and_sentences_are_escaped_and_japanese_brings_its_font() -> None:
    text = page(_example())
    for tag in ("<i>", "<b>基底", "<pairs>", "<this>"):
        assert tag not in text
    assert "@font-face" in text
    for words in (*NAMES, "new <i>", "Mind & read.", "We did <this>.", "few <pairs>"):
        assert words in _read(text)


def test_the_page_has_numbers_tests_decision_and_who_is_compared() -> None:
    text = _read(page(_example(), when="2026-11-21"))
    for words in (
        "+0.012",
        "−0.046 to +0.079",
        "< 0.001",
        "0.001",
        "equivalent",
        "non-inferior",
        "90%: −0.030 to +0.043",
        "±0.05",
        "new <i>: 2 training seeds (1, 2)",
        "120 images of 60 patients",
        "one class only",
        "Overall, per patient",
        "“headline”, 1 main p-values",
        "Research use only",
        "2026-11-21",
    ):
        assert words in text, words


def test_without_a_margin_nothing_is_decided() -> None:
    example = _example()
    bare = [replace(d, decision=None) for d in example.differences]
    whole = page(replace(example, margin=None, differences=tuple(bare)))
    assert "none given" in whole
    assert "equivalen" not in whole.split("</style>")[1]


def test_bars_lie_on_the_axis_with_zero_in_the_middle() -> None:
    text = page(_example())
    bars = re.findall(r"class='ci' x1='([\d.]+)' x2='([\d.]+)'", text)
    assert bars
    for left, right in bars:
        assert 20 <= float(left) < 160 < float(right) <= 300  # -0.0456 to +0.0789 about 0


@pytest.mark.parametrize(
    ("largest", "margin", "reach"),
    [(0.0789, None, 0.1), (0.11, 0.05, 0.2), (0.21, None, 0.5), (0.01, 0.05, 0.05), (1.0, 0.1, 1)],
)
def test_the_axis_ends_at_a_round_number_beyond_everything(
    largest: float, margin: float | None, reach: float
) -> None:
    d = replace(_difference("accuracy"), low=-largest, high=0.0, value=-0.001)
    assert scale([d], margin) == pytest.approx(reach)


def test_the_terminal_has_the_main_lines_and_the_notes() -> None:
    lines = as_text(_example()).splitlines()
    assert lines[0] == "A = new <i>, B = old; differences are A minus B"
    assert lines[1] == (
        "Accuracy (diagnosis): +0.012 (95% CI -0.046 to +0.079), p < 0.001 (McNemar, mid-p), "
        "Holm p 0.001; within ±0.05: equivalent"
    )
    assert lines[-1] == "note: Mind & read."


def test_the_positive_group_comes_first_with_both_kinds_of_right_answers() -> None:
    metrics = [(d.metric, d.class_name) for d in headline(_example()) if d.class_name]
    sensitivity, specificity = ("sensitivity", NAMES[0]), ("specificity", NAMES[0])
    assert metrics == [sensitivity, specificity, sensitivity]  # per image, then per patient


def test_a_p_value_is_never_printed_as_zero() -> None:
    assert [p_text(p) for p in (None, 0.0, 0.00099, 0.0341, 1.0)] == [
        "n/a",
        "< 0.001",
        "< 0.001",
        "0.034",
        "1.000",
    ]


def test_a_margin_that_came_after_the_result_is_told(tmp_path: Path) -> None:
    first = replace(_example(), margin=None)
    assert write_comparison(first, tmp_path) == tmp_path / "comparison.html"
    write_comparison(_example(), tmp_path)
    told = Comparison.read(tmp_path / "comparison.json").notes
    assert told[-1] == "An earlier comparison of the same predictions had no margin."
    write_comparison(_example(), tmp_path)  # and stays told
    assert Comparison.read(tmp_path / "comparison.json").notes == told
    other = replace(_example(), a=ArmSummary("x", ("",), ("00",)))
    assert with_earlier_margin(other, tmp_path / "comparison.json") == other
    (tmp_path / "comparison.json").write_text("{}")
    assert with_earlier_margin(other, tmp_path / "comparison.json") == other


def test_equal_comparisons_are_equal_bytes(tmp_path: Path) -> None:
    pages = [write_comparison(_example(), tmp_path / name).read_bytes() for name in "ab"]
    assert pages[0] == pages[1]
