import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import Estimate, EvaluationReport

CLASSES = ("基底細胞癌", "Bowen病", "悪性黒色腫", "色素性母斑", "脂漏性角化症")
QUICK = EvaluationSpec(resamples=200)
FULL = replace(QUICK, ordinal=True, prevalence=0.1)
TREE = LabelTree(
    (
        Leaf("基底細胞癌", "基底細胞癌", "malignant"),
        Leaf("Bowen病", "SCC", "malignant"),
        Leaf("悪性黒色腫", "悪性黒色腫", "malignant"),
        Leaf("色素性母斑", "母斑", "benign"),
        Leaf("脂漏性角化症", "角化症", "benign"),
    ),
    positive="malignant",
)


def drawn(
    n: int = 300, patients: int = 100, seed: int = 0, classes: tuple[str, ...] = CLASSES
) -> Predictions:
    """Patients with a label, a bias of their own, and one or more images."""
    rng = np.random.default_rng(seed)
    k = len(classes)
    patient = np.append(np.arange(patients), rng.integers(0, patients, n - patients))
    label = np.append(np.arange(k).repeat(2), rng.integers(0, k, patients))[:patients]
    target = label[patient]
    logits = rng.normal(size=(n, k)) + 0.7 * rng.normal(size=(patients, k))[patient]
    logits[np.arange(n), target] += 1.5
    table = np.exp(logits)
    frame = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(n)],
            "patient_id": [f"p{i}" for i in patient],
            "target": [classes[t] for t in target],
            "lesion_id": [f"l{i % 2}" if i % 7 else "" for i in range(n)],
        },
        index=pd.RangeIndex(2, n + 2),
    )
    return Predictions(frame, table / table.sum(axis=1, keepdims=True), classes)


def of(answers: list[str], truth: list[str], patients: list[str] | None = None) -> Predictions:
    classes = tuple(dict.fromkeys(sorted({*answers, *truth, "a", "b"})))
    table = np.array(
        [[0.9 if c == a else 0.1 / (len(classes) - 1) for c in classes] for a in answers]
    )
    ids = [str(i) for i in range(len(truth))]
    frame = pd.DataFrame({"sample_id": ids, "patient_id": patients or ids, "target": truth})
    return Predictions(frame, table, classes)


def numbers(report: EvaluationReport) -> list[Estimate]:
    return list(report.estimates)


def test_values_agree_with_scikit_learn() -> None:
    predictions = drawn()
    report = evaluate(predictions, spec=QUICK)
    target, answer, table = predictions.target, predictions.answer, predictions.probabilities

    def value(metric: str, name: str = "") -> float | None:
        return report.find(metric, "diagnosis", name).value

    recall = metrics.recall_score(target, answer, average=None)
    for c, name in enumerate(CLASSES):
        assert value("sensitivity", name) == pytest.approx(recall[c])
        area = metrics.roc_auc_score(target == c, table[:, c])
        assert value("auroc", name) == pytest.approx(area)
        precision = metrics.average_precision_score(target == c, table[:, c])
        assert value("average_precision", name) == pytest.approx(precision)
    assert value("accuracy") == pytest.approx(metrics.accuracy_score(target, answer))
    assert value("balanced_accuracy") == pytest.approx(recall.mean())
    macro = metrics.roc_auc_score(target, table, multi_class="ovr", average="macro")
    assert value("macro_auroc") == pytest.approx(macro)
    assert value("mcc") == pytest.approx(metrics.matthews_corrcoef(target, answer))
    assert value("kappa") == pytest.approx(metrics.cohen_kappa_score(target, answer))
    assert value("log_loss") == pytest.approx(metrics.log_loss(target, table))
    pairs = metrics.roc_auc_score(target, table, multi_class="ovo", average="macro")
    assert value("hand_till_auroc") == pytest.approx(pairs)
    for metric in ("macro_ppv", "ppv"):
        precision = metrics.precision_score(target, answer, average=None)
        got = value(metric) if metric == "macro_ppv" else value(metric, CLASSES[1])
        assert got == pytest.approx(precision.mean() if metric == "macro_ppv" else precision[1])
    for top in (2, 3):
        likely = metrics.top_k_accuracy_score(target, table, k=top)
        assert value(f"top_{top}_accuracy") == pytest.approx(likely)
    with pytest.raises(KeyError):  # five classes: the truth is always among five
        report.find("top_5_accuracy", "diagnosis")
    shares = np.bincount(target) / len(target)
    one_hot = np.eye(5)[target]
    skill = 1 - ((table - one_hot) ** 2).sum() / ((shares - one_hot) ** 2).sum()
    assert value("brier_skill") == pytest.approx(skill)
    matrix = metrics.confusion_matrix(target, answer)
    assert report.confusion[0].counts == tuple(map(tuple, matrix.tolist()))


