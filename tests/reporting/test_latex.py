from skinlab.reporting.latex import escaped, latex
from skinlab.reporting.table_one import Cell, Row, TableOne

TABLE = TableOne(
    ("train", "all"),
    ("val - train",),
    (
        Row("images", "n", "", (Cell("3", 3), Cell("9", 9))),
        Row("site", "50%_arm & 手", "image", (Cell("1 (33%)", 1), Cell("9 (100%)", 9)), (0.25,)),
    ),
    ("A note.",),
)


def test_letters_that_latex_would_read_are_escaped() -> None:
    assert escaped(r"a_b & 5% {x} \y") == r"a\_b \& 5\% \{x\} \textbackslash{}y"


def test_rows_have_as_many_cells_as_the_head_and_small_ones_a_dagger() -> None:
    lines = latex(TABLE).splitlines()
    head, first, second = lines[3], lines[5], lines[7]
    assert [line.count(" & ") for line in (head, first)] == [3, 3]
    assert second == (r"site, 50\%\_arm \& 手 & 1 (33\%) \textdagger{} & 9 (100\%) & 0.25 \\")
    assert lines[-1] == "% A note."
