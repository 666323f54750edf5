"""An evaluation that could give no honest interval is refused before anything is computed."""

from __future__ import annotations

import pytest

from skinlab.stats.spec import EvaluationSpec, OperatingPointSpec


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 1.0},
        {"level": 0.4},
        {"level": 95.0},
        {"resamples": 99},
        {"seed": -1},
        {"few_patients": 1},
        {"units": ("lesion", "lesion")},
        {"prevalence": 0.0},
        {"prevalence": 30.0},
    ],
)
def test_choices_that_give_no_interval_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="evaluation"):
        EvaluationSpec(**wrong)  # type: ignore[arg-type]


def test_percent_for_a_fraction_is_answered_with_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"try 0\.95"):
        EvaluationSpec(level=95)


def test_the_borders_themselves_serve() -> None:
    assert EvaluationSpec(level=0.5, resamples=100, seed=0, few_patients=2).level == 0.5


def test_an_operating_point_says_its_rule_in_words() -> None:
    assert str(OperatingPointSpec()) == "sensitivity >= 0.95"
    assert "Youden" in str(OperatingPointSpec("youden"))
    assert str(OperatingPointSpec("threshold", 0.3)) == "threshold 0.3"


@pytest.mark.parametrize("value", [95.0, -0.1, float("nan")])
def test_a_target_is_a_share_not_a_percentage(value: float) -> None:
    with pytest.raises(ValueError, match=r"operating_point\.value .* is not in \[0, 1\]"):
        OperatingPointSpec("sensitivity", value)