def test_classes_in_order_get_weighted_kappa_and_the_error_in_steps() -> None:
    predictions = drawn()
    report = evaluate(predictions, TREE, spec=replace(QUICK, ordinal=True))
    order = [TREE.classes("fine").index(name) for name in CLASSES]
    target = np.array(order)[predictions.target]
    answer = np.array(order)[predictions.answer]
    for name in ("linear", "quadratic"):
        e = report.find(f"kappa_{name}", "fine")
        theirs = metrics.cohen_kappa_score(target, answer, weights=name)
        assert e.value == pytest.approx(theirs)
        assert e.low is not None
    steps = report.find("mean_absolute_error", "fine")
    assert steps.value == pytest.approx(metrics.mean_absolute_error(target, answer))
    assert steps.low is not None
    # Two classes have no order worth a weight; and nobody gets these numbers unasked.
    for metric in ("kappa_linear", "kappa_quadratic", "mean_absolute_error"):
        with pytest.raises(KeyError):
            report.find(metric, "group")
        with pytest.raises(KeyError):
            evaluate(predictions, TREE, spec=QUICK).find(metric, "fine")


def test_predictive_values_at_a_prevalence_are_those_of_bayes_for_the_positive_class() -> None:
    report = evaluate(drawn(90, 90), TREE, spec=replace(QUICK, prevalence=0.02))
    sens, spec = (
        report.find(m, "group", "malignant").value or 0 for m in ("sensitivity", "specificity")
    )
    ppv = report.find("ppv_at_prevalence", "group", "malignant")
    npv = report.find("npv_at_prevalence", "group", "malignant")
    assert ppv.value == pytest.approx(sens * 0.02 / (sens * 0.02 + (1 - spec) * 0.98))
    assert npv.value == pytest.approx(spec * 0.98 / (spec * 0.98 + (1 - sens) * 0.02))
    assert (ppv.method, ppv.unit) == ("logit (Mercaldo 2007), prevalence 0.02", "image")
    with pytest.raises(KeyError):
        report.find("ppv_at_prevalence", "group", "benign")
    with pytest.raises(KeyError):
        report.find("ppv_at_prevalence", "fine", CLASSES[0])
    share = (drawn(90, 90).target < 3).mean()
    said = f"where 0.02 of the images are malignant; here {share:.3g} are."
    assert any(said in note for note in report.notes)
    clustered = evaluate(drawn(), TREE, spec=replace(QUICK, prevalence=0.02))
    resampled = clustered.find("ppv_at_prevalence", "group", "malignant")
    assert resampled.method.startswith("prevalence 0.02, patient bootstrap")
    # Half the prevalence, and the same answers are worth less.
    assert (resampled.value or 1) < (clustered.find("ppv", "group", "malignant").value or 0)


def test_a_prevalence_without_a_positive_class_is_said_to_be_unused() -> None:
    report = evaluate(drawn(40, 40), spec=replace(QUICK, prevalence=0.1))
    assert any("no label tree names the positive class: not used" in n for n in report.notes)


def test_levels_come_from_summed_probabilities() -> None:
    predictions = drawn()
    report = evaluate(predictions, TREE, spec=QUICK)
    assert [m.tree_level for m in report.confusion] == ["fine", "diagnosis", "group"]
    malignant = predictions.probabilities[:, :3].sum(axis=1)
    truth = predictions.target < 3
    sensitivity = report.find("sensitivity", "group", "malignant")
    assert sensitivity.value == pytest.approx(metrics.recall_score(truth, malignant > 0.5))
    area = report.find("auroc", "group", "malignant").value
    assert area == pytest.approx(metrics.roc_auc_score(truth, malignant))
    assert report.confusion[0].blocks == ("malignant",) * 3 + ("benign",) * 2


