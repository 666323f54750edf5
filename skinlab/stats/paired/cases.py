"""Predictions of two models -> the same cases side by side, at every level both can be folded to.

Rows are matched by `sample_id`, in any order. Tables that do not share their cases, truths,
classes or patients are refused with what differs. Patients' names need not agree (pseudonyms of
two workspaces), only who belongs together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from skinlab.stats.bootstrap import canonical_patients, carriers_of, rarest_label
from skinlab.stats.cases import DIGITS, folded_levels, repetitions
from skinlab.stats.counts import Floats, Ints
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.predictions import Predictions

SHOWN = 3


@dataclass(frozen=True, eq=False)
class Arm:
    """One side of a comparison: a model, or the same model trained with several seeds.

    Attributes:
        name: What it is called.
        runs: Predictions of each seed, every image once, all on the same images.
        seeds: Their names; one empty name for a single model.
    """

    name: str
    runs: tuple[Predictions, ...]
    seeds: tuple[str, ...]

    @classmethod
    def of(cls, name: str, tables: Sequence[Predictions]) -> Self:
        """Take one table or several; tables of disjoint images (folds) are put together.

        Raises:
            InputError: A table has no rows or repeats an image; tables are of other images.
        """
        if len(tables) > 1 and _disjoint(tables):
            tables = [replace(Predictions.stacked(tables), path=tables[0].path)]
        runs, seeds = [], []
        for place, table in enumerate(tables, 1):
            repeat, names = repetitions(table)
            for number, seed in enumerate(names):
                runs.append(table.where(repeat == number))
                seeds.append(seed or (_only_seed(table) or str(place) if len(tables) > 1 else ""))
        if len(set(seeds)) < len(seeds):  # two runs of equal seeds are still two runs
            seeds = [f"{i}: {seed}" for i, seed in enumerate(seeds, 1)]
        problems = [p for run in runs[1:] for p in _other_cases(runs[0], run)]
        if problems:
            raise InputError(problems)
        return cls(name, tuple(runs), tuple(seeds))


def _only_seed(table: Predictions) -> str:
    """Return the seed that stands in every row; empty where there is none."""
    found = set(table.frame["seed"]) if "seed" in table.frame.columns else set()
    return str(found.pop()) if len(found) == 1 else ""


def _disjoint(tables: Sequence[Predictions]) -> bool:
    ids = [sample for table in tables for sample in set(table.frame["sample_id"])]
    same_classes = len({table.classes for table in tables}) == 1
    return same_classes and len(set(ids)) == len(ids)


@dataclass(frozen=True, eq=False)
class PairedCases:
    """The cases of one level, answered by both arms.

    Attributes:
        classes: The ``k`` class names.
        target: ``(n,)`` class of the truth.
        a: ``(seeds, n, k)`` probabilities by A, to 12 digits.
        b: ``(seeds, n, k)`` by B.
        answer_a: ``(seeds, n)`` class of the largest probability of A; the first of equals.
        answer_b: The same of B.
        patient: ``(n,)`` number of the patient in ``0..patients-1``, by content.
        turned: Whether B comes before A where an order must not depend on who is called A.
    """

    classes: tuple[str, ...]
    target: Ints
    a: Floats
    b: Floats
    answer_a: Ints
    answer_b: Ints
    patient: Ints
    turned: bool

    @cached_property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.patient.max()) + 1

    @property
    def cases(self) -> int:
        """Number of cases."""
        return len(self.target)

    @property
    def clustered(self) -> bool:
        """Whether a patient has several cases."""
        return self.cases > self.patients

    @property
    def several_seeds(self) -> bool:
        """Whether an arm has more than one training seed."""
        return len(self.a) > 1 or len(self.b) > 1

    @cached_property
    def labels(self) -> Ints:
        """Stratum of each patient, ``(patients,)``."""
        return rarest_label(self.patient, self.target, self.patients, len(self.classes))

    @cached_property
    def carriers(self) -> Ints:
        """Number of patients that carry each class, ``(k,)``."""
        return carriers_of(self.patient, self.target, len(self.classes))

    @cached_property
    def has_single_truth(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether all images of a patient have one truth, ``(patients,)``."""
        lowest = np.full(self.patients, len(self.classes))
        highest = np.full(self.patients, -1)
        np.minimum.at(lowest, self.patient, self.target)
        np.maximum.at(highest, self.patient, self.target)
        return np.asarray(lowest == highest)

    def per_patient(self) -> PairedCases | None:
        """Return one case a patient: the mean probabilities of its images.

        Patients whose images have several truths are left out; None when fewer than two are left.
        """
        kept = np.flatnonzero(self.has_single_truth)
        if len(kept) < 2:
            return None
        images = np.bincount(self.patient, minlength=self.patients)
        target = np.zeros(self.patients, np.int64)
        target[self.patient] = self.target
        a, b = (_means(table, self.patient, images)[:, kept] for table in (self.a, self.b))
        return paired(self.classes, target[kept], a, b, np.arange(len(kept)))


