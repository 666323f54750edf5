"""Cells against each other: copies, numbers of no image, counts that cannot be, hidden changes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from skinlab.stats.audit.finding import Finding
from skinlab.stats.audit.printed import EXACT, OVERALL_RECALL, RECALL, Cell
from skinlab.stats.factors.words import enumerated

SAME_MEAN, BIG_CHANGE = 0.02, 0.10
Row = Mapping[tuple[str, str], Cell]


def by_label(cells: Sequence[Cell]) -> dict[str, dict[tuple[str, str], Cell]]:
    """Return the cells of each row of the table, by metric and class."""
    rows: dict[str, dict[tuple[str, str], Cell]] = defaultdict(dict)
    for cell in cells:
        rows[cell.label][cell.metric, cell.class_name] = cell
    return dict(rows)


def same_by_definition(cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """Return pairs of columns that are equal in every row because they are one number.

    The specificity of a class is the recall of the only other one: (specificity column, recall
    column) where all rows agree in all digits and at least one row has them.
    """
    rows = list(by_label(cells).values())
    found = []
    for key in rows[0] if rows else ():
        if key[0] != "specificity":
            continue
        for other in rows[0]:
            if other[0] in RECALL and other[1] not in ("", key[1]):
                pairs = [(r[key], r[other]) for r in rows if key in r and other in r]
                if len(pairs) == len(rows) and all(_same(a, b) for a, b in pairs):
                    found.append((rows[0][key].column, rows[0][other].column))
    return tuple(found)


def identical(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find cells of a row, or of a column, with the same estimate and both limits.

    Equal cells whose n is printed and equal are possible and common in small tests; they are not
    reported, nor are estimates of 0 and 1.
    """
    explained = same_by_definition(cells)
    for specificity, recall in explained:
        positive, negative = specificity.partition(" of ")[2], recall.partition(" of ")[2]
        yield Finding(
            "note",
            "one number twice",
            f"{specificity} and {recall}",
            "equal in every row, limits included",
            f"so the positive class is {positive!r}, its specificity is the recall of "
            f"{negative!r}, and the accuracy of a class is its recall",
            "print the positive class",
        )
    for cells_of_row in by_label(cells).values():
        groups: dict[tuple[float | None, ...], list[Cell]] = defaultdict(list)
        for cell in cells_of_row.values():
            groups[cell.value, cell.low, cell.high].append(cell)
        for group in groups.values():
            columns = [c.column for c in group]
            doubled = {s for s, r in explained if s in columns and r in columns}
            group = [c for c in group if c.column not in doubled]
            if len(group) > 1 and _is_copy(group):
                yield _copied(group)
    yield from _copied_rows(cells)


def _copied_rows(cells: Sequence[Cell]) -> Iterator[Finding]:
    columns: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        columns[cell.column].append(cell)
    for group in columns.values():
        for i, cell in enumerate(group):
            twins = [c for c in group[i + 1 :] if _same(c, cell)]
            if twins and _is_copy([cell, *twins]):
                yield _copied([cell, *twins])


def _is_copy(group: Sequence[Cell]) -> bool:
    value = group[0].value
    if value is None or value in (0.0, 1.0) or group[0].limits is None:
        return False
    return not any(_one_size(sizes) for sizes in _sizes(group))


def _sizes(group: Sequence[Cell]) -> tuple[set[int | None], set[int | None]]:
    return {c.n_images for c in group}, {c.n_patients for c in group}


def _one_size(sizes: set[int | None]) -> bool:
    return len(sizes) == 1 and None not in sizes


def _copied(group: Sequence[Cell]) -> Finding:
    cell = group[0]
    columns = list(dict.fromkeys(c.column for c in group))
    rows = list(dict.fromkeys(c.label for c in group))
    where = f"{enumerated(rows)}, {enumerated(columns)}" if cell.label else enumerated(columns)
    unknown = any(None in sizes for sizes in _sizes(group))
    sized = "without n" if unknown else "with different n, so it is not the same count"
    times = "twice" if len(group) == 2 else f"{len(group)} times"
    return Finding(
        "suspicious",
        "identical cells",
        where,
        f"{cell.value:.4g} ({cell.low:.4g}-{cell.high:.4g}) stands {times} {sized}",
        "possible with the same n and the same hits, but a copy error is as likely",
        "compare with the confusion matrix; print n",
        {"value": cell.value, "columns": columns, "rows": rows},
    )


def _same(a: Cell, b: Cell) -> bool:
    return (a.value, a.low, a.high) == (b.value, b.low, b.high)


