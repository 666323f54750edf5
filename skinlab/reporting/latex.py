"""TableOne, or any cells -> LaTeX with booktabs, every letter of the data escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from skinlab.reporting.table_one import TableOne

ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "†": r"\textdagger{}",
}


def escaped(text: str) -> str:
    """Return a text as LaTeX shows it letter by letter."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def latex(table: TableOne) -> str:
    r"""Return the table; needs ``\usepackage{booktabs}``. Small cells carry a dagger."""
    width = len(table.columns) + len(table.compared)
    heads = [
        "",
        *map(escaped, table.columns),
        *(f"std. diff. {escaped(name)}" for name in table.compared),
    ]
    lines = [
        "% needs \\usepackage{booktabs}; Japanese names need LuaLaTeX or XeLaTeX",
        f"\\begin{{tabular}}{{l{'r' * width}}}",
        "\\toprule",
        " & ".join(heads) + r" \\",
        "\\midrule",
    ]
    before = ""
    for row in table.rows:
        label = f"{row.variable}, {row.value}" if row.value != "n" else row.variable
        cells = [escaped(c.text + (" †" if c.small else "")) for c in row.cells]
        differences = row.differences or (None,) * len(table.compared)
        cells += ["" if d is None else f"{d:.2f}" for d in differences]
        if before and before != row.variable and row.unit:
            lines.append("\\addlinespace")
        before = row.variable
        lines.append(" & ".join([escaped(label), *cells]) + r" \\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += [f"% {note}" for note in table.notes]
    return "\n".join(lines) + "\n"


def tabular(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    columns: str,
    bold: AbstractSet[int] = frozenset(),
    notes: Sequence[str] = (),
) -> str:
    r"""Return cells as a table; needs ``\usepackage{booktabs}``.

    Args:
        heads: A cell a column.
        rows: As many cells each; ``62.1-74.2`` becomes a range with an en dash.
        columns: Of ``tabular``: ``llr``.
        bold: Numbers of the rows to print bold.
        notes: Comments below the table; empty ones are left out.
    """
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        " & ".join(map(escaped, heads)) + r" \\",
        "\\midrule",
    ]
    for number, cells in enumerate(rows):
        texts = [re.sub(r"(?<=\d)-(?=\d)", "--", escaped(cell)) for cell in cells]
        if number in bold:
            texts = [rf"\textbf{{{text}}}" if text else "" for text in texts]
        lines.append(" & ".join(texts) + r" \\")
    lines += ["\\bottomrule", "\\end{tabular}", *(f"% {note}" for note in notes if note)]
    return "\n".join(lines) + "\n"
