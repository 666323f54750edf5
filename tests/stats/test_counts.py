import numpy as np
import pytest
from sklearn import metrics

from skinlab.stats.counts import Counts, Ints, average, confusion_counts


def counts_of(target: Ints, answer: Ints, k: int) -> Counts:
    matrix = confusion_counts(target, answer, k).astype(float)
    return Counts(matrix.diagonal().copy(), matrix.sum(axis=1), matrix.sum(axis=0))


def example(seed: int, k: int = 5, n: int = 200) -> tuple[Ints, Ints]:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, k, n)
    answer = np.where(rng.random(n) < 0.6, target, rng.integers(0, k, n))
    return target, answer


@pytest.mark.parametrize("seed", range(4))
def test_every_metric_agrees_with_scikit_learn(seed: int) -> None:
    target, answer = example(seed)
    counts = counts_of(target, answer, 5)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(target, answer)
    assert np.divide(*counts.ratio("sensitivity")) == pytest.approx(recall)
    assert np.divide(*counts.ratio("ppv")) == pytest.approx(precision)
    assert counts.f1() == pytest.approx(f1)
    for c in range(5):
        rest = metrics.recall_score(target != c, answer != c)
        assert np.divide(*counts.ratio("specificity"))[c] == pytest.approx(rest)
        npv = metrics.precision_score(target != c, answer != c)
        assert np.divide(*counts.ratio("npv"))[c] == pytest.approx(npv)
        right = metrics.accuracy_score(target == c, answer == c)
        assert np.divide(*counts.ratio("accuracy"))[c] == pytest.approx(right)
    assert counts.accuracy() == pytest.approx(metrics.accuracy_score(target, answer))
    assert counts.mcc() == pytest.approx(metrics.matthews_corrcoef(target, answer))
    assert counts.kappa() == pytest.approx(metrics.cohen_kappa_score(target, answer))
    everywhere = np.ones(5, bool)
    balanced = average(np.divide(*counts.ratio("sensitivity")), everywhere)
    assert balanced == pytest.approx(metrics.balanced_accuracy_score(target, answer))


def test_the_confusion_matrix_has_the_truth_in_its_rows() -> None:
    target, answer = example(9)
    assert (confusion_counts(target, answer, 5) == metrics.confusion_matrix(target, answer)).all()


def test_a_class_absent_from_the_truth_has_no_f1_and_is_left_out_of_the_mean() -> None:
    counts = counts_of(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert np.isnan(counts.f1()[2])
    recall = np.array([0.5, 1.0, np.nan])
    assert average(recall, counts.truth > 0) == 0.75


def test_one_class_or_one_answer_leaves_mcc_and_kappa_undefined() -> None:
    same = np.zeros(4, np.int64)
    assert np.isnan(counts_of(same, same, 2).mcc())
    assert np.isnan(counts_of(same, same, 2).kappa())
    assert np.isnan(counts_of(np.array([0, 0, 1, 1]), same, 2).mcc())


def test_an_average_over_no_class_is_undefined() -> None:
    assert np.isnan(average(np.array([1.0, 1.0]), np.array([False, False])))


def test_replicates_are_computed_side_by_side() -> None:
    first, second = (counts_of(*example(seed), 5) for seed in (1, 2))
    both = Counts(
        np.stack([first.correct, second.correct], 1),
        np.stack([first.truth, second.truth], 1),
        np.stack([first.answered, second.answered], 1),
    )
    assert both.mcc() == pytest.approx([float(first.mcc()), float(second.mcc())])
    assert both.f1()[:, 1] == pytest.approx(second.f1())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("power", "name"), [(1, "linear"), (2, "quadratic")])
def test_weighted_kappa_agrees_with_scikit_learn(seed: int, power: int, name: str) -> None:
    target, answer = example(seed)
    distance = np.array((np.abs(target - answer) ** power).sum(), float)
    found = counts_of(target, answer, 5).weighted_kappa(distance, power)
    assert found == pytest.approx(metrics.cohen_kappa_score(target, answer, weights=name))


def test_weighted_kappa_of_one_class_alone_is_undefined() -> None:
    same = np.zeros(4, np.int64)
    assert np.isnan(counts_of(same, same, 3).weighted_kappa(np.array(0.0), 2))
