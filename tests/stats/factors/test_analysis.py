"""The printed table A-R must give what DOMAIN.md A.3 says of it, to the printed digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skinlab.stats.factors.analysis import FactorReport, FactorSpec, analyze
from skinlab.tables.text import read_table

TABLE = Path(__file__).parents[3] / "data_manifests" / "printed" / "table_a_r.csv"
FACTORS = ("rotation", "phase", "brightness", "saturation", "blur", "crop")
RESPONSES = ("diagnosis", "benign_malignant")


Row = tuple[float, float, float, float, float]


def analyzed(frame: pd.DataFrame | None = None, **choices: object) -> FactorReport:
    frame = read_table(TABLE) if frame is None else frame
    spec = FactorSpec(test_images=1200, **choices)  # type: ignore[arg-type]
    return analyze(frame, FACTORS, RESPONSES, spec, label="setting", marked="Q")


@pytest.fixture(scope="module")
def report() -> FactorReport:
    return analyzed()


def test_marginal_means_are_those_of_the_printed_table(report: FactorReport) -> None:
    expected = {
        ("rotation", "on"): (72.29, 93.42, 13),
        ("rotation", "off"): (69.52, 92.58, 5),
        ("phase", "0"): (71.32, 93.23, 14),
        ("phase", "0.02"): (71.83, 93.00, 3),
        ("phase", "0.04"): (73.4, 93.2, 1),
        ("brightness", "0"): (70.86, 92.76, 12),
        ("brightness", "0.1"): (72.85, 94.05, 6),
        ("saturation", "0"): (70.38, 92.65, 4),
        ("saturation", "0.1"): (71.78, 93.46, 12),
        ("saturation", "0.2"): (72.25, 92.65, 2),
        ("blur", "0"): (70.12, 92.70, 5),
        ("blur", "5"): (72.06, 93.38, 13),
        ("crop", "0"): (71.45, 93.13, 17),
        ("crop", "224"): (72.7, 94.2, 1),
    }
    for i, response in enumerate(report.responses):
        found = {(m.factor, m.level): m for m in response.means}
        assert set(found) == set(expected)
        for key, numbers in expected.items():
            assert found[key].value == pytest.approx(numbers[i], abs=0.0051)
            assert found[key].n == numbers[2]
    assert [r.mean for r in report.responses] == pytest.approx([71.52, 93.19], abs=0.005)
    assert report.correlations[0][2] == pytest.approx(0.65, abs=0.005)


def test_main_effects_are_those_of_the_printed_table(report: FactorReport) -> None:
    # value, low, high, p, Holm of each response; VIF
    expected: dict[str, tuple[Row, Row, float]] = {
        "rotation": ((2.67, 0.54, 4.80, 0.019, 0.11), (0.59, -0.83, 2.01, 0.38, 1), 2.3),
        "brightness": ((1.14, -0.49, 2.77, 0.15, 0.76), (1.33, 0.24, 2.41, 0.021, 0.13), 1.5),
        "phase": ((0.13, -1.19, 1.44, 0.84, 1), (-0.45, -1.33, 0.42, 0.28, 1), 1.4),
        "saturation": ((-0.32, -1.77, 1.12, 0.63, 1), (-0.23, -1.20, 0.73, 0.60, 1), 1.7),
        "blur": ((-0.33, -2.46, 1.80, 0.74, 1), (-0.01, -1.43, 1.41, 0.98, 1), 2.3),
        "crop": ((-0.17, -3.18, 2.84, 0.90, 1), (-0.14, -2.15, 1.87, 0.88, 1), 1.2),
    }
    for i, response in enumerate(report.responses):
        for effect in response.fit.effects:
            first, second, vif = expected[effect.factor]
            numbers = (first, second)[i]
            assert (effect.value, effect.low, effect.high) == pytest.approx(numbers[:3], abs=0.0051)
            assert (effect.p, effect.holm) == pytest.approx(numbers[3:], abs=0.0051)
            assert effect.vif == pytest.approx(vif, abs=0.051)
    one, two = (response.fit for response in report.responses)
    assert one.residual_df == 11
    assert (one.r2, one.r2_adjusted) == pytest.approx((0.66, 0.48), abs=0.005)
    assert one.residual_sd == pytest.approx(1.21, abs=0.005)
    assert two.r2 == pytest.approx(0.54, abs=0.005)
    assert two.residual_sd == pytest.approx(0.81, abs=0.005)


def test_aicc_and_exact_permutation_choose_rotation_and_brightness(report: FactorReport) -> None:
    first, second = report.responses
    assert {s.factors for s in first.subsets} == {("rotation",), ("rotation", "brightness")}
    assert second.subsets[0].factors == ("brightness",)
    alone = {a.factor: a for a in first.alone}["rotation"]
    assert (alone.splits, alone.exact) == (8568, True)
    assert alone.p == pytest.approx(2 / 8568)  # 0.0002
    assert {a.factor: a for a in second.alone}["brightness"].p == pytest.approx(0.004, abs=5e-4)


def test_eighteen_rows_are_eleven_settings(report: FactorReport) -> None:
    assert (report.design.rows, report.design.settings) == (18, 11)
    groups = {frozenset(group) for group in report.design.repeats}
    assert groups == {frozenset(g) for g in ("AMN", "DFQ", "CL", "IJ", "GK")}
    first, second = (response.noise for response in report.responses)
    assert first.df == 7
    assert first.sd == pytest.approx(1.22, abs=0.005)
    assert second.sd == pytest.approx(0.75, abs=0.005)
    assert (first.lack_of_fit_p, second.lack_of_fit_p) == pytest.approx((0.49, 0.31), abs=0.005)


def test_best_is_inside_the_noise(report: FactorReport) -> None:
    response = report.responses[0]
    best = response.winner
    assert (best.label, best.marked, best.same_setting) == ("Q", True, ("D", "F"))
    assert (best.low, best.high) == pytest.approx((71.1, 76.9), abs=0.05)
    assert "".join(best.inside) == "BCDEFMNPR"
    assert response.noise.single_run == pytest.approx(2.9, abs=0.05)
    assert response.noise.least_difference == pytest.approx(4.1, abs=0.05)
    assert (best.peers, best.shared) == (13, "rotation")
    assert best.lead == pytest.approx(1.7, abs=0.05)
    assert best.expected_lead == pytest.approx(2.0, abs=0.05)
    assert response.binomial_se == pytest.approx(1.3, abs=0.05)
    assert [(s.difference, s.runs) for s in response.seeds] == [(1.0, 25), (2.0, 7)]


def test_the_design_is_confounded(report: FactorReport) -> None:
    design = report.design
    assert (len(design.empty_pairs), len(design.pairs)) == (11, 15)
    pair = next(p for p in design.pairs if (p.first, p.second) == ("rotation", "blur"))
    assert pair.phi == pytest.approx(0.72, abs=0.005)
    assert pair.separating == ("H", "P")
    held = {(h.factor, h.side): h.constant for h in design.held}
    assert held["rotation", "off"] == {"phase": "0", "brightness": "0", "crop": "0"}
    assert held["brightness", "0.1"] == {"rotation": "on", "saturation": "over 0", "blur": "5"}
    assert design.single == ("phase 0.04", "crop 224")
    assert design.d_efficiency == pytest.approx(0.51, abs=0.005)
    assert design.standard_error_ratio["rotation on"] == pytest.approx(1.7, abs=0.05)


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(18)))
def test_the_order_of_rows_changes_no_number(order: list[int]) -> None:
    before, after = analyzed(), analyzed(read_table(TABLE).iloc[order])
    for a, b in zip(before.responses, after.responses, strict=True):
        assert [e.value for e in a.fit.effects] == pytest.approx([e.value for e in b.fit.effects])
        assert [p.p for p in a.alone] == [p.p for p in b.alone]
        assert a.noise.sd == pytest.approx(b.noise.sd)
        assert (a.winner.label, set(a.winner.inside)) == (b.winner.label, set(b.winner.inside))
    assert after.design.d_efficiency == pytest.approx(before.design.d_efficiency)


def test_shares_are_shown_in_percent() -> None:
    frame = read_table(TABLE)
    frame["diagnosis"] = [str(float(x) / 100) for x in frame["diagnosis"]]
    response = analyzed(frame).responses[0]
    assert response.mean == pytest.approx(71.52, abs=0.005)
    assert any("diagnosis" in note for note in analyzed(frame).notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.head(2), "three or more"),
        (lambda f: f.assign(**dict.fromkeys(FACTORS, "1")), "no factor varies"),
        (lambda f: f.assign(diagnosis="good"), "diagnosis"),
        (lambda f: f.assign(diagnosis="nan"), "without a number"),
        (lambda f: f.assign(setting="A"), "share a label"),
        (lambda f: f[f["setting"] != "Q"], "no row is called"),
    ],
)
def test_a_table_without_sense_is_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        analyzed(change(read_table(TABLE)))


def test_a_search_without_repeats_takes_its_noise_from_the_residual() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"lr": np.linspace(0, 1, 30), "mix": rng.permutation(np.arange(30.0))})
    frame["accuracy"] = 0.7 + 0.1 * frame["lr"] + rng.normal(0, 0.01, 30)
    found = analyze(frame, ("lr", "mix"), ("accuracy",))
    response = found.responses[0]
    assert response.noise.source == "residual of the main effects"
    assert response.noise.df == 27
    assert response.fit.effects[0].value == pytest.approx(10, abs=1)  # points over the whole range
    assert response.noise.lack_of_fit_p is None


def test_a_saturated_table_has_effects_without_intervals() -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": [0, 0, 1, 1], "c": [0, 1, 1, 0]})
    frame["accuracy"] = [70.0, 72.0, 71.0, 75.0]
    response = analyze(frame, "abc", ("accuracy",)).responses[0]
    assert [e.value for e in response.fit.effects] == pytest.approx([3.0, 2.0, -1.0])
    for effect in response.fit.effects:
        assert (effect.low, effect.p) == (None, None)
        assert "nothing left" in effect.reason
    assert response.noise.sd is None
    assert response.seeds == ()
