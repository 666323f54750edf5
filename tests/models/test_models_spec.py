from __future__ import annotations

from typing import Any

import pytest

from skinlab.models.spec import ModelSpec


@pytest.mark.parametrize(
    "wrong", [{"dropout": 1.0}, {"dropout": -0.1}, {"backbone": ""}, {"weights": ""}]
)
def test_values_outside_their_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"model.*{next(iter(wrong))}"):
        ModelSpec(**wrong)


def test_nothing_is_downloaded_by_default() -> None:
    assert ModelSpec().weights == "none"
