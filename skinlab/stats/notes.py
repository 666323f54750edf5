"""Cases and their numbers -> sentences that a reader of the report must know."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skinlab.stats.cases import Cases
from skinlab.stats.proportion import design_effect
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.units import Aggregation
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.predictions import Predictions

DOMINANT = 0.7
TIMES = 10


def table_notes(
    predictions: Predictions, tree: LabelTree | None, names: tuple[str, ...]
) -> list[str]:
    """Return what to know about a table: positive class, rows without patients, seeds.

    Args:
        predictions: The table.
        tree: Its label tree.
        names: Names of the training seeds.
    """
    notes = []
    if tree is not None:
        notes.append(
            f"Positive class: {tree.positive}. The sensitivity of a class is its recall; "
            "one-versus-rest accuracy counts both kinds of right answers."
        )
    nameless = int((predictions.frame["patient_id"] == "").sum())
    if nameless:
        notes.append(
            f"{nameless} of {len(predictions)} rows have no patient id: each lesion, or image, "
            "counts as a patient of its own, so intervals may be too narrow."
        )
    if len(names) > 1:
        notes.append(
            f"Mean over {len(names)} training seeds ({', '.join(names)}) on the same images; "
            "intervals resample seeds and patients, the SD over seeds stands beside them. "
            "Confusion matrices are summed over seeds."
        )
    return notes


def level_notes(cases: Cases, level: Level, spec: EvaluationSpec) -> list[str]:
    """Return what to know about the patients and classes of a level."""
    notes = []
    carriers = dict(zip(cases.classes, cases.carriers.tolist(), strict=True))
    if cases.images > cases.patients:
        right = np.bincount(cases.patient, cases.answer == cases.target) / cases.repeats
        images = np.bincount(cases.patient) / cases.repeats
        effect = design_effect(right, images)
        size = "" if np.isnan(effect) else f"; design effect of accuracy {effect:.2f}"
        notes.append(
            f"{level}: {cases.images} images of {cases.patients} patients: images of a patient "
            f"are not independent, so intervals resample patients{size}."
        )
    if absent := [name for name, n in carriers.items() if n == 0]:
        rest = len(carriers) - len(absent)
        notes.append(
            f"{level}: averages are over {rest} of {len(carriers)} classes; no image of "
            f"{', '.join(absent)}."
        )
    if few := [f"{name} ({n})" for name, n in carriers.items() if 0 < n < spec.few_patients]:
        notes.append(
            f"{level}: fewer than {spec.few_patients} patients carry {', '.join(few)}: "
            "read these numbers, and averages over classes, with care."
        )
    return notes


def answer_notes(cases: Cases, level: Level) -> Iterator[str]:
    """Yield what averages and accuracy hide: dead classes, one class that decides everything.

    Source: Metrics Reloaded (Maier-Hein et al. 2024, Nat Methods 21:195) and its pitfalls.
    """
    truth, right = cases.confusion.sum(axis=1), cases.confusion.diagonal()
    dead = [n for n, t, r in zip(cases.classes, truth, right, strict=True) if t and not r]
    if dead:
        yield (
            f"{level}: no image of {', '.join(dead)} was answered right (sensitivity 0). Averages "
            "over classes hide this; read each class."
        )
    held, largest = truth[truth > 0], int(truth.argmax())
    share, accuracy = truth.max() / truth.sum(), right.sum() / truth.sum()
    if len(held) > 1 and (share >= DOMINANT or held.max() >= TIMES * held.min()):
        beaten = accuracy > share
        yield (
            f"{level}: the classes are unequal ({cases.classes[largest]} holds {share:.0%} of the "
            f"images). Always answering it has accuracy {share:.3f}, "
            f"{'less than' if beaten else 'NO LESS THAN'} the model's {accuracy:.3f}. Read "
            "balanced accuracy, MCC and PPV beside accuracy and specificity."
        )


def prevalence_note(cases: Cases, positive: str, prevalence: float) -> str:
    """Return what the predictive values at a stated prevalence stand for."""
    share = cases.confusion.sum(axis=1)[cases.classes.index(positive)] / cases.confusion.sum()
    return (
        f"PPV and NPV at the stated prevalence are what sensitivity and specificity here would "
        f"give where {prevalence:.3g} of the images are {positive}; here {share:.3g} are."
    )


def unit_note(aggregation: Aggregation, level: Level) -> str:
    """Return how lesions or patients were made of images, and who was left out."""
    unit, kept = aggregation.unit, aggregation.found - aggregation.mixed
    words = (
        f"{level}, per {unit}: the probability of a {unit} is the mean over its images; "
        f"{kept} of {aggregation.found} {unit}s"
    )
    if aggregation.nameless:
        words += f" ({aggregation.nameless} images without a lesion id stand for themselves)"
    if aggregation.mixed:
        words += f"; {aggregation.mixed} with images of different classes are left out"
    return words + "."
