import matplotlib as mpl
from matplotlib.figure import Figure

from skinlab.figures.look import columns, font_face, look, png, shortened


def drawn(text: str) -> bytes:
    with look():
        figure = Figure((2, 1))
        figure.text(0.1, 0.5, text)
        return png(figure)


def test_drawing_leaves_the_global_settings_alone() -> None:
    before = dict(mpl.rcParams)
    drawn("母斑")
    assert dict(mpl.rcParams) == before


def test_the_same_figure_is_the_same_bytes_without_date_or_software() -> None:
    first = drawn("母斑")
    assert first == drawn("母斑")
    assert b"Software" not in first
    assert b"tEXt" not in first


def test_japanese_letters_have_glyphs_of_their_own() -> None:
    assert drawn("母斑") != drawn("黒色")


def test_a_dollar_sign_is_text_and_a_letter_without_glyph_is_no_error() -> None:
    assert drawn("$x") != drawn("x")
    drawn("𒀀")


def test_a_page_takes_only_the_letters_it_uses() -> None:
    assert font_face("melanoma – naïve") == ""
    few, more = font_face("母斑"), font_face("母斑悪性黒色腫")
    assert few.startswith("@font-face")
    assert len(few) < len(more) < 40_000
    assert few == font_face("斑母斑 plain")


def test_a_long_name_ends_in_an_ellipsis_and_japanese_counts_twice() -> None:
    assert shortened("nevus") == "nevus"
    assert shortened("基底細胞癌" * 4) == "基底細胞癌基底細胞癌基底細…"
    assert columns(shortened("x" * 99)) == 28
