import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols
from statsmodels.stats.power import TTestIndPower

from skinlab.stats.factors.design import Factor, describe, setting_of
from skinlab.stats.factors.effects import main_effects
from skinlab.stats.factors.repeats import expected_best, noise, seeds_needed


def test_the_expected_best_has_its_known_values() -> None:
    assert expected_best(1) == 0
    assert expected_best(2) == pytest.approx(1 / math.sqrt(math.pi))
    assert expected_best(3) == pytest.approx(1.5 / math.sqrt(math.pi))
    assert expected_best(13) == pytest.approx(1.6680, abs=5e-5)  # Harter (1961), table 1
    drawn = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1).mean()
    assert expected_best(50) == pytest.approx(drawn, abs=0.02)
    with pytest.raises(ValueError, match="no run"):
        expected_best(0)


@pytest.mark.parametrize("difference", [0.5, 1.0, 2.0])
def test_the_runs_needed_have_the_power_and_one_fewer_has_not(difference: float) -> None:
    need = seeds_needed(1.22, [difference])[0]
    power = TTestIndPower().power(difference / 1.22, need.runs, 0.05)
    fewer = TTestIndPower().power(difference / 1.22, need.runs - 1, 0.05)
    assert power >= 0.8 > fewer


def test_a_difference_far_above_the_noise_needs_two_runs() -> None:
    assert [s.runs for s in seeds_needed(0.1, [50.0])] == [2]
    assert [s.runs for s in seeds_needed(0.0, [1.0])] == [2]


@pytest.mark.parametrize("seed", range(3))
def test_lack_of_fit_agrees_with_nested_models_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, z = np.repeat([0, 1, 2, 3], 6), np.tile([0, 1], 12)
    response = 70 + x**2 + rng.normal(size=24)
    factors = [Factor.of("x", x.tolist()), Factor.of("z", z.tolist())]
    fit = main_effects(factors, response, describe(factors, tuple(map(str, range(24)))), 0.95)
    found = noise(response, setting_of(factors), fit, 0.95)
    frame = pd.DataFrame({"x": x, "z": z, "y": response})
    anova = sm.stats.anova_lm(ols("y ~ x + z", frame).fit(), ols("y ~ C(x) * C(z)", frame).fit())
    assert found.lack_of_fit_p == pytest.approx(anova["Pr(>F)"].iloc[1])
    assert found.df == anova["df_resid"].iloc[1]
    assert found.sd == pytest.approx(math.sqrt(anova["ssr"].iloc[1] / found.df))