@given(st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_order_of_rows_and_names_of_patients_change_nothing(random: object) -> None:
    predictions = drawn(120, 50)
    rng = np.random.default_rng(random.randrange(10**9))  # type: ignore[attr-defined]
    order = rng.permutation(len(predictions))
    frame = predictions.frame.iloc[order]
    names = {
        p: f"x{i}"
        for p, i in zip(sorted(set(frame["patient_id"])), rng.permutation(50), strict=True)
    }
    frame = frame.assign(patient_id=[names[p] for p in frame["patient_id"]])
    shuffled = replace(predictions, frame=frame, probabilities=predictions.probabilities[order])
    found, expected = (evaluate(t, TREE, spec=FULL) for t in (shuffled, predictions))
    assert numbers(found) == numbers(expected)
    assert (found.roc, found.reliability) == (expected.roc, expected.reliability)
    assert found.notes == expected.notes


@given(st.integers(0, 1000))
@settings(max_examples=6, deadline=None)
def test_folding_then_evaluating_equals_evaluating_the_folded_table(seed: int) -> None:
    predictions = drawn(120, 50, seed)
    whole = evaluate(predictions, TREE, spec=FULL)
    folded = predictions.folded(TREE.fold("fine", "diagnosis"), TREE.classes("diagnosis"))
    below = [e for e in whole.estimates if e.tree_level != "fine"]
    again = evaluate(folded, TREE, spec=FULL)
    assert numbers(again) == below
    for curves in ("roc", "reliability"):
        coarse = [c for c in getattr(whole, curves) if c.tree_level != "fine"]
        assert list(getattr(again, curves)) == coarse
    group = folded.folded(TREE.fold("diagnosis", "group"), TREE.classes("group"))
    assert numbers(evaluate(group, TREE, spec=FULL)) == [
        e for e in below if e.tree_level == "group"
    ]


@given(st.integers(0, 1000), st.integers(4, 60))
@settings(max_examples=15, deadline=None)
def test_every_interval_holds_its_estimate(seed: int, patients: int) -> None:
    for e in evaluate(drawn(80, patients, seed), TREE, spec=FULL).estimates:
        if e.low is not None and e.high is not None and e.value is not None:
            assert e.low <= e.value <= e.high, e
            assert e.method
        else:
            assert e.reason


def test_intervals_shrink_with_patients() -> None:
    wide, narrow = (evaluate(drawn(3 * m, m), TREE, spec=FULL) for m in (100, 900))
    for a in wide.estimates:
        b = next(
            e
            for e in narrow.estimates
            if (e.metric, e.class_name, e.tree_level, e.aggregated)
            == (a.metric, a.class_name, a.tree_level, a.aggregated)
        )
        if a.low is not None and a.value != 1:
            assert b.high - b.low < 0.7 * (a.high - a.low), a  # type: ignore[operator]


def test_one_image_a_patient_gives_wilson_and_delong() -> None:
    report = evaluate(drawn(90, 90), spec=QUICK)
    e = report.find("accuracy", "diagnosis")
    scipy = binomtest(round((e.value or 0) * 90), 90).proportion_ci(method="wilson")
    assert (e.low, e.high) == pytest.approx((scipy.low, scipy.high))
    assert (e.method, e.unit, e.n_images, e.n_patients) == ("Wilson", "image", 90, 90)
    assert report.find("auroc", "diagnosis", CLASSES[0]).method == "DeLong (logit)"
    exact = evaluate(drawn(90, 90), spec=replace(QUICK, interval="clopper_pearson"))
    assert exact.find("accuracy", "diagnosis").method == "Clopper-Pearson"


def test_several_images_a_patient_give_the_patient_bootstrap() -> None:
    e = evaluate(drawn(), spec=QUICK).find("accuracy", "diagnosis")
    assert e.method == "patient bootstrap, expanded percentile, B = 200, seed 0"
    assert e.unit == "patient"


def test_copies_of_images_do_not_narrow_an_interval() -> None:
    once = drawn(60, 60)
    frame = pd.concat([once.frame] * 4, ignore_index=True)
    frame["sample_id"] = [str(i) for i in range(240)]
    copied = evaluate(Predictions(frame, np.tile(once.probabilities, (4, 1)), CLASSES), spec=QUICK)
    e = copied.find("accuracy", "diagnosis")
    single = evaluate(once, spec=QUICK).find("accuracy", "diagnosis")
    assert e.value == single.value
    assert e.high - e.low > 0.8 * (single.high - single.low)  # type: ignore[operator]


def test_few_patients_fall_back_to_wilson_on_the_effective_number() -> None:
    patients = [f"{i // 4}" for i in range(40)]
    truth = ["a"] * 20 + ["b"] * 20
    answers = (["a"] * 6 + ["b"] * 2 + ["a"] * 8 + ["b"] * 4) + ["b"] * 20
    report = evaluate(of(answers, truth, patients), spec=QUICK)
    e = report.find("sensitivity", "diagnosis", "a")
    assert e.method.startswith("Wilson on effective n = ")
    assert (e.n_images, e.n_patients, e.unit) == (20, 5, "patient")
    all_right = report.find("sensitivity", "diagnosis", "b")
    assert all_right.method == "Wilson on 5 patients (estimate is 1)"
    assert all_right.low == pytest.approx(binomtest(5, 5).proportion_ci(method="wilson").low)
    assert any("fewer than 15 patients carry a (5), b (5)" in note for note in report.notes)


def test_one_patient_has_no_interval() -> None:
    report = evaluate(of(["a", "b", "a"], ["a", "b", "b"], ["p", "p", "p"]), spec=QUICK)
    for e in report.estimates:
        assert e.low is None
        assert "one patient" in e.reason or e.value is None


def test_a_class_absent_from_the_truth_is_undefined_and_left_out_of_averages() -> None:
    report = evaluate(of(["a", "b", "c", "b"] * 3, ["a", "b", "b", "b"] * 3), spec=QUICK)
    recall = report.find("sensitivity", "diagnosis", "c")
    assert (recall.value, recall.low, recall.reason) == (
        None,
        None,
        "n = 0: no image has this class",
    )
    assert report.find("auroc", "diagnosis", "c").value is None
    balanced = report.find("balanced_accuracy", "diagnosis")
    assert balanced.value == pytest.approx((1 + 6 / 9) / 2)
    assert balanced.n_classes == 2
    assert any("averages are over 2 of 3 classes; no image of c" in n for n in report.notes)


def test_nothing_answered_with_a_class_leaves_its_ppv_undefined() -> None:
    report = evaluate(of(["b"] * 6, ["a"] * 2 + ["b"] * 4), spec=QUICK)
    assert (
        report.find("ppv", "diagnosis", "a").reason == "n = 0: nothing was answered with this class"
    )
    assert report.find("sensitivity", "diagnosis", "a").value == 0
    assert report.find("mcc", "diagnosis").value is None


def test_one_class_only_has_no_area() -> None:
    report = evaluate(of(["a", "a", "b"], ["a", "a", "a"]), spec=QUICK)
    for metric, name in (
        ("auroc", "a"),
        ("partial_auroc", "a"),
        ("calibration_in_the_large", "a"),
        ("macro_auroc", ""),
        ("hand_till_auroc", ""),
        ("brier_skill", ""),
    ):
        e = report.find(metric, "diagnosis", name)
        assert (e.value, e.reason) == (None, "one class only")
    assert str(report.find("auroc", "diagnosis", "a")) == "n/a (one class only)"


def test_perfect_separation_keeps_an_interval_of_positive_width_and_says_so() -> None:
    report = evaluate(of(["a"] * 8 + ["b"] * 20, ["a"] * 8 + ["b"] * 20), spec=QUICK)
    eight = binomtest(8, 8).proportion_ci(method="wilson").low
    e = report.find("auroc", "diagnosis", "a")
    assert (e.value, e.high) == (1.0, 1.0)
    assert e.low == pytest.approx(eight)
    assert "perfect separation" in e.method
    partial = report.find("partial_auroc", "diagnosis", "a")
    assert [partial.value, partial.high] == pytest.approx([0.2, 0.2])
    assert partial.low == pytest.approx(0.2 * eight)
    slope = report.find("calibration_slope", "diagnosis", "a")
    assert slope.value is None
    assert "perfect separation" in slope.reason


def test_averages_that_are_1_in_every_resample_fall_back_on_patients() -> None:
    report = evaluate(of(["a"] * 8 + ["b"] * 20, ["a"] * 8 + ["b"] * 20), spec=QUICK)
    balanced = report.find("balanced_accuracy", "diagnosis")
    assert balanced.method == "Wilson on 16 patients (every resample gives 1)"
    assert balanced.low == pytest.approx(binomtest(16, 16).proportion_ci(method="wilson").low)
    assert (balanced.high, balanced.unit) == (1.0, "patient")
    for metric in ("macro_f1", "macro_auroc", "hand_till_auroc", "macro_ppv"):
        e = report.find(metric, "diagnosis")
        assert (e.low, e.high) == (balanced.low, 1.0)
    assert report.find("f1", "diagnosis", "a").low == pytest.approx(
        binomtest(8, 8).proportion_ci(method="wilson").low
    )
    # What is no mean of proportions keeps its reason.
    for metric in ("mcc", "kappa"):
        e = report.find(metric, "diagnosis")
        assert (e.value, e.low, e.reason) == (1.0, None, "every resample gives the same value")


def test_all_wrong_has_an_upper_limit_above_0() -> None:
    report = evaluate(of(["b"] * 8 + ["a"] * 20, ["a"] * 8 + ["b"] * 20), spec=QUICK)
    balanced = report.find("balanced_accuracy", "diagnosis")
    assert (balanced.value, balanced.low) == (0.0, 0.0)
    assert balanced.high == pytest.approx(binomtest(0, 16).proportion_ci(method="wilson").high)
    assert report.find("f1", "diagnosis", "a").reason == "every resample gives the same value"


@pytest.mark.parametrize("rare", [4, 8, 20])
def test_the_fall_back_at_1_is_as_safe_as_wilson_whatever_the_classes(rare: int) -> None:
    # Wherever the true balanced accuracy is the limit, all right is no likelier than under a
    # proportion of that value on as many patients.
    low = binomtest(2 * rare, 2 * rare).proportion_ci(method="wilson").low
    for first in np.linspace(max(0, 2 * low - 1), min(1, 2 * low), 101):
        second = 2 * low - first
        for size in (rare, 3 * rare, 100):
            assert first**rare * second**size <= low ** (2 * rare) * (1 + 1e-9)


def test_certain_probabilities_leave_finite_numbers_only() -> None:
    rng = np.random.default_rng(0)
    predictions = drawn(120, 40)
    hard = np.eye(5)[np.where(rng.random(120) < 0.7, predictions.target, rng.integers(0, 5, 120))]
    report = evaluate(replace(predictions, probabilities=hard), TREE, spec=FULL)
    for e in report.estimates:
        assert e.value is not None or e.reason
    assert report.find("log_loss", "fine").value == pytest.approx(
        -np.log(1e-15) * (hard.argmax(1) != predictions.target).mean()
    )


def test_an_average_over_a_class_that_is_never_answered_has_no_ppv() -> None:
    truth = ["a"] * 6 + ["b"] * 6 + ["c"] * 3
    report = evaluate(of(["a"] * 6 + ["b"] * 9, [*truth]), spec=QUICK)
    e = report.find("macro_ppv", "diagnosis")
    assert (e.value, e.reason) == (None, "a class was never answered, so its PPV is undefined")
    assert report.find("balanced_accuracy", "diagnosis").value == pytest.approx(2 / 3)
    assert any("no image of c was answered right" in note for note in report.notes)


def test_averages_are_over_the_classes_that_occur_not_over_all_that_could() -> None:
    # Recalls 1, 1/2 and 1/3 and a class without images: 0.611, where torchmetrics says 0.458.
    truth = ["a"] + ["b"] * 2 + ["c"] * 3
    answers = ["a", "b", "d", "c", "d", "d"]
    e = evaluate(of(answers, truth), spec=QUICK).find("balanced_accuracy", "diagnosis")
    assert e.value == pytest.approx(0.611, abs=5e-4)
    assert e.n_classes == 3
    # Both evaluable classes are separated perfectly: 1, where torchmetrics says 0.667.
    table = of(["a", "a", "b", "b"], ["a", "a", "b", "b"])
    wide = Predictions(
        table.frame, np.hstack([table.probabilities, np.zeros((4, 1))]), tuple("abc")
    )
    area = evaluate(wide, spec=QUICK).find("macro_auroc", "diagnosis")
    assert (area.value, area.n_classes) == (1.0, 2)


def test_accuracy_counts_images_and_balanced_accuracy_counts_classes() -> None:
    truth = ["a"] * 3 + ["b"] * 3 + ["c"] * 2
    answers = ["a"] * 3 + ["b", "b", "c"] + ["c", "a"]
    report = evaluate(of(answers, truth), spec=QUICK)
    assert report.find("accuracy", "diagnosis").value == pytest.approx(0.75)
    balanced = report.find("balanced_accuracy", "diagnosis")
    assert balanced.value == pytest.approx(0.722, abs=5e-4)


def test_hand_till_is_over_the_classes_that_occur() -> None:
    predictions = drawn(90, 45)
    rows = predictions.target != 2
    report = evaluate(predictions.where(rows), spec=QUICK)
    e = report.find("hand_till_auroc", "diagnosis")
    assert e.n_classes == 4
    table, target = predictions.probabilities[rows], predictions.target[rows]
    areas = [
        metrics.roc_auc_score(target[both] == i, table[both, i])
        for i in (0, 1, 3, 4)
        for j in (0, 1, 3, 4)
        if i != j
        for both in [np.isin(target, (i, j))]
    ]
    assert e.value == pytest.approx(np.mean(areas))


def test_one_patient_with_a_class_gives_its_curves_no_interval() -> None:
    patients = ["p"] * 4 + [f"q{i}" for i in range(16)]
    truth = ["a"] * 4 + ["b"] * 16
    answers = ["a", "a", "b", "a"] + ["b"] * 13 + ["a"] * 3
    report = evaluate(of(answers, truth, patients), spec=QUICK)
    for metric in ("auroc", "partial_auroc", "average_precision", "calibration_slope"):
        e = report.find(metric, "diagnosis", "a")
        assert e.value is not None
        assert (e.low, e.reason) == (None, "one patient on one side: no interval")


def test_seeds_are_averaged_and_their_spread_kept_apart() -> None:
    parts = []
    for seed in range(3):
        one = drawn(150, 60)
        noise = np.random.default_rng(seed).uniform(0.5, 1.5, one.probabilities.shape)
        table = one.probabilities * noise
        table /= table.sum(axis=1, keepdims=True)
        parts.append(Predictions(one.frame.assign(seed=str(seed)), table, CLASSES))
    report = evaluate(Predictions.stacked(parts), spec=QUICK)
    e = report.find("accuracy", "diagnosis")
    each = [(p.target == p.answer).mean() for p in parts]
    assert e.value == pytest.approx(np.mean(each))
    assert e.seed_sd == pytest.approx(np.std(each, ddof=1))
    assert (e.n_seeds, e.n_images, e.n_patients) == (3, 150, 60)
    assert e.method.startswith("seed and patient bootstrap")
    single = evaluate(parts[0], spec=QUICK).find("accuracy", "diagnosis")
    # Three seeds on the same patients are no 450 images.
    assert e.high - e.low > 0.8 * (single.high - single.low)  # type: ignore[operator]
    assert report.confusion[0].repeats == 3


def test_an_image_that_stands_twice_is_refused_with_its_line() -> None:
    predictions = of(["a", "b", "a"], ["a", "b", "b"])
    frame = predictions.frame.assign(sample_id=["x", "y", "x"])
    with pytest.raises(InputError, match="line 2: sample 'x' stands there twice"):
        evaluate(replace(predictions, frame=frame, path=predictions.path / "t.csv"))


def test_classes_outside_the_tree_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="classes a, b are not in the label tree"):
        evaluate(of(["a", "b"], ["a", "b"]), TREE)


