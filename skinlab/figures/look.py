"""How every figure looks, and how it becomes a file: same numbers, same bytes.

Figures are drawn on `matplotlib.figure.Figure` with the Agg canvas: no pyplot, no window, no state
that outlives a figure. Latin text is DejaVu Sans, Japanese IPAexGothic from matplotlib-fontja; its
import would change the global settings, so only its font file is used.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from fontTools import subset  # type: ignore[import-untyped]  # of matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure

from skinlab.tables.files import write_bytes, write_json
from skinlab.tables.report import RESEARCH_USE

DPI = 150
INK = "#1a1a1a"
FRAME = "#d55e00"  # vermilion of Okabe & Ito (2008), told from blue by all kinds of color vision
SEQUENTIAL = "Blues"
# Okabe & Ito without yellow: color and dashes both tell lines apart, so gray paper does too.
LINES: tuple[tuple[str, tuple[float, tuple[float, ...] | None]], ...] = (
    ("#0072b2", (0, None)),
    ("#d55e00", (0, (6, 2))),
    ("#009e73", (0, (1, 1))),
    ("#cc79a7", (0, (6, 2, 1, 2))),
    ("#000000", (0, (3, 1))),
    ("#e69f00", (0, (8, 1, 1, 1, 1, 1))),
    ("#56b4e9", (0, (10, 3))),
    ("#666666", (0, (2, 3))),
)
LONGEST_NAME = 28


def _japanese_font() -> Path | None:
    package = importlib.util.find_spec("matplotlib_fontja")
    places = package.submodule_search_locations if package else None
    return Path(places[0]) / "fonts" / "ipaexg.ttf" if places else None


def font_face(text: str) -> str:
    """Return a CSS ``@font-face`` with the Japanese letters of a page, empty when it has none.

    A page then reads the same on a machine without Japanese fonts. Only the glyphs in use are
    taken (a few KB); the IPA Font License allows them in a document.
    """
    letters = sorted({c for c in text if ord(c) >= 0x2E80})
    path = _japanese_font()
    if not letters or path is None:
        return ""
    options = subset.Options(notdef_outline=True, recalc_timestamp=False, hinting=False)
    with subset.load_font(path, options) as font:
        chosen = subset.Subsetter(options)
        chosen.populate(text="".join(letters))
        chosen.subset(font)
        buffer = io.BytesIO()
        font.save(buffer)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        "@font-face { font-family: skinlab; font-display: block; unicode-range: U+2E80-10FFFF; "
        f"src: url(data:font/ttf;base64,{data}); }}"
    )


def columns(name: str) -> int:
    """Return the width of a name in half-width columns (a Japanese character takes two)."""
    return sum(1 if ord(character) < 0x2E80 else 2 for character in name)


def shortened(name: str) -> str:
    """Return a name with an ellipsis where it has more than 28 half-width columns."""
    while columns(name) > LONGEST_NAME:
        name = name.rstrip("…")[:-1] + "…"
    return name


@cache
def _fonts() -> tuple[str, ...]:
    """Return the font families in order, with the Japanese one made known to matplotlib."""
    path = _japanese_font()
    if path is None:
        return ("DejaVu Sans",)
    font_manager.fontManager.addfont(str(path))
    return ("DejaVu Sans", font_manager.FontProperties(fname=str(path)).get_name())


@contextmanager
def look() -> Iterator[None]:
    """Draw inside with skinlab's style; outside nothing changes.

    A class name with ``$`` is text, not a formula.
    """
    style: dict[Any, Any] = {
        "font.family": list(_fonts()),
        "font.size": 9,
        "text.parse_math": False,
        "axes.edgecolor": INK,
        "axes.unicode_minus": False,
        "figure.facecolor": "white",
        "image.interpolation": "nearest",
    }
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        # A name in a script that neither font has is drawn as boxes; the tables have it in full.
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        yield


def png(figure: Figure) -> bytes:
    """Return a figure as PNG without date or software, so that equal figures are equal bytes."""
    buffer = io.BytesIO()
    with look():
        # The layout leaves wide margins around matrices, which keep their shape.
        figure.savefig(
            buffer, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.1
        )
    return buffer.getvalue()


def save(figure: Figure, path: Path, numbers: dict[str, Any]) -> bytes:
    """Write ``NAME.png`` and beside it ``NAME.json`` with the numbers drawn and where from.

    Args:
        figure: Made inside `look`.
        path: Ends in ``.png``.
        numbers: What was drawn, with the fingerprints of its sources, as JSON values.

    Returns:
        The PNG.
    """
    picture = png(figure)
    write_bytes(path, picture)
    write_json(path.with_suffix(".json"), {**numbers, "use": RESEARCH_USE})
    return picture


def pdf(figure: Figure) -> bytes:
    """Return a figure as PDF with its letters as text, without date, so that bytes repeat."""
    buffer = io.BytesIO()
    with look(), mpl.rc_context({"pdf.fonttype": 42}):
        metadata = {"CreationDate": None, "Producer": None, "Creator": None}
        figure.savefig(buffer, format="pdf", metadata=metadata, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()
