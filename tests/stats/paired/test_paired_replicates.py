"""Metrics of both arms against scikit-learn; resamples against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from paired_samples import arm
from sklearn import metrics

from skinlab.stats.bootstrap import draws
from skinlab.stats.paired.cases import PairedCases, pair
from skinlab.stats.paired.replicates import paired_replicates, run_sums, seed_values


def _cases(*a: int, b: tuple[int, ...] = (9,)) -> PairedCases:
    return pair(arm(*a), arm(*b, skill=1.0))[0][1]


@pytest.mark.parametrize("model", [1, 2, 3])
def test_every_metric_is_that_of_scikit_learn(model: int) -> None:
    cases = _cases(model)
    runs, _ = run_sums(cases)
    found = {name: values[:, 0] for name, values in seed_values(runs, cases.patients).items()}
    truth, answer, table = cases.target, cases.answer_a[0], cases.a[0]
    onehot = np.eye(3)[truth]
    expected = {
        "accuracy": metrics.accuracy_score(truth, answer),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, answer),
        "macro_f1": metrics.f1_score(truth, answer, average="macro"),
        "mcc": metrics.matthews_corrcoef(truth, answer),
        "kappa": metrics.cohen_kappa_score(truth, answer),
        "macro_auroc": metrics.roc_auc_score(truth, table, multi_class="ovr"),
        "brier": ((table - onehot) ** 2).sum(axis=1).mean(),
        "log_loss": metrics.log_loss(truth, table),
        "truth_probability": (table * onehot).sum(axis=1).mean(),
        "sensitivity": metrics.recall_score(truth, answer, average=None),
        "specificity": [metrics.recall_score(truth != c, answer != c) for c in range(3)],
        "ppv": metrics.precision_score(truth, answer, average=None),
        "npv": [metrics.precision_score(truth != c, answer != c) for c in range(3)],
        "f1": metrics.f1_score(truth, answer, average=None),
        "auroc": [metrics.roc_auc_score(truth == c, table[:, c]) for c in range(3)],
        "average_precision": [
            metrics.average_precision_score(truth == c, table[:, c]) for c in range(3)
        ],
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], np.atleast_1d(value), rtol=1e-9, err_msg=name)


def test_a_replicate_is_the_difference_on_the_drawn_patients() -> None:
    cases = _cases(1)
    found = paired_replicates(cases, run_sums(cases), 20, 5, stratified=False)
    _, weights = next(draws(np.zeros(cases.patients, np.int64), 20, [5, 0]))
    rows_of = [np.flatnonzero(cases.patient == p) for p in range(cases.patients)]
    for r in range(20):
        times = weights[:, r].astype(int)
        rows = np.concatenate([np.repeat(rows_of[p], t) for p, t in enumerate(times)])
        truth = cases.target[rows]
        right = [(x[0][rows] == truth).mean() for x in (cases.answer_a, cases.answer_b)]
        assert found.total["accuracy"][0, r] == pytest.approx(right[0] - right[1])
        areas = [
            metrics.roc_auc_score(truth == 1, table[0][rows, 1]) for table in (cases.a, cases.b)
        ]
        assert found.total["auroc"][1, r] == pytest.approx(areas[0] - areas[1])
        np.testing.assert_array_equal(found.total["auroc"], found.sampling["auroc"])


def test_stratified_resamples_keep_every_class() -> None:
    cases = _cases(1)
    found = paired_replicates(cases, run_sums(cases), 300, 0, stratified=True)
    assert not np.isnan(found.total["balanced_accuracy"]).any()


def test_the_seeds_part_has_the_variance_that_seeds_have() -> None:
    models = tuple(range(1, 5))
    cases = _cases(*models, b=tuple(range(11, 14)))
    runs = run_sums(cases)
    found = paired_replicates(cases, runs, 4000, 0, stratified=False)
    parts = [seed_values(side, cases.patients)["accuracy"][0] for side in runs]
    seeds = sum(values.var(ddof=1) / len(values) for values in parts)
    sampling = found.sampling["accuracy"][0].var()
    total = found.total["accuracy"][0].var()
    # Seeds are drawn among those that were trained; the rest is chance of the patients' draws.
    assert total > sampling
    assert total - sampling == pytest.approx(seeds, rel=0.75)


def test_without_patients_drawn_the_seeds_part_is_exact() -> None:
    """With every patient alike, resampling patients changes nothing: only seeds are left."""
    models = tuple(range(1, 5))
    cases = _cases(*models)
    one = PairedCases(
        cases.classes,
        cases.target,
        cases.a,
        cases.b,
        cases.answer_a,
        cases.answer_b,
        np.zeros(cases.cases, np.int64),
        False,
    )
    runs = run_sums(one)
    found = paired_replicates(one, runs, 20000, 0, stratified=False)
    values = seed_values(runs[0], 1)["accuracy"][0]
    expected = values.var(ddof=1) / len(values)
    assert found.total["accuracy"][0].var() == pytest.approx(expected, rel=0.05)
    assert found.sampling["accuracy"][0].var() == pytest.approx(0, abs=1e-20)
