"""Trials of a sweep -> the table in the layout of table A-R, BEST with its ties; its picture."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinlab.figures.factor_page import write_factors
from skinlab.figures.main_effects import draw_effects, effect_numbers
from skinlab.reporting.latex import tabular
from skinlab.stats.factors.analysis import FactorReport, analyze
from skinlab.stats.factors.words import (
    effect_words,
    noise_words,
    repeated,
    short,
    winner_words,
)
from skinlab.stats.paired.cases import Arm, pair
from skinlab.stats.paired.differences import ComparisonSpec, LevelDifferences
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.comparison import Difference
from skinlab.tables.errors import InputError
from skinlab.tables.files import write_json, write_text
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import RESEARCH_USE, Estimate, EvaluationReport
from skinlab.tables.text import write_table
from skinlab.tables.trials import TrialRow, letter

LEVELS = ("diagnosis", "group")
TITLES = {"diagnosis": "diagnosis", "group": "benign/malignant"}
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"  # Okabe & Ito, color-blind safe


@dataclass(frozen=True)
class SettingRow:
    """One line of the table.

    Attributes:
        letter: A, B, …, Z, AA.
        trial: What was tried.
        accuracy: Accuracy at ``diagnosis`` and ``group``, where the tree has them.
        objective: What was maximized, at the level that was trained; None unless complete.
        difference: Objective of the best setting minus this one; None for BEST itself.
        mark: ``BEST``, ``tied`` (cannot be told apart from it), or empty.
    """

    letter: str
    trial: TrialRow
    accuracy: dict[str, Estimate]
    objective: Estimate | None
    difference: Difference | None
    mark: str


@dataclass(frozen=True)
class SweepTable:
    """What a sweep found.

    Attributes:
        rows: In the order of the trials.
        factors: Dotted fields that were searched.
        objective: What was maximized.
        importances: Share of the objective's variation by factor.
        effects: What each factor does, fitted to all complete trials together; None where they
            are too few, or the factors do not vary.
    """

    rows: tuple[SettingRow, ...]
    factors: tuple[str, ...]
    objective: str
    importances: dict[str, float]
    effects: FactorReport | None = None

    @property
    def best(self) -> SettingRow | None:
        """The setting with the largest objective; the first of equals."""
        return next((row for row in self.rows if row.mark == "BEST"), None)

    @property
    def ties(self) -> tuple[SettingRow, ...]:
        """Settings that cannot be told apart from the best."""
        return tuple(row for row in self.rows if row.mark == "tied")


def sweep_table(
    trials: Sequence[TrialRow],
    objective: str,
    importances: Mapping[str, float],
    spec: EvaluationSpec,
) -> SweepTable:
    """Compute the table: accuracies from the stored reports, ties from the stored predictions.

    A setting is tied with the best when the simultaneous interval (Bonferroni over all comparisons
    with the best) of their paired difference on the same validation images contains 0.
    """
    complete = [t for t in trials if t.value is not None]
    best = max(complete, key=lambda t: (t.value or 0.0, -t.number), default=None)
    others = max(len(complete) - 1, 1)
    level = 1 - (1 - spec.level) / others
    strict = ComparisonSpec(level, _enough(spec, others), spec.seed)
    reference = _predictions(best) if best else None
    measure = "accuracy" if objective.endswith("/accuracy") else "balanced_accuracy"
    rows = []
    for trial in trials:
        difference, mark = None, ""
        if best is not None and trial.number == best.number:
            mark = "BEST"
        elif reference is not None and trial.value is not None:
            difference = _difference(reference, _predictions(trial), measure, strict)
            mark = "" if difference.low is not None and difference.low > 0 else "tied"
        accuracy, value = _numbers(trial, measure)
        rows.append(SettingRow(letter(trial.number), trial, accuracy, value, difference, mark))
    factors = tuple(dict.fromkeys(name for trial in trials for name in trial.params))
    found = SweepTable(tuple(rows), factors, objective, dict(importances))
    return replace(found, effects=_effects(found))


def _difference(
    best: Predictions, other: Predictions, metric: str, spec: ComparisonSpec
) -> Difference:
    """Return a metric of the best setting minus that of another, as `skinlab compare` does."""
    ((level, cases),) = pair(Arm.of("BEST", [best]), Arm.of("other", [other]))
    (found,) = LevelDifferences(cases, level, "image", spec, (metric,)).differences()
    return found


def _effects(table: SweepTable) -> FactorReport | None:
    """Fit the main effects of the factors that vary; each trial informs about all of them."""
    complete = [row for row in table.rows if row.trial.value is not None]
    frame = pd.DataFrame([row.trial.params for row in complete]).astype(str)
    varying = [name for name in frame.columns if frame[name].nunique() > 1]
    if len(complete) < len(varying) + 3 or not varying:
        return None
    frame["setting"] = [row.letter for row in complete]
    frame[table.objective] = [row.trial.value for row in complete]
    return analyze(frame, varying, [table.objective], label="setting")


def _enough(spec: EvaluationSpec, comparisons: int) -> int:
    """Resamples that leave at least ten replicates in each tail of the strict interval."""
    return max(spec.resamples, round(20 * comparisons / (1 - spec.level)))


def _predictions(trial: TrialRow) -> Predictions:
    return Predictions.read(trial.folder / "predictions" / "val.csv")


def _numbers(trial: TrialRow, measure: str) -> tuple[dict[str, Estimate], Estimate | None]:
    """Return accuracy by level, and the objective at the level that was trained."""
    path = trial.folder / "report" / "val" / "report.json"
    if trial.value is None:
        return {}, None
    report = EvaluationReport.read(path)
    present = {matrix.tree_level for matrix in report.confusion}
    trained = next(level for level in ("fine", *LEVELS) if level in present)
    found = {}
    for level in LEVELS:
        try:
            found[level] = report.find("accuracy", level)
        except KeyError:
            continue
    if not found:
        raise InputError(f"{path} has no accuracy")
    return found, report.find(measure, trained)


def flat_rows(table: SweepTable) -> pd.DataFrame:
    """Return the table with a column a number, as it is written to CSV."""
    records: list[dict[str, Any]] = []
    for row in table.rows:
        record: dict[str, Any] = {"setting": row.letter, "trial": row.trial.number}
        record |= {name: row.trial.params.get(name) for name in table.factors}
        record |= {"seed": row.trial.seed, "state": row.trial.state}
        record |= {table.objective: row.trial.value}
        if row.objective is not None:
            record |= {f"{table.objective}/low": row.objective.low}
            record |= {f"{table.objective}/high": row.objective.high}
        for level, estimate in row.accuracy.items():
            name = f"accuracy/{level}"
            record |= {name: estimate.value, f"{name}/low": estimate.low}
            record |= {f"{name}/high": estimate.high, f"{name}/method": estimate.method}
            record |= {"n_images": estimate.n_images, "n_patients": estimate.n_patients}
        if row.difference is not None:
            record |= {"best_minus_this": row.difference.value}
            record |= {"best_minus_this/low": row.difference.low}
            record |= {"best_minus_this/high": row.difference.high}
        records.append(record | {"mark": row.mark, "reason": row.trial.reason})
    return pd.DataFrame(records)


def write_sweep_table(table: SweepTable, folder: Path) -> None:
    """Write ``table.csv``, ``.html`` and ``.tex``, ``importances.json``, ``figures/sweep.png``."""
    write_table(folder / "table.csv", flat_rows(table))
    write_text(folder / "table.tex", as_latex(table))
    write_json(folder / "importances.json", table.importances)
    (folder / "figures").mkdir(exist_ok=True)
    picture = folder / "figures" / "sweep.png"
    figure = draw(table)
    figure.savefig(picture, dpi=150, metadata={"Software": None})
    if table.effects is not None:
        write_factors(table.effects, folder / "factors", title=folder.name)
    write_text(folder / "table.html", _page(table))


def as_text(table: SweepTable) -> str:
    """Return the table for a terminal."""
    heads, rows = layout(table)
    lines = [heads, *rows]
    parts = (aligned(lines), verdict(table), effects_verdict(table))
    return "\n".join(filter(None, parts))


def layout(table: SweepTable) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the cells of table A-R: letter, factors, accuracies, seed, mark."""
    objective = short(table.objective.rsplit("/", 1)[-1])
    names = [short(name) for name in table.factors]
    heads = ["", *names, *(TITLES[level] for level in LEVELS), objective, "seed", ""]
    rows = []
    for row in table.rows:
        cells = [row.letter, *(str(row.trial.params.get(name, "")) for name in table.factors)]
        cells += [_percent(row.accuracy.get(level), row.trial.state) for level in LEVELS]
        rows.append([*cells, _percent(row.objective, ""), str(row.trial.seed), row.mark])
    return heads, rows


