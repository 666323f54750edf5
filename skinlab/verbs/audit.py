"""``skinlab audit``: a report, a printed table or a factor table -> what cannot be right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skinlab.verbs.verb import add

ABOUT = """Find impossible or suspicious numbers in report.json or report.csv of skinlab, in a
printed table (CSV: label,metric,class,value,low,high and, where known, n_images,n_patients,level;
a row a number, all digits as printed), or in a factor table as skinlab factors takes it. The exit
code is 0 when nothing impossible or suspicious was found, 1 when something was, 2 when the file
cannot be read. Two printed tables are shipped: data_manifests/printed/ad_ai.csv, table_a_r.csv"""


def add_verbs(verbs: Any) -> None:
    """Add ``audit``."""
    verb = add(verbs, "audit", _audit, ABOUT)
    verb.add_argument("table", type=Path, help="report.json, report.csv or another CSV")
    verb.add_argument("--images", type=int, default=0, help="images of the data set, if known")
    verb.add_argument("--factors", default="", help="columns of settings, with commas")
    verb.add_argument("--responses", default="", help="columns of results, with commas")
    verb.add_argument("--out", type=Path, help="also write the findings here, as JSON")


def _audit(words: argparse.Namespace) -> int:
    from dataclasses import asdict

    from skinlab.stats.audit.verdict import is_clean
    from skinlab.tables.files import write_json
    from skinlab.workspace import shipped

    path = shipped(str(words.table))
    findings = _findings(path, words)
    for finding in findings:
        print(finding)
    serious = sum(finding.severity != "note" for finding in findings)
    said = f"{serious} found" if serious else "nothing impossible or suspicious was found"
    if words.out:
        write_json(words.out, {"file": path.name, "findings": [asdict(f) for f in findings]})
        print(f"findings: {words.out}")
    print(f"audit of {path.name}: {said}")
    return 0 if is_clean(findings) else 1


def _findings(path: Path, words: argparse.Namespace) -> tuple[Any, ...]:
    """Return the `Finding`s of a file, by what it is."""
    from skinlab.stats.audit.printed import is_printed, printed_cells
    from skinlab.stats.audit.verdict import audit, audit_factor_table, audit_table
    from skinlab.tables.errors import InputError, Problem
    from skinlab.tables.report import EvaluationReport
    from skinlab.tables.text import read_table
    from skinlab.verbs.factors import factor_report

    if path.suffix == ".json":
        return audit(EvaluationReport.read(path))
    frame = read_table(path)
    if not is_printed(frame):
        return audit_factor_table(factor_report(path, words.factors, words.responses)[0])
    try:
        return audit_table(printed_cells(frame), words.images)
    except InputError as error:
        problems = [Problem(p.what, p.fix, path, p.line) for p in error.problems]
        raise InputError(problems) from error
