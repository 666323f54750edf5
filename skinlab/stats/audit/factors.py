"""FactorReport -> findings: a winner inside the noise, repeated settings, factors never apart."""

from __future__ import annotations

from collections.abc import Iterator

from skinlab.stats.audit.finding import Finding
from skinlab.stats.factors import words
from skinlab.stats.factors.analysis import FactorReport, ResponseReport

REPLICATE = "run every setting with several seeds and compare means of settings, not best runs"
BALANCE = "vary the factors independently: a two-level fractional factorial, two seeds or more"


def factor_findings(report: FactorReport) -> Iterator[Finding]:
    """Yield what a reader of the table must not believe."""
    yield from _repeats(report)
    for response in report.responses:
        yield from _winner(response)
    yield from _confounded(report)


def _repeats(report: FactorReport) -> Iterator[Finding]:
    design, best = report.design, report.responses[0].winner
    if not design.repeats:
        if report.responses[0].noise.sd is None:
            said = next(words.noise_words(report.responses[0]))
            why = "without the noise of one run no difference between rows can be judged"
            yield Finding("suspicious", "no repeats", "all rows", said, why, REPLICATE)
        return
    said = " ".join(words.repeated(report))
    groups = [list(group) for group in design.repeats]
    numbers = {"rows": design.rows, "settings": design.settings, "repeats": groups}
    why = "rows of one setting differ by the noise of training, or by a factor that is not printed"
    if best.marked and best.same_setting:
        rows = f"rows {', '.join((best.label, *best.same_setting))}"
        yield Finding("suspicious", "repeated settings", rows, said, why, REPLICATE, numbers)
    else:
        yield Finding("note", "repeated settings", "all rows", said, why, REPLICATE, numbers)


def _winner(response: ResponseReport) -> Iterator[Finding]:
    best, noise = response.winner, response.noise
    others = [label for label in best.inside if label not in best.same_setting]
    if noise.least_difference is None or best.low is None or not others:
        return
    said = " ".join(words.winner_words(response))
    yield Finding(
        "suspicious",
        "winner inside the noise",
        f"row {best.label}, {words.short(response.name)}",
        said[:1].upper() + said[1:],
        f"two single runs differ only beyond {noise.least_difference:.1f} points, so the best row "
        "is best by luck as likely as by its setting",
        REPLICATE,
        {
            "value": best.value,
            "low": best.low,
            "high": best.high,
            "inside": list(best.inside),
            "sd": noise.sd,
            "least_difference": noise.least_difference,
            "lead": best.lead,
            "expected_lead": best.expected_lead,
        },
    )


def _confounded(report: FactorReport) -> Iterator[Finding]:
    design = report.design
    strong = [p for p in design.pairs if abs(p.phi) >= words.STRONG_PHI]
    severe = bool(strong or design.aliased or design.empty_pairs)
    if not severe:
        return
    yield Finding(
        "suspicious",
        "confounded design",
        "columns " + ", ".join(map(words.short, design.factors)),
        " ".join(words.confounding(design)),
        "what one factor did cannot be told from what its companions did",
        BALANCE,
        {
            "empty_tables": len(design.empty_pairs),
            "tables": len(design.pairs),
            "phi": {f"{p.first}, {p.second}": p.phi for p in strong},
            "d_efficiency": design.d_efficiency,
        },
    )
