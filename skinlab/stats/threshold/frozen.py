"""Validation predictions -> what they froze (threshold, temperature); frozen -> numbers of a test.

A threshold or a temperature is chosen on validation once, stored (``operating_point.json``), and
only then is a test table judged by it. The file remembers which images chose, as hashes, so a table
that holds one of them is refused: a test set never chooses its own threshold unnoticed.

Several trained models (seeds, folds) have a threshold and a temperature each, chosen on their own
validation images; each judges its own rows. The decisions are then pooled: over folds they are one
table in which each image was decided once; over seeds the shares are averaged. A threshold of the
averaged models would belong to an ensemble that nobody trained.

Thresholds apply to the stored probabilities, which no temperature has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from skinlab.stats.cases import folded_levels
from skinlab.stats.counts import Floats
from skinlab.stats.rank import Bools
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.threshold.operating_point import OperatingPoint, choose, decided, two_sides
from skinlab.stats.threshold.temperature import Temperature, fit_temperature, tempered
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text, write_json
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions, image_hash

FILE = "operating_point.json"
KEY = ("seed", "fold")


@dataclass(frozen=True)
class Frozen:
    """What one model's validation images chose.

    Attributes:
        chosen_on: Name of the split or table.
        predictions: Fingerprint of those predictions.
        samples: Hash of each of those images, sorted.
        operating_point: The threshold; None where none was asked for.
        temperature: The temperature; None where none was asked for.
        seed: Training seed; empty where the model stands alone.
        fold: Fold; empty where the model stands alone.
    """

    chosen_on: str
    predictions: str
    samples: tuple[str, ...]
    operating_point: OperatingPoint | None = None
    temperature: Temperature | None = None
    seed: str = ""
    fold: str = ""

    @property
    def name(self) -> str:
        """``seed 0, fold 2``; empty for a model that stands alone."""
        parts = [f"{key} {value}" for key in KEY if (value := getattr(self, key))]
        return ", ".join(parts)


@dataclass(frozen=True)
class FrozenModels:
    """What the validation images of one or several models chose.

    Attributes:
        members: One, or one a seed and fold.
    """

    members: tuple[Frozen, ...]

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        write_json(path, {"members": [asdict(member) for member in self.members]})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            InputError: It is missing or something else.
        """
        try:
            members = json.loads(read_text(path))["members"]
            return cls(tuple(_member(dict(content)) for content in members))
        except (ValueError, KeyError, TypeError) as error:
            what = f"holds no operating point ({error})"
            fix = "give a run, or choose one with --choose-on VALIDATION.csv"
            raise InputError(Problem(what, fix, path)) from error

    @property
    def positive(self) -> str:
        """The class or group that is called; empty where no threshold was asked for."""
        return next((m.operating_point.positive for m in self.members if m.operating_point), "")

    def each(self, predictions: Predictions) -> Iterator[tuple[Frozen, Bools]]:
        """Yield each model with the rows that are its own; never a row that helped to choose.

        Raises:
            InputError: A row belongs to no model, or its image chose the threshold.
        """
        left = np.ones(len(predictions), bool)
        for member in self.members:
            own = _own_rows(member, predictions)
            if own.any():
                _refuse_choosers(member, predictions.where(own))
                yield member, own
            left &= ~own
        if left.any():
            names = "; ".join(member.name for member in self.members)
            what = f"{int(left.sum())} rows belong to none of the models {names}"
            fix = "fill the columns seed and fold, or give the operating point of one model"
            raise InputError(Problem(what, fix, predictions.path))

    def decisions(
        self, predictions: Predictions, tree: LabelTree | None
    ) -> tuple[Predictions | None, str]:
        """Return what each model decides of its own rows, or None with the reason.

        Raises:
            InputError: As `each`; or there is no such positive class.
        """
        if not self.positive:
            return None, "no operating point was chosen"
        sides = two_sides(predictions, tree, self.positive)
        if sides.classes[0] != self.positive:
            what = (
                f"the operating point calls {self.positive!r}, the label tree {sides.classes[0]!r}"
            )
            raise InputError(Problem(what, "give the label tree it was chosen with"))
        table = np.empty((len(sides), 2))
        for member, own in self.each(predictions):
            point = member.operating_point
            if point is None or point.threshold is None:
                reason = point.reason if point else "none was chosen"
                of = f" of {member.name}" if member.name else ""
                return None, f"no operating point{of}: {reason}"
            table[own] = decided(sides.where(own), point).probabilities
        return replace(sides, probabilities=table), ""

    def rescaled(self, predictions: Predictions) -> Predictions | None:
        """Return each model's rows at its own temperature; None where a model has none."""
        if any(member.temperature is None for member in self.members):
            return None
        table: Floats = np.empty_like(predictions.probabilities)
        for member, own in self.each(predictions):
            assert member.temperature is not None
            table[own] = tempered(predictions.probabilities[own], member.temperature.value)
        return replace(predictions, probabilities=table)


def freeze(
    predictions: Predictions,
    tree: LabelTree | None,
    spec: EvaluationSpec,
    *,
    chosen_on: str = "val",
    positive: str = "",
) -> Frozen:
    """Choose threshold and temperature on validation predictions of one model.

    Args:
        predictions: Of images that no test will hold.
        tree: Names the positive group; None: `positive` does.
        spec: Rule and whether a temperature is fitted.
        chosen_on: Name of the split or table.
        positive: Positive class where there is no tree.

    Raises:
        InputError: There is no such positive class.
    """
    point = None
    if spec.operating_point.rule != "none":
        if (
            tree is not None
            and tree.positive not in folded_levels(predictions, tree)[-1][1].classes
        ):
            reason = f"every class of the table is {tree.positive!r}, or none is"
            point = OperatingPoint(None, str(spec.operating_point), tree.positive, reason=reason)
        else:
            point = choose(two_sides(predictions, tree, positive), spec.operating_point)
    fitted = spec.temperature == "validation"
    return Frozen(
        chosen_on,
        predictions.fingerprint,
        tuple(sorted(set(_hashes(predictions)))),
        point,
        fit_temperature(predictions.probabilities, predictions.target) if fitted else None,
    )


def _hashes(predictions: Predictions) -> list[str]:
    rows = zip(predictions.frame["sample_id"], predictions.frame["patient_id"], strict=True)
    return [image_hash(str(sample), str(patient)) for sample, patient in rows]


def _refuse_choosers(member: Frozen, predictions: Predictions) -> None:
    known = set(member.samples)
    shared = sum(h in known for h in _hashes(predictions))
    if shared or predictions.fingerprint == member.predictions:
        what = (
            f"{shared or len(predictions)} of its {len(predictions)} images chose the operating "
            f"point themselves (on {member.chosen_on!r})"
        )
        fix = "evaluate images that did not, or leave the operating point out"
        raise InputError(Problem(what, fix, predictions.path))


def _own_rows(member: Frozen, predictions: Predictions) -> Bools:
    own = np.ones(len(predictions), bool)
    for key in KEY:
        if value := getattr(member, key):
            if key not in predictions.frame.columns:
                return np.zeros(len(predictions), bool)
            own &= (predictions.frame[key] == value).to_numpy(bool)
    return own


def _member(content: dict[str, Any]) -> Frozen:
    point, heat = content.pop("operating_point", None), content.pop("temperature", None)
    samples = tuple(str(sample) for sample in content.pop("samples"))
    return Frozen(
        samples=samples,
        operating_point=OperatingPoint(**point) if point else None,
        temperature=Temperature(**heat) if heat else None,
        **content,
    )
