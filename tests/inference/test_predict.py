from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinlab.data.batch import Batch
from skinlab.inference.predict import as_predictions, probabilities
from skinlab.models.classifier import build_classifier
from skinlab.models.spec import ModelSpec
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest
from skinlab.tables.predictions import Predictions

CPU = torch.device("cpu")
TREE = """
positive: malignant
classes:
  malignant: {melanoma: [MEL], BCC: []}
  benign: {nevus: [NEV]}
"""


def batches(rows: Sequence[int], size: int = 2, scale: float = 1.0) -> Iterator[Batch]:
    images = torch.rand(100, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * scale
    for start in range(0, len(rows), size):
        row = torch.tensor(rows[start : start + size])
        yield Batch(images[row], torch.zeros_like(row), None, row, row)


def network(dropout: float = 0.5) -> nn.Module:
    torch.manual_seed(0)
    return build_classifier(ModelSpec("test_resnet", dropout=dropout), 3, 32)


class Fixed(nn.Module):
    """Logits that were written down."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, image: Tensor) -> Tensor:
        return self.logits.expand(len(image), -1)


def test_rows_come_in_manifest_order_whatever_the_order_of_batches() -> None:
    straight = probabilities(network(), batches([3, 5, 8, 9, 20]), CPU)
    mixed = probabilities(network(), batches([20, 8, 3, 9, 5], size=3), CPU)
    assert straight.dtype == np.float64
    assert straight.shape == (5, 3)
    np.testing.assert_allclose(mixed, straight, atol=1e-6)
    assert len(np.unique(straight.round(9), axis=0)) == 5
    np.testing.assert_allclose(straight.sum(axis=1), 1, atol=1e-12)


def test_the_network_is_used_without_dropout_and_given_back_as_it_came() -> None:
    net = network().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = probabilities(net, batches([0, 1, 2]), CPU)
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    np.testing.assert_array_equal(first, probabilities(net.eval(), batches([0, 1, 2]), CPU))
    assert not net.training


def test_softmax_agrees_with_scipy_and_keeps_extremes_finite() -> None:
    scipy_special = pytest.importorskip("scipy.special")
    logits = [1000.0, -1000.0, 999.9999]
    table = probabilities(Fixed(logits), batches([0]), CPU)
    expected = scipy_special.softmax(np.array(logits, np.float32).astype(float))
    np.testing.assert_allclose(table[0], expected, atol=1e-12)
    assert table[0, 0] > table[0, 2]


def test_bf16_training_still_predicts_in_float32() -> None:
    exact = probabilities(network(), batches([0, 1]), CPU)
    with torch.autocast("cpu", torch.bfloat16):
        inside = probabilities(network(), batches([0, 1]), CPU)
    np.testing.assert_array_equal(inside, exact)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_network_that_gives_no_numbers_is_refused(bad: float) -> None:
    with pytest.raises(RunError, match="NaN or infinity for 3 of 3"):
        probabilities(Fixed([0.0, bad, 1.0]), batches([0, 1, 2]), CPU)


def test_repeated_rows_and_no_rows_are_refused() -> None:
    with pytest.raises(RunError, match="1 of 3 photographs came twice"):
        probabilities(network(), batches([0, 1, 1]), CPU)
    with pytest.raises(RunError, match="nothing to predict"):
        probabilities(network(), [], CPU)


@pytest.fixture
def tree(tmp_path: Path) -> LabelTree:
    (tmp_path / "tree.yaml").write_text(TREE)
    return LabelTree.read(tmp_path / "tree.yaml")


def manifest(**columns: list[str]) -> Manifest:
    rows = {
        "sample_id": ["山田_1", "山田_2", "sato"],
        "image_path": ["山田/1.jpg", "山田/2.jpg", "sato.jpg"],
        "mask_path": ["山田/1.png", "", ""],
        "patient_id": ["山田太郎", "山田太郎", ""],
        "lesion_id": ["L1", "", "L1"],
        "diagnosis": ["MEL", "NEV", "bcc"],
        "split": ["test"] * 3,
        "age": ["61", "", "007"],
        "referring_doctor": ["Dr. Suzuki"] * 3,
    } | columns
    frame = pd.DataFrame(rows, index=pd.Index([5, 7, 9]), dtype=object)
    return Manifest(frame, Path("m.csv"), Path())


def table() -> NDArray[np.float64]:
    return np.array([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5], [0.0, 1.0, 0.0]])


def test_truth_stands_beside_the_probabilities(tree: LabelTree, tmp_path: Path) -> None:
    made = as_predictions(manifest(), tree, "diagnosis", table(), str)
    assert list(made.frame["target"]) == ["melanoma", "nevus", "BCC"]
    assert made.classes == ("melanoma", "BCC", "nevus")
    made.save(tmp_path / "p.csv")
    read = Predictions.read(tmp_path / "p.csv")
    np.testing.assert_array_equal(read.probabilities, table())
    assert read.fingerprint == made.fingerprint
    assert list(read.frame["age"]) == ["61", "", "007"]


def test_ids_are_written_as_pseudonyms_and_nothing_else_names_anyone(
    tree: LabelTree, tmp_path: Path
) -> None:
    made = as_predictions(manifest(), tree, "diagnosis", table(), lambda raw: f"x{len(raw)}")
    assert list(made.frame["patient_id"]) == ["x4", "x4", ""]
    assert list(made.frame["lesion_id"]) == ["x2", "", "x2"]
    made.save(tmp_path / "p.csv")
    written = (tmp_path / "p.csv").read_text()
    for word in ("山田", "sato", ".jpg", ".png", "Suzuki", "L1"):
        assert word not in written


def test_further_columns_ride_along_by_name_but_paths_never(tree: LabelTree) -> None:
    also = ("scanner", "image_path", "mask_path", "patient_id", "not there")
    made = as_predictions(
        manifest(scanner=["a", "b", "c"]), tree, "diagnosis", table(), lambda _: "x", also
    )
    assert list(made.frame["scanner"]) == ["a", "b", "c"]
    assert not {"image_path", "mask_path", "not there"} & set(made.frame.columns)
    assert set(made.frame["patient_id"]) == {"x", ""}


def test_a_coarser_level_and_its_truth(tree: LabelTree) -> None:
    made = as_predictions(manifest(), tree, "group", table()[:, :2], str)
    assert made.classes == ("malignant", "benign")
    assert list(made.frame["target"]) == ["malignant", "benign", "malignant"]


def test_another_number_of_rows_or_classes_is_refused(tree: LabelTree) -> None:
    for wrong in (table()[:2], table()[:, :2]):
        with pytest.raises(ValueError, match="manifest and tree say"):
            as_predictions(manifest(), tree, "diagnosis", wrong, str)


def test_an_unknown_diagnosis_is_refused_with_its_line(tree: LabelTree) -> None:
    with pytest.raises(InputError, match=r"m\.csv line 7: unknown diagnosis 'nevis'"):
        as_predictions(manifest(diagnosis=["MEL", "nevis", "BCC"]), tree, "diagnosis", table(), str)
