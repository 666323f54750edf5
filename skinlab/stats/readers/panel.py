"""Readers' answers and a model's predictions -> both on the same cases, as arrays."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinlab.stats.bootstrap import canonical_patients
from skinlab.stats.cases import DIGITS, folded_levels, repetitions
from skinlab.stats.counts import Floats, Ints
from skinlab.tables.answers import Answers
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.labels import LabelTree, canonical
from skinlab.tables.predictions import Predictions

Names = NDArray[np.str_]
NOT_ANSWERED = -1
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Panel:
    """People and a model on the ``n`` cases that at least one of ``r`` readers was shown.

    Attributes:
        readers: Names of the readers.
        about: Reader -> what is known (``group``); blank where nothing is.
        positive: The positive class, or empty where none was named.
        level: Level at which a diagnosis is right or wrong.
        patient: ``(n,)`` numbers ``0..m-1``.
        truth: ``(n,)`` names of the diagnoses.
        named: ``(r, n)`` names that the readers answered; empty where they gave none.
        model: ``(n,)`` names that the model answered.
        sick: ``(n,)`` whether the truth is positive.
        called: ``(r, n)`` 1 called positive, 0 called negative, -1 not answered.
        alarm: ``(n,)`` whether the model calls positive.
        score: ``(n,)`` the model's probability of the positive class.
        unseen: Images of the predictions that no reader was shown.
        rule: How the model calls positive, in words.
    """

    readers: tuple[str, ...]
    about: tuple[str, ...]
    positive: str
    level: str
    patient: Ints
    truth: Names
    named: Names
    model: Names
    sick: NDArray[np.bool_]
    called: NDArray[np.int8]
    alarm: NDArray[np.bool_]
    score: Floats
    unseen: int
    rule: str

    @property
    def patients(self) -> int:
        """Number of patients."""
        return int(self.patient.max()) + 1


def panel(
    answers: Answers,
    predictions: Predictions,
    tree: LabelTree | None = None,
    *,
    positive: str = "",
    threshold: float | None = None,
) -> Panel:
    """Bring readers and model to the same cases and the same names.

    An answer may name a class of any level of the tree, or a raw name; it is understood as a
    diagnosis where it can be, else as a group, which says nothing about the diagnosis.

    Args:
        answers: The readers.
        predictions: The model, each image once.
        tree: Label tree; None compares the names as they stand.
        positive: The positive class where there is no tree.
        threshold: Probability from which the model calls positive; None takes its first answer.

    Raises:
        InputError: Unknown cases or answers (all of them), or predictions of several models.
    """
    if len(repetitions(predictions)[1]) > 1:
        fix = "give the predictions of one model, or average them first"
        raise InputError(Problem("holds several models", fix, predictions.path))
    positive = tree.positive if tree else positive
    diagnoses, groups = _levels(predictions, tree, positive)
    rows = {sample: i for i, sample in enumerate(predictions.frame["sample_id"])}
    _refuse_other_cases(answers, rows)
    cases = sorted({rows[sample] for sample in answers.frame["sample_id"]})
    place = {row: i for i, row in enumerate(cases)}
    named, called = _given(answers, rows, place, _meaning(diagnoses[1], tree, positive))
    kept = np.isin(np.arange(len(predictions)), cases)
    diagnosis, group = diagnoses[1].where(kept), groups.where(kept)
    score = _probability(group, positive)
    alarm = _first(group, positive)
    if threshold is not None:
        alarm = score.round(DIGITS) >= round(threshold, DIGITS)
    truth = np.array([str(t) for t in diagnosis.frame["target"]])
    codes = np.unique(np.concatenate([named, truth[None]]), return_inverse=True)[1]
    table = codes.reshape(len(named) + 1, -1).T
    content = np.column_stack([table, called.T, score]).astype(float)
    return Panel(
        readers=answers.readers,
        about=_about(answers),
        positive=positive,
        level=diagnoses[0],
        patient=canonical_patients(diagnosis.patients, content),
        truth=truth,
        named=named,
        model=np.array([diagnosis.classes[a] for a in diagnosis.answer]),
        sick=np.array([str(t) == positive for t in group.frame["target"]]),
        called=called,
        alarm=alarm,
        score=score,
        unseen=len(predictions) - len(cases),
        rule="its first answer" if threshold is None else f"p({positive}) >= {threshold:g}",
    )


def _levels(
    predictions: Predictions, tree: LabelTree | None, positive: str
) -> tuple[tuple[str, Predictions], Predictions]:
    """Return the diagnoses (or the coarsest there is) with their level, and the groups."""
    levels = folded_levels(predictions, tree)
    found = next(((lv, p) for lv, p in levels if lv != "fine"), levels[-1])
    if positive and not any(positive in p.classes for _, p in levels):
        what = f"no class is called {positive!r}"
        fix = f"it has {', '.join(levels[-1][1].classes)}"
        raise InputError(Problem(what, fix, predictions.path))
    return (found[0], found[1]), levels[-1][1]


def _refuse_other_cases(answers: Answers, rows: Mapping[str, int]) -> None:
    frame = answers.frame
    bad = [
        (line, sample)
        for line, sample in zip(frame.index.tolist(), frame["sample_id"], strict=True)
        if sample not in rows
    ]
    fix = "leave these rows out, or give the predictions that hold the case"
    problems = [
        Problem(f"case {sample!r} is not in the predictions", fix, answers.path, line)
        for line, sample in bad[:SHOWN]
    ]
    if len(bad) > SHOWN:
        problems.append(Problem(f"and {len(bad) - SHOWN} more such rows", "", answers.path))
    if problems:
        raise InputError(problems)


def _meaning(
    predictions: Predictions, tree: LabelTree | None, positive: str
) -> Callable[[str], tuple[str, int]]:
    """Return what turns an answer into the name of a diagnosis and 1, 0 or -1 (positive or not)."""
    known: dict[str, tuple[str, int]] = {}
    if tree is None:
        known = {canonical(c): (c, int(c == positive)) for c in predictions.classes}
    else:
        coarse = set(predictions.classes) <= set(tree.classes("group"))
        for name, leaf in tree.by_raw.items():
            known[name] = (leaf.group if coarse else leaf.diagnosis, int(leaf.group == positive))
        for leaf in tree.leaves:
            own = leaf.group if coarse else ""
            known[canonical(leaf.group)] = (own, int(leaf.group == positive))
        for leaf in tree.leaves:
            own = leaf.group if coarse else leaf.diagnosis
            known[canonical(leaf.diagnosis)] = (own, int(leaf.group == positive))

    def meaning(answer: str) -> tuple[str, int]:
        if canonical(answer) in known:
            return known[canonical(answer)]
        near = difflib.get_close_matches(canonical(answer), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise KeyError(hint)

    return meaning


def _given(
    answers: Answers,
    rows: Mapping[str, int],
    place: Mapping[int, int],
    meaning: Callable[[str], tuple[str, int]],
) -> tuple[Names, NDArray[np.int8]]:
    """Return ``(r, n)`` names and calls."""
    readers = {name: i for i, name in enumerate(answers.readers)}
    named = np.full((len(readers), len(place)), "", dtype=object)
    called = np.full(named.shape, NOT_ANSWERED, dtype=np.int8)
    problems = []
    frame = answers.frame
    columns = (frame.index.tolist(), frame["reader"], frame["sample_id"], frame["answer"])
    for line, reader, sample, answer in zip(*columns, strict=True):
        if not answer:
            continue
        cell = readers[reader], place[rows[sample]]
        try:
            named[cell], called[cell] = meaning(answer)
        except KeyError as error:
            what = f"unknown answer {answer!r}"
            problems.append(Problem(what, str(error.args[0]), answers.path, line))
    if problems:
        raise InputError(problems)
    return named.astype(str), called


def _probability(predictions: Predictions, positive: str) -> Floats:
    if positive not in predictions.classes:
        return np.zeros(len(predictions))
    column: Floats = predictions.probabilities[:, predictions.classes.index(positive)]
    return column


def _first(predictions: Predictions, positive: str) -> NDArray[np.bool_]:
    return np.array([predictions.classes[a] == positive for a in predictions.answer])


def _about(answers: Answers) -> tuple[str, ...]:
    """Return the group of each reader, several joined."""
    if "group" not in answers.frame.columns:
        return ("",) * len(answers.readers)
    frame = answers.frame
    said = {reader: frame.loc[frame["reader"] == reader, "group"] for reader in answers.readers}
    return tuple(" / ".join(dict.fromkeys(filter(None, groups))) for groups in said.values())
