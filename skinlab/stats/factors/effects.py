"""Settings and one response -> what each factor does: means, main effects, best subsets, exact p.

Sources: Hurvich & Tsai (1989) Biometrika 76:297 (AICc); Holm (1979) Scand J Stat 6:65; Pitman
(1937) J R Stat Soc Suppl 4:119 (permutation test).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests

from skinlab.stats.factors.design import Design, Factor, Floats, model_matrix

MOST_SUBSETS = 12
DRAWN = 9_999


@dataclass(frozen=True)
class Mean:
    """Marginal mean of a level; other factors are not held equal."""

    factor: str
    level: str
    n: int
    value: float


@dataclass(frozen=True)
class Effect:
    """What one term adds when all terms are fitted together.

    Attributes:
        term: ``rotation on``, ``brightness per 0.1``.
        factor: Its column.
        value: Points of the response; None with a reason when it cannot be told apart.
        low: Lower limit.
        high: Upper limit.
        p: Of the t test.
        holm: p adjusted over all terms of the fit.
        vif: Variance inflation.
        reason: Why a number is missing.
    """

    term: str
    factor: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    holm: float | None
    vif: float | None
    reason: str = ""


@dataclass(frozen=True)
class Fit:
    """Ordinary least squares of all main effects.

    Attributes:
        effects: A term each.
        r2: Share of the variation explained.
        r2_adjusted: The same, adjusted; None without residual degrees of freedom.
        residual_sd: In points; None as above.
        residual_df: Degrees of freedom.
        residual_ss: Sum of squares.
    """

    effects: tuple[Effect, ...]
    r2: float
    r2_adjusted: float | None
    residual_sd: float | None
    residual_df: int
    residual_ss: float


@dataclass(frozen=True)
class Subset:
    """A model with some of the factors; `delta` is its AICc less the smallest."""

    factors: tuple[str, ...]
    aicc: float
    delta: float


@dataclass(frozen=True)
class Permutation:
    """A factor alone, off against on.

    Attributes:
        factor: Name.
        difference: Mean where on, less mean where off.
        n_on: Rows that are on.
        p: Two-sided.
        splits: How many were looked at.
        exact: Whether these are all there are.
    """

    factor: str
    difference: float
    n_on: int
    p: float
    splits: int
    exact: bool


def marginal_means(factors: Sequence[Factor], response: Floats) -> tuple[Mean, ...]:
    """Return the mean of each level; of each half where a number has more than five levels."""
    found = []
    for factor in factors:
        if len(factor.levels) <= 5 or len(factor.terms) > 1:
            sides = [(text, factor.level == i) for i, text in enumerate(factor.levels)]
        else:
            sides = [(factor.low, ~factor.on), (factor.high, factor.on)]
        for text, rows in sides:
            found.append(Mean(factor.name, text, int(rows.sum()), float(response[rows].mean())))
    return tuple(found)


def main_effects(factors: Sequence[Factor], response: Floats, design: Design, level: float) -> Fit:
    """Fit all terms together (statsmodels OLS) and adjust their p by Holm.

    A term that is an exact combination of others has no effect of its own: None with the reason.
    With as many terms as settings nothing is left to estimate the error: no intervals.
    """
    fit = sm.OLS(response, _independent(model_matrix(factors), design)).fit()
    df = round(fit.df_resid)
    limits = fit.conf_int(alpha=1 - level) if df > 0 else None
    owner = {term: factor.name for factor in factors for term in factor.terms}
    told = [term for term in owner if term not in design.aliased]
    p = {term: float(fit.pvalues[term]) for term in told} if df > 0 else {}
    p = {term: value for term, value in p.items() if not math.isnan(value)}
    holm = dict(zip(p, multipletests(list(p.values()), method="holm")[1], strict=True)) if p else {}
    effects = []
    for term, name in owner.items():
        low = high = value = None
        reason = ""
        if term in design.aliased:
            reason = f"cannot be told from {', '.join(design.aliased[term])}"
        else:
            value = float(fit.params[term])
            if limits is not None and term in p:
                low, high = (float(limit) for limit in limits.loc[term])
            else:
                reason = "as many terms as rows: nothing left to estimate the error"
        adjusted = float(holm[term]) if term in holm else None
        vif = design.vif[term]
        effects.append(Effect(term, name, value, low, high, p.get(term), adjusted, vif, reason))
    return Fit(
        effects=tuple(effects),
        r2=float(fit.rsquared) if np.ptp(response) > 0 else 0.0,
        r2_adjusted=float(fit.rsquared_adj) if df > 0 and np.ptp(response) > 0 else None,
        residual_sd=math.sqrt(fit.mse_resid) if df > 0 else None,
        residual_df=df,
        residual_ss=float(fit.ssr),
    )


def _independent(matrix: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return the matrix without columns that add nothing; those that can be told apart stay."""
    kept = [str(name) for name in matrix.columns if name not in design.aliased]
    for term in design.aliased:
        if np.linalg.matrix_rank(matrix[[*kept, term]].to_numpy()) > len(kept):
            kept.append(term)
    return matrix[kept]


