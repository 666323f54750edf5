"""Title and sections -> one HTML file without script that loads nothing: the frame of every page.

It opens from disk, can be mailed, and prints on A4. Texts are escaped here; arguments called
``content``, ``cells`` or ``rows`` are HTML already.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from skinlab.figures.document_style import STYLE
from skinlab.figures.look import font_face
from skinlab.tables.report import RESEARCH_USE

POLICY = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"


def document(title: str, content: Iterable[str], *, style: str = "") -> str:
    """Return a page with the Japanese letters that it needs inside.

    Args:
        title: For the browser's tab.
        content: Header, sections, footer.
        style: CSS beside that of all pages.
    """
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        f"<meta http-equiv='Content-Security-Policy' content=\"{POLICY}\">",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(title)}</title><style>{{font}}{STYLE}{style}</style></head><body>",
        *content,
        "</body></html>\n",
    ]
    text = "\n".join(parts)
    return text.replace("{font}", font_face(text), 1)


def header(title: str, facts: Mapping[str, str] | None = None, content: str = "") -> str:
    """Return what a page is about: title, facts that are known, and a lead."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in (facts or {}).items()
        if value
    )
    said = f"<dl>{rows}</dl>" if rows else ""
    return (
        f"<header><p class='use'>{RESEARCH_USE}</p><h1>{escape(title)}</h1>{said}{content}</header>"
    )


def section(title: str, content: str, kind: str = "") -> str:
    """Return a section; of the kind ``level`` it begins a sheet of paper."""
    return f"<section class='{kind}'><h2>{escape(title)}</h2>{content}</section>"


def listed(sentences: Sequence[str]) -> str:
    """Return sentences as a list; empty without any."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def cells(contents: Iterable[str]) -> str:
    """Return the cells of a row."""
    return "".join(f"<td>{content}</td>" for content in contents)


def table(heads: Iterable[str], rows: Iterable[str], kind: str) -> str:
    """Return a table that scrolls within the page where it is too wide.

    Args:
        heads: Of the columns, as text.
        rows: The cells of each row (`cells`).
        kind: Its look.
    """
    return table_of(heads, "".join(f"<tr>{row}</tr>" for row in rows), kind)


def table_of(heads: Iterable[str], body: str, kind: str) -> str:
    """Return a table whose rows are HTML with a kind or a width of their own."""
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    return (
        f"<div class='wide'><table class='{kind}'><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def picture(png: bytes, text: str, kind: str = "") -> str:
    """Return a picture inside the page; ``text`` is for those who cannot see it."""
    data = base64.b64encode(png).decode("ascii")
    return f"<img class='{kind}' alt='{escape(text)}' src='data:image/png;base64,{data}'>"


def footer(text: str) -> str:
    """Return the end of a page."""
    return f"<footer>{RESEARCH_USE} {escape(text)}</footer>"


class Footnotes:
    """Letters for methods, so that each number can name its own."""

    def __init__(self) -> None:
        """Begin with none."""
        self._letters: dict[str, str] = {}

    def mark(self, text: str) -> str:
        """Return the superscript letter of a text, the same for the same text."""
        if not text:
            return ""
        n = len(self._letters)
        letter = (chr(96 + n // 26) if n >= 26 else "") + chr(97 + n % 26)
        return f"<sup>{self._letters.setdefault(text, letter)}</sup>"

    def html(self) -> str:
        """Return the list of all texts so far; empty without any."""
        if not self._letters:
            return ""
        rows = (
            f"<dt>{letter}</dt><dd>{escape(text)}</dd>" for text, letter in self._letters.items()
        )
        return f"<dl class='notes'>{''.join(rows)}</dl>"
