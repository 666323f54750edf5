"""A table as text -> which columns are settings, which are results, which row is called best."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from skinlab.tables.errors import InputError, Problem

LABELS = ("setting", "label", "row", "name", "run", "id")
SWEEP = ("setting", "trial", "seed", "state", "mark")
RESULT = re.compile(
    r"accuracy|recall|sensitivity|specificity|auroc|auc\b|f1|dice|iou|kappa|mcc|precision"
    r"|diagnosis|benign|malignan|診断|良悪性|正解",
    re.IGNORECASE,
)
WORDS = 12  # a column of more different words than this is text about rows, not a factor


@dataclass(frozen=True, eq=False)
class FactorColumns:
    """What stands where.

    Attributes:
        frame: The rows that have results.
        factors: Columns of settings.
        responses: Columns of results.
        label: Column that names the rows; empty when none does.
        marked: Label of the row called best; empty when none is.
        left_out: Rows without result.
    """

    frame: pd.DataFrame
    factors: tuple[str, ...]
    responses: tuple[str, ...]
    label: str
    marked: str
    left_out: int = 0


def factor_columns(
    frame: pd.DataFrame, factors: Sequence[str] = (), responses: Sequence[str] = ()
) -> FactorColumns:
    """Find the columns of a factor table, or of ``table.csv`` of a skinlab sweep.

    Responses, when not named: columns of numbers whose name is that of a metric, or whose values
    are percentages of at least 20 that differ in more than half of the rows. Factors: the other
    columns of numbers, on/off words or few words. A column ``mark`` with ``BEST`` marks the row.

    Args:
        frame: Of text, as `skinlab.tables.text.read_table` gives it; its index is the line.
        factors: Columns of settings, when they are known.
        responses: Columns of results, when they are known.

    Raises:
        InputError: A column that is not there, a cell that is not a number, no factor, no result.
    """
    if missing := [name for name in (*factors, *responses) if name not in frame.columns]:
        has = ", ".join(frame.columns)
        raise InputError(Problem(f"lacks the column(s) {', '.join(missing)}", f"it has {has}"))
    found = _of_sweep(frame) if set(SWEEP) <= set(frame.columns) else _of_table(frame, responses)
    if responses:
        found = replace(found, responses=tuple(responses))
    chosen = factors or [name for name in found.factors if name not in found.responses]
    found = replace(found, factors=tuple(chosen))
    if not found.responses:
        raise InputError(Problem("has no column of results that is known", "name --responses"))
    if not found.factors:
        raise InputError(Problem("has no column of settings that is known", "name --factors"))
    _check(found)
    return found


def _of_sweep(frame: pd.DataFrame) -> FactorColumns:
    names = list(frame.columns)
    factors = names[names.index("trial") + 1 : names.index("seed")]
    objective = names[names.index("state") + 1]
    levels = [n for n in ("accuracy/diagnosis", "accuracy/group") if n in names]
    complete = frame[frame["state"] == "complete"]
    best = complete.loc[complete["mark"] == "BEST", "setting"].tolist()
    repeated = [n for n in levels if complete[n].tolist() == complete[objective].tolist()]
    responses = levels if repeated else [objective, *levels]
    left_out = len(frame) - len(complete)
    marked = best[0] if best else ""
    return FactorColumns(complete, tuple(factors), tuple(responses), "setting", marked, left_out)


def _of_table(frame: pd.DataFrame, responses: Sequence[str]) -> FactorColumns:
    unique = [n for n in frame.columns if n.casefold() in LABELS and frame[n].is_unique]
    label = unique[0] if unique else ""
    marks = [n for n in frame.columns if frame[n].str.fullmatch("best", case=False).any()]
    marked = ""
    if marks and label:
        rows = frame[frame[marks[0]].str.fullmatch("best", case=False)]
        marked = str(rows[label].iloc[0]) if len(rows) == 1 else ""
    free = [n for n in frame.columns if n not in (label, *marks)]
    results = tuple(responses) or tuple(n for n in free if _is_result(n, frame[n]))
    settings = tuple(n for n in free if n not in results and _is_setting(frame[n]))
    return FactorColumns(frame, settings, results, label, marked)


def _is_result(name: str, column: pd.Series) -> bool:
    numbers = _numbers(column)
    if numbers is None:
        return False
    percent = min(numbers) >= 20 and max(numbers) <= 100
    many = len(set(numbers)) > len(numbers) / 2
    return many and (percent or RESULT.search(name) is not None)


def _is_setting(column: pd.Series) -> bool:
    cells = set(column)
    return "" not in cells and (_numbers(column) is not None or len(cells) <= WORDS)


def _numbers(column: pd.Series) -> list[float] | None:
    try:
        return [float(cell) for cell in column]
    except ValueError:
        return None


def _check(found: FactorColumns) -> None:
    """Refuse results that are not numbers and settings that are empty, each with its line."""
    problems = []
    for name in found.responses:
        for line, cell in found.frame[name].items():
            try:
                fine = abs(float(cell)) < float("inf")
            except ValueError:
                fine = False
            if not fine:
                what = f"{name} {cell!r} is not a number"
                problems.append(
                    Problem(what, "give the result, or leave the row out", "", _n(line))
                )
    for name in found.factors:
        for line, cell in found.frame[name].items():
            if cell == "":
                what = f"{name} is empty"
                problems.append(Problem(what, "write its level, such as off or 0", "", _n(line)))
    if problems:
        raise InputError(problems)


def _n(line: object) -> int:
    return int(str(line))
