"""The label tree: fine categories ▸ diagnoses ▸ groups (benign/malignant), declared once in YAML.

    positive: malignant
    classes:
      malignant:
        melanoma: {superficial: [SSM], nodular: [NM]}   # diagnosis with two fine categories
        BCC: [basal cell carcinoma]                     # one fine category of the same name
      benign:
        nevus: []

The names in brackets are the raw names that mean the category. A folded probability is the sum over
its leaves.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest, read_text
from skinlab.tables.manifest import Manifest

Level = Literal["fine", "diagnosis", "group"]
LEVELS: tuple[Level, ...] = ("fine", "diagnosis", "group")


def canonical(name: str) -> str:
    """Return the form in which raw names are compared: NFKC, case folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())


@dataclass(frozen=True)
class Leaf:
    """A fine category with its way up the tree and the raw names that mean it."""

    fine: str
    diagnosis: str
    group: str
    raw: tuple[str, ...] = ()

    def at(self, level: Level) -> str:
        """Return the name of this category at a level."""
        return {"fine": self.fine, "diagnosis": self.diagnosis, "group": self.group}[level]


class _OnceLoader(yaml.SafeLoader):
    """The safe loader, but a name that stands twice is refused instead of lost, and stays text.

    YAML 1.1 reads ``NO`` and ``on`` as false and true; both are names of diagnoses.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a repeated key."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a name is a list or a mapping", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# Every plain word is text: a diagnosis is no boolean, number, date or null.
_OnceLoader.yaml_implicit_resolvers = {}


@dataclass(frozen=True)
class LabelTree:
    """All classes of a task; the positive group is always named."""

    leaves: tuple[Leaf, ...]
    positive: str
    path: Path = Path()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a tree from YAML.

        Raises:
            InputError: The file is not such a tree, or a name means two things.
        """
        try:
            document = yaml.load(read_text(path), Loader=_OnceLoader)  # noqa: S506, RUF100  safe
        except yaml.YAMLError as error:
            raise InputError(Problem(f"is not YAML ({error})", "check the indent", path)) from error
        if not isinstance(document, dict) or set(document) != {"positive", "classes"}:
            raise InputError(
                Problem("is not a label tree", "give `positive:` and `classes:`", path)
            )
        leaves = tuple(_leaves(document["classes"], path))
        tree = cls(leaves, str(document["positive"]), path)
        if tree.positive not in tree.classes("group"):
            what = f"positive class {tree.positive!r} is not one of the groups"
            raise InputError(Problem(what, f"use one of {tree.classes('group')}", path))
        _ = tree.by_raw
        return tree

    def classes(self, level: Level) -> tuple[str, ...]:
        """Return the class names of a level in the order of the file."""
        return tuple(dict.fromkeys(leaf.at(level) for leaf in self.leaves))

    @property
    def negative(self) -> str:
        """What the classes that are not positive are called together."""
        others = [name for name in self.classes("group") if name != self.positive]
        return others[0] if len(others) == 1 else f"not {self.positive}"

    @cached_property
    def by_raw(self) -> dict[str, Leaf]:
        """Each raw name in its canonical form -> its leaf."""
        names: dict[str, Leaf] = {}
        for leaf in self.leaves:
            for raw in dict.fromkeys(canonical(name) for name in (leaf.fine, *leaf.raw)):
                if raw in names:
                    what = f"raw name {raw!r} means both {names[raw].fine!r} and {leaf.fine!r}"
                    raise InputError(Problem(what, "keep it under one of them", self.path))
                names[raw] = leaf
        return names

    def leaf(self, raw: str) -> Leaf:
        """Return the leaf a raw name means.

        Raises:
            KeyError: No leaf has that name; the message suggests the nearest one.
        """
        try:
            return self.by_raw[canonical(raw)]
        except KeyError:
            near = difflib.get_close_matches(canonical(raw), self.by_raw, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.by_raw)}"
            raise KeyError(f"unknown diagnosis {raw!r}; {hint}") from None

    def targets(self, manifest: Manifest, level: Level) -> NDArray[np.int64]:
        """Return each row's class index at a level, shape ``(n,)``.

        Raises:
            InputError: Every row whose diagnosis is not in the tree.
        """
        index = {name: i for i, name in enumerate(self.classes(level))}
        targets, problems = [], []
        rows = zip(manifest.frame.index, manifest.column("diagnosis"), strict=True)
        for line, raw in rows:
            try:
                targets.append(index[self.leaf(raw).at(level)])
            except KeyError as error:
                what, fix = str(error.args[0]).split("; ", 1)
                where = f"{fix} (label tree {self.path.name})"
                problems.append(Problem(what, where, manifest.path, int(line)))
        if problems:
            raise InputError(problems)
        return np.array(targets, dtype=np.int64)

    def fold(self, start: Level, end: Level) -> NDArray[np.float64]:
        """Return the 0/1 matrix that sums probabilities of one level into a coarser one.

        Returns:
            ``(n_start, n_end)``; ``probs @ fold`` are the folded probabilities.
        """
        rows, columns = self.classes(start), self.classes(end)
        matrix = np.zeros((len(rows), len(columns)))
        for leaf in self.leaves:
            matrix[rows.index(leaf.at(start)), columns.index(leaf.at(end))] = 1.0
        if (matrix.sum(axis=1) > 1).any():
            raise ValueError(f"level {start} cannot be folded into {end}: it is not finer")
        return matrix

    def level_of(self, classes: Sequence[str]) -> Level | None:
        """Return the level whose classes these are, in any order; None when there is none."""
        return next((lv for lv in LEVELS if set(self.classes(lv)) == set(classes)), None)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the whole tree."""
        return digest(
            self.positive, *(repr((x.fine, x.diagnosis, x.group, x.raw)) for x in self.leaves)
        )


def _leaves(classes: Any, path: Path) -> list[Leaf]:
    leaves: list[Leaf] = []
    if not isinstance(classes, dict) or not classes:
        raise InputError(Problem("`classes:` is empty", "give groups with diagnoses", path))
    for group, diagnoses in classes.items():
        if not isinstance(diagnoses, dict) or not diagnoses:
            raise InputError(
                Problem(f"group {group!r} has no diagnoses", "name them below it", path)
            )
        for diagnosis, fine in diagnoses.items():
            below = fine if isinstance(fine, dict) else {diagnosis: fine or []}
            for name, raw in below.items():
                if isinstance(raw, dict):
                    what = f"{name!r} has names below the fine category"
                    raise InputError(Problem(what, "give its raw names in brackets", path))
                names = tuple(
                    str(r) for r in (raw if isinstance(raw, list) else [raw] if raw else [])
                )
                leaves.append(Leaf(str(name), str(diagnosis), str(group), names))
    fine_names = [leaf.fine for leaf in leaves]
    if repeated := {name for name in fine_names if fine_names.count(name) > 1}:
        what = f"fine categories {sorted(repeated)} stand twice"
        raise InputError(Problem(what, "name each once", path))
    parents: dict[str, str] = {}
    for leaf in leaves:
        if parents.setdefault(leaf.diagnosis, leaf.group) != leaf.group:
            what = (
                f"diagnosis {leaf.diagnosis!r} is both {parents[leaf.diagnosis]} and {leaf.group}"
            )
            raise InputError(Problem(what, "rename one of them", path))
    return leaves
