"""Bootstrap intervals and p-values that say the same; effective cases of few patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from skinlab.stats.paired.limits import Resampled, paired_effective_trials
from skinlab.stats.paired.proportion import PairedCounts


def test_the_p_value_is_the_level_at_which_the_interval_touches_zero() -> None:
    replicates = np.random.default_rng(0).normal(0.02, 0.012, size=20000)
    found = Resampled(replicates, 25)
    touching = optimize.brentq(lambda level: found.limits(level)[0], 0.5, 0.999)
    assert found.p() == pytest.approx(1 - touching, abs=0.003)


def test_of_many_patients_it_is_the_plain_bootstrap_p_value() -> None:
    replicates = np.random.default_rng(1).normal(0.02, 0.012, size=20000)
    plain = 2 * (replicates <= 0).mean()
    assert Resampled(replicates, 100_000).p() == pytest.approx(plain, abs=1e-3)
    assert Resampled(-replicates, 25).p() == Resampled(replicates, 25).p()


def test_no_difference_in_any_resample_is_p_1_and_no_interval() -> None:
    found = Resampled(np.zeros(500), 20)
    assert found.p() == 1.0
    assert found.reason == "every resample gives the same difference"


def test_the_smallest_p_value_is_that_of_the_number_of_resamples() -> None:
    found = Resampled(np.full(999, 0.1) + np.arange(999) * 1e-6, 10**7)
    assert found.p() == pytest.approx(2 / 1000, rel=1e-3)


def test_undefined_resamples_are_counted_and_too_many_of_them_give_nothing() -> None:
    replicates = np.where(np.arange(400) < 250, np.nan, 0.1)
    found = Resampled(replicates, 20)
    assert found.dropped == 250
    assert found.reason == "250 of 400 resamples are undefined"
    assert found.p() is None


def test_independent_cases_are_worth_themselves_but_for_the_few() -> None:
    change = np.array([1.0, 1, -1] + [0] * 997)
    counts = PairedCounts(900, 2, 1, 97)
    n = paired_effective_trials(change, np.ones(1000), counts, 0.95)
    ratio = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 999)
    assert n == pytest.approx(1000 * ratio**2, rel=2e-3)


def test_images_that_always_agree_within_a_patient_are_worth_their_patients() -> None:
    change = np.array([4.0, 4, -4, 0] * 25)
    counts = PairedCounts(50, 200, 100, 50)
    n = paired_effective_trials(change, np.full(100, 4.0), counts, 0.95)
    assert n == pytest.approx(100, rel=0.05)


def test_without_discordance_it_is_the_number_of_patients() -> None:
    counts = PairedCounts(30, 0, 0, 10)
    assert paired_effective_trials(np.zeros(8), np.full(8, 5.0), counts, 0.95) == 8
