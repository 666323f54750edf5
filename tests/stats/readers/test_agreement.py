"""Kappas against statsmodels and scikit-learn, and where they do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from skinlab.stats.readers.agreement import cohen, fleiss
from skinlab.stats.spec import EvaluationSpec

SPEC = EvaluationSpec(resamples=300)
RNG = np.random.default_rng(0)
TRUTH = RNG.choice(["母斑", "MM", "BCC"], 60)
NAMED = np.where(RNG.random((4, 60)) < 0.7, TRUTH, RNG.choice(["母斑", "MM", "BCC"], (4, 60)))


def test_fleiss_agrees_with_statsmodels_and_has_an_interval() -> None:
    found = fleiss(NAMED, np.arange(60), SPEC)
    codes = np.unique(NAMED, return_inverse=True)[1].reshape(NAMED.shape)
    assert found.value == pytest.approx(fleiss_kappa(aggregate_raters(codes.T)[0]))
    assert found.low is not None
    assert found.high is not None
    assert found.low < (found.value or 0) < found.high


def test_fleiss_takes_the_cases_that_everyone_named() -> None:
    holes = NAMED.copy()
    holes[0, :10] = ""
    found = fleiss(holes, np.arange(60), SPEC)
    assert found.n_images == 50
    assert found.value == fleiss(NAMED[:, 10:], np.arange(50), SPEC).value


def test_cohen_of_each_pair_agrees_with_scikit_learn() -> None:
    pairs = cohen(NAMED, ("a", "b", "c", "d"), np.arange(60), SPEC)
    assert [pair.class_name for pair in pairs][:3] == ["a / b", "a / c", "a / d"]
    assert pairs[0].value == pytest.approx(cohen_kappa_score(NAMED[0], NAMED[1]))
    assert pairs[0].low is not None


def test_cohen_has_no_interval_where_images_share_patients() -> None:
    pairs = cohen(NAMED[:2], ("a", "b"), np.arange(60) // 2, SPEC)
    assert pairs[0].low is None
    assert pairs[0].reason == "images of one patient"


def test_one_name_only_is_undefined_and_says_so() -> None:
    same = np.full((3, 10), "nevus")
    assert fleiss(same, np.arange(10), SPEC).value is None
    assert "0/0" in fleiss(same, np.arange(10), SPEC).reason
    assert cohen(same, ("a", "b", "c"), np.arange(10), SPEC)[0].value is None


def test_one_reader_or_no_common_case_is_undefined() -> None:
    assert fleiss(NAMED[:1], np.arange(60), SPEC).reason == "one reader"
    apart = np.array([["a", ""], ["", "b"]])
    assert fleiss(apart, np.arange(2), SPEC).reason == "no case was named by every reader"
    assert cohen(apart, ("x", "y"), np.arange(2), SPEC)[0].reason == "no case was named by both"


def test_perfect_agreement_is_one() -> None:
    same = np.stack([TRUTH, TRUTH])
    assert fleiss(same, np.arange(60), SPEC).value == pytest.approx(1)
    assert cohen(same, ("a", "b"), np.arange(60), SPEC)[0].value == pytest.approx(1)
