import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from skinlab.stats.rank import (
    PairedClasses,
    RankedClass,
    auroc,
    delong_logit,
    delong_variance,
    hand_till,
    partial_auroc,
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [1, 2, 9])
def test_weighted_areas_agree_with_scikit_learn_on_the_drawn_rows(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    n, patients = 120, 40
    score = rng.random(n).round(digits)
    positive = rng.random(n) < 0.2 + 0.5 * score
    patient = np.append(np.arange(patients), rng.integers(0, patients, n - patients))
    weights = rng.integers(0, 4, (patients, 7))
    area, precision = RankedClass(positive, score, patient, patients).at(weights.astype(np.float32))
    for b in range(7):
        rows = np.repeat(np.arange(n), weights[patient, b])
        assert area[b] == pytest.approx(roc_auc_score(positive[rows], score[rows]), abs=1e-12)
        theirs = average_precision_score(positive[rows], score[rows])
        assert precision[b] == pytest.approx(theirs, abs=1e-6)


def test_area_is_undefined_when_one_side_is_empty() -> None:
    score = np.array([0.1, 0.9])
    assert math.isnan(auroc(np.array([True, True]), score))
    assert math.isnan(auroc(np.array([False, False]), score))


def test_area_counts_pairs_with_ties_one_half() -> None:
    positive = np.array([True, True, False, False])
    assert auroc(positive, np.array([0.5, 0.9, 0.5, 0.1])) == (0.5 + 1 + 1 + 1) / 4


@pytest.mark.parametrize("digits", [1, 8])
def test_delong_equals_the_structural_components_written_out(digits: int) -> None:
    rng = np.random.default_rng(3)
    positive = np.arange(30) < 11
    score = (rng.normal(size=30) + positive).round(digits)
    x, y = score[positive], score[~positive]
    wins = np.array([[(a > b) + 0.5 * (a == b) for b in y] for a in x])
    written = wins.mean(1).var(ddof=1) / len(x) + wins.mean(0).var(ddof=1) / len(y)
    assert delong_variance(positive, score) == pytest.approx(written, abs=1e-12)


def test_delong_is_close_to_the_complete_bootstrap_of_a_tiny_table() -> None:
    # All 4**4 * 4**4 resamples of four positives and four negatives, no random draw.
    x, y = np.array([0.2, 0.5, 0.7, 0.9]), np.array([0.1, 0.3, 0.4, 0.6])
    wins = (x[:, None] > y).astype(float)
    draws = np.array(list(itertools.product(range(4), repeat=4)))
    weights = np.stack([(draws == i).sum(1) for i in range(4)], 1)
    areas = weights @ wins @ weights.T / 16
    variance = delong_variance(np.repeat([True, False], 4), np.append(x, y))
    assert areas.var() == pytest.approx(variance * 3 / 4, rel=0.25)


def test_delong_on_the_logit_scale_is_the_delta_method_and_stays_inside() -> None:
    rng = np.random.default_rng(1)
    positive = np.arange(40) < 15
    score = rng.normal(size=40) + positive
    area, sd = auroc(positive, score), math.sqrt(delong_variance(positive, score))
    low, high = delong_logit(positive, score)
    logits = np.log(np.array([low, area, high]) / (1 - np.array([low, area, high])))
    assert np.diff(logits) == pytest.approx([1.959963985 * sd / (area * (1 - area))] * 2)
    assert 0 < low < area < high < 1
    # With many images it is DeLong's own interval, the area and 1.96 standard errors.
    positive = np.arange(20_000) < 8000
    score = rng.normal(size=20_000) + positive
    half = 1.959963985 * math.sqrt(delong_variance(positive, score))
    plain = (auroc(positive, score) - half, auroc(positive, score) + half)
    assert delong_logit(positive, score) == pytest.approx(plain, abs=1e-4)
    separated = positive.astype(float)
    assert all(math.isnan(x) for x in delong_logit(positive, separated))


def test_delong_needs_two_images_on_each_side() -> None:
    positive = np.array([True, False, False])
    assert all(math.isnan(x) for x in delong_logit(positive, np.array([0.9, 0.1, 0.2])))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [1, 2, 9])
