import numpy as np
import pytest
from sklearn import metrics

from skinlab.stats import calibration


def test_terms_sum_to_what_scikit_learn_says() -> None:
    rng = np.random.default_rng(0)
    table, target = rng.dirichlet(np.ones(4), 50), rng.integers(0, 4, 50)
    loss = calibration.log_loss_terms(table, target).mean()
    assert loss == pytest.approx(metrics.log_loss(target, table, labels=range(4)))
    two = rng.dirichlet((1, 1), 50)
    brier = calibration.brier_terms(two, target % 2).mean()
    assert brier == pytest.approx(2 * metrics.brier_score_loss(target % 2, two[:, 1]))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_agrees_with_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    table, target = rng.dirichlet(np.ones(4), 80), rng.integers(0, 4, 80)
    hits = calibration.top_k_hits(table, target, k).mean()
    assert hits == pytest.approx(metrics.top_k_accuracy_score(target, table, k=k, labels=range(4)))


def test_of_equal_probabilities_the_first_column_is_ahead() -> None:
    table = np.array([[0.4, 0.2, 0.2, 0.2]] * 4)
    target = np.arange(4)
    assert calibration.top_k_hits(table, target, 1).tolist() == (table.argmax(1) == target).tolist()
    assert calibration.top_k_hits(table, target, 2).tolist() == [True, True, False, False]


def test_the_brier_score_of_the_shares_is_that_of_a_constant_forecast() -> None:
    rng = np.random.default_rng(2)
    target = rng.integers(0, 3, 60)
    truth = np.bincount(target).astype(float)
    constant = np.tile(truth / 60, (60, 1))
    expected = calibration.brier_terms(constant, target).mean()
    assert calibration.brier_of_shares(truth, truth.sum()) == pytest.approx(expected)
    assert calibration.brier_of_shares(np.array([7.0, 0]), np.array(7.0)) == 0


def test_a_certain_wrong_answer_has_a_finite_loss() -> None:
    loss = calibration.log_loss_terms(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss[0] == pytest.approx(-np.log(1e-15))


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    confidence = np.array([0.0, 0.2, 0.2000001, 0.4, 1.0])
    assert calibration.equal_width_bins(confidence, 5).tolist() == [0, 0, 1, 1, 4]


def test_equal_mass_bins_hold_equally_many_and_keep_ties_together() -> None:
    rng = np.random.default_rng(1)
    assert np.bincount(calibration.equal_mass_bins(rng.random(300), 15)).tolist() == [20] * 15
    tied = calibration.equal_mass_bins(np.repeat([0.3, 0.7, 0.9], 10), 15)
    assert len(set(tied.tolist())) == 3


def test_calibration_error_of_a_known_table() -> None:
    # One bin with confidence 0.8 and 3 of 4 right, one with 0.55 and none of 2 right.
    confidence = np.array([0.8] * 4 + [0.55] * 2)
    right = np.array([True, True, True, False, False, False])
    bins = calibration.equal_width_bins(confidence)
    error = np.abs(calibration.gaps(confidence, right, bins).sum(axis=0)).sum() / 6
    assert error == pytest.approx((4 * 0.05 + 2 * 0.55) / 6)
