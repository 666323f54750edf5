"""A report, a printed table or a factor table -> findings, the worst first.

What is checked is listed in the modules `audit_intervals`, `audit_cells`, `audit_report` and
`audit_factors`. An audit finds contradictions, not fraud: every finding has an innocent reading
that the table's authors can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skinlab.stats import audit_cells, audit_intervals, audit_report
from skinlab.stats.audit_factors import factor_findings
from skinlab.stats.factors import FactorReport
from skinlab.stats.finding import SEVERITIES, Finding
from skinlab.stats.printed import Cell, report_cells
from skinlab.tables.report import EvaluationReport


def audit_table(cells: Sequence[Cell], data_set_images: int = 0) -> tuple[Finding, ...]:
    """Audit the cells of a printed table.

    Args:
        cells: Of one table.
        data_set_images: Images of the whole data set; 0 when it is not known.
    """
    found = [
        *audit_intervals.misplaced(cells),
        *audit_intervals.too_narrow(cells),
        *audit_intervals.absurd_sizes(cells, data_set_images),
        *audit_cells.identical(cells),
        *audit_cells.no_image(cells),
        *audit_cells.no_count(cells),
        *audit_cells.sums(cells),
        *audit_cells.hidden_changes(cells),
    ]
    return _sorted(found)


def audit(report: EvaluationReport) -> tuple[Finding, ...]:
    """Audit a skinlab report: its intervals, its counts, where its threshold was chosen.

    Equal cells are not looked for: the matrices prove every recall.
    """
    cells = report_cells(report)
    found = [
        *audit_intervals.misplaced(cells),
        *audit_intervals.too_narrow(cells),
        *audit_cells.no_image(cells),
        *audit_cells.no_count(cells),
        *audit_report.matrices(report),
        *audit_report.self_chosen(report),
        *audit_report.counts_at_point(report),
    ]
    return _sorted(found)


def audit_factor_table(report: FactorReport) -> tuple[Finding, ...]:
    """Audit a table of settings and results."""
    return _sorted(factor_findings(report))


def is_clean(findings: Iterable[Finding]) -> bool:
    """Whether nothing is impossible or suspicious; notes explain and do not count."""
    return all(finding.severity == "note" for finding in findings)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: SEVERITIES.index(f.severity)))