def test_weighted_partial_areas_agree_with_the_score_of_isic_2024(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    n, patients = 120, 40
    score = rng.random(n).round(digits)
    positive = rng.random(n) < 0.2 + 0.5 * score
    patient = np.append(np.arange(patients), rng.integers(0, patients, n - patients))
    weights = rng.integers(0, 4, (patients, 7))
    ranked = RankedClass(positive, score, patient, patients)
    area, fast = (ranked.areas(weights.astype(kind))[2] for kind in (float, np.float32))
    assert fast == pytest.approx(area, abs=1e-6)
    for b in range(7):
        rows = np.repeat(np.arange(n), weights[patient, b])
        # The challenge's code: labels and scores turned round, curve cut at 20 % of the negatives.
        false_alarms, hits, _ = roc_curve(~positive[rows], -score[rows])
        cut = np.linspace(0, 0.2, 20_001)
        theirs = np.trapezoid(np.interp(cut, false_alarms, hits), cut)
        assert area[b] == pytest.approx(theirs, abs=1e-5)
        # McClish's rescaling, undone, of scikit-learn's own partial area.
        scaled = roc_auc_score(~positive[rows], -score[rows], max_fpr=0.2)
        assert area[b] == pytest.approx((2 * scaled - 1) * (0.2 - 0.02) + 0.02, abs=1e-9)


def test_partial_area_of_known_curves() -> None:
    positive = np.repeat([True, False], 10)
    assert partial_auroc(positive, positive.astype(float)) == pytest.approx(0.2)
    assert partial_auroc(positive, (~positive).astype(float)) == 0
    assert partial_auroc(positive, np.zeros(20)) == pytest.approx(0.02)
    assert math.isnan(partial_auroc(positive[:10], np.zeros(10)))
    # Two of ten positives lie below every negative: the curve reaches 0.8 and no more.
    assert partial_auroc(positive, np.r_[np.full(8, 0.9), 0, 0, np.full(10, 0.5)]) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("digits", [1, 9])
def test_hand_till_agrees_with_scikit_learn_on_the_drawn_rows(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    n, k, patients = 150, 4, 40
    target = rng.integers(0, k, n)
    table = rng.dirichlet(np.ones(k), n) + 0.3 * np.eye(k)[target]
    table = (table / table.sum(axis=1, keepdims=True)).round(digits)
    patient = np.append(np.arange(patients), rng.integers(0, patients, n - patients))
    weights = rng.integers(0, 4, (patients, 5))
    found = PairedClasses(target, table, patient, patients).at(weights.astype(float))
    for b in range(5):
        rows = np.repeat(np.arange(n), weights[patient, b])
        pairs = [
            roc_auc_score(target[both] == i, table[both, i])
            for i in range(k)
            for j in range(k)
            if i != j
            for both in [rows[np.isin(target[rows], (i, j))]]
        ]
        assert found[b] == pytest.approx(np.mean(pairs), abs=1e-12)
    if digits == 9:  # scikit-learn wants rows that sum to 1
        table /= table.sum(axis=1, keepdims=True)
        theirs = roc_auc_score(target, table, multi_class="ovo", average="macro")
        assert hand_till(target, table) == pytest.approx(theirs, abs=1e-12)


def test_hand_till_leaves_out_a_class_without_images_and_drops_a_vanished_one() -> None:
    rng = np.random.default_rng(0)
    target, table = np.array([0, 0, 1, 1, 3, 3]), rng.dirichlet(np.ones(4), 6)
    pairs = [(i, j) for i in (0, 1, 3) for j in (0, 1, 3) if i != j]
    areas = [
        auroc(target[both] == i, table[both, i])
        for i, j in pairs
        for both in [np.isin(target, (i, j))]
    ]
    assert hand_till(target, table) == pytest.approx(np.mean(areas))
    weights = np.array([[1.0, 1], [1, 1], [1, 1], [1, 1], [1, 0], [1, 0]])
    found = PairedClasses(target, table, np.arange(6), 6).at(weights)
    assert found[0] == pytest.approx(np.mean(areas))
    assert np.isnan(found[1])
    assert math.isnan(hand_till(target[:2], table[:2]))
