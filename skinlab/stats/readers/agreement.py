"""Names that readers gave to the same cases -> Fleiss' and Cohen's kappa with intervals.

Cohen's kappa and its asymptotic interval come from statsmodels. Its Fleiss' kappa has no interval,
so the interval resamples patients; the point is tested against statsmodels.

Sources: Cohen (1960) Educ Psychol Meas 20:37; Fleiss (1971) Psychol Bull 76:378.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import norm
from statsmodels.stats.inter_rater import cohens_kappa

from skinlab.stats.bootstrap import draws, expanded_level, percentile
from skinlab.stats.counts import Floats, Ints
from skinlab.stats.readers.panel import Names
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.report import Estimate

ONE_NAME = "everyone gave one and the same name: kappa is 0/0"


def fleiss(named: Names, patient: Ints, spec: EvaluationSpec) -> Estimate:
    """Return the agreement of all readers on the cases that all of them named.

    Args:
        named: ``(r, n)`` names; empty where a reader gave none.
        patient: ``(n,)`` patient of each case.
        spec: Level, resamples, seed.
    """
    full = (named != "").all(axis=0)
    about: dict[str, Any] = {
        "metric": "Fleiss' kappa",
        "n_images": int(full.sum()),
        "n_patients": len(set(patient[full].tolist())),
        "level": spec.level,
        "unit": "patient",
    }
    if len(named) < 2 or not full.any():
        reason = "one reader" if len(named) < 2 else "no case was named by every reader"
        return Estimate(value=None, low=None, high=None, reason=reason, **about)
    counts = _counts(named[:, full])
    people = np.unique(patient[full], return_inverse=True)[1]
    m = int(people.max()) + 1
    value = float(_weighted(counts, people, np.ones((m, 1)))[0])
    if np.isnan(value):
        return Estimate(value=None, low=None, high=None, reason=ONE_NAME, **about)
    if m < 2:
        return Estimate(value=value, low=None, high=None, reason="one patient", **about)
    replicates = np.full(spec.resamples, np.nan)
    for place, weights in draws(np.zeros(m, np.int64), spec.resamples, [spec.seed, 3]):
        replicates[place] = _weighted(counts, people, weights.astype(float))
    found = percentile(replicates, expanded_level(spec.level, m))
    method = f"patient bootstrap, expanded percentile, B = {spec.resamples}, seed {spec.seed}"
    if np.isnan(found.low):
        reason = f"{found.dropped} of {spec.resamples} resamples are undefined"
        return Estimate(value=value, low=None, high=None, method=method, reason=reason, **about)
    low, high = min(found.low, value), max(found.high, value)
    return Estimate(value=value, low=low, high=high, method=method, **about)


def cohen(
    named: Names, readers: tuple[str, ...], patient: Ints, spec: EvaluationSpec
) -> list[Estimate]:
    """Return the agreement of each two readers on the cases that both named.

    The class name of an estimate is ``A / B``. Images of one patient are not independent, so then
    there is no interval.
    """
    return [
        _pair(named[[a, b]], f"{readers[a]} / {readers[b]}", patient, spec)
        for a, b in combinations(range(len(readers)), 2)
    ]


def _pair(named: Names, pair: str, patient: Ints, spec: EvaluationSpec) -> Estimate:
    both = (named != "").all(axis=0)
    n, people = int(both.sum()), len(set(patient[both].tolist()))
    about: dict[str, Any] = {
        "metric": "Cohen's kappa",
        "class_name": pair,
        "n_images": n,
        "n_patients": people,
    }
    about |= {"level": spec.level}
    if not n:
        return Estimate(
            value=None, low=None, high=None, reason="no case was named by both", **about
        )
    names = np.unique(named[:, both])
    if len(names) < 2:
        return Estimate(value=None, low=None, high=None, reason=ONE_NAME, **about)
    first, second = (np.searchsorted(names, row[both]) for row in named)
    table = np.zeros((len(names), len(names)))
    np.add.at(table, (first, second), 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # perfect agreement has no variance
        found = cohens_kappa(table)
    value = float(found.kappa)
    if people < n or not 0 < found.std_kappa < np.inf:
        reason = "images of one patient" if people < n else "the asymptotic variance is 0"
        return Estimate(value=value, low=None, high=None, reason=reason, **about)
    half = float(norm.ppf((1 + spec.level) / 2)) * float(found.std_kappa)
    low, high = max(-1.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, method="asymptotic normal", **about)


def _counts(named: Names) -> Floats:
    """Return ``(n, k)``: how many readers gave each name to each case."""
    names, codes = np.unique(named, return_inverse=True)
    codes = codes.reshape(named.shape)
    return np.stack([(codes == k).sum(axis=0) for k in range(len(names))], axis=1).astype(float)


def _weighted(counts: Floats, people: Ints, weights: Floats) -> Floats:
    """Return Fleiss' kappa in each weighting of the patients, ``(b,)``; NaN where 0/0."""
    r = counts.sum(axis=1)[0]
    agreeing = ((counts * counts).sum(axis=1) - r) / (r * (r - 1))
    sums = np.zeros((len(weights), counts.shape[1] + 2))
    np.add.at(sums, people, np.column_stack([np.ones(len(counts)), agreeing, counts / r]))
    total = sums.T @ weights
    observed, shares = total[1] / total[0], total[2:] / total[0]
    expected = (shares**2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: Floats = np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
    return kappa
