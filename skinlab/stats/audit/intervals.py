"""Cells -> what is wrong with their intervals: misplaced, out of range, or far too narrow.

The signature of the commonest error: *mean ± 1.96 × SD / sqrt(B)* over B bootstrap resamples is the
standard error of a simulation, not of the test set; its width shrinks with B. Inverting Wald's
interval then gives N = B × n images instead of n, the same N for a class in every row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from scipy import stats

from skinlab.stats.audit.finding import Finding
from skinlab.stats.audit.printed import RECALL, Cell
from skinlab.stats.proportion import wilson

RANGES = {
    "mcc": (-1.0, 1.0),
    "kappa": (-1.0, 1.0),
    "kappa_linear": (-1.0, 1.0),
    "kappa_quadratic": (-1.0, 1.0),
    "brier": (0.0, 2.0),
    "brier_skill": (-math.inf, 1.0),
    "log_loss": (0.0, math.inf),
    "calibration_slope": (-math.inf, math.inf),
    "calibration_in_the_large": (-math.inf, math.inf),
}
TINY = 1e-12
ABSURD = 10_000  # images in one class of a clinical test set; asked for when the table has no n
CLEARLY = 0.75  # an honest interval of correlated images is wider than that of independent ones
RESAMPLES = 1000  # the usual number, to say what an honest interval would be


def misplaced(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find intervals that miss their estimate, leave the range of the metric, or are reversed."""
    for cell in cells:
        span = _range(cell.metric)
        numbers = [x for x in (cell.value, cell.low, cell.high) if x is not None]
        if any(x < span[0] - TINY or x > span[1] + TINY for x in numbers):
            yield Finding(
                "impossible",
                "outside its range",
                cell.where,
                f"{_shown(cell)} leaves [{span[0]:g}, {span[1]:g}]",
                "no sample can have such a value; Wald's interval does this near 0 and 1",
                "use Wilson's interval or a percentile bootstrap",
            )
        if cell.limits is None or cell.value is None:
            continue
        low, high = cell.limits
        if low > high:
            what = f"the lower limit {low:g} is above the upper limit {high:g}"
            why = "limits are swapped or one of them is a typing error"
            yield Finding("impossible", "limits reversed", cell.where, what, why, "compute again")
        elif cell.value < low - TINY or cell.value > high + TINY:
            yield Finding(
                "impossible",
                "misses its estimate",
                cell.where,
                f"{_shown(cell)} does not hold its estimate",
                "every usual interval holds the estimate it belongs to",
                "see whether estimate and interval come from the same run and the same test set",
            )