def best_subsets(
    factors: Sequence[Factor], response: Floats, within: float = 2.0
) -> tuple[Subset, ...]:
    """Return every subset of the factors whose AICc is within `within` of the smallest, best first.

    Empty when there are more than 12 factors, or too few rows for any AICc.
    """
    if len(factors) > MOST_SUBSETS:
        return ()
    n = len(response)
    found: list[tuple[float, tuple[str, ...]]] = []
    for size in range(len(factors) + 1):
        for chosen in combinations(factors, size):
            columns = np.column_stack([np.ones(n), *(f.columns for f in chosen)])
            weights, _, rank, _ = np.linalg.lstsq(columns, response, rcond=None)
            left = response - columns @ weights
            k = int(rank) + 1  # and the variance
            ss = float(left @ left)
            if n - k - 1 > 0 and ss > 1e-12 * max(1.0, float(response @ response)):
                likelihood = n * (math.log(2 * math.pi * ss / n) + 1)
                aicc = likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)
                found.append((aicc, tuple(f.name for f in chosen)))
    found.sort()
    best = found[0][0] if found else 0.0
    return tuple(Subset(names, a, a - best) for a, names in found if a - best <= within)


def permutation(factor: Factor, response: Floats, most: int, seed: int) -> Permutation:
    """Test a factor alone: absolute difference of means over all splits of the rows.

    All splits when there are at most `most`, else 9,999 random ones with p = (k+1)/(9,999+1).
    """
    n, k = len(response), int(factor.on.sum())
    difference = float(response[factor.on].mean() - response[~factor.on].mean())
    splits = math.comb(n, k)
    exact = splits <= most
    # The gap of a split follows from the sum of one side, so the smaller side is enough.
    side = min(k, n - k)
    sums = _all_sums(response, side) if exact else _drawn_sums(response, side, seed)
    gaps = np.abs(sums / side - (response.sum() - sums) / (n - side))
    hits = int((gaps >= abs(difference) - 1e-9 * np.ptp(response)).sum())
    p = hits / splits if exact else (hits + 1) / (DRAWN + 1)
    return Permutation(factor.name, difference, k, p, splits if exact else DRAWN, exact)


def _all_sums(response: Floats, side: int) -> Floats:
    """Return the sum of every choice of `side` rows."""
    chosen = np.fromiter(chain.from_iterable(combinations(range(len(response)), side)), np.int64)
    return np.asarray(response[chosen].reshape(-1, side).sum(axis=1))


def _drawn_sums(response: Floats, side: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    order = np.sort(response)  # so that the order of rows changes nothing
    return np.array([rng.permutation(order)[:side].sum() for _ in range(DRAWN)])
