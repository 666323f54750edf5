"""The layers of a lesion: each sign in its place, nothing cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skinlab.sources.synthetic.appearance import Traits
from skinlab.sources.synthetic.categories import CATEGORIES
from skinlab.sources.synthetic.lesion import REACH, SIDE, Layers, draw_layers, draw_lesion
from skinlab.sources.synthetic.plan import grown, plan_patient


def test_a_deep_carcinoma_is_open_and_a_thin_one_is_not() -> None:
    carcinoma = next(c for c in CATEGORIES if c.name == "invasive squamous cell carcinoma")
    plain = replace(carcinoma.traits, ulcer=0.0, scale=0.0, verrucous=0.0, height=0.0)
    thin, deep = (
        draw_layers(np.random.default_rng(3), grown(plain, depth)) for depth in (0.3, 10.0)
    )
    middle = np.s_[SIDE // 2 - 12 : SIDE // 2 + 12, SIDE // 2 - 12 : SIDE // 2 + 12]
    assert deep.blood[middle].mean() > thin.blood[middle].mean() + 0.3


SIGNS = {
    "melanin": "melanin",
    "blood": "blood",
    "blue": "blue",
    "scale": "keratin",
    "vessels": "blood",
    "dots": "melanin",
    "height": "height",
}


@pytest.mark.parametrize(("sign", "layer"), SIGNS.items())
def test_each_sign_shows_in_its_layer(sign: str, layer: str) -> None:
    bare = Traits(8.0, melanin=0.2, blood=0.1, height=0.0)
    with_sign = replace(bare, **{sign: 1.0})

    def total(traits: Traits) -> float:
        return float(getattr(draw_layers(np.random.default_rng(7), traits), layer).sum())

    assert total(with_sign) > total(bare) + 50


def test_layers_end_before_their_border_so_that_nothing_is_cut() -> None:
    for number in range(40):
        who = plan_patient(9, number)
        layers = draw_lesion(who, who.lesions[0])
        for name in ("melanin", "blood", "blue", "keratin", "inside"):
            layer = getattr(layers, name)
            assert layer.dtype == np.float32
            rim = np.concatenate([layer[0], layer[-1], layer[:, 0], layer[:, -1]])
            limit = 0.5 if name == "inside" else 0.06
            assert rim.max() < limit, (number, name)
        assert isinstance(layers, Layers)
        assert layers.scale * who.lesions[0].traits.diameter == pytest.approx(SIDE / REACH)


def test_a_lesion_looks_the_same_each_time_it_is_drawn() -> None:
    who = plan_patient(4, 5)
    first, second = (draw_lesion(who, who.lesions[0]) for _ in range(2))
    assert np.array_equal(first.melanin, second.melanin)
    assert np.array_equal(first.inside, second.inside)


def test_an_irregular_border_is_longer_than_a_smooth_one() -> None:
    def border(irregular: float) -> float:
        lengths = []
        for seed in range(5):
            layers = draw_layers(
                np.random.default_rng(seed), Traits(8.0, melanin=1.0, irregular=irregular)
            )
            inside = layers.inside > 0.5
            edge = (inside != np.roll(inside, 1, 0)) | (inside != np.roll(inside, 1, 1))
            lengths.append(edge.sum() / np.sqrt(inside.sum()))
        return float(np.mean(lengths))

    assert border(0.8) > 1.15 * border(0.0)


def test_asymmetry_puts_the_pigment_on_one_side() -> None:
    def lopsided(asymmetry: float) -> float:
        traits = Traits(8.0, melanin=1.0, irregular=0.0, mottle=0.0, asymmetry=asymmetry)
        melanin = draw_layers(np.random.default_rng(1), traits).melanin
        line = np.arange(SIDE) - (SIDE - 1) / 2
        return float(
            np.hypot((melanin * line).sum(), (melanin * line[:, None]).sum()) / melanin.sum()
        )

    assert lopsided(0.9) > 3 * lopsided(0.0)