def too_narrow(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find proportions with less than a third of Wilson's width for their patients (or images).

    Many independent images of a patient can make an honest interval that narrow; so where images
    are counted too, it must also be clearly narrower than Wilson's for them.
    """
    for cell in cells:
        n = cell.n_patients or cell.n_images
        if cell.limits is None or cell.value is None or not n or not _plain(cell):
            continue
        half = (cell.limits[1] - cell.limits[0]) / 2 + cell.half
        limits, most = _wilson(cell, n), _wilson(cell, cell.n_images or n)
        allowed = (limits[1] - limits[0]) / 2
        if half < min(allowed / 3, CLEARLY * (most[1] - most[0]) / 2):
            unit = "patients" if cell.n_patients else "images"
            yield Finding(
                "suspicious",
                "too narrow",
                cell.where,
                f"{_shown(cell)} is {allowed / half:.0f} times narrower than {n} {unit} allow "
                f"({limits[0]:.3f}-{limits[1]:.3f})",
                "an interval of the test set cannot be so narrow; the standard error of a "
                "bootstrap mean (SD / sqrt(B)) can",
                "take the percentiles of the resamples, not the error of their mean; resample "
                "patients",
                {"n": n, "unit": unit, "low": limits[0], "high": limits[1]},
            )


def _wilson(cell: Cell, n: int) -> tuple[float, float]:
    assert cell.value is not None
    return wilson(min(max(cell.value, 0.0), 1.0) * n, n, cell.level)


def implied_size(cell: Cell) -> tuple[float, float, float]:
    """Return the images that Wald's interval would need: as printed, smallest, largest.

    Smallest and largest by what rounding may have hidden in the width; the largest is infinite
    when the width may be 0.

    Args:
        cell: With a value strictly between 0 and 1 and both limits.
    """
    assert cell.value is not None
    assert cell.limits is not None
    z = float(stats.norm.ppf((1 + cell.level) / 2))
    top = z * z * cell.value * (1 - cell.value)
    half = (cell.limits[1] - cell.limits[0]) / 2
    narrow = half - cell.half
    return (
        top / half**2 if half > 0 else math.inf,
        top / (half + cell.half) ** 2,
        top / narrow**2 if narrow > 1e-9 else math.inf,
    )


def absurd_sizes(cells: Sequence[Cell], largest: int = 0) -> Iterator[Finding]:
    """Invert the intervals of proportions without n: are there so many images?

    Args:
        cells: Of one table.
        largest: Images of the whole data set; 0 when it is not known, then 10,000 is absurd.
    """
    bound = largest or ABSURD
    open_cells = [cell for cell in cells if _invertible(cell)]
    absurd = [cell for cell in open_cells if implied_size(cell)[1] > bound]
    if not absurd:
        return
    sizes = {cell.where: implied_size(cell) for cell in absurd}
    seen = [size[0] for size in sizes.values() if math.isfinite(size[0])]
    said = f"{min(seen):,.0f} to {max(seen):,.0f}" if seen else "endlessly many"
    limit = f"the data set has {largest:,}" if largest else f"more than {ABSURD:,} is unheard of"
    numbers = {
        where: {"as_printed": _finite(a), "smallest": _finite(b), "largest": _finite(c)}
        for where, (a, b, c) in sizes.items()
    }
    yield Finding(
        "suspicious",
        "implied size",
        f"{len(absurd)} of {len(open_cells)} cells",
        f"to be intervals of the test set, they need {said} images each; {limit}",
        "the intervals are not those of the test set, so no difference can be judged by them",
        "print n of images and patients beside every interval, and its method",
        numbers,
    )
    yield from bootstrap_mean(absurd)


def bootstrap_mean(cells: Sequence[Cell]) -> Iterator[Finding]:
    """Find the standard error of a bootstrap mean: one N = B × n a column, in every row."""
    columns: dict[str, list[Cell]] = {}
    for cell in cells:
        columns.setdefault(cell.column, []).append(cell)
    shared: dict[str, tuple[float, float]] = {}
    for column, found in columns.items():
        sizes = [implied_size(cell) for cell in found]
        low, high = max(s[1] for s in sizes), min(s[2] for s in sizes)
        if len(found) >= 2 and low <= high and math.isfinite(high):
            shared[column] = (low, high)
    if len(shared) < 2 or len(shared) < len(columns):
        return
    said = "; ".join(f"{c} {a / 1000:,.0f}k-{b / 1000:,.0f}k" for c, (a, b) in shared.items())
    honest = {}
    for column, (low, high) in shared.items():
        n = (low + high) / 2 / RESAMPLES
        for cell in columns[column]:
            assert cell.value is not None
            honest[cell.where] = [n, *wilson(cell.value * n, n, cell.level)]
    example = max(honest, key=lambda where: honest[where][2] - honest[where][1])
    n, low, high = honest[example]
    numbers = {"product": {c: list(r) for c, r in shared.items()}, "if_1000_resamples": honest}
    yield Finding(
        "suspicious",
        "standard error of the bootstrap mean",
        f"{len(cells)} cells",
        f"the widths follow sqrt(p(1-p)/N) with one N a column in all rows: {said}",
        "this is the signature of mean ± 1.96 × SD / sqrt(B) over B resamples, where N = B × n: "
        f"with B = {RESAMPLES:,} resamples honest intervals are about "
        f"{math.sqrt(RESAMPLES):.0f} times wider, such as {low:.2f}-{high:.2f} for {example} "
        f"(n about {n:.0f}), and wider again where patients have several images",
        "take the 2.5th and 97.5th percentile of the resamples, and resample patients",
        numbers,
    )


def _invertible(cell: Cell) -> bool:
    """Whether a cell is a proportion with an interval and without n."""
    has_n = cell.n_images or cell.n_patients
    inside = cell.value is not None and 0 < cell.value < 1
    return inside and cell.limits is not None and not has_n and _plain(cell)


def _plain(cell: Cell) -> bool:
    return cell.is_proportion or (cell.metric in RECALL and bool(cell.class_name))


def _range(metric: str) -> tuple[float, float]:
    """Return the smallest and largest value of a metric; of a difference, from both ends."""
    name = metric.removesuffix("_difference")
    for suffix in ("_after_temperature", "_at_operating_point"):
        name = name.removesuffix(suffix)
    low, high = RANGES.get(name, (0.0, 1.0))
    return (low - high, high - low) if metric.endswith("_difference") else (low, high)


def _shown(cell: Cell) -> str:
    digits = min(6, max(0, round(-math.log10(2 * cell.half)))) if cell.half > 1e-8 else 4
    if cell.limits is None:
        return f"{cell.value:.{digits}f}"
    return f"{cell.value:.{digits}f} ({cell.low:.{digits}f}-{cell.high:.{digits}f})"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
