"""Numbers at the frozen point follow the rules of all others; calibration before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, recall_score
from statsmodels.stats.proportion import proportion_confint

from skinlab.stats.evaluate import evaluate
from skinlab.stats.flat import flat
from skinlab.stats.spec import EvaluationSpec, OperatingPointSpec
from skinlab.stats.threshold.frozen import FrozenModels, freeze
from skinlab.stats.threshold.judged import judged
from skinlab.stats.threshold.temperature import tempered
from skinlab.tables.labels import LabelTree
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport

TEXT = """positive: malignant
classes:
  malignant: {melanoma: [], BCC: []}
  benign: {nevus: [], wart: []}
"""
CLASSES = ("melanoma", "BCC", "nevus", "wart")
SPEC = EvaluationSpec(resamples=200)


@pytest.fixture
def tree(tmp_path: Path) -> LabelTree:
    (tmp_path / "tree.yaml").write_text(TEXT, encoding="utf-8")
    return LabelTree.read(tmp_path / "tree.yaml")


def drawn(n: int, seed: int, tag: str, images: int = 1) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(4, size=n)
    logits = rng.normal(size=(n, 4)) * 2
    logits[np.arange(n), truth] += 2
    table = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = {"sample_id": [f"{tag}{i}" for i in range(n)]}
    ids["patient_id"] = [f"{tag}{i // images}" for i in range(n)]
    frame = pd.DataFrame(ids | {"target": [CLASSES[t] for t in truth]}, dtype=object)
    return Predictions(frame, table, CLASSES)


def report(test: Predictions, tree: LabelTree, spec: EvaluationSpec = SPEC) -> EvaluationReport:
    frozen = FrozenModels((freeze(drawn(150, 1, "v"), tree, spec),))
    return judged(evaluate(test, tree, spec=spec), test, tree, frozen, spec)


def test_sensitivity_and_specificity_are_scikit_learn_s_with_wilson_s_interval(
    tree: LabelTree,
) -> None:
    test = drawn(200, 2, "t")
    found = report(test, tree)
    (member,) = found.operating_point["members"]
    threshold = member["operating_point"]["threshold"]
    ill = test.target < 2
    called = test.probabilities[:, :2].sum(axis=1).round(12) >= threshold
    for metric, label in (("sensitivity", 1), ("specificity", 0)):
        estimate = found.find(f"{metric}_at_operating_point", "group", "malignant")
        assert estimate.value == pytest.approx(recall_score(ill, called, pos_label=label))
        n = int((ill == label).sum())
        hits = int(((ill == label) & (called == label)).sum())
        limits = proportion_confint(hits, n, method="wilson")
        assert (estimate.low, estimate.high) == pytest.approx(limits)
        assert (estimate.method, estimate.n_images) == ("Wilson", n)
    counts = found.operating_point["counts"]
    assert counts["true_positive"] + counts["false_negative"] == int(ill.sum())
    assert counts["false_positive"] == int((~ill & called).sum())
    ppv = found.find("ppv_at_operating_point", "group", "malignant")
    assert ppv.value == pytest.approx(counts["true_positive"] / int(called.sum()))


def test_with_several_images_a_patient_the_patients_are_resampled(tree: LabelTree) -> None:
    found = report(drawn(200, 2, "t", images=2), tree)
    estimate = found.find("specificity_at_operating_point", "group", "malignant")
    assert estimate.unit == "patient"
    assert "patient bootstrap" in estimate.method
    assert "seed 0" in estimate.method


def test_calibration_stands_before_and_after_one_temperature(tree: LabelTree) -> None:
    test = drawn(200, 2, "t")
    found = report(test, tree)
    heat = found.operating_point["members"][0]["temperature"]["value"]
    before, after = (found.find(f"log_loss{x}", "diagnosis") for x in ("", "_after_temperature"))
    assert before.value == pytest.approx(log_loss(test.target, test.probabilities))
    assert after.value == pytest.approx(log_loss(test.target, tempered(test.probabilities, heat)))
    assert after.low is not None
    assert after.high is not None
    for metric in ("brier", "ece", "ece_equal_mass"):
        assert found.find(f"{metric}_after_temperature", "group").value is not None
    assert any("stored probabilities are as the network gave them" in n for n in found.notes)


def test_without_a_threshold_the_numbers_are_null_with_the_reason(tree: LabelTree) -> None:
    validation = drawn(150, 1, "v")
    benign = validation.where(validation.target >= 2)
    test = drawn(50, 2, "t")
    frozen = FrozenModels((freeze(benign, tree, SPEC),))
    found = judged(evaluate(test, tree, spec=SPEC), test, tree, frozen, SPEC)
    for metric in ("sensitivity", "specificity", "ppv", "npv"):
        estimate = found.find(f"{metric}_at_operating_point", "group", "malignant")
        assert estimate.value is None
        assert "no image of 'malignant' to choose a threshold on" in estimate.reason
    name = "test/group/sensitivity_at_operating_point/malignant"
    assert "no image of 'malignant'" in flat(found).undefined[name]
    assert name not in flat(found).metrics


def test_the_same_numbers_go_to_json_and_to_the_tracker(tree: LabelTree, tmp_path: Path) -> None:
    found = report(drawn(200, 2, "t"), tree)
    found.save(tmp_path)
    again = EvaluationReport.read(tmp_path / "report.json")
    assert again.operating_point == found.operating_point
    assert "samples" not in again.operating_point["members"][0]
    estimate = found.find("sensitivity_at_operating_point", "group", "malignant")
    numbers = flat(found).metrics
    assert numbers["test/group/sensitivity_at_operating_point/malignant"] == estimate.value
    assert numbers["test/group/sensitivity_at_operating_point/malignant/low"] == estimate.low
    assert "test/log_loss_after_temperature" in numbers


def test_nothing_frozen_adds_nothing(tree: LabelTree) -> None:
    spec = replace(SPEC, operating_point=OperatingPointSpec("none"), temperature="none")
    test = drawn(60, 2, "t")
    assert report(test, tree, spec).estimates == evaluate(test, tree, spec=spec).estimates


def test_of_two_seeds_the_decisions_are_averaged_not_pooled_as_images(tree: LabelTree) -> None:
    members, parts = [], []
    for seed in ("0", "1"):
        chosen = freeze(drawn(150, 5 + int(seed), "v"), tree, SPEC)
        members.append(replace(chosen, seed=seed))
        part = drawn(100, 2, "t")
        noise = np.random.default_rng(int(seed)).dirichlet(np.ones(4), size=100)
        table = 0.7 * part.probabilities + 0.3 * noise
        parts.append(replace(part, frame=part.frame.assign(seed=seed), probabilities=table))
    stacked = Predictions.stacked(parts)
    both = judged(
        evaluate(stacked, tree, spec=SPEC), stacked, tree, FrozenModels(tuple(members)), SPEC
    )
    found = both.find("sensitivity_at_operating_point", "group", "malignant")
    each = []
    for member, part in zip(members, parts, strict=True):
        alone = FrozenModels((replace(member, seed=""),))
        one = judged(evaluate(part, tree, spec=SPEC), part, tree, alone, SPEC)
        each.append(one.find("sensitivity_at_operating_point", "group", "malignant").value)
    assert found.value == pytest.approx(np.mean([v for v in each if v is not None]))
    assert found.n_seeds == 2
    assert found.n_images == int((parts[0].target < 2).sum())


def test_a_stated_prevalence_gives_predictive_values_at_the_point_by_bayes_rule(
    tree: LabelTree,
) -> None:
    found = report(drawn(200, 2, "t"), tree, replace(SPEC, prevalence=0.02))
    named = {e.metric: e.value for e in found.estimates if e.metric.endswith("_operating_point")}
    se, sp = (named[f"{m}_at_operating_point"] for m in ("sensitivity", "specificity"))
    assert se is not None
    assert sp is not None
    expected = se * 0.02 / (se * 0.02 + (1 - sp) * 0.98)
    (stated,) = [m for m in named if m.startswith("ppv_") and "prevalence" in m]
    assert named[stated] == pytest.approx(expected)


def test_reliability_stands_before_and_after_the_temperature(
    tree: LabelTree, tmp_path: Path
) -> None:
    spec = replace(SPEC, temperature="validation")
    test = drawn(200, 2, "t")
    found = report(test, tree, spec)
    before, after = (
        [c for c in found.reliability if c.after_temperature is heated] for heated in (False, True)
    )
    assert tuple(before) == evaluate(test, tree, spec=spec).reliability
    heat = freeze(drawn(150, 1, "v"), tree, spec).temperature
    assert heat is not None
    warm = replace(test, probabilities=tempered(test.probabilities, heat.value))
    same = evaluate(warm, tree, spec=spec).reliability
    assert tuple(replace(c, after_temperature=False) for c in after) == same
    found.save(tmp_path)
    assert EvaluationReport.read(tmp_path / "report.json").reliability == found.reliability
