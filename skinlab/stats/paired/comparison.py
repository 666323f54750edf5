"""Two arms on the same cases -> Comparison: every difference, tests, decisions, one Holm family.

Per image and, where patients have several images, per patient (mean of the probabilities).

Simulated coverage of nominal 95 % for the difference of two models that find the same images hard
(three classes of 50, 30 and 20 %, three correlated images a patient): 150 patients (800 and 576
tables) 0.94-0.96 for every metric; 50 patients (240 tables) 0.91-0.98, the sensitivity of the
rarest class 0.99; 20 patients (241 tables) 0.90-0.97, the sensitivity and specificity of a class,
which are not bootstrapped where few patients decide them, 0.95-1.00 (conservative), the NPV of the
rarest class 0.85. 100 patients of one image (395 tables): 0.93-0.98. Of two equally good models the
tests at 5 % tell apart: label swap 0.04-0.06 (mid-p) and 0.03-0.05 (exact), McNemar mid-p 0.05,
DeLong 0.04, patient bootstrap 0.04-0.08, Wilcoxon 0.04-0.07. Three seeds an arm that differ a lot
(100 patients, 315 tables): the interval of seeds and patients holds the difference of all possible
trainings in 0.91-0.99, that of the sampling error alone, which is not made for it, in 0.43-0.84.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Literal

import numpy as np

from skinlab.stats.paired.cases import Arm, PairedCases, pair
from skinlab.stats.paired.differences import ComparisonSpec, LevelDifferences
from skinlab.stats.paired.tests import holm
from skinlab.tables.comparison import ArmSummary, CaseUnit, Comparison, Difference
from skinlab.tables.files import digest
from skinlab.tables.labels import LabelTree

Family = Literal["headline", "sensitivity", "all"]
FAMILIES: dict[Family, tuple[str, ...]] = {
    "headline": ("accuracy", "balanced_accuracy", "macro_auroc"),
    "sensitivity": ("sensitivity",),
    "all": (),
}


def compare(
    a: Arm,
    b: Arm,
    tree: LabelTree | None = None,
    *,
    family: Family = "headline",
    split: str = "test",
    spec: ComparisonSpec | None = None,
) -> Comparison:
    """Compare two arms on the same cases; every difference is A minus B.

    Args:
        a: One arm.
        b: The other, the reference of non-inferiority.
        tree: Label tree; None compares the classes as they are.
        family: Which main p-values, per image, are adjusted together: ``headline`` (accuracy,
            balanced accuracy, macro AUROC of each level), ``sensitivity`` (of each class of each
            level), ``all``.
        split: What the tables are, for the report.
        spec: Level, resamples, seed, margin.

    Returns:
        The comparison; it does not depend on the order of rows, on patients' names, nor, but for
        its sign, on which arm is called A.

    Raises:
        InputError: The arms do not share their cases, truths, classes or patients.
    """
    spec = spec or ComparisonSpec()
    differences: list[Difference] = []
    notes = _arm_notes(a, b)
    for level, cases in pair(a, b, tree):
        units: list[tuple[CaseUnit, PairedCases | None]] = [("image", cases)]
        if cases.clustered:
            units.append(("patient", cases.per_patient()))
        for case, chosen in units:
            if chosen is not None:
                differences += LevelDifferences(chosen, level, case, spec).differences()
        notes += _level_notes(level, cases, spec)
    differences = _adjusted(differences, family)
    members = [d for d in differences if d.in_family]
    frame = a.runs[0].frame
    truths = sorted(zip(frame["sample_id"], frame["target"], strict=True))
    fingerprints = {"cases": digest(*(str(part) for row in truths for part in row))}
    if tree is not None:
        fingerprints["labels"] = tree.fingerprint
    return Comparison(
        a=_summary(a),
        b=_summary(b),
        split=split,
        positive=tree.positive if tree else "",
        differences=tuple(differences),
        methods=tuple(_methods(differences, spec, family)),
        notes=tuple(notes),
        family=family,
        family_members=tuple(named(d) for d in members),
        margin=spec.margin,
        settings={k: v for k, v in asdict(spec).items() if k != "margin"},
        fingerprints=fingerprints,
    )


def named(d: Difference) -> str:
    """Return ``diagnosis: sensitivity of nevus``."""
    of = f" of {d.class_name}" if d.class_name else ""
    return f"{d.tree_level}: {d.metric}{of}"


def _summary(arm: Arm) -> ArmSummary:
    return ArmSummary(arm.name, arm.seeds, tuple(run.fingerprint for run in arm.runs))


def _adjusted(differences: Sequence[Difference], family: Family) -> list[Difference]:
    """Return the differences with Holm's p-values in the family; undefined ones leave it."""
    metrics = FAMILIES[family]
    inside = [
        d.case == "image" and (not metrics or d.metric in metrics) and d.p is not None
        for d in differences
    ]
    adjusted = holm(
        [d.p if chosen else None for d, chosen in zip(differences, inside, strict=True)]
    )
    return [
        replace(d, in_family=chosen, p_holm=p)
        for d, chosen, p in zip(differences, inside, adjusted, strict=True)
    ]