def _means(table: Floats, patient: Ints, images: Ints) -> Floats:
    """Return the mean over each patient's images, ``(seeds, patients, k)``, to 12 digits."""
    sums = np.zeros((table.shape[0], len(images), table.shape[2]))
    for run, into in zip(table, sums, strict=True):
        order = np.lexsort((*run.T, patient))  # an order of its own: no last digit changes
        np.add.at(into, patient[order], run[order])
    means: Floats = (sums / images[:, None]).round(DIGITS)
    return means


def paired(
    classes: tuple[str, ...], target: Ints, a: Floats, b: Floats, patient: Ints
) -> PairedCases:
    """Put cases side by side; patients are renumbered by what they hold.

    Args:
        classes: ``k`` names.
        target: ``(n,)``.
        a: ``(seeds, n, k)``.
        b: ``(seeds, n, k)``.
        patient: ``(n,)`` any numbers.
    """
    wide = [np.hstack([target[:, None], *table]) for table in (a, b)]
    turned = _key(wide[0]) > _key(wide[1])
    content = np.hstack(wide[::-1] if turned else wide)
    numbers = canonical_patients(patient, content)
    return PairedCases(
        classes, target, a, b, a.argmax(axis=2), b.argmax(axis=2), numbers, bool(turned)
    )


def _key(content: Floats) -> bytes:
    """Return what orders two arms, whatever the order of rows."""
    rows = sorted(row.tobytes() for row in np.ascontiguousarray(content + 0.0))
    return hashlib.blake2b(b"".join(rows), digest_size=16).digest()


def pair(a: Arm, b: Arm, tree: LabelTree | None = None) -> list[tuple[Level, PairedCases]]:
    """Match the cases of two arms at every level of the tree that both can be folded to.

    Args:
        a: One arm.
        b: The other.
        tree: Label tree; None compares the classes as they are.

    Raises:
        InputError: The arms do not share their cases, truths, classes or patients.
    """
    problems = _other_cases(a.runs[0], b.runs[0])
    if problems:
        raise InputError(problems)
    order = sorted(set(a.runs[0].frame["sample_id"]))
    sorted_a, sorted_b = ([_sorted(run, order) for run in arm.runs] for arm in (a, b))
    patient = _patients([*sorted_a, *sorted_b])
    folded_a, folded_b = ([dict(folded_levels(r, tree)) for r in s] for s in (sorted_a, sorted_b))
    levels = [lv for lv in folded_a[0] if all(lv in other for other in (*folded_a, *folded_b))]
    found = []
    for level in levels:
        runs = [folded[level] for folded in (*folded_a, *folded_b)]
        if tree is None or len({run.classes for run in runs}) > 1:
            _refuse_other_classes(runs, tree)
        classes = runs[0].classes if len({r.classes for r in runs}) == 1 else _by_name(runs[0])
        if problems := [p for run in runs[1:] for p in _other_truth(runs[0], run)]:
            raise InputError(problems)
        tables = [_reordered(run, classes) for run in runs]
        target = np.array([classes.index(str(t)) for t in runs[0].frame["target"]])
        split = len(a.runs)
        cases = paired(classes, target, np.stack(tables[:split]), np.stack(tables[split:]), patient)
        found.append((level, cases))
    if not found:
        what = "the two have no level of the label tree in common"
        raise InputError(Problem(what, "fold one of them first", a.runs[0].path))
    return found


