"""A report, a printed table or a factor table -> findings, the worst first.

What is checked is listed in the modules `intervals`, `cells`, `report` and `factors`
beside this one. An audit finds contradictions, not fraud: every finding has an innocent reading
that the table's authors can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skinlab.stats.audit import cells as cell_checks
from skinlab.stats.audit import intervals
from skinlab.stats.audit import report as report_checks
from skinlab.stats.audit.factors import factor_findings
from skinlab.stats.audit.finding import SEVERITIES, Finding
from skinlab.stats.audit.printed import Cell, report_cells
from skinlab.stats.factors.analysis import FactorReport
from skinlab.tables.report import EvaluationReport


def audit_table(cells: Sequence[Cell], data_set_images: int = 0) -> tuple[Finding, ...]:
    """Audit the cells of a printed table.

    Args:
        cells: Of one table.
        data_set_images: Images of the whole data set; 0 when it is not known.
    """
    found = [
        *intervals.misplaced(cells),
        *intervals.too_narrow(cells),
        *intervals.absurd_sizes(cells, data_set_images),
        *cell_checks.identical(cells),
        *cell_checks.no_image(cells),
        *cell_checks.no_count(cells),
        *cell_checks.sums(cells),
        *cell_checks.hidden_changes(cells),
    ]
    return _sorted(found)


def audit(report: EvaluationReport) -> tuple[Finding, ...]:
    """Audit a skinlab report: its intervals, its counts, where its threshold was chosen.

    Equal cells are not looked for: the matrices prove every recall.
    """
    cells = report_cells(report)
    found = [
        *intervals.misplaced(cells),
        *intervals.too_narrow(cells),
        *cell_checks.no_image(cells),
        *cell_checks.no_count(cells),
        *report_checks.matrices(report),
        *report_checks.self_chosen(report),
        *report_checks.counts_at_point(report),
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
