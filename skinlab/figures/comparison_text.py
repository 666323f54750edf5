"""Comparison -> the words and digits that a page and a terminal print."""

from __future__ import annotations

from collections.abc import Sequence

from skinlab.figures.report.words import OVERALL, PER_CLASS
from skinlab.tables.comparison import CaseUnit, Comparison, Difference

METRICS = {
    name: OVERALL[name]
    for name in ("accuracy", "balanced_accuracy", "macro_auroc", "macro_f1", "mcc", "kappa")
} | {
    "truth_probability": "Mean probability of the truth",
    "brier": "Brier score (lower is better)",
    "log_loss": "Log loss, nats (lower is better)",
}
CLASS_METRICS = {
    name: PER_CLASS[name]
    for name in ("sensitivity", "specificity", "ppv", "npv", "f1", "auroc", "average_precision")
}
HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")
UNITS: dict[CaseUnit, str] = {"image": "per image", "patient": "per patient"}


def as_text(comparison: Comparison) -> str:
    """Return the main lines, per image: overall numbers, the family's others, then the notes."""
    a, b = comparison.a.name, comparison.b.name
    lines = [f"A = {a}, B = {b}; differences are A minus B"]
    first = [d for d in headline(comparison) if d.case == "image"]
    lines += [_line(d) for d in first]
    if comparison.family != "all":
        lines += [_line(d) for d in comparison.differences if d.in_family and d not in first]
    lines += [f"note: {note}" for note in comparison.notes]
    return "\n".join(lines)


def _line(d: Difference) -> str:
    text = f"{name_of(d)} ({d.tree_level}): {d}"
    if d.p is not None:
        text += f", p {p_text(d.p)} ({d.tests[0].name})"
    if d.p_holm is not None:
        text += f", Holm p {p_text(d.p_holm)}"
    if d.decision:
        words = (d.decision.equivalence, d.decision.noninferiority)
        names = ("equivalence", "non-inferiority")
        said = [f"{n} {w}" if w == "not shown" else w for n, w in zip(names, words, strict=True)]
        text += f"; within ±{d.decision.margin:g}: {', '.join(said)}"
    return text


def headline(comparison: Comparison) -> list[Difference]:
    """Return the differences that come first: overall at each level, then the positive group.

    Coarse levels first; per image, then per patient.
    """
    found = []
    for level in reversed(comparison.levels):
        for case in UNITS:
            for d in comparison.select(level, case):
                positive = comparison.positive and d.class_name == comparison.positive
                called = positive and d.metric in ("sensitivity", "specificity")
                if (not d.class_name and d.metric in HEADLINE) or called:
                    found.append(d)
    return found


def signed(value: float) -> str:
    """Return three digits with a sign; a true minus, and no sign for 0."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def p_text(p: float | None) -> str:
    """Return a p-value as it is printed: ``0.034``, ``< 0.001``, ``n/a``."""
    if p is None:
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def name_of(d: Difference) -> str:
    """Return ``Accuracy`` or ``Sensitivity (recall): nevus``."""
    return f"{CLASS_METRICS[d.metric]}: {d.class_name}" if d.class_name else METRICS[d.metric]


def level_text(differences: Sequence[Difference]) -> str:
    """Return ``95% CI`` of the first of some differences."""
    return f"{differences[0].level:.0%} CI"
