"""Manifest -> the same with stratified splits or folds; a group is never in two of them.

Groups (`Manifest.groups`: patient, else lesion, else near-duplicates, else image) are given out one
by one, those of the rarest class first, each to the split that lacks its classes most: iterative
stratification (Sechidis, Tsoumakas, Vlahavas 2011) for groups. A short local search follows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.manifest import SPLITS, Manifest

FRACTIONS = (0.7, 0.15, 0.15)
PASSES = 3  # of the local search; it hardly ever moves anything after the second


@dataclass(frozen=True)
class Plan:
    """What to split into.

    Attributes:
        names: The splits.
        shares: Part of the images each is to get; sums to 1.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, fractions: Sequence[float], folds: int, test: float) -> Plan:
        """Return the plan of the arguments of `split`.

        Raises:
            InputError: They are no shares, or too few folds.
        """
        if folds:
            if folds < 3 or not 0 <= test < 1:
                what = f"{folds} folds with a test share of {test:g}"
                fix = "give 3 folds or more (test, validation, training) and 0 <= test < 1"
                raise InputError(Problem(f"cannot split into {what}", fix))
            names = [str(fold) for fold in range(folds)]
            shares = [(1 - test) / folds] * folds
            extra = (("test",), (test,)) if test else ((), ())
            return cls((*names, *extra[0]), (*shares, *extra[1]))
        total = sum(fractions)
        if len(fractions) != 3 or abs(total - 1) > 1e-6 or min(fractions) < 0 or fractions[0] == 0:
            what = f"fractions {tuple(fractions)} are not shares of train, val and test"
            raise InputError(Problem(what, "give three that sum to 1, such as 0.7,0.15,0.15"))
        kept = [(n, s) for n, s in zip(SPLITS, fractions, strict=True) if s > 0]
        return cls(tuple(n for n, _ in kept), tuple(s for _, s in kept))


def split(
    manifest: Manifest,
    tree: LabelTree | None = None,
    *,
    fractions: Sequence[float] = FRACTIONS,
    folds: int = 0,
    test: float = 0.0,
    seed: int = 0,
) -> Manifest:
    """Return the manifest with a new ``split`` column, the same whatever the order of its rows.

    Args:
        manifest: Any splits it has are replaced.
        tree: Classes (its diagnoses) to balance; None takes the diagnoses as they stand.
        fractions: Shares of the images for train, val and test.
        folds: Number of folds instead; 0 uses `fractions`.
        test: Share held out as ``test`` beside the folds.
        seed: Another seed is another split.

    Raises:
        InputError: Bad rows (but for the splits they had), unknown diagnoses, or every class with
            fewer groups than splits.
    """
    plan = Plan.of(fractions, folds, test)
    labels = _labels(manifest, tree, "diagnosis")
    names = sorted(set(manifest.groups), key=lambda name: digest(str(seed), name))
    classes = sorted(set(labels))
    position = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(classes)))
    for group, label in zip(manifest.groups, labels, strict=True):
        counts[position[group], classes.index(label)] += 1
    _refuse_small(manifest, classes, counts, len(plan.names))
    chosen = assign(counts, plan.shares)
    if missing := list(_missing(chosen, counts, classes, plan.names)):
        fix = "join these classes with others, or use fewer splits"
        raise InputError(
            Problem(f"cannot give each split every class: {', '.join(missing)}", fix, manifest.path)
        )
    names_of = [plan.names[chosen[position[group]]] for group in manifest.groups]
    made = manifest.with_column("split", names_of)
    if problems := list(made.problems()):
        raise InputError(problems)
    return made


def assign(counts: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.int64]:
    """Give each group to a split so that every class comes close to its shares.

    Args:
        counts: ``(n_groups, n_classes)``, images of each class in each group.
        shares: ``(n_splits,)``, sums to 1.

    Returns:
        ``(n_groups,)``, the split of each group.
    """
    totals = counts.sum(axis=0)
    # A last column, all images, keeps the sizes right beside the classes.
    weighed = np.column_stack([counts / totals, counts.sum(axis=1) / totals.sum()])
    wanted = np.asarray(shares, dtype=float)[:, None]
    have = np.zeros((len(shares), weighed.shape[1]))
    present = counts > 0
    left = present.sum(axis=0)
    holds = np.zeros((len(shares), counts.shape[1]), dtype=np.int64)
    chosen = np.full(len(counts), -1, dtype=np.int64)
    for group in _rarest_first(counts):
        cost = _cost(have, weighed[group], wanted)
        cost[~_allowed(holds, left, present[group])] = np.inf
        best = int(np.argmin(cost))
        chosen[group] = best
        have[best] += weighed[group]
        holds[best] += present[group]
        left -= present[group]
    _improve(chosen, weighed, wanted, present)
    return chosen


def _rarest_first(counts: NDArray[np.float64]) -> list[int]:
    """Return the groups by the rarest class in each, then the large ones first."""
    present = counts > 0
    groups_of = present.sum(axis=0)
    rarity = np.where(present, groups_of, len(counts) + 1).min(axis=1)
    return [int(i) for i in np.lexsort((np.arange(len(counts)), -counts.sum(axis=1), rarity))]


