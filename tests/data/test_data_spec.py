"""Sizes that cannot be are refused; the stored size follows the network's unless it is given."""

from __future__ import annotations

import pytest

from skinlab.data.spec import DataSpec


@pytest.mark.parametrize(
    "wrong", [{"image_size": 4}, {"batch_size": 0}, {"workers": -1}, {"fold": -1}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="image_size >= 8"):
        DataSpec("m.csv", "l.yaml", **wrong)  # type: ignore[arg-type]


def test_photographs_are_not_stored_smaller_than_they_are_seen() -> None:
    with pytest.raises(ValueError, match=r"cache_size 64 is below data\.image_size 128"):
        DataSpec("m.csv", "l.yaml", cache_size=64)


def test_the_stored_size_is_the_seen_size_unless_it_is_given() -> None:
    assert DataSpec("m.csv", "l.yaml", image_size=96).stored_size == 96
    assert DataSpec("m.csv", "l.yaml", image_size=96, cache_size=112).stored_size == 112