def _arm_notes(a: Arm, b: Arm) -> list[str]:
    notes = []
    sizes = [len(arm.runs) for arm in (a, b)]
    if sizes == [1, 1]:
        notes.append(
            "One training an arm: intervals hold the sampling of patients, not the spread that "
            "another training seed would bring."
        )
    else:
        notes.append(
            f"{sizes[0]} and {sizes[1]} training seeds: metrics are means over seeds; the interval "
            "resamples seeds and patients; the sampling error alone and the SD over seeds stand "
            "beside it."
        )
        few = [f"{arm.name} ({n})" for arm, n in zip((a, b), sizes, strict=True) if n < 5]
        if few:
            notes.append(f"Fewer than five seeds: {', '.join(few)}; the seeds' part is uncertain.")
    nameless = [arm for arm in (a, b) if not (arm.runs[0].frame["patient_id"] != "").any()]
    if len(nameless) == 2:
        notes.append(
            "No patient ids: each lesion, or image, counts as a patient of its own, so intervals "
            "may be too narrow."
        )
    elif nameless:
        notes.append(f"{nameless[0].name} has no patient ids; those of the other arm are used.")
    return notes


def _level_notes(level: str, cases: PairedCases, spec: ComparisonSpec) -> list[str]:
    notes = []
    carriers = dict(zip(cases.classes, cases.carriers.tolist(), strict=True))
    if cases.clustered:
        notes.append(
            f"{level}: {cases.cases} images of {cases.patients} patients are not independent; "
            "both answers of a patient are resampled, or swapped, together."
        )
        mixed = int((~cases.has_single_truth).sum())
        if mixed:
            notes.append(
                f"{level}, per patient: {mixed} of {cases.patients} patients have images of "
                "several classes and are left out."
            )
    if absent := [name for name, n in carriers.items() if n == 0]:
        notes.append(f"{level}: no image of {', '.join(absent)}; averages are over the others.")
    if few := [f"{name} ({n})" for name, n in carriers.items() if 0 < n < spec.few_patients]:
        notes.append(f"{level}: fewer than {spec.few_patients} patients carry {', '.join(few)}.")
    return notes


def _methods(differences: Sequence[Difference], spec: ComparisonSpec, family: Family) -> list[str]:
    """Return sentences for a paper; only what was used."""
    used = " ".join(
        [d.method for d in differences] + [t.name for d in differences for t in d.tests]
    )
    said = {
        "Newcombe": "Differences of proportions have Newcombe's paired interval (method 10, 1998), "
        "Tango's score interval (1998) beside it.",
        "McNemar": "Proportions are tested by McNemar's mid-p test, the exact test beside it.",
        "label swap": "Where patients have several images, proportions are tested by exchanging "
        "the two answers of whole patients, over all exchanges (exact; mid-p first).",
        "DeLong": "Areas under the ROC curve of independent images are compared by DeLong (1988).",
        "bootstrap": f"Other intervals are percentiles of {spec.resamples} paired bootstrap "
        "resamples (patients, both answers together), taken further out for few patients "
        "(Hesterberg 2015); their p-value is where that interval touches 0.",
        "seed and": "Each resample also draws the training seeds of each arm (Rao and Wu 1988).",
        "Wilcoxon": "Brier score, log loss and the probability of the truth have Wilcoxon's signed "
        "rank test on one difference a patient.",
    }
    found = [sentence for word, sentence in said.items() if word in used]
    if any(d.case == "patient" for d in differences):
        found.append("Per patient: the mean of the probabilities of the patient's images.")
    count = int(np.sum([d.in_family for d in differences]))
    found.append(
        f"Holm's adjustment is over the family “{family}”: {count} main p-values, per image."
    )
    if spec.margin is not None:
        level = 1 - 2 * (1 - spec.level)
        found.append(
            f"Equivalence: the {level:.0%} interval lies inside ±{spec.margin:g} (two one-sided "
            f"tests at {1 - spec.level:.2g}); non-inferiority of A: its lower limit is above "
            f"-{spec.margin:g}. The margin was given with the command."
        )
    return found
