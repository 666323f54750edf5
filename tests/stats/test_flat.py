from mlflow.utils.validation import _validate_metric_name

from skinlab.stats.flat import flat, legal_names
from skinlab.tables.report import ConfusionMatrix, Estimate, EvaluationReport

ODD = ("母斑 (色素性)", "a/b", "..", "n", "Low", "BCC", "bcc", "95%", " ", "x" * 300)


def report(*estimates: Estimate, classes: tuple[str, ...] = ("母斑", "BCC")) -> EvaluationReport:
    k = len(classes)
    matrices = [
        ConfusionMatrix("diagnosis", classes, ("",) * k, ((0,) * k,) * k),
        ConfusionMatrix("group", ("悪性", "良性"), ("", ""), ((0, 0), (0, 0))),
    ]
    return EvaluationReport("test", "悪性", estimates, tuple(matrices))


def test_each_number_has_its_limits_and_n_beside_it() -> None:
    found = flat(
        report(
            Estimate("accuracy", 0.7, 0.6, 0.8, tree_level="diagnosis", n_images=90),
            Estimate("sensitivity", 0.5, 0.4, 0.6, "母斑", "diagnosis", n_images=9),
            Estimate("sensitivity", 0.9, 0.8, 1.0, "悪性", "group", n_images=30, seed_sd=0.01),
        )
    )
    assert found.metrics == {
        "test/accuracy": 0.7,
        "test/accuracy/low": 0.6,
        "test/accuracy/high": 0.8,
        "test/accuracy/n": 90,
        "test/sensitivity/母斑": 0.5,
        "test/sensitivity/母斑/low": 0.4,
        "test/sensitivity/母斑/high": 0.6,
        "test/sensitivity/母斑/n": 9,
        "test/group/sensitivity/悪性": 0.9,
        "test/group/sensitivity/悪性/low": 0.8,
        "test/group/sensitivity/悪性/high": 1.0,
        "test/group/sensitivity/悪性/seed_sd": 0.01,
        "test/group/sensitivity/悪性/n": 30,
    }
    assert not found.legend


def test_numbers_per_patient_stand_beside_those_per_image_under_a_name_of_their_own() -> None:
    image = Estimate("accuracy", 0.7, 0.6, 0.8, tree_level="diagnosis", n_images=90)
    patient = Estimate("accuracy", 0.8, 0.6, 0.9, tree_level="diagnosis", aggregated="patient")
    coarse = Estimate("accuracy", 0.9, 0.7, 1.0, tree_level="group", aggregated="lesion")
    found = flat(report(patient, image, coarse)).metrics
    assert found["test/accuracy"] == 0.7
    assert found["test/per_patient/accuracy"] == 0.8
    assert found["test/group/per_lesion/accuracy"] == 0.9


def test_an_undefined_number_is_listed_and_not_logged() -> None:
    found = flat(report(Estimate("auroc", None, None, None, "BCC", "diagnosis", reason="n = 0")))
    assert found.metrics == {}
    assert found.undefined == {"test/auroc/BCC": "n = 0"}


def test_every_name_is_legal_for_mlflow_and_leads_back() -> None:
    estimates = [Estimate("sensitivity", 0.5, 0.4, 0.6, name, "diagnosis") for name in ODD]
    found = flat(report(*estimates, classes=ODD))
    for name in found.metrics:
        _validate_metric_name(name)  # type: ignore[no-untyped-call]
    parts = {name.split("/")[2] for name in found.metrics}
    assert len({part.casefold() for part in parts}) == len(ODD)
    assert {found.legend.get(part, part) for part in parts} == set(ODD)


def test_the_substitute_of_a_name_does_not_depend_on_the_others() -> None:
    assert legal_names(ODD)["95%"] == legal_names(("95%", "other"))["95%"]
