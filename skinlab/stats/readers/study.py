"""Readers and a model on the same cases -> sensitivity, specificity, accuracy, and who differs.

Each reader is compared with the model on exactly the cases that the reader answered. Intervals
follow the rules of `stats.intervals`: Wilson where every case is another patient, else the patient
bootstrap, with its fall-backs for few patients and for 0 and n right. Differences are reader minus
model: Newcombe's paired interval for independent cases, else the paired patient bootstrap; the
p-value is McNemar's, exact and mid-p, or with several cases a patient the exact label swap by
patient. Holm over the readers within each metric.

The mean reader resamples readers and patients at once, both with replacement (Owen 2007, Ann Appl
Stat 1:386, the pigeonhole bootstrap), so that it speaks of readers and cases like these, not of
these alone. That bootstrap counts the scatter of single answers more than once and so is too wide
rather than too narrow. Simulated coverage of nominal 95 %, readers and cases both random, 250
tables each: 3 readers 0.93, 5 to 8 readers on 60 cases 0.95-0.97, 10 to 20 readers on 100 cases
0.96-0.98. Two readers or fewer are no sample of readers: only patients are resampled then, and the
method says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from skinlab.stats.bootstrap import draws
from skinlab.stats.paired.tests import holm
from skinlab.stats.rank import RankedClass, delong_logit
from skinlab.stats.readers.agreement import cohen, fleiss
from skinlab.stats.readers.measures import (
    Difference,
    Held,
    held_by,
    means,
    model_held,
    paired,
    percentiles,
    proportion,
)
from skinlab.stats.readers.panel import NOT_ANSWERED, Panel
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.report import Estimate

MEASURES = ("sensitivity", "specificity", "accuracy")


@dataclass(frozen=True)
class ReaderResult:
    """One reader, and the model on this reader's cases; each by name of the measure.

    Attributes:
        reader: Name.
        group: What is known of the reader, such as experience.
        answered: Cases with an answer.
        missing: Cases of the study without one.
        measures: The reader's numbers.
        model: The model's, on the same cases.
        difference: Reader minus model.
    """

    reader: str
    group: str
    answered: int
    missing: int
    measures: dict[str, Estimate]
    model: dict[str, Estimate]
    difference: dict[str, Difference]


@dataclass(frozen=True)
class ReaderStudy:
    """All numbers of a reader study.

    Attributes:
        positive: The positive class.
        level: Level of the tree at which a diagnosis is right.
        rule: How the model calls positive.
        cases: Images that a reader was shown.
        patients: Their patients.
        results: One a reader.
        mean: Mean over readers, by measure.
        mean_difference: Mean over readers of reader minus model.
        model: The model on all cases.
        auroc: Of the model on all cases.
        curve: ``(false positive rate, sensitivity)`` of the model at every threshold.
        agreement: Fleiss' kappa of all and Cohen's of each two, for diagnoses then for calls.
        notes: What a reader of the numbers must know.
        fingerprints: Of the sources.
    """

    positive: str
    level: str
    rule: str
    cases: int
    patients: int
    results: tuple[ReaderResult, ...]
    mean: dict[str, Estimate]
    mean_difference: dict[str, Estimate]
    model: dict[str, Estimate]
    auroc: Estimate
    curve: tuple[tuple[float, float], ...]
    agreement: tuple[Estimate, ...]
    notes: tuple[str, ...] = ()
    fingerprints: dict[str, str] = field(default_factory=dict)


def reader_study(panel: Panel, spec: EvaluationSpec | None = None) -> ReaderStudy:
    """Return all numbers of readers and model on the same cases.

    Args:
        panel: From `stats.panel.panel`.
        spec: Level, resamples, seed, interval of a proportion.
    """
    spec = spec or EvaluationSpec()
    measures = MEASURES if panel.positive else MEASURES[2:]
    held = {m: held_by(panel, m) for m in measures}
    results = [_result(panel, r, held, spec) for r in range(len(panel.readers))]
    everyone = {m: model_held(panel, m) for m in measures}
    averages = {m: means(panel, held[m], m, spec) for m in measures}
    return ReaderStudy(
        positive=panel.positive,
        level=panel.level,
        rule=panel.rule,
        cases=len(panel.truth),
        patients=panel.patients,
        results=tuple(_with_holm(results)),
        mean={m: mean for m, (mean, _) in averages.items()},
        mean_difference={m: difference for m, (_, difference) in averages.items()},
        model={m: proportion(m, *everyone[m], panel.patient, spec) for m in measures},
        auroc=_auroc(panel, spec),
        curve=_curve(panel),
        agreement=tuple(_agreement(panel, spec)),
        notes=tuple(_notes(panel)),
    )


def _result(panel: Panel, r: int, held: Mapping[str, Held], spec: EvaluationSpec) -> ReaderResult:
    answered = int((panel.called[r] != NOT_ANSWERED).sum())
    patient = panel.patient
    return ReaderResult(
        reader=panel.readers[r],
        group=panel.about[r],
        answered=answered,
        missing=len(panel.truth) - answered,
        measures={
            m: proportion(m, h.counted[r], h.right[r], patient, spec) for m, h in held.items()
        },
        model={m: proportion(m, h.counted[r], h.model, patient, spec) for m, h in held.items()},
        difference={m: paired(m, h, r, patient, spec) for m, h in held.items()},
    )


def _with_holm(results: list[ReaderResult]) -> Iterator[ReaderResult]:
    """Yield the results with p-values adjusted over the readers, each measure a family."""
    adjusted = {
        m: holm([result.difference[m].p_exact for result in results]) for m in results[0].difference
    }
    for i, result in enumerate(results):
        difference = {m: replace(d, p_holm=adjusted[m][i]) for m, d in result.difference.items()}
        yield replace(result, difference=difference)


def _auroc(panel: Panel, spec: EvaluationSpec) -> Estimate:
    n, m = len(panel.truth), panel.patients
    about: dict[str, Any] = {"metric": "auroc", "n_images": n, "n_patients": m}
    about |= {"level": spec.level, "class_name": panel.positive}
    sides = (int(panel.sick.sum()), int((~panel.sick).sum()))
    if not panel.positive or min(sides) == 0:
        reason = "one class only" if panel.positive else "no positive class is named"
        return Estimate(value=None, low=None, high=None, reason=reason, **about)
    ranked = RankedClass(panel.sick, panel.score, panel.patient, m)
    value = float(ranked.at(np.ones((m, 1)))[0][0])
    if value in (0.0, 1.0) or m == 1:
        reason = "one patient" if m == 1 else "perfect separation"
        return Estimate(value=value, low=None, high=None, reason=reason, **about)
    if n == m and min(sides) > 1:
        low, high = delong_logit(panel.sick, panel.score, spec.level)
        return Estimate(value=value, low=low, high=high, method="DeLong (logit)", **about)
    replicates = np.full(spec.resamples, np.nan)
    for place, weights in draws(np.zeros(m, np.int64), spec.resamples, [spec.seed, 2]):
        replicates[place] = ranked.at(weights)[0]
    carriers = len(set(panel.patient[panel.sick].tolist()))
    deciding = max(2, min(carriers, len(set(panel.patient[~panel.sick].tolist()))))
    method = "patient bootstrap, expanded percentile"
    return percentiles(about, value, replicates, (deciding, method), spec)


def _curve(panel: Panel) -> tuple[tuple[float, float], ...]:
    if not panel.positive or panel.sick.all() or not panel.sick.any():
        return ()
    false_alarms, found, _ = roc_curve(panel.sick, panel.score)
    return tuple(zip(false_alarms.tolist(), found.tolist(), strict=True))


def _agreement(panel: Panel, spec: EvaluationSpec) -> Iterator[Estimate]:
    words = np.array(["", "negative", "positive"])
    for level, named in ((panel.level, panel.named), ("group", words[panel.called + 1])):
        if level == "group" and (not panel.positive or panel.level == "group"):
            continue
        yield replace(fleiss(named, panel.patient, spec), tree_level=level)
        for pair in cohen(named, panel.readers, panel.patient, spec):
            yield replace(pair, tree_level=level)


def _notes(panel: Panel) -> Iterator[str]:
    if panel.positive:
        yield (
            f"Positive class: {panel.positive}. The model calls a case positive by {panel.rule}; "
            "a reader by the class of the answer."
        )
    n, m = len(panel.truth), panel.patients
    if n > m:
        yield f"{n} images of {m} patients: intervals and tests go by patient."
    if panel.unseen:
        yield f"{panel.unseen} image(s) of the predictions were shown to no reader; not counted."
    missing = int((panel.called == NOT_ANSWERED).sum())
    if missing:
        yield (
            f"{missing} of {panel.called.size} answers are missing. Each reader is compared with "
            "the model on the cases that the reader answered; cases left out may be the hard ones."
        )
    vague = int(((panel.named == "") & (panel.called != NOT_ANSWERED)).sum())
    if vague:
        yield (
            f"{vague} answer(s) name a group and no diagnosis: they count for sensitivity and "
            "specificity, not for accuracy."
        )