def as_latex(table: SweepTable) -> str:
    r"""Return the table for a paper; needs ``\usepackage{booktabs}``. BEST is bold."""
    heads, rows = layout(table)
    right = "r" * (len(LEVELS) + 2)  # accuracies, objective, seed
    bold = {number for number, row in enumerate(table.rows) if row.mark == "BEST"}
    about = "Percent with 95% intervals on the validation photographs."
    notes = (about, verdict(table), effects_verdict(table), RESEARCH_USE)
    return tabular(heads, rows, f"l{'l' * len(table.factors)}{right}l", bold, notes)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return rows of equally many cells as columns for a terminal."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def verdict(table: SweepTable) -> str:
    """Say who won, who cannot be told apart from it, and which factors mattered."""
    if table.best is None:
        return "No trial was completed."
    ties = ", ".join(row.letter for row in table.ties)
    told = f"not separable from {ties}" if ties else "separable from all other settings"
    words = f"BEST is {table.best.letter} on validation, {told}."
    if table.importances:
        shares = ", ".join(f"{n.rsplit('.', 1)[-1]} {v:.0%}" for n, v in table.importances.items())
        words += f" Importances (fANOVA): {shares}."
    return words


def effects_verdict(table: SweepTable) -> str:
    """Say what all complete trials together tell; empty when unknown.

    Where settings were repeated: which, how far they lie apart, and what the best then means.
    Always: which factors changed the objective.
    """
    if table.effects is None:
        return ""
    report = table.effects
    response = report.responses[0]
    effects = " ".join(_sentence(words) for words in effect_words(response))
    said = f"Over all {len(report.labels)} complete trials, in points of {table.objective}: "
    if not report.design.repeats:
        return said + effects
    noise = [*noise_words(response), *winner_words(response)]
    repeats = " ".join([*repeated(report), *map(_sentence, noise)])
    return f"{repeats} {said}{effects}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(estimate: Estimate | None, state: str) -> str:
    if estimate is None or estimate.value is None:
        return state if estimate is None else "n/a"
    if estimate.low is None or estimate.high is None:
        return f"{100 * estimate.value:.1f}"
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}-{100 * estimate.high:.1f})"


