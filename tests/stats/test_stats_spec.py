"""An evaluation that could give no honest interval is refused before anything is computed."""

from __future__ import annotations

import pytest

from skinlab.stats.spec import EvaluationSpec


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 1.0},
        {"level": 0.4},
        {"level": 95.0},
        {"resamples": 99},
        {"seed": -1},
        {"few_patients": 1},
    ],
)
def test_choices_that_give_no_interval_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="evaluation"):
        EvaluationSpec(**wrong)  # type: ignore[arg-type]


def test_percent_for_a_fraction_is_answered_with_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"try 0\.95"):
        EvaluationSpec(level=95)


def test_the_borders_themselves_serve() -> None:
    assert EvaluationSpec(level=0.5, resamples=100, seed=0, few_patients=2).level == 0.5