def _by_name(run: Predictions) -> tuple[str, ...]:
    return tuple(sorted(run.classes))


def _reordered(run: Predictions, classes: tuple[str, ...]) -> Floats:
    columns = [run.classes.index(name) for name in classes]
    table: Floats = run.probabilities[:, columns].round(DIGITS)
    return table


def _sorted(run: Predictions, order: list[str]) -> Predictions:
    place = {sample: i for i, sample in enumerate(run.frame["sample_id"])}
    rows = [place[sample] for sample in order]
    return replace(run, frame=run.frame.iloc[rows], probabilities=run.probabilities[rows])


def _other_cases(first: Predictions, other: Predictions) -> list[Problem]:
    """Return what each table has that the other lacks."""
    fix = "predict both on the same manifest and split"
    if not set(first.frame["sample_id"]) & set(other.frame["sample_id"]):
        fix = "their ids may be pseudonyms of two workspaces: predict both in one workspace"
    problems = []
    for run, rest in ((first, other), (other, first)):
        theirs = set(rest.frame["sample_id"])
        if lacking := [str(s) for s in run.frame["sample_id"] if s not in theirs]:
            what = f"{len(lacking)} of its {len(run)} cases are not in {rest.path}"
            problems.append(Problem(f"{what} ({_shown(lacking)})", fix, run.path))
    return problems


def _shown(names: Sequence[str]) -> str:
    more = ", …" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _other_truth(first: Predictions, other: Predictions) -> list[Problem]:
    """Return the cases of two tables in the same order whose truths differ."""
    rows = zip(first.frame["sample_id"], first.frame["target"], other.frame["target"], strict=True)
    if wrong := [f"{sample}: {one} / {two}" for sample, one, two in rows if one != two]:
        what = f"{len(wrong)} cases have another truth than in {first.path} ({_shown(wrong)})"
        return [Problem(what, "evaluate both against one reference standard", other.path)]
    return []


def _refuse_other_classes(runs: Sequence[Predictions], tree: LabelTree | None) -> None:
    first = runs[0]
    for run in runs[1:]:
        only = [
            f"only {where} has {', '.join(sorted(names))}"
            for where, names in (
                (first.path, set(first.classes) - set(run.classes)),
                (run.path, set(run.classes) - set(first.classes)),
            )
            if names
        ]
        if only:
            fix = "give --labels TREE to compare where the classes can be folded to the same"
            if tree is not None:
                fix = "train both on the same classes"
            raise InputError(Problem(f"classes differ: {'; '.join(only)}", fix))


def _patients(runs: Sequence[Predictions]) -> Ints:
    """Return who belongs to whom, ``(n,)``; a table without any patient follows the others.

    Raises:
        InputError: Two tables put the images together differently.
    """
    named = [run for run in runs if (run.frame["patient_id"] != "").any()] or list(runs)
    first = named[0].patients
    for run in named[1:]:
        together = np.unique(np.column_stack([first, run.patients]), axis=0)
        if len(together) > min(first.max(), run.patients.max()) + 1:
            rows = np.flatnonzero(_torn(first, run.patients) | _torn(run.patients, first))
            samples = [str(run.frame["sample_id"].iloc[row]) for row in rows]
            what = f"puts images together to other patients than {named[0].path}"
            fix = "give both the same patient_id"
            raise InputError(Problem(f"{what} ({_shown(samples)})", fix, run.path))
    return first


def _torn(one: Ints, other: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return the rows whose patient in `one` is several patients in `other`, ``(n,)``."""
    together = np.unique(np.column_stack([one, other]), axis=0)
    parts = np.bincount(together[:, 0])
    return np.asarray(parts[one] > 1)
