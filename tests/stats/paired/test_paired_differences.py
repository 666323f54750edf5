"""Each metric gets the interval and the tests that its cases deserve."""

from __future__ import annotations

import numpy as np
import pytest
from paired_samples import arm, predictions
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from skinlab.stats.paired.auroc import paired_delong
from skinlab.stats.paired.cases import Arm, PairedCases, pair, paired
from skinlab.stats.paired.differences import ComparisonSpec, LevelDifferences
from skinlab.stats.paired.proportion import PairedCounts, newcombe_paired, tango
from skinlab.tables.comparison import Difference

SPEC = ComparisonSpec(resamples=500, margin=0.05)


def _all(cases: PairedCases, spec: ComparisonSpec = SPEC) -> dict[tuple[str, str], Difference]:
    found = LevelDifferences(cases, "diagnosis", "image", spec).differences()
    return {(d.metric, d.class_name): d for d in found}


def _cases(a: Arm, b: Arm) -> PairedCases:
    return pair(a, b)[0][1]


def test_independent_images_have_newcombe_tango_and_mcnemar() -> None:
    cases = _cases(arm(1, n=90, patients=90), arm(2, skill=0.8, n=90, patients=90))
    found = _all(cases)["accuracy", ""]
    a, b = (x[0] == cases.target for x in (cases.answer_a, cases.answer_b))
    counts = PairedCounts(*(float(x.sum()) for x in (a & b, a & ~b, ~a & b, ~a & ~b)))
    assert (found.only_a, found.only_b) == (counts.only_a, counts.only_b)
    assert (found.low, found.high) == pytest.approx(newcombe_paired(counts))
    assert (found.others[0].low, found.others[0].high) == pytest.approx(tango(counts))
    assert [test.name for test in found.tests] == ["McNemar, mid-p", "McNemar, exact"]
    table = [[counts.both, counts.only_a], [counts.only_b, counts.neither]]
    assert found.tests[1].p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert found.unit == "image"
    assert found.decision is not None
    inner = newcombe_paired(counts, 0.9)
    assert (found.decision.low, found.decision.high) == pytest.approx(inner)
    assert found.decision.level == pytest.approx(0.9)


def test_independent_images_have_delong_for_areas() -> None:
    cases = _cases(arm(1, n=90, patients=90), arm(2, skill=0.8, n=90, patients=90))
    found = _all(cases)["auroc", "nevus"]
    expected = paired_delong(cases.target == 1, cases.a[0][:, 1], cases.b[0][:, 1])
    assert found.method == "DeLong, paired"
    assert (found.value, found.p) == pytest.approx((expected.difference, expected.p))
    assert (found.low, found.high) == pytest.approx(expected.limits())


def test_images_that_share_patients_are_resampled_and_swapped_by_patient() -> None:
    found = _all(_cases(arm(1), arm(2, skill=0.8)))
    accuracy = found["accuracy", ""]
    assert accuracy.method.startswith("paired patient bootstrap")
    assert [test.name for test in accuracy.tests] == [
        "label swap within patients, mid-p",
        "label swap within patients, exact",
        "patient bootstrap",
    ]
    assert accuracy.unit == "patient"
    assert "stratified by label" not in accuracy.method
    assert "B = 500, seed 0" in accuracy.method
    auroc = found["auroc", "BCC"]
    assert auroc.tests[0].name == "patient bootstrap"


def test_the_counts_of_images_and_patients_are_those_of_the_denominator() -> None:
    cases = _cases(arm(1), arm(2))
    found = _all(cases)
    for c, name in enumerate(cases.classes):
        rows = cases.target == c
        assert found["sensitivity", name].n_images == rows.sum()
        assert found["sensitivity", name].n_patients == len(set(cases.patient[rows]))
        assert found["specificity", name].n_images == (~rows).sum()
    assert (found["accuracy", ""].n_images, found["accuracy", ""].n_patients) == (120, 60)


def test_few_patients_of_a_class_are_not_bootstrapped() -> None:
    cases = _cases(arm(1, n=60, patients=24), arm(2, skill=0.4, n=60, patients=24))
    few = [d for d in _all(cases).values() if d.metric == "sensitivity" and d.n_patients < 15]
    assert few
    for d in few:
        assert d.method.startswith("Newcombe, paired (method 10) on effective n = ")
        assert d.unit == "patient"
        assert d.low is not None
        assert d.high is not None
        assert d.low < (d.value or 0.0) < d.high


