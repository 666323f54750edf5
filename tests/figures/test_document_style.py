"""The style of a report reaches for nothing outside the page, and styles what the page has."""

from __future__ import annotations

import re

from conftest import REPOSITORY

from skinlab.figures.document_style import STYLE


def test_a_page_with_this_style_opens_without_a_network() -> None:
    assert not re.search(r"@import|url\(|https?:|//", STYLE)


def test_every_block_is_closed() -> None:
    depth = 0
    for sign in re.findall(r"[{}]", STYLE):
        depth += 1 if sign == "{" else -1
        assert depth in (0, 1, 2)
    assert depth == 0


def test_every_class_that_is_styled_occurs_in_a_page() -> None:
    figures = REPOSITORY / "skinlab" / "figures"
    parts = [
        figures / "document.py",
        *(figures / "report").glob("*.py"),
        *figures.glob("*_page.py"),
    ]
    pages = "\n".join(path.read_text(encoding="utf-8") for path in parts)
    styled = set(re.findall(r"\.([a-z][a-z-]*)(?=[\s{,:.])", STYLE))
    assert {"use", "forest", "classes"} <= styled
    assert not {name for name in styled if not re.search(rf"\b{name}\b", pages)}


def test_paper_has_a_size_and_no_floats() -> None:
    paper = STYLE[STYLE.index("@page") :]
    assert "size: A4" in paper
    assert ".use { float: none" in paper
