"""A trial is a value: equal when everything that it says is equal."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from skinlab.tables.trials import TrialRow


def test_a_trial_cannot_be_changed_after_it_ended() -> None:
    row = TrialRow(0, "complete", {"augment.hue": 0.02}, 0, 0.7, Path("trial-0000"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.value = 0.9  # type: ignore[misc]
    assert row == TrialRow(0, "complete", {"augment.hue": 0.02}, 0, 0.7, Path("trial-0000"))
