import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinlab.tables.box import Box


@pytest.mark.parametrize(
    "corners",
    [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.01), (math.nan, 0, 1, 1)],
)
def test_windows_that_are_empty_or_leave_the_photograph_are_refused(
    corners: tuple[float, float, float, float],
) -> None:
    with pytest.raises(ValueError, match="is empty or leaves the photograph"):
        Box(*corners)


def test_the_whole_photograph_is_all_its_pixels() -> None:
    assert Box().pixels(640, 480) == (0, 0, 640, 480)
    assert Box(0.25, 0.5, 0.75, 1).pixels(8, 4) == (2, 2, 6, 4)


EDGE = st.floats(0, 1)


@given(
    x=st.tuples(EDGE, EDGE),
    y=st.tuples(EDGE, EDGE),
    width=st.integers(1, 50),
    height=st.integers(1, 50),
)
def test_a_window_is_at_least_a_pixel_and_inside(
    x: tuple[float, float], y: tuple[float, float], width: int, height: int
) -> None:
    if x[0] == x[1] or y[0] == y[1]:
        return
    left, top, right, bottom = Box(min(x), min(y), max(x), max(y)).pixels(width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
