"""Traits: mixing two looks and changing each value."""

from __future__ import annotations

import pytest

from skinlab.sources.synthetic.appearance import Category, Traits


def test_mixing_goes_from_one_look_to_the_other() -> None:
    one, other = Traits(4.0, melanin=1.0), Traits(12.0, blood=0.5)
    assert one.mix(other, 0.0) == one
    assert one.mix(other, 1.0) == other
    middle = one.mix(other, 0.25)
    assert (middle.diameter, middle.melanin, middle.blood) == pytest.approx((6.0, 0.75, 0.125))


def test_each_value_is_changed_under_its_own_name() -> None:
    doubled = Traits(4.0, scale=0.3).changed(lambda name, v: v if name == "scale" else 2 * v)
    assert doubled.diameter == 8.0
    assert doubled.scale == 0.3


def test_in_situ_is_malignant_and_no_depth_is_benign() -> None:
    look = Traits(5.0)
    assert Category("in situ", look, 60, ("leg",) * 4, 1.0, 0.0).malignant
    assert not Category("benign", look, 60, ("leg",) * 4, 1.0).malignant
