"""The two printed tables must give what DOMAIN.md A.3 and A.4 describe; a sound report, nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinlab.stats.audit.finding import Finding
from skinlab.stats.audit.printed import printed_cells
from skinlab.stats.audit.verdict import audit, audit_table, is_clean
from skinlab.stats.evaluate import evaluate
from skinlab.stats.spec import EvaluationSpec
from skinlab.stats.subgroups.bands import Column
from skinlab.stats.subgroups.estimates import with_subgroups
from skinlab.stats.threshold.frozen import FrozenModels, freeze
from skinlab.stats.threshold.judged import judged
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.predictions import Predictions
from skinlab.tables.report import EvaluationReport
from skinlab.tables.text import read_table

PRINTED = Path(__file__).parents[3] / "data_manifests" / "printed"
TREE = LabelTree(
    (Leaf("a", "a", "malignant"), Leaf("b", "b", "malignant"), Leaf("c", "c", "benign")),
    positive="malignant",
)


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


def the(findings: tuple[Finding, ...], rule: str) -> Finding:
    found = [finding for finding in findings if finding.rule == rule]
    assert len(found) == 1, rules(findings)
    return found[0]


@pytest.fixture(scope="module")
def ad_ai() -> tuple[Finding, ...]:
    return audit_table(printed_cells(read_table(PRINTED / "ad_ai.csv")))


def test_the_printed_table_of_ad_ai_has_these_findings_and_no_other(
    ad_ai: tuple[Finding, ...],
) -> None:
    assert sorted(rules(ad_ai)) == [
        "equal only in the mean",
        "identical cells",
        "implied size",
        "one number twice",
        "standard error of the bootstrap mean",
    ]
    assert not is_clean(ad_ai)


def test_specificity_is_explained_as_the_recall_of_the_other_class(
    ad_ai: tuple[Finding, ...],
) -> None:
    finding = the(ad_ai, "one number twice")
    assert finding.severity == "note"
    assert finding.where == "specificity of others and accuracy of AD"
    assert "positive class is 'others'" in finding.why


def test_mf_and_im_are_found_identical_in_the_automatic_row_only(
    ad_ai: tuple[Finding, ...],
) -> None:
    finding = the(ad_ai, "identical cells")
    assert finding.numbers["columns"] == ["accuracy of MF", "accuracy of IM"]
    assert finding.numbers["rows"] == ["cropped by lesion extraction"]
    assert finding.numbers["value"] == 0.808


def test_the_same_level_is_not_what_the_cells_say(ad_ai: tuple[Finding, ...]) -> None:
    numbers = the(ad_ai, "equal only in the mean").numbers
    expected = {"AD": -0.052, "MF": -0.063, "IM": 0.241, "HI": -0.149}
    assert numbers["change"] == pytest.approx(expected)
    assert numbers["mean"] == [0.837, 0.831]
    assert numbers["balanced_accuracy"] == [0.925, 0.890]


def test_the_intervals_need_up_to_a_million_images(ad_ai: tuple[Finding, ...]) -> None:
    numbers = the(ad_ai, "implied size").numbers
    assert len(numbers) == 12
    seen = [size["as_printed"] for size in numbers.values()]
    assert 95_000 <= min(seen) < 96_000
    assert max(seen) > 1_000_000


def test_one_product_of_resamples_and_images_a_class_explains_all_widths(
    ad_ai: tuple[Finding, ...],
) -> None:
    numbers = the(ad_ai, "standard error of the bootstrap mean").numbers
    product = {name: [round(x / 1000) for x in pair] for name, pair in numbers["product"].items()}
    assert product == {
        "accuracy of AD": [302, 505],
        "specificity of others": [302, 505],
        "accuracy of MF": [108, 149],
        "accuracy of IM": [77, 149],
        "accuracy of HI": [206, 279],
        "sensitivity of others": [199, 1576],
    }
    parts = [numbers["product"][f"accuracy of {name}"] for name in ("MF", "IM", "HI")]
    assert [round(sum(p[i] for p in parts) / 1000) for i in (0, 1)] == [391, 577]
    honest = numbers["if_1000_resamples"]
    for where, limits in {
        "cropped by dermatologist, accuracy of IM": (0.47, 0.65),
        "cropped by lesion extraction, accuracy of IM": (0.73, 0.87),
        "cropped by dermatologist, accuracy of AD": (0.94, 0.98),
    }.items():
        assert tuple(round(x, 2) for x in honest[where][1:]) == limits


def test_a_known_size_of_the_data_set_is_the_measure() -> None:
    cells = printed_cells(read_table(PRINTED / "ad_ai.csv"))
    assert "implied size" in rules(audit_table(cells, data_set_images=2000))
    assert "implied size" not in rules(audit_table(cells, data_set_images=10_000_000))


def drawn(images: int, patients: int, seeds: int = 1) -> Predictions:
    rng = np.random.default_rng([images, patients])
    patient = np.append(np.arange(patients), rng.integers(0, patients, images - patients))
    target = rng.choice(3, patients, p=[0.5, 0.3, 0.2])[patient]
    tables = []
    for _ in range(seeds):
        logits = rng.normal(size=(images, 3)) + 0.7 * rng.normal(size=(patients, 3))[patient]
        logits[np.arange(images), target] += 1.5
        odds = np.exp(logits)
        tables.append(odds / odds.sum(axis=1, keepdims=True))
    frame = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(images)] * seeds,
            "patient_id": [f"p{i}" for i in patient] * seeds,
            "target": ["abc"[t] for t in target] * seeds,
            "seed": np.repeat([str(s) for s in range(seeds)], images),
        },
        index=pd.RangeIndex(2, images * seeds + 2),
    )
    return Predictions(frame, np.vstack(tables), ("a", "b", "c"))


def reported(images: int, patients: int, seeds: int = 1) -> EvaluationReport:
    spec = EvaluationSpec(resamples=200)
    return evaluate(drawn(images, patients, seeds), TREE, spec=spec)


@pytest.mark.parametrize(
    ("images", "patients", "seeds"), [(150, 150, 1), (200, 60, 1), (60, 12, 1), (90, 30, 3)]
)
def test_a_sound_report_is_clean_as_json_and_as_csv(
    images: int, patients: int, seeds: int, tmp_path: Path
) -> None:
    report = reported(images, patients, seeds)
    assert audit(report) == ()
    report.save(tmp_path)
    assert audit(EvaluationReport.read(tmp_path / "report.json")) == ()
    findings = audit_table(printed_cells(read_table(tmp_path / "report.csv")))
    assert is_clean(findings), list(map(str, findings))


def test_many_images_of_few_patients_are_not_called_too_narrow() -> None:
    assert audit(reported(600, 40)) == ()


def test_a_sound_report_with_a_frozen_point_and_subgroups_is_clean() -> None:
    spec = EvaluationSpec(resamples=200, temperature="validation")
    validation, test = drawn(100, 100), drawn(220, 150)
    for name, predictions in (("v", validation), ("t", test)):
        ids = [f"{name}{i}" for i in range(len(predictions))]
        predictions.frame["sample_id"] = ids
        predictions.frame["patient_id"] = name + predictions.frame["patient_id"]
        sexes = np.where(predictions.frame["patient_id"].str[-1].isin(list("01234")), "f", "m")
        predictions.frame["sex"] = sexes
    frozen = FrozenModels((freeze(validation, TREE, spec),))
    report = judged(evaluate(test, TREE, spec=spec), test, TREE, frozen, spec)
    report = with_subgroups(report, test, TREE, (Column("sex"),), spec)
    metrics = {e.metric for e in report.estimates}
    assert {"sensitivity_at_operating_point", "accuracy_difference"} <= metrics
    assert audit(report) == ()
    counts = dict(report.operating_point["counts"])
    counts["true_positive"] += 5
    planted = replace(report, operating_point={**report.operating_point, "counts": counts})
    assert rules(audit(planted)) == ["sums"]


def changed(report: EvaluationReport, metric: str, name: str, **values: object) -> EvaluationReport:
    one = report.find(metric, "diagnosis", name)
    estimates = tuple(replace(e, **values) if e is one else e for e in report.estimates)  # type: ignore[arg-type]
    return replace(report, estimates=estimates)


@pytest.fixture(scope="module")
def sound() -> EvaluationReport:
    return reported(150, 150)


@pytest.mark.parametrize(
    ("metric", "name", "values", "rule"),
    [
        ("sensitivity", "a", {"value": 0.123}, "misses its estimate"),
        ("sensitivity", "a", {"low": 0.9, "high": 0.2}, "limits reversed"),
        ("sensitivity", "a", {"high": 1.02}, "outside its range"),
        ("mcc", "", {"low": -1.5}, "outside its range"),
        ("sensitivity", "b", {"n_images": 0, "n_patients": 0}, "undefined shown as a number"),
        ("sensitivity", "b", {"n_images": 3}, "sums"),
        ("accuracy", "", {"n_images": 151}, "sums"),
        ("balanced_accuracy", "", {"value": 0.6, "low": 0.5, "high": 0.9}, "sums"),
        ("specificity", "c", {"value": 0.8765, "low": 0.1, "high": 0.9}, "no whole number of hits"),
    ],
)
def test_each_planted_fault_is_found(
    sound: EvaluationReport, metric: str, name: str, values: dict[str, object], rule: str
) -> None:
    assert audit(sound) == ()
    findings = audit(changed(sound, metric, name, **values))
    assert rule in rules(findings)
    assert not is_clean(findings)


def test_the_error_of_a_bootstrap_mean_is_found_in_a_report(sound: EvaluationReport) -> None:
    e = sound.find("accuracy", "diagnosis")
    assert e.value is not None
    assert e.high is not None
    tiny = (e.high - e.value) / np.sqrt(1000)
    planted = changed(sound, "accuracy", "", low=e.value - tiny, high=e.value + tiny)
    assert the(audit(planted), "too narrow").severity == "suspicious"


def test_counts_that_were_changed_are_found(sound: EvaluationReport) -> None:
    matrix = sound.confusion[-1]
    rows = [list(row) for row in matrix.counts]
    rows[0][0] += 5
    other = replace(matrix, counts=tuple(map(tuple, rows)))
    planted = replace(sound, confusion=(*sound.confusion[:-1], other))
    assert "sums" in rules(audit(planted))


def test_a_threshold_that_the_test_set_chose_for_itself_is_found(sound: EvaluationReport) -> None:
    point = {"members": [{"chosen_on": "test", "predictions": "x", "operating_point": {}}]}
    assert "threshold chosen on the test set" in rules(audit(replace(sound, operating_point=point)))
    same = {"members": [{"chosen_on": "val", "predictions": sound.fingerprints["predictions"]}]}
    assert "threshold chosen on the test set" in rules(audit(replace(sound, operating_point=same)))
    sound_point = {"members": [{"chosen_on": "val", "predictions": "x"}]}
    assert audit(replace(sound, operating_point=sound_point)) == ()