def test_rows_without_a_patient_are_said() -> None:
    predictions = drawn(40, 40)
    frame = predictions.frame.assign(patient_id="")
    report = evaluate(replace(predictions, frame=frame), spec=QUICK)
    assert any("40 of 40 rows have no patient id" in note for note in report.notes)


def test_no_warning_and_no_nan_leave_a_tiny_table() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 2, 3):
            report = evaluate(of(["a", "b", "b"][:n], ["a", "a", "b"][:n]), spec=QUICK)
            assert len(report.estimates) == 16 + 2 * 11


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "images"), [(40, 1), (60, 3)])
def test_simulated_coverage_of_accuracy_is_near_95_percent(patients: int, images: int) -> None:
    # Beta(3, 2) patients: within-patient correlation 1/6, true accuracy 0.6.
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(600):
        p = rng.beta(3, 2, patients).repeat(images)
        right = rng.random(len(p)) < p
        ids = [str(i) for i in np.arange(patients).repeat(images)]
        table = of(["a" if r else "b" for r in right], ["a"] * len(p), ids)
        e = evaluate(table, spec=replace(QUICK, resamples=400)).find("accuracy", "diagnosis")
        held += (e.low or 0) <= 0.6 <= (e.high or 0)
    assert 0.93 <= held / 600 <= 0.97


