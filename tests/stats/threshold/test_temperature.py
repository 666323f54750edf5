"""One temperature: the minimum of the log loss, the same answers, borders that are said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skinlab.stats.counts import Floats, Ints
from skinlab.stats.threshold.temperature import COLDEST, HOTTEST, fit_temperature, tempered


def table(n: int, k: int, heat: float, seed: int) -> tuple[Floats, Ints]:
    """Probabilities that are right at temperature `heat`, and truths drawn from them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 1.5
    truth = special.softmax(logits, axis=1)
    target = np.array([rng.choice(k, p=p) for p in truth])
    return special.softmax(logits * heat, axis=1), target


@pytest.mark.parametrize(("k", "heat", "seed"), [(2, 2.0, 0), (5, 0.5, 1), (21, 3.0, 2)])
def test_it_is_the_minimum_that_a_plain_search_finds(k: int, heat: float, seed: int) -> None:
    probabilities, target = table(600, k, heat, seed)

    def loss(log_t: float) -> float:
        p = tempered(probabilities, float(np.exp(log_t)))
        return float(log_loss(target, p, labels=list(range(k))))

    found = fit_temperature(probabilities, target)
    plain = optimize.minimize_scalar(
        loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8}
    )
    assert found.value == pytest.approx(np.exp(plain.x), rel=1e-5)
    assert found.log_loss_after == pytest.approx(plain.fun)
    assert found.log_loss_before == pytest.approx(loss(0.0))
    assert found.value == pytest.approx(heat, rel=0.25)
    assert found.reason == ""


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_for_two_classes_it_is_a_logistic_regression_without_intercept(seed: int) -> None:
    probabilities, target = table(400, 2, 2.5, seed)
    logit = np.log(probabilities[:, 1] / probabilities[:, 0])[:, None]
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(logit, target)
    assert 1 / fit_temperature(probabilities, target).value == pytest.approx(
        theirs.coef_[0, 0], rel=1e-4
    )


def test_answers_that_are_all_right_stop_at_the_cold_border_and_say_so() -> None:
    found = fit_temperature(np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1]))
    assert found.value == COLDEST
    assert "all right" in found.reason
    assert found.log_loss_after < found.log_loss_before


def test_answers_that_are_worse_than_none_stop_at_the_hot_border_and_say_so() -> None:
    found = fit_temperature(np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([1, 0]))
    assert found.value == HOTTEST
    assert "tell (nearly) nothing" in found.reason


def test_uniform_answers_have_one_log_loss_at_every_temperature() -> None:
    found = fit_temperature(np.full((3, 4), 0.25), np.array([0, 1, 2]))
    assert found.log_loss_after == pytest.approx(np.log(4))
    assert (found.value, found.reason) == (1.0, "every T has the same log loss")


def test_probabilities_of_0_and_1_are_no_infinity() -> None:
    found = fit_temperature(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1]))
    assert np.isfinite(found.log_loss_after)
    assert found.log_loss_after <= found.log_loss_before


def test_no_image_and_no_heat_are_refused() -> None:
    with pytest.raises(ValueError, match="no image"):
        fit_temperature(np.empty((0, 2)), np.empty(0, np.int64))
    with pytest.raises(ValueError, match="above 0"):
        tempered(np.array([[0.5, 0.5]]), 0.0)


ROWS = st.lists(st.lists(st.floats(1e-6, 1), min_size=3, max_size=3), min_size=1, max_size=20)


@given(ROWS, st.floats(COLDEST, HOTTEST))
def test_no_temperature_changes_an_answer_or_the_sum_of_a_row(
    rows: list[list[float]], heat: float
) -> None:
    probabilities = np.array(rows)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = tempered(probabilities, heat)
    assert found.sum(axis=1) == pytest.approx(1)
    chosen = found[np.arange(len(found)), probabilities.argmax(axis=1)]
    assert chosen == pytest.approx(found.max(axis=1), rel=1e-12)
    assert tempered(probabilities, 1.0) == pytest.approx(probabilities)


@given(ROWS, st.integers(0, 2**32 - 1))
def test_it_never_makes_the_table_it_was_fitted_on_worse(
    rows: list[list[float]], seed: int
) -> None:
    probabilities = np.array(rows)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    target = np.random.default_rng(seed).integers(3, size=len(rows))
    found = fit_temperature(probabilities, target)
    assert found.log_loss_after <= found.log_loss_before + 1e-12
    assert COLDEST <= found.value <= HOTTEST
