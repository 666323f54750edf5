"""Edges of one measure: nothing answered, one patient, few patients, everything right."""

from __future__ import annotations

import numpy as np
import pytest

from skinlab.stats.readers.measures import Held, means, paired, proportion
from skinlab.stats.spec import EvaluationSpec

SPEC = EvaluationSpec(resamples=400)


def held(reader: list[int], model: list[int]) -> Held:
    right = np.array(reader, dtype=bool)[None]
    return Held(np.ones_like(right), right, np.array(model, dtype=bool))


def share(right: list[int], patient: list[int]) -> tuple[float | None, float | None, str]:
    everyone = np.ones(len(right), dtype=bool)
    found = proportion(
        "accuracy", everyone, np.array(right, bool), np.array(patient, np.int64), SPEC
    )
    return found.low, found.high, found.method or found.reason


def test_nothing_answered_is_null_with_a_reason() -> None:
    none = np.zeros(3, dtype=bool)
    found = proportion("sensitivity", none, none, np.arange(3), SPEC)
    assert found.value is None
    assert found.reason == "n = 0: no positive case was answered"


def test_one_patient_has_no_interval() -> None:
    assert share([1, 0, 1], [0, 0, 0]) == (None, None, "one patient: no interval")


def test_everything_right_counts_patients_and_has_width() -> None:
    low, high, method = share([1] * 20, [i // 2 for i in range(20)])
    assert high == 1
    assert low == pytest.approx(0.7225, abs=1e-4)  # Wilson, 10 of 10
    assert method == "Wilson on 10 patients (estimate is 1)"


def test_few_patients_take_their_effective_number() -> None:
    right = [1, 1, 0, 0, 1, 0, 1, 1]
    assert "effective n" in share(right, [0, 0, 1, 1, 2, 2, 3, 3])[2]


def test_newcombes_printed_example_is_reproduced() -> None:
    # 36 both, 12 only the first, 2 only the second: 0.2 (0.0569 to 0.3404), Newcombe 1998, table II
    reader = [1] * 36 + [1] * 12 + [0] * 2
    model = [1] * 36 + [0] * 12 + [1] * 2
    found = paired("accuracy", held(reader, model), 0, np.arange(50), SPEC)
    assert found.estimate.value == pytest.approx(0.2)
    assert found.estimate.low == pytest.approx(0.0569, abs=1e-4)
    assert found.estimate.high == pytest.approx(0.3404, abs=1e-4)
    assert (found.only_reader, found.only_model) == (12, 2)
    assert found.p_exact == pytest.approx(0.01294, abs=1e-5)


def test_the_label_swap_by_patient_counts_every_exchange() -> None:
    # Three patients with 2 cases each; the reader has 2, 1 and 1 more right: only all three on one
    # side are as far from 0, so p = 2 of the 8 exchanges.
    reader, model = [1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0]
    patient = np.array([0, 0, 1, 1, 2, 2])
    assert paired("accuracy", held(reader, model), 0, patient, SPEC).p_exact == 0.25


def test_a_mean_over_readers_weighs_each_reader_once() -> None:
    from skinlab.stats.readers.panel import Panel

    n = 40
    counted = np.ones((3, n), dtype=bool)
    counted[2, 4:] = False  # the third answered 4 cases, all right
    right = np.zeros((3, n), dtype=bool)
    right[0, :20] = right[1, :30] = right[2, :4] = True
    which = Held(counted, right, np.ones(n, dtype=bool))
    names = np.full((3, n), "x")
    everyone = Panel(
        ("a", "b", "c"), ("",) * 3, "", "diagnosis", np.arange(n), names[0], names, names[0],
        np.zeros(n, bool), np.zeros((3, n), np.int8), np.zeros(n, bool), np.zeros(n), 0, "",
    )  # fmt: skip
    mean, difference = means(everyone, which, "accuracy", SPEC)
    assert mean.value == pytest.approx((0.5 + 0.75 + 1) / 3)
    assert difference.value == pytest.approx((-0.5 - 0.25 + 0) / 3)


def test_the_interval_of_the_mean_reader_holds_the_truth_as_often_as_it_says() -> None:
    # Readers' own skills are drawn too: truth is the mean of the skills' distribution, 0.7.
    from skinlab.stats.readers.panel import Panel

    rng = np.random.default_rng(5)
    n, r, hits, tables = 60, 8, 0, 120
    names = np.full((r, n), "x")
    spec = EvaluationSpec(resamples=300)
    blank = np.zeros(n, bool)
    everyone = Panel(
        tuple("abcdefgh"), ("",) * r, "", "diagnosis", np.arange(n), names[0], names, names[0],
        blank, np.zeros((r, n), np.int8), blank, np.zeros(n), 0, "",
    )  # fmt: skip
    for _ in range(tables):
        skill = rng.uniform(0.55, 0.85, (r, 1))
        right = rng.random((r, n)) < skill
        mean, _ = means(everyone, Held(np.ones((r, n), bool), right, blank), "accuracy", spec)
        hits += (mean.low or 0) <= 0.7 <= (mean.high or 0)
    assert hits / tables >= 0.92
