"""Paired DeLong against a loop over all pairs, the bootstrap, and scikit-learn's area."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skinlab.stats.paired.auroc import paired_delong
from skinlab.stats.rank import delong_variance


def _scores(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    shared = rng.normal(size=n) + positive
    a, b = (shared + rng.normal(size=n) + 0.3 * positive * i for i in (1, 0))
    return positive, a.round(1), b.round(1)


def _structural_components(positive: np.ndarray, scores: list[np.ndarray]) -> np.ndarray:
    """The covariance matrix of DeLong's paper, by the kernel over every pair."""
    m, n = positive.sum(), (~positive).sum()
    kernels = []
    for score in scores:
        gap = score[positive][:, None] - score[~positive][None, :]
        kernels.append((gap > 0) + 0.5 * (gap == 0))
    over_negatives = np.array([kernel.mean(axis=1) for kernel in kernels])
    over_positives = np.array([kernel.mean(axis=0) for kernel in kernels])
    return np.asarray(np.cov(over_negatives) / m + np.cov(over_positives) / n)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_areas_and_variance_are_those_of_the_paper(seed: int) -> None:
    positive, a, b = _scores(seed)
    found = paired_delong(positive, a, b)
    assert found.a == pytest.approx(roc_auc_score(positive, a))
    assert found.b == pytest.approx(roc_auc_score(positive, b))
    covariance = _structural_components(positive, [a, b])
    assert covariance[0, 0] == pytest.approx(delong_variance(positive, a))
    expected = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert found.variance == pytest.approx(expected)
    assert found.z == pytest.approx(found.difference / math.sqrt(expected))


def test_identical_models_have_z_0_and_p_1() -> None:
    positive, a, _ = _scores(3)
    for other in (a, 3 * a + 1):  # another scale is the same order
        found = paired_delong(positive, a, other)
        assert (found.difference, found.variance, found.z, found.p) == (0.0, 0.0, 0.0, 1.0)
        assert found.limits() == (0.0, 0.0)


def test_exchanging_the_models_turns_the_sign() -> None:
    positive, a, b = _scores(4)
    one, other = paired_delong(positive, a, b), paired_delong(positive, b, a)
    assert one.difference == -other.difference
    assert one.p == other.p
    assert one.limits()[0] == pytest.approx(-other.limits()[1])


def test_one_sided_truth_is_undefined_and_one_positive_has_no_variance() -> None:
    score = np.array([0.1, 0.5, 0.3])
    none = paired_delong(np.zeros(3, bool), score, score)
    assert math.isnan(none.difference)
    one = paired_delong(np.array([False, True, False]), score, -score)
    assert one.difference == 1.0
    assert math.isnan(one.limits()[0])
    assert math.isnan(one.p)


def test_a_perfect_model_against_its_reverse_has_no_test() -> None:
    positive = np.array([False, False, True, True])
    found = paired_delong(positive, np.arange(4.0), -np.arange(4.0))
    assert found.difference == 1.0
    assert math.isnan(found.z)
