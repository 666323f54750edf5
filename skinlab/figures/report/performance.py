"""EvaluationReport -> sections on answers: matrices, each class, all classes, lesions, patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from skinlab.figures.document import Footnotes, cells, picture, section, table
from skinlab.figures.report.estimates import (
    forest,
    found,
    interval_head,
    size_of,
    value_cell,
)
from skinlab.figures.report.words import DECISIONS, METRICS, OVERALL, PROBABILITIES, name_of
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport

HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")


def headline(report: EvaluationReport) -> list[Estimate]:
    """Return the estimates that come first: overall at each level, then the positive group.

    Coarse levels first. The positive group's sensitivity and specificity are those of calling it.
    """
    chosen = []
    for matrix in reversed(report.confusion):
        chosen += [found(report, metric, matrix.tree_level) for metric in HEADLINE]
        if report.positive in matrix.classes:
            called = ("sensitivity", "specificity")
            chosen += [found(report, m, matrix.tree_level, report.positive) for m in called]
    return [estimate for estimate in chosen if estimate is not None]


def confused_pairs(matrix: ConfusionMatrix, top: int = 10) -> list[tuple[str, str, int, float]]:
    """Return the most frequent wrong answers: truth, answer, count, share of the true class."""
    pairs = [
        (truth, answer, count, count / sum(row))
        for truth, row in zip(matrix.classes, matrix.counts, strict=True)
        for answer, count in zip(matrix.classes, row, strict=True)
        if truth != answer and count
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3], pair[0], pair[1]))[:top]


def matrices(report: EvaluationReport, pictures: Mapping[str, bytes]) -> str:
    """Return the section on truth and answers: the matrix of each level, the wrong answers."""
    content = []
    for matrix in report.confusion:
        content.append(f"<h3>{_title(matrix)}</h3>")
        if png := pictures.get(f"confusion_{matrix.tree_level}"):
            content.append(picture(png, f"Confusion matrix, {matrix.tree_level}"))
        content.append(_pairs_table(matrix))
    return section("Truth and answers", "".join(content)) if content else ""


def _title(matrix: ConfusionMatrix) -> str:
    return escape(f"{matrix.tree_level.capitalize()}: {len(matrix.classes)} classes")


def _pairs_table(matrix: ConfusionMatrix) -> str:
    if len(matrix.classes) == 2:
        return ""  # the picture says it
    rows = [
        cells([escape(truth), escape(answer), str(count), f"{share:.1%}"])
        for truth, answer, count, share in confused_pairs(matrix)
    ]
    if not rows:
        return "<p>No wrong answer.</p>"
    heads = ["truth", "answered", "images", "of the class"]
    return "<p class='lead'>Most frequent wrong answers:</p>" + table(heads, rows, "pairs")


def classes(report: EvaluationReport, marks: Footnotes) -> str:
    """Return the section on each class against the rest, and on all classes together."""
    content = []
    for matrix in report.confusion:
        recall = [found(report, "sensitivity", matrix.tree_level, n) for n in matrix.classes]
        content += [
            f"<h3>{_title(matrix)}: sensitivity (recall)</h3>",
            forest([e for e in recall if e is not None], with_level=False),
            "<h3>Each class against the rest: answers</h3>",
            _class_table(report, matrix, DECISIONS, marks),
            "<h3>Each class against the rest: probabilities</h3>",
            _class_table(report, matrix, PROBABILITIES, marks),
            "<h3>All classes together</h3>",
            _overall_table(report, matrix.tree_level, marks),
        ]
    return section("Each class", "".join(content)) if content else ""


def _class_table(
    report: EvaluationReport, matrix: ConfusionMatrix, names: Mapping[str, str], marks: Footnotes
) -> str:
    known = {
        e.metric for metric in names for e in report.select(metric, matrix.tree_level)
        if e.class_name
    }  # fmt: skip
    metrics = [metric for metric in names if metric in known]
    rows = []
    for name in matrix.classes:
        recall = found(report, "sensitivity", matrix.tree_level, name)
        row = [f"<th scope='row'>{escape(name)}<small>{size_of(recall) if recall else ''}</small>"]
        values = (found(report, metric, matrix.tree_level, name) for metric in metrics)
        rows.append(
            "".join(row) + "</th>" + cells(value_cell(e, marks) if e else "" for e in values)
        )
    return table(["", *(names[metric] for metric in metrics)], rows, "classes") if metrics else ""


def _overall_table(report: EvaluationReport, level: str, marks: Footnotes) -> str:
    return overall_table(
        [e for metric in METRICS if (e := found(report, metric, level)) is not None], marks
    )


def overall_table(estimates: Iterable[Estimate], marks: Footnotes) -> str:
    """Return metrics over all classes with their sizes, and the spread over seeds if there are."""
    chosen = list(estimates)
    seeds = max((e.n_seeds for e in chosen), default=1)
    rows = []
    for e in chosen:
        over = f" over {e.n_classes} classes" if e.n_classes else ""
        row = [escape(OVERALL[e.metric] + over), value_cell(e, marks)]
        row += [str(e.n_images), str(e.n_patients)]
        if seeds > 1:
            row.append("" if e.seed_sd is None else f"{e.seed_sd:.3f}")
        rows.append(cells(row))
    heads = ["", interval_head(chosen), "images", "patients"]
    return table([*heads, f"SD over {seeds} seeds"] if seeds > 1 else heads, rows, "overall")


def units(report: EvaluationReport, marks: Footnotes) -> str:
    """Return the section that puts numbers per lesion and per patient beside those per image."""
    content = []
    for level in dict.fromkeys(e.tree_level for e in report.estimates):
        shown = [
            e for e in report.estimates
            if e.aggregated and e.tree_level == level and not e.subgroup
        ]  # fmt: skip
        if not shown:
            continue
        kinds = list(dict.fromkeys(e.aggregated for e in shown))
        lines = dict.fromkeys((e.metric, e.class_name) for e in shown)
        per = {(e.metric, e.class_name, e.aggregated): e for e in shown}
        rows = []
        for metric, name in lines:
            row = [found(report, metric, level, name)]
            row += [per.get((metric, name, kind)) for kind in kinds]
            label = next(name_of(e) for e in reversed(row) if e is not None)
            rows.append(cells([escape(label), *(_with_n(e, marks) if e else "" for e in row)]))
        heads = ["", "per image", *(f"per {kind}" for kind in kinds)]
        content.append(f"<h3>{escape(level.capitalize())}</h3>" + table(heads, rows, "units"))
    if not content:
        return ""
    lead = "<p>The probability of a lesion or a patient is the mean over its images.</p>"
    return section("Per lesion and per patient", lead + "".join(content))


def _with_n(estimate: Estimate, marks: Footnotes) -> str:
    return f"{value_cell(estimate, marks)} <small>n {estimate.n_images}</small>"