def _cost(
    have: NDArray[np.float64], more: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``(n_splits,)``: change of the squared deviation, relative to each split's share."""
    before, after = have - wanted, have + more - wanted
    return np.asarray(((after**2 - before**2) / wanted).sum(axis=1))


def _allowed(
    holds: NDArray[np.int64], left: NDArray[np.int64], present: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which splits may take a group without leaving another split without a class.

    Args:
        holds: ``(n_splits, n_classes)``, groups of each class that each split has.
        left: ``(n_classes,)``, groups of each class that are not given out yet.
        present: ``(n_classes,)``, classes of the group.
    """
    lacks = holds == 0
    scarce = present & (left <= lacks.sum(axis=0))
    allowed = np.ones(len(holds), dtype=bool)
    for label in sorted(np.flatnonzero(scarce), key=lambda c: left[c]):
        both = allowed & lacks[:, label]
        allowed = both if both.any() else allowed
    return allowed


def _improve(
    chosen: NDArray[np.int64],
    weighed: NDArray[np.float64],
    wanted: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """Move single groups to where they fit better, in place, never taking a split's last one."""
    splits = len(wanted)
    have = np.stack([weighed[chosen == s].sum(axis=0) for s in range(splits)])
    holds = np.stack([present[chosen == s].sum(axis=0) for s in range(splits)])
    for _ in range(PASSES):
        moved = 0
        for group in range(len(chosen)):
            old = chosen[group]
            if (holds[old][present[group]] <= 1).any():
                continue
            have[old] -= weighed[group]
            new = int(
                np.argmin(_cost(have, weighed[group], wanted) - 1e-12 * (np.arange(splits) == old))
            )
            have[new] += weighed[group]
            if new != old:
                holds[old] -= present[group]
                holds[new] += present[group]
                chosen[group] = new
                moved += 1
        if not moved:
            return


def _labels(manifest: Manifest, tree: LabelTree | None, level: Level) -> list[str]:
    if tree is None:
        return manifest.column("diagnosis")
    names = tree.classes(level)
    return [names[target] for target in tree.targets(manifest, level)]


def _refuse_small(
    manifest: Manifest, classes: list[str], counts: NDArray[np.float64], splits: int
) -> None:
    if not len(manifest):
        raise InputError(Problem("has no rows to split", "", manifest.path))
    groups = (counts > 0).sum(axis=0)
    small = [
        Problem(
            f"class {name!r} has {n} {manifest.group_kind}(s) for {splits} splits",
            "join it with another class, leave it out, or use fewer splits",
            manifest.path,
        )
        for name, n in zip(classes, groups, strict=True)
        if n < splits
    ]
    if small:
        raise InputError(small)


def _missing(
    chosen: NDArray[np.int64], counts: NDArray[np.float64], classes: list[str], names: Sequence[str]
) -> Iterator[str]:
    for number, name in enumerate(names):
        inside = (counts[chosen == number] > 0).any(axis=0)
        yield from (f"{classes[c]} in {name}" for c in np.flatnonzero(~inside))


def safety_note(manifest: Manifest) -> Problem | None:
    """Return why a split of this manifest is not proven to be patient-safe; None where it is."""
    blank = manifest.column("patient_id").count("")
    if not blank:
        return None
    what = (
        f"the split is not proven to be patient-safe: patient_id is blank in {blank} of "
        f"{len(manifest)} rows, which are kept together by {manifest.group_kind}"
    )
    return Problem(what, "add patient ids where they are known", manifest.path)


def split_table(manifest: Manifest, tree: LabelTree | None = None) -> pd.DataFrame:
    """Count patients, lesions, groups and images by split and class.

    The rows of the split ``all`` prove that the splits are disjoint: their patients, lesions and
    groups are the sums over the splits, which can only be when nobody is counted twice.

    Returns:
        Columns ``split, class, patients, lesions, groups, images, share``; the share is the split's
        part of that class's images. The class ``all`` counts everything once.
    """
    labels = _labels(manifest, tree, "diagnosis")
    rows = pd.DataFrame(
        {
            "split": manifest.column("split"),
            "class": labels,
            "patients": manifest.column("patient_id"),
            "lesions": manifest.column("lesion_id"),
            "groups": list(manifest.groups),
        }
    )
    order = list(tree.classes("diagnosis")) if tree else sorted(set(labels))
    classes = [*(name for name in order if name in set(labels)), "all"]
    totals = Counter(labels) + Counter({"all": len(labels)})
    table = []
    for name in [*_split_order(rows["split"]), "all"]:
        inside = rows if name == "all" else rows[rows["split"] == name]
        for label in classes:
            mine = inside if label == "all" else inside[inside["class"] == label]
            distinct = {c: _distinct(mine[c]) for c in ("patients", "lesions", "groups")}
            share = round(len(mine) / totals[label], 4)
            table.append(
                {"split": name, "class": label, **distinct, "images": len(mine), "share": share}
            )
    return pd.DataFrame(table)


def shared(manifest: Manifest) -> Mapping[str, int]:
    """Return how many patients, lesions, groups and equal files stand in more than one split."""
    columns = {
        "patients": manifest.column("patient_id"),
        "lesions": manifest.column("lesion_id"),
        "near-duplicate groups": manifest.column("duplicate_group"),
        "equal files": manifest.column("sha256"),
        "groups": list(manifest.groups),
    }
    found = {}
    for name, values in columns.items():
        splits: dict[str, set[str]] = defaultdict(set)
        for value, place in zip(values, manifest.column("split"), strict=True):
            if value:
                splits[value].add(place)
        found[name] = sum(len(places) > 1 for places in splits.values())
    return found


def _split_order(values: pd.Series[str]) -> list[str]:
    """Return the splits: train, val, test, then folds by number."""
    known = {name: (1, i) for i, name in enumerate(SPLITS)}
    return sorted(set(values), key=lambda v: (0, int(v)) if v.isdigit() else known.get(v, (2, 0)))


def _distinct(values: pd.Series[str]) -> int:
    return len(set(values) - {""})