def draw(table: SweepTable) -> Figure:
    """Draw diagnosis and benign/malignant accuracy a setting, main effects, and importances."""
    shown = [row for row in table.rows if row.accuracy]
    height = max(4.0, 0.24 * len(shown) + 1.6)
    figure = Figure(figsize=(14, height), layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, 4, width_ratios=[2, 2, 1.8, 1.2]))
    for axes, level in zip(panels, LEVELS, strict=False):
        _forest(axes, shown, level)
    panels[1].tick_params(labelleft=False)
    _main_effects(panels[2], table.effects)
    _importances(panels[3], table.importances)
    return figure


def _main_effects(axes: Axes, effects: FactorReport | None) -> None:
    if effects is None:
        _too_few(axes)
        return
    numbers = effect_numbers(effects)
    draw_effects(axes, numbers.panels[0], numbers.level)


def _forest(axes: Axes, rows: Sequence[SettingRow], level: str) -> None:
    """Draw one accuracy a setting with its interval; BEST filled, ties open, others grey."""
    for y, row in enumerate(rows):
        estimate = row.accuracy.get(level)
        if estimate is None or estimate.value is None:
            continue
        color = {"BEST": ORANGE, "tied": BLUE}.get(row.mark, GREY)
        face = color if row.mark == "BEST" else "white"
        if estimate.low is not None and estimate.high is not None:
            axes.plot([100 * estimate.low, 100 * estimate.high], [y, y], color=color, lw=1.4)
        axes.plot([100 * estimate.value], [y], "o", color=color, mfc=face, ms=5)
    labels = [f"{row.letter} {row.mark}".strip() for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(f"{TITLES[level]} accuracy, %, 95% CI")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", lw=0.6)


def _importances(axes: Axes, importances: Mapping[str, float]) -> None:
    names = [name.rsplit(".", 1)[-1] for name in importances]
    axes.barh(range(len(names)), list(importances.values()), color=BLUE)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("importance (fANOVA)")
    axes.spines[["top", "right"]].set_visible(False)
    if not names:
        _too_few(axes)


def _too_few(axes: Axes) -> None:
    axes.text(0.5, 0.5, "too few trials", ha="center", va="center", transform=axes.transAxes)
    axes.set_axis_off()


def _page(table: SweepTable) -> str:
    """Return the table as a page of its own; the picture lies beside it."""
    heads, rows = layout(table)
    lines = []
    for row, cells in zip(table.rows, rows, strict=True):
        marked = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr class="{row.mark.lower()}">{marked}</tr>')
    shown = next((e for row in table.rows for e in row.accuracy.values()), None)
    counted = f"{shown.n_images} photographs of {shown.n_patients} patients" if shown else "none"
    return _PAGE.format(
        counted=counted,
        verdict=html.escape(verdict(table)),
        effects=html.escape(effects_verdict(table)),
        factors='<a href="factors/factors.html">All about the factors</a>' if table.effects else "",
        head="".join(f"<th>{html.escape(head)}</th>" for head in heads),
        rows="\n".join(lines),
        objective=html.escape(table.objective),
        use=RESEARCH_USE,
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sweep</title>
<style>
body {{ font: 15px/1.5 system-ui, "Hiragino Sans", "Noto Sans CJK JP", sans-serif;
  margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd }}
td {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
tr.best {{ background: #fdeadb; font-weight: 600 }}
tr.tied td:last-child {{ color: #0072B2 }}
img {{ max-width: 100% }}
</style>
<h1>Settings tried</h1>
<p>{verdict}</p>
<p>{effects} {factors}</p>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
<p>Percent with 95% intervals on the validation photographs ({counted}). The objective is
{objective}, at the level that was trained. A setting is <em>tied</em> when the simultaneous
interval of its paired difference to BEST on the same photographs contains 0. {use}</p>
<p><img src="figures/sweep.png" alt="Accuracy of each setting, main effects, importances"></p>
</html>
"""
