"""The page of a comparison: its numbers, its words, nothing from outside."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from comparison_samples import NAMES, example

from skinlab.figures.comparison_page import page, write_comparison


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
    text = page(example())
    for tag in ("<i>", "<b>基底", "<pairs>", "<this>"):
        assert tag not in text
    assert "@font-face" in text
    for words in (*NAMES, "new <i>", "Mind & read.", "We did <this>.", "few <pairs>"):
        assert words in _read(text)


def test_the_page_has_numbers_tests_decision_and_who_is_compared() -> None:
    text = _read(page(example(), when="2026-11-21"))
    for words in (
        "+0.012",
        "−0.046 to +0.079",
        "Tango score: −0.047 to +0.080",
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
    whole = example()
    bare = [replace(d, decision=None) for d in whole.differences]
    text = page(replace(whole, margin=None, differences=tuple(bare)))
    assert "none given" in text
    assert "equivalen" not in text.split("</style>")[1]


def test_equal_comparisons_are_equal_bytes(tmp_path: Path) -> None:
    pages = [write_comparison(example(), tmp_path / name).read_bytes() for name in "ab"]
    assert pages[0] == pages[1]
