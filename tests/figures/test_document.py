"""A page is one file that loads nothing, whatever its texts say."""

from __future__ import annotations

import re

from skinlab.figures.document import (
    Footnotes,
    cells,
    document,
    footer,
    header,
    listed,
    picture,
    section,
    table,
)

EVIL = "<script>x</script>&'\""


def test_texts_are_escaped_and_nothing_is_loaded() -> None:
    text = document(
        EVIL,
        [
            header(EVIL, {EVIL: EVIL, "unknown": ""}),
            section(EVIL, listed([EVIL])),
            table([EVIL], [cells(["<b>1</b>"])], "numbers"),
            picture(b"x", EVIL),
            footer(EVIL),
        ],
    )
    assert "<script" not in text
    assert "unknown" not in text
    assert "<b>1</b>" in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?:", text)
    assert text.count("Research use only") == 2


def test_japanese_letters_come_with_the_page() -> None:
    assert "@font-face" in document("母斑", [])
    assert "@font-face" not in document("nevus", [])


def test_a_text_has_one_letter_and_the_27th_two() -> None:
    marks = Footnotes()
    assert marks.html() == ""
    assert [marks.mark(text) for text in ("x", "y", "x", "")] == [
        "<sup>a</sup>",
        "<sup>b</sup>",
        "<sup>a</sup>",
        "",
    ]
    for n in range(24):
        marks.mark(str(n))
    assert marks.mark("the 27th") == "<sup>aa</sup>"
    assert marks.html().count("<dt>") == 27


def test_an_empty_list_is_nothing() -> None:
    assert listed([]) == ""
