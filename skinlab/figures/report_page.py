"""EvaluationReport -> a folder: report.json, report.csv, report.html, pictures of the matrices.

The page is one file: pictures inside, no script, nothing loaded from anywhere, so it opens from
disk, can be mailed, and prints. Its numbers are those of the JSON, to three digits; an undefined
number is ``n/a`` with its reason.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

from skinlab.figures.confusion import confusion_numbers, draw_confusion
from skinlab.figures.look import font_face, save
from skinlab.figures.report_style import STYLE
from skinlab.figures.report_subgroups import sections
from skinlab.tables.files import write_text
from skinlab.tables.report import RESEARCH_USE, ConfusionMatrix, Estimate, EvaluationReport

METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy (mean recall)",
    "macro_specificity": "Specificity, macro",
    "macro_ppv": "PPV, macro",
    "macro_npv": "NPV, macro",
    "macro_f1": "F1, macro",
    "mcc": "Matthews correlation",
    "kappa": "Cohen’s kappa",
    "kappa_linear": "Cohen’s kappa, linear weights",
    "kappa_quadratic": "Cohen’s kappa, quadratic weights",
    "mean_absolute_error": "Mean absolute error (steps)",
    "top_2_accuracy": "Truth among the 2 likeliest",
    "top_3_accuracy": "Truth among the 3 likeliest",
    "top_5_accuracy": "Truth among the 5 likeliest",
    "macro_auroc": "AUROC, macro one-vs-rest",
    "hand_till_auroc": "AUROC, mean of all pairs of classes (Hand-Till)",
    "macro_average_precision": "Average precision, macro",
    "brier": "Brier score (sum over classes)",
    "brier_skill": "Brier skill (1 - score / score of the class shares)",
    "log_loss": "Log loss (nats)",
    "ece": "Calibration error, 15 equal-width bins",
    "ece_equal_mass": "Calibration error, 15 equal-mass bins",
}
CLASS_METRICS = {
    "sensitivity": "Sensitivity (recall)",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy, one-vs-rest",
    "partial_auroc": "AUROC above 80 % sensitivity (0 to 0.2)",
    "calibration_slope": "Calibration slope (1 is right)",
    "calibration_in_the_large": "Calibration in the large (0 is right)",
    "ppv_at_prevalence": "PPV at the stated prevalence",
    "npv_at_prevalence": "NPV at the stated prevalence",
}
HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")
BAR = 320


def write_report(
    report: EvaluationReport, folder: Path, *, title: str = "", when: str = ""
) -> Path:
    """Write everything about a report into a folder; the same report gives the same bytes.

    Args:
        report: The numbers.
        folder: Gets ``report.json``, ``report.csv``, ``report.html`` and, for each level,
            ``confusion_LEVEL.png`` with its numbers in ``confusion_LEVEL.json``.
        title: What was evaluated, for the head of the page.
        when: Date and time for the head of the page.

    Returns:
        The path of the page.

    Raises:
        RunError: The folder cannot be written.
    """
    report.save(folder)
    pictures = {}
    for matrix in report.confusion:
        numbers = confusion_numbers(matrix)
        path = folder / f"confusion_{matrix.tree_level}.png"
        drawn = {"fingerprints": report.fingerprints, **numbers.json()}
        pictures[matrix.tree_level] = save(draw_confusion(numbers), path, drawn)
    path = folder / "report.html"
    write_text(path, page(report, pictures, title=title, when=when))
    return path


def page(
    report: EvaluationReport, pictures: Mapping[str, bytes], *, title: str = "", when: str = ""
) -> str:
    """Return the page.

    Args:
        report: The numbers.
        pictures: PNG of the confusion matrix of each level.
        title: What was evaluated.
        when: Date and time.
    """
    name = title or f"Evaluation on {report.split}"
    parts = [
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>",
        "<meta http-equiv='Content-Security-Policy' "
        "content=\"default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'\">",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(name)}</title><style>{{font}}{STYLE}</style></head><body>",
        _head(report, name, when),
        _section("In short", _forest(headline(report), report)),
        _notes(report),
        *(_level(report, matrix, pictures) for matrix in report.confusion),
        *sections(report),
        f"<footer>{RESEARCH_USE} All digits of every number: report.json and report.csv.</footer>",
        "</body></html>\n",
    ]
    text = "\n".join(parts)
    return text.replace("{font}", font_face(text), 1)


def headline(report: EvaluationReport) -> list[Estimate]:
    """Return the estimates that come first: overall at each level, then the positive group.

    Coarse levels first. The positive group's sensitivity and specificity are those of calling it.
    """
    found = []
    for matrix in reversed(report.confusion):
        found += [_get(report, metric, matrix.tree_level) for metric in HEADLINE]
        if report.positive in matrix.classes:
            called = ("sensitivity", "specificity")
            found += [_get(report, m, matrix.tree_level, report.positive) for m in called]
    return [estimate for estimate in found if estimate is not None]


def confused_pairs(matrix: ConfusionMatrix, top: int = 10) -> list[tuple[str, str, int, float]]:
    """Return the most frequent wrong answers: truth, answer, count, share of the true class."""
    pairs = [
        (truth, answer, count, count / sum(row))
        for truth, row in zip(matrix.classes, matrix.counts, strict=True)
        for answer, count in zip(matrix.classes, row, strict=True)
        if truth != answer and count
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], -pair[3], pair[0], pair[1]))[:top]


def _get(report: EvaluationReport, metric: str, level: str, name: str = "") -> Estimate | None:
    try:
        return report.find(metric, level, name)
    except KeyError:
        return None


def _head(report: EvaluationReport, name: str, when: str) -> str:
    facts = [("Table", report.split), ("When", when), ("Positive class", report.positive)]
    overall = [
        e
        for e in report.estimates
        if e.metric == "accuracy" and not (e.class_name or e.subgroup or e.aggregated)
    ]
    if overall:
        facts.append(("Images", f"{overall[0].n_images} of {overall[0].n_patients} patients"))
    facts += [(f"Fingerprint of {k}", v[:16]) for k, v in report.fingerprints.items()]
    rows = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts if v)
    return (
        f"<header><p class='use'>{RESEARCH_USE}</p><h1>{escape(name)}</h1><dl>{rows}</dl></header>"
    )


def _notes(report: EvaluationReport) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return _section("What to know", f"<ul>{items}</ul>") if items else ""


def _section(title: str, content: str, kind: str = "") -> str:
    return f"<section class='{kind}'><h2>{escape(title)}</h2>{content}</section>"


def _level(report: EvaluationReport, matrix: ConfusionMatrix, pictures: Mapping[str, bytes]) -> str:
    level = matrix.tree_level
    marks = Footnotes()
    recall = [_get(report, "sensitivity", level, name) for name in matrix.classes]
    content = [
        _overall_table(report, level, marks),
        "<h3>Sensitivity (recall) of each class</h3>",
        _forest([e for e in recall if e is not None], report, with_level=False),
        "<h3>Each class against the rest</h3>",
        _class_table(report, matrix, marks),
        _units_table(report, level, marks),
        marks.html(),
        "<h3>Truth and answers</h3>",
        _picture(pictures[level], f"Confusion matrix, {level}") if level in pictures else "",
        _pairs_table(matrix),
    ]
    return _section(
        f"{level.capitalize()}: {len(matrix.classes)} classes", "".join(content), "level"
    )


def _picture(content: bytes, text: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f"<img alt='{escape(text)}' src='data:image/png;base64,{data}'>"


class Footnotes:
    """Letters for the methods of a level, so that each number can name its own."""

    def __init__(self) -> None:
        """Begin with none."""
        self._letters: dict[str, str] = {}

    def mark(self, text: str) -> str:
        """Return the superscript letter of a text, the same for the same text."""
        if not text:
            return ""
        n = len(self._letters)
        letter = (chr(96 + n // 26) if n >= 26 else "") + chr(97 + n % 26)
        return f"<sup>{self._letters.setdefault(text, letter)}</sup>"

    def html(self) -> str:
        """Return the list of all texts so far."""
        rows = (
            f"<dt>{letter}</dt><dd>{escape(text)}</dd>" for text, letter in self._letters.items()
        )
        return f"<dl class='notes'>{''.join(rows)}</dl>"


def _method(estimate: Estimate) -> str:
    return f"{estimate.method}; unit: {estimate.unit}" if estimate.method else ""


def _overall_table(report: EvaluationReport, level: str, marks: Footnotes) -> str:
    found = [e for metric in METRICS if (e := _get(report, metric, level)) is not None]
    seeds = max((e.n_seeds for e in found), default=1)
    rows = []
    for e in found:
        over = f" over {e.n_classes} classes" if e.n_classes else ""
        cells = [escape(METRICS[e.metric] + over), _cell(e, marks)]
        cells += [str(e.n_images), str(e.n_patients)]
        if seeds > 1:
            cells.append("" if e.seed_sd is None else f"{e.seed_sd:.3f}")
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    heads = ["", _interval_head(report), "images", "patients"]
    return _table([*heads, f"SD over {seeds} seeds"] if seeds > 1 else heads, rows, "overall")


def _class_table(report: EvaluationReport, matrix: ConfusionMatrix, marks: Footnotes) -> str:
    rows = []
    known = {e.metric for metric in CLASS_METRICS for e in report.select(metric, matrix.tree_level)}
    metrics = [metric for metric in CLASS_METRICS if metric in known]
    for name in matrix.classes:
        recall = _get(report, "sensitivity", matrix.tree_level, name)
        size = f"{recall.n_images} images, {recall.n_patients} patients" if recall else ""
        cells = [f"<th scope='row'>{escape(name)}<small>{size}</small></th>"]
        for metric in metrics:
            e = _get(report, metric, matrix.tree_level, name)
            cells.append(f"<td>{_cell(e, marks) if e else ''}</td>")
        rows.append("".join(cells))
    return _table(["", *(CLASS_METRICS[metric] for metric in metrics)], rows, "classes")


def _units_table(report: EvaluationReport, level: str, marks: Footnotes) -> str:
    """Return the numbers per lesion and per patient; nothing where there are none."""
    rows = []
    for e in report.estimates:
        if e.aggregated and e.tree_level == level and not e.subgroup:
            cells = [f"per {e.aggregated}", escape(_name(e)), _cell(e, marks), str(e.n_images)]
            rows.append("".join(f"<td>{cell}</td>" for cell in [*cells, str(e.n_patients)]))
    heads = ["", "", _interval_head(report), "cases", "patients"]
    title = "<h3>Per lesion and per patient (mean probability over the images)</h3>"
    return title + _table(heads, rows, "units") if rows else ""


def _pairs_table(matrix: ConfusionMatrix) -> str:
    rows = [
        f"<td>{escape(truth)}</td><td>{escape(answer)}</td><td>{count}</td><td>{share:.1%}</td>"
        for truth, answer, count, share in confused_pairs(matrix)
    ]
    heads = ["truth", "answered", "images", "of the class"]
    title = "<h3>Most frequent wrong answers</h3>"
    return title + _table(heads, rows, "pairs") if rows else "<p>No wrong answer.</p>"


def _table(heads: Iterable[str], rows: Iterable[str], kind: str) -> str:
    top = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f"<div class='wide'><table class='{kind}'><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _interval_head(report: EvaluationReport) -> str:
    levels = sorted({e.level for e in report.estimates})
    return f"estimate ({' / '.join(f'{level:.0%}' for level in levels)} CI)"


def _cell(e: Estimate, marks: Footnotes) -> str:
    if e.value is None:
        return f"<span class='na'>n/a<small>{escape(e.reason)}</small></span>"
    value = f"<b>{e.value:.3f}</b>"
    if e.low is None or e.high is None:
        return f"{value}<small>no interval: {escape(e.reason)}</small>"
    return f"{value} <small>{e.low:.3f}–{e.high:.3f}{marks.mark(_method(e))}</small>"


def _forest(estimates: list[Estimate], report: EvaluationReport, *, with_level: bool = True) -> str:
    """Return a table with a bar for each interval; for metrics in [0, 1]."""
    rows = []
    before = ""
    for e in estimates:
        label = _name(e) if with_level else e.class_name
        if with_level and e.tree_level != before:
            rows.append(f"<tr class='rule'><th colspan='3'>{escape(e.tree_level)}</th></tr>")
            before = e.tree_level
        size = f"<small>{e.n_images} images, {e.n_patients} patients</small>"
        text = escape(str(e).replace(f"{e.level:.0%} CI ", ""))
        rows.append(
            f"<tr><th scope='row'>{escape(label)} {size}</th><td>{_bar(e)}</td><td>{text}</td></tr>"
        )
    head = f"<tr><th></th><th>{_axis()}</th><th>{escape(_interval_head(report))}</th></tr>"
    return (
        f"<div class='wide'><table class='forest'><thead>{head}</thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _name(e: Estimate) -> str:
    return f"{CLASS_METRICS[e.metric]}: {e.class_name}" if e.class_name else METRICS[e.metric]


def _ticks() -> Iterator[tuple[float, str]]:
    for step in range(5):
        yield 10 + step / 4 * (BAR - 20), f"{step / 4:g}"


def _axis() -> str:
    texts = "".join(
        f"<text x='{x:g}' y='11' text-anchor='middle'>{label}</text>" for x, label in _ticks()
    )
    return f"<svg viewBox='0 0 {BAR} 14' role='presentation'>{texts}</svg>"


def _bar(e: Estimate) -> str:
    lines = "".join(
        f"<line class='grid' x1='{x:g}' x2='{x:g}' y1='0' y2='18'/>" for x, _ in _ticks()
    )
    if e.value is not None:
        if e.low is not None and e.high is not None:
            lines += f"<line class='ci' x1='{_x(e.low):.1f}' x2='{_x(e.high):.1f}' y1='9' y2='9'/>"
        lines += f"<rect x='{_x(e.value) - 4:.1f}' y='5' width='8' height='8'/>"
    return f"<svg viewBox='0 0 {BAR} 18' role='img' aria-label='{escape(str(e))}'>{lines}</svg>"


def _x(share: float) -> float:
    return 10 + share * (BAR - 20)