def no_image(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find numbers of no image, intervals of one patient, more patients than images."""
    for cell in cells:
        if cell.value is not None and 0 in (cell.n_images, cell.n_patients):
            yield Finding(
                "impossible",
                "undefined shown as a number",
                cell.where,
                f"{cell.value:g} of n = 0",
                "0/0 has no value; shown as 0 or 1 it also bends every average it enters",
                "leave it empty and say n = 0; average over the classes that occur",
            )
        elif cell.n_patients == 1 and cell.limits is not None and cell.value is not None:
            what = "an interval of one patient"
            why = "one patient tells nothing about others"
            yield Finding("suspicious", "one patient", cell.where, what, why, "leave it out")
        one = cell.repeats == 1  # else n_images is a mean over seeds
        if one and cell.n_images and cell.n_patients and cell.n_patients > cell.n_images:
            what = f"{cell.n_patients} patients have {cell.n_images} images"
            why = "every patient in the denominator has an image"
            yield Finding("impossible", "sums", cell.where, what, why, "count again")


def no_count(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find shares that no whole number of hits among the printed n gives (GRIM)."""
    for cell in cells:
        n = cell.n_images
        if cell.value is None or not n or not cell.is_proportion or cell.repeats > 1:
            continue
        slack = cell.half * (1 + 1e-6)
        hits = [math.floor(cell.value * n), math.ceil(cell.value * n)]
        if all(abs(k / n - cell.value) > slack for k in hits):
            near = ", ".join(f"{k}/{n} = {k / n:.4f}" for k in hits)
            yield Finding(
                "impossible",
                "no whole number of hits",
                cell.where,
                f"{cell.value:g} of {n} images; the nearest are {near}",
                "a share of n images is a whole number divided by n",
                "see whether n is that of the denominator, or whether the number is an average",
            )


def sums(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find n that do not add up and averages that are not those of their classes."""
    for label, row in by_label(cells).items():
        metric, classes = _recalls(row)
        if len(classes) < 2:
            continue
        values = [c.value or 0.0 for c in classes]
        slack = max(c.half for c in classes)
        for name in OVERALL_RECALL:
            whole = row.get((name, ""))
            mean = math.fsum(values) / len(values)
            if whole is not None and whole.value is not None:
                yield from _differs(whole, mean, slack, f"the mean of {metric} over the classes")
        whole = row.get(("accuracy", ""))
        sizes = [c.n_images for c in classes]
        known = [n for n in sizes if n is not None]
        if whole is None or whole.value is None or len(known) < len(sizes) or not sum(known):
            continue
        if whole.n_images is not None and whole.n_images != sum(known):
            what = f"n = {whole.n_images}, but its classes have {sum(known)}"
            why = "every image has one class"
            where = f"{label}, accuracy" if label else "accuracy"
            yield Finding("impossible", "sums", where, what, why, "count again")
        else:
            mean = math.fsum(v * n for v, n in zip(values, known, strict=True)) / sum(known)
            yield from _differs(whole, mean, slack, "the recalls weighted by their n")


def _differs(whole: Cell, mean: float, slack: float, what: str) -> Iterator[Finding]:
    assert whole.value is not None
    if abs(whole.value - mean) > whole.half + slack + 1e-9:
        yield Finding(
            "impossible",
            "sums",
            whole.where,
            f"{whole.value:.4g}, but {what} give {mean:.4g}",
            "the average follows from its parts",
            "see whether all parts are from the same test set, and absent classes are left out",
        )


def hidden_changes(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find two rows of the same mean whose classes differ much and in both directions.

    For printed rows only: those of ``report.csv`` are units and levels, not models.
    """
    if any(cell.half == EXACT for cell in cells):
        return
    rows = list(by_label(cells).items())
    for i, (first, a) in enumerate(rows):
        for second, b in rows[i + 1 :]:
            (metric, left), (_, right) = _recalls(a), _recalls(b)
            names = [c.class_name for c in left]
            if len(names) < 2 or names != [c.class_name for c in right]:
                continue
            change = {c.class_name: _minus(d, c) for c, d in zip(left, right, strict=True)}
            means = [_rounded(math.fsum(c.value or 0.0 for c in x) / len(x)) for x in (left, right)]
            both = min(change.values()) < 0 < max(change.values())
            big = max(abs(x) for x in change.values()) >= BIG_CHANGE
            if not both or not big or abs(means[1] - means[0]) > SAME_MEAN:
                continue
            balanced = [_balanced(row) for row in (a, b)]
            said = ", ".join(f"{name} {100 * x:+.1f}" for name, x in change.items())
            two = ""
            if None not in balanced:
                two = f"; balanced accuracy {balanced[0]:.3f} to {balanced[1]:.3f}"
            yield Finding(
                "suspicious",
                "equal only in the mean",
                f"{second} against {first}",
                f"{metric} by class: {said} points; mean {means[0]:.3f} to {means[1]:.3f}{two}",
                "classes that lose and classes that gain cancel out in the mean; two rows are not "
                "at the same level when a class changes that much",
                "compare class by class on the same images, paired, with a margin set beforehand "
                "(skinlab compare A B --margin)",
                {"change": change, "mean": means, "balanced_accuracy": balanced},
            )


def _recalls(row: Row) -> tuple[str, list[Cell]]:
    """Return the metric that says the recall of most classes, and its cells in order."""
    best: tuple[str, list[Cell]] = ("", [])
    for metric in ("sensitivity", "recall", "accuracy"):
        found = [c for (m, name), c in row.items() if m == metric and name and c.value is not None]
        if len(found) > len(best[1]):
            best = (metric, found)
    return best


def _balanced(row: Row) -> float | None:
    """Return (sensitivity + specificity) / 2 of the class that has both, rounded half up."""
    for (metric, name), cell in row.items():
        other = row.get(("specificity", name))
        if metric == "sensitivity" and other is not None:
            if cell.value is None or other.value is None:
                return None
            return _rounded((cell.value + other.value) / 2)
    return None


def _minus(a: Cell, b: Cell) -> float:
    assert a.value is not None
    assert b.value is not None
    return round(a.value - b.value, 9)


def _rounded(number: float) -> float:
    """Round to three digits, half up, as people do: 0.8895 is 0.890."""
    exact = Decimal(repr(round(number, 9)))
    return float(exact.quantize(Decimal("0.001"), ROUND_HALF_UP))