@pytest.mark.slow
def test_simulated_coverage_of_clustered_metrics_is_near_95_percent() -> None:
    # The truth is what 60,000 such patients give.
    def sample(m: int, seed: int) -> Predictions:
        rng = np.random.default_rng(seed)
        label = rng.choice(3, m, p=(0.4, 0.3, 0.3))
        patient = np.repeat(np.arange(m), 3)
        logits = rng.normal(size=(3 * m, 3)) + 0.8 * rng.normal(size=(m, 3))[patient]
        logits[np.arange(3 * m), label[patient]] += 1.5
        table = np.exp(logits)
        columns = {
            "sample_id": np.arange(3 * m).astype(str),
            "patient_id": patient.astype(str),
            "target": np.array(["a", "b", "c"])[label[patient]],
        }
        return Predictions(
            pd.DataFrame(columns), table / table.sum(1, keepdims=True), ("a", "b", "c")
        )

    wanted = [
        ("accuracy", ""),
        ("balanced_accuracy", ""),
        ("macro_auroc", ""),
        ("sensitivity", "b"),
        ("auroc", "a"),
        ("brier", ""),
        ("brier_skill", ""),
        ("hand_till_auroc", ""),
        ("average_precision", "b"),
        ("partial_auroc", "b"),
        ("calibration_slope", "a"),
        ("calibration_in_the_large", "a"),
    ]
    world = evaluate(sample(60_000, 0), spec=replace(QUICK, resamples=100))
    truth = {key: world.find(key[0], "diagnosis", key[1]).value or 0 for key in wanted}
    held = dict.fromkeys(wanted, 0)
    for seed in range(1, 401):
        report = evaluate(sample(80, seed), spec=replace(QUICK, resamples=600))
        for metric, name in wanted:
            e = report.find(metric, "diagnosis", name)
            held[metric, name] += (e.low or 0) <= truth[metric, name] <= (e.high or 0)
    for key, count in held.items():
        # 400 tables know a coverage to 0.011; areas and calibration of 24 patients with a class
        # are given as much on either side.
        slack = 0.011 if wanted.index(key) >= 6 else 0.0
        assert 0.93 - slack <= count / 400 <= 0.97 + slack, (key, count / 400)


def test_the_calibration_error_has_no_interval_and_says_why() -> None:
    e = evaluate(drawn(), spec=QUICK).find("ece", "diagnosis")
    assert e.value is not None
    assert (e.low, e.reason) == (None, "the sample ECE is biased upward")


def test_a_rare_class_is_resampled_within_labels() -> None:
    predictions = drawn(120, 60)
    rare = evaluate(predictions, spec=QUICK).find("balanced_accuracy", "diagnosis")
    assert "stratified by label" in rare.method
    assert "dropped" not in rare.method
    common = evaluate(predictions, spec=replace(QUICK, few_patients=2))
    assert "stratified" not in common.find("balanced_accuracy", "diagnosis").method
