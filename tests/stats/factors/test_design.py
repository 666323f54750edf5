import numpy as np
import pytest
from scipy.linalg import hadamard
from statsmodels.stats.outliers_influence import variance_inflation_factor

from skinlab.stats.factors.design import Factor, describe, model_matrix, setting_of


def labels(n: int) -> tuple[str, ...]:
    return tuple(str(i) for i in range(n))


def test_on_and_off_are_read_however_they_are_written() -> None:
    for words in (["on", "off"], ["O", "X"], ["Yes", "no"], ["True", "False"]):
        factor = Factor.of("flip", words)
        assert (factor.levels, factor.terms) == (("off", "on"), ("flip on",))
        assert factor.columns[:, 0].tolist() == [1, 0]


def test_a_number_counts_per_its_smallest_step_and_words_against_the_first() -> None:
    assert Factor.of("hue", ["0", "0.02", "0.04"]).columns[:, 0].tolist() == pytest.approx(
        [0, 1, 2]
    )
    assert Factor.of("hue", ["0", "0.02", "0.04"]).terms == ("hue per 0.02",)
    square = Factor.of("square", ["squash", "pad", "crop", "pad"])
    assert square.terms == ("square pad", "square crop")
    assert square.columns.tolist() == [[0, 0], [1, 0], [0, 1], [1, 0]]
    many = Factor.of("lr", np.linspace(1, 3, 11).tolist())
    assert many.terms == ("lr per 2",)
    assert many.on.sum() == 5


def test_an_orthogonal_design_has_efficiency_one_and_nothing_confounded() -> None:
    h = (hadamard(8)[:, 1:5] + 1) // 2
    design = describe([Factor.of(n, h[:, i].tolist()) for i, n in enumerate("abcd")], labels(8))
    assert design.d_efficiency == pytest.approx(1)
    assert list(design.vif.values()) == pytest.approx([1] * 4)
    assert list(design.standard_error_ratio.values()) == pytest.approx([1] * 4)
    assert (design.empty_pairs, design.held, design.repeats, design.single) == ((), (), (), ())


@pytest.mark.parametrize("seed", range(3))
def test_vif_agrees_with_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = [Factor.of(n, rng.integers(0, 3, 25).tolist()) for n in "abc"]
    factors.append(Factor.of("d", rng.choice(["p", "q", "r"], 25).tolist()))
    matrix = model_matrix(factors).to_numpy()
    design = describe(factors, labels(25))
    expected = [variance_inflation_factor(matrix, i) for i in range(1, matrix.shape[1])]
    assert list(design.vif.values()) == pytest.approx(expected)


def test_a_factor_that_is_the_sum_of_others_is_named_with_them() -> None:
    a, b = [0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 1, 0]
    columns = {"a": a, "b": b, "twin": a, "sum": [x + y for x, y in zip(a, b, strict=True)]}
    design = describe([Factor.of(n, v) for n, v in columns.items()], labels(6))
    assert set(design.aliased) == {"a 1", "b 1", "twin 1", "sum per 1"}
    assert design.vif["twin 1"] is None
    assert design.d_efficiency == pytest.approx(0, abs=1e-3)
    single = describe([Factor.of("a", a), Factor.of("twin", a)], labels(6))
    assert single.aliased == {"a 1": ("twin 1",), "twin 1": ("a 1",)}


def test_rows_with_the_same_levels_are_one_setting_whatever_the_rest() -> None:
    factors = [Factor.of("a", ["x", "y", "x", "x"]), Factor.of("b", [1, 1, 1, 2])]
    setting = setting_of(factors)
    assert setting[0] == setting[2]
    assert len(set(setting.tolist())) == 3
    assert describe([*factors, Factor.of("c", [5] * 4)], "PQRS").repeats == (("P", "R"),)


def test_a_constant_factor_is_named_and_left_out() -> None:
    design = describe([Factor.of("a", [0, 1, 1]), Factor.of("b", [3, 3, 3])], labels(3))
    assert (design.factors, design.fixed) == (("a",), ("b",))
    with pytest.raises(ValueError, match="no factor varies"):
        describe([Factor.of("b", [3, 3, 3])], labels(3))
