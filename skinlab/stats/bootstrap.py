"""Patients -> resamples of patients, as weights; replicates of a statistic -> percentile interval.

A drawn patient brings all its images. With strata, the patients of each label are drawn among
themselves, so that a class does not vanish. A replicate in which a statistic is undefined is
dropped and counted.

The draws do not depend on how rows are ordered or patients are called: patients are put in the
order of a hash of what they hold (truths and probabilities to 12 digits, sorted within the
patient). Patients that hold exactly the same are interchangeable.

Source: Efron & Tibshirani (1993), ch. 13 (percentile); Field & Welsh (2007) JRSS B 69:369
(cluster bootstrap).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from skinlab.stats.counts import Floats, Ints

BLOCK_BYTES = 48 * 2**20
ENOUGH = 100


@dataclass(frozen=True)
class Interval:
    """A percentile interval.

    Attributes:
        low: Lower limit; NaN when too few replicates are defined.
        high: Upper limit.
        used: Replicates that were defined.
        dropped: Replicates in which the statistic was undefined.
    """

    low: float
    high: float
    used: int
    dropped: int


def canonical_patients(patient: Ints, content: Floats) -> Ints:
    """Renumber patients by what they hold, so that names and row order do not matter.

    Args:
        patient: ``(n,)`` any numbers.
        content: ``(n, c)`` what an image contributes (truth, seed, probabilities).

    Returns:
        ``(n,)`` numbers ``0..m-1``.
    """
    rows = np.ascontiguousarray(content + 0.0)  # -0.0 and 0.0 are the same content
    held: dict[int, list[bytes]] = {}
    for number, row in zip(patient.tolist(), rows, strict=True):
        held.setdefault(number, []).append(hashlib.blake2b(row.tobytes(), digest_size=16).digest())
    keys = {number: b"".join(sorted(digests)) for number, digests in held.items()}
    place = {number: i for i, number in enumerate(sorted(keys, key=keys.__getitem__))}
    return np.fromiter((place[number] for number in patient.tolist()), np.int64, len(patient))


def carriers_of(patient: Ints, target: Ints, k: int) -> Ints:
    """Return the number of patients that carry each class, ``(k,)``.

    Args:
        patient: ``(n,)`` number of the patient.
        target: ``(n,)`` class of the truth.
        k: Number of classes.
    """
    pairs = np.unique(patient * k + target)
    return np.bincount(pairs % k, minlength=k).astype(np.int64)


def rarest_label(patient: Ints, target: Ints, patients: int, k: int) -> Ints:
    """Return the stratum of each patient: the rarest class it carries, ``(patients,)``.

    Rarest by number of patients. A class can still vanish when every carrier also carries a rarer
    one; such replicates are dropped and counted.
    """
    pairs = np.unique(patient * k + target)
    carriers = carriers_of(patient, target, k)
    order = np.lexsort((pairs % k, carriers[pairs % k], pairs // k))
    first = np.unique(pairs[order] // k, return_index=True)[1]
    label: Ints = (pairs % k)[order][first]
    assert len(label) == patients
    return label


def draws(
    strata: Ints, resamples: int, seed: int | list[int]
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield blocks of bootstrap weights; memory is bounded whatever the number of patients.

    Args:
        strata: ``(m,)`` stratum of each patient; all the same for a plain bootstrap.
        resamples: Number of replicates.
        seed: Of the draws; the block size does not change them.

    Yields:
        The replicates' place, and ``(m, b)``: how often each patient was drawn.
    """
    m = len(strata)
    order = np.argsort(strata, kind="stable")
    sizes = np.unique(strata, return_counts=True)[1]
    size = np.repeat(sizes, sizes).astype(float)
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rng = np.random.default_rng(seed)
    block = int(np.clip(BLOCK_BYTES // (32 * m), 8, 512))
    for first in range(0, resamples, block):
        b = min(block, resamples - first)
        drawn = order[start + (rng.random((b, m)) * size).astype(np.int64)]
        drawn += m * np.arange(b)[:, None]
        times = np.bincount(drawn.ravel(), minlength=m * b).astype(np.float32)
        yield slice(first, first + b), np.ascontiguousarray(times.reshape(b, m).T)


def expanded_level(level: float, patients: int) -> float:
    """Return the level at which percentiles are taken so that few patients are not too narrow.

    The bootstrap of m patients has (m - 1)/m of the variance, and percentiles know no t: Hesterberg
    (2015) Am Stat 69:371, "expanded percentile interval". 0.95 becomes 0.962 with 30 patients.

    Args:
        level: Confidence level that is wanted.
        patients: Patients that decide the statistic, 2 or more.
    """
    quantile = special.stdtrit(patients - 1, (1 + level) / 2) * np.sqrt(patients / (patients - 1))
    return float(1 - 2 * special.ndtr(-quantile))


def percentile(replicates: Floats, level: float = 0.95) -> Interval:
    """Return the percentile interval of the defined replicates.

    NaN limits when fewer than 100, or fewer than half, of the replicates are defined.

    Args:
        replicates: ``(b,)``; NaN where undefined.
        level: Confidence level.
    """
    defined = replicates[~np.isnan(replicates)]
    dropped = len(replicates) - len(defined)
    if len(defined) < max(ENOUGH, len(replicates) / 2):
        return Interval(np.nan, np.nan, len(defined), dropped)
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), len(defined), dropped)


def logit_interval(
    replicates: Floats,
    value: float,
    patients: int,
    largest: float = 1.0,
    level: float = 0.95,
) -> Interval:
    """Return the interval of an area in [0, largest] from the spread of its replicates.

    The standard error is taken to the logit scale (delta method), with the quantile of t for few
    patients and m/(m - 1) of the bootstrap's variance. For areas that few positives decide, whose
    replicates are biased, it holds the truth more often than percentiles: average precision 0.95
    against 0.92 of simulated tables with 18 positive patients, 0.96 against 0.88 with 5; partial
    AUROC 0.91 against 0.87, 0.97 against 0.84.

    Args:
        replicates: ``(b,)``; NaN where undefined.
        value: The estimate.
        patients: Patients that decide the statistic, 2 or more.
        largest: Largest possible value.
        level: Confidence level.
    """
    defined = replicates[~np.isnan(replicates)] / largest
    dropped = len(replicates) - len(defined)
    if len(defined) < max(ENOUGH, len(replicates) / 2):
        return Interval(np.nan, np.nan, len(defined), dropped)
    if defined.min() == defined.max():
        same = float(defined[0]) * largest
        return Interval(same, same, len(defined), dropped)
    edge = 0.5 / (patients + 1)  # a value of 0 or 1 has no logit
    share = float(np.clip(value / largest, edge, 1 - edge))
    error = float(defined.std(ddof=1)) * np.sqrt(patients / (patients - 1)) / (share * (1 - share))
    half = special.stdtrit(patients - 1, (1 + level) / 2) * error
    low, high = special.expit(special.logit(share) + np.array([-half, half])) * largest
    return Interval(float(low), float(high), len(defined), dropped)