def test_answers_that_never_differ_have_p_1_a_reason_and_still_a_width() -> None:
    found = _all(_cases(arm(1), arm(1)))
    accuracy = found["accuracy", ""]
    assert (accuracy.value, accuracy.p) == (0.0, 1.0)
    assert accuracy.tests[0].note == "no discordant pairs"
    assert accuracy.low is not None
    assert accuracy.low < 0 < (accuracy.high or 0)
    assert "no discordant pairs" in accuracy.method
    assert found["brier", ""].reason == "every resample gives the same difference"
    assert [test.p for test in found["brier", ""].tests] == [1.0, 1.0]


def test_means_have_the_signed_rank_test_per_patient_and_no_decision() -> None:
    cases = _cases(arm(1), arm(2, skill=0.8))
    found = _all(cases)
    rows = np.arange(cases.cases)
    change = cases.a[0][rows, cases.target] - cases.b[0][rows, cases.target]
    means = [change[cases.patient == p].mean() for p in range(cases.patients)]
    test = found["truth_probability", ""].tests[1]
    assert test.name == "Wilcoxon signed rank, per patient"
    assert test.p == pytest.approx(stats.wilcoxon(means, method="approx").pvalue)
    for metric in ("brier", "log_loss", "truth_probability"):
        assert found[metric, ""].decision is None


def test_several_seeds_have_one_interval_for_both_and_the_sampling_error_beside_it() -> None:
    a, b = arm(1, 2, 3), arm(11, 12, skill=0.8)
    found = _all(_cases(a, b))["accuracy", ""]
    right = [(run.answer == run.target).mean() for run in a.runs]
    assert found.a == pytest.approx(np.mean(right))
    assert found.seed_sd_a == pytest.approx(np.std(right, ddof=1))
    assert found.seed_sd_b is not None
    assert found.method.startswith("paired seed and patient bootstrap")
    (alone,) = found.others
    assert alone.method.startswith("sampling error alone")
    assert None not in (found.low, found.high)
    assert alone.high - alone.low < (found.high or 0) - (found.low or 0)
    assert found.tests[0].name == "seed and patient bootstrap"


def test_an_absent_class_is_undefined_with_its_reason() -> None:
    tables = [predictions(m) for m in (1, 2)]
    rows = tables[0].frame["target"] != "BCC"
    sides = [Arm.of("x", [table.where(rows.to_numpy())]) for table in tables]
    found = _all(_cases(*sides))
    gone = found["sensitivity", "BCC"]
    assert (gone.a, gone.value, gone.low, gone.p) == (None, None, None, None)
    assert gone.reason.startswith("n = 0")
    assert found["auroc", "BCC"].reason == "one class only"
    assert found["balanced_accuracy", ""].value is not None


def test_one_patient_has_differences_but_no_interval() -> None:
    rng = np.random.default_rng(0)
    tables = rng.dirichlet(np.ones(3), size=(2, 9))
    target = np.arange(9) % 3
    cases = paired(("x", "y", "z"), target, tables[:1], tables[1:], np.zeros(9, np.int64))
    found = _all(cases)["accuracy", ""]
    assert found.value is not None
    assert (found.low, found.reason) == (None, "one patient: no interval")


@pytest.mark.parametrize(
    "wrong", [{"level": 0.5}, {"resamples": 10}, {"margin": 0.0}, {"margin": 5}, {"seed": -1}]
)
def test_choices_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"level|resamples|margin"):
        ComparisonSpec(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_auroc", "sensitivity"])
def test_one_metric_alone_is_what_it_is_among_all(metric: str) -> None:
    _, cases = pair(arm(1), arm(2, skill=1.0))[0]
    spec = ComparisonSpec(resamples=300)
    every = [
        d for d in LevelDifferences(cases, "diagnosis", "image", spec).differences()
        if d.metric == metric
    ]  # fmt: skip
    alone = LevelDifferences(cases, "diagnosis", "image", spec, (metric,)).differences()
    assert list(alone) == every
