from __future__ import annotations

from typing import Any

import pytest

from skinlab.tasks.spec import OptimSpec


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0.0},
        {"lr": float("nan")},
        {"epochs": 0},
        {"weight_decay": -1.0},
        {"warmup_epochs": float("inf")},
        {"label_smoothing": 1.0},
    ],
)
def test_values_outside_their_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"optim.{next(iter(wrong))} is"):
        OptimSpec(**wrong)


def test_a_training_without_warmup_and_decay_is_allowed() -> None:
    assert OptimSpec(warmup_epochs=0, weight_decay=0).warmup_epochs == 0
