"""``skinlab factors``: a table of settings and results -> main effects, noise, confounding."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skinlab.verbs.verb import add

ABOUT = """Say what each factor of a search did, with intervals: main effects, rows that repeat
each other, the noise of one run, the best row against that noise, factors that were never varied
apart, runs needed. TABLE is any CSV with a row a run, or table.csv of a sweep. The printed table
of a published search is shipped: data_manifests/printed/table_a_r.csv"""


def add_verbs(verbs: Any) -> None:
    """Add ``factors``."""
    verb = add(verbs, "factors", _factors, ABOUT)
    verb.add_argument("table", type=Path, help="settings in columns, results in columns")
    verb.add_argument("--factors", default="", help="columns of settings, with commas")
    verb.add_argument("--responses", default="", help="columns of results, with commas")
    verb.add_argument("--differences", default="1,2", help="points for which runs are counted")
    verb.add_argument("--test-images", type=int, default=0, help="size of the test set, if known")
    verb.add_argument("--level", type=float, default=0.95, help="confidence level (0.95)")
    verb.add_argument(
        "--out", type=Path, help="folder of the report (default: TABLE-factors beside it)"
    )


def _factors(words: argparse.Namespace) -> int:
    from skinlab.figures.factor_page import as_text, write_factors
    from skinlab.stats.factors.analysis import FactorSpec
    from skinlab.tables.errors import InputError
    from skinlab.workspace import shipped

    path = shipped(str(words.table))
    try:
        spec = FactorSpec(
            level=words.level,
            differences=tuple(float(x) for x in _listed(words.differences)),
            test_images=words.test_images,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    report, left_out = factor_report(path, words.factors, words.responses, spec)
    print(as_text(report))
    if left_out:
        print(f"{left_out} rows without result were left out.")
    beside = path.parent if words.table.exists() else Path.cwd()
    out = words.out or beside / f"{path.stem}-factors"
    print(f"report: {write_factors(report, out, title=path.stem)}")
    return 0


def factor_report(
    path: Path, factors: str = "", responses: str = "", spec: Any = None
) -> tuple[Any, int]:
    """Read a table, analyze it; return the `FactorReport` and the number of rows without result.

    Args:
        path: The table.
        factors: Columns of settings, with commas; empty finds them.
        responses: Columns of results, with commas; empty finds them.
        spec: A `FactorSpec`, or None.

    Raises:
        InputError: The table, or the names of its columns.
    """
    from skinlab.stats.factors.analysis import analyze
    from skinlab.stats.factors.columns import factor_columns
    from skinlab.tables.errors import InputError, Problem
    from skinlab.tables.text import read_table

    frame = read_table(path)
    try:
        found = factor_columns(frame, _listed(factors), _listed(responses))
        names = {"label": found.label, "marked": found.marked}
        return analyze(found.frame, found.factors, found.responses, spec, **names), found.left_out
    except InputError as error:
        problems = [Problem(p.what, p.fix, path, p.line) for p in error.problems]
        raise InputError(problems) from error
    except ValueError as error:
        fix = "check --factors and --responses"
        raise InputError(Problem(str(error), fix, path)) from error


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
