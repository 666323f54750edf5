import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skinlab.figures.confusion import Block, confusion_numbers, draw_confusion
from skinlab.figures.look import png, save
from skinlab.tables.report import ConfusionMatrix

JAPANESE = ConfusionMatrix(
    "diagnosis",
    ("基底細胞癌", "悪性黒色腫", "母斑"),
    ("malignant", "malignant", "benign"),
    ((8, 1, 1), (0, 0, 0), (2, 2, 4)),
)


def test_shares_are_of_the_true_class_and_undefined_in_an_empty_row() -> None:
    numbers = confusion_numbers(JAPANESE)
    assert numbers.shares[0] == (0.8, 0.1, 0.1)
    assert numbers.shares[1] == (None, None, None)


def test_neighbors_of_one_group_are_framed_together() -> None:
    assert confusion_numbers(JAPANESE).blocks == (Block("malignant", 0, 2), Block("benign", 2, 3))


@pytest.mark.parametrize("blocks", [("", "", ""), ("a", "b", "c")])
def test_one_group_or_a_group_a_class_is_not_framed(blocks: tuple[str, ...]) -> None:
    matrix = ConfusionMatrix("group", JAPANESE.classes, blocks, JAPANESE.counts)
    assert confusion_numbers(matrix).blocks == ()


@pytest.mark.parametrize("k", [2, 13, 45, 120])
def test_any_number_of_classes_is_drawn_large_enough_to_read(k: int) -> None:
    counts = np.random.default_rng(0).integers(0, 2000, (k, k)).tolist()
    names = tuple(f"class {i} with a rather long name of its own" for i in range(k))
    groups = ("malignant",) * (k // 2) + ("benign",) * (k - k // 2)
    matrix = ConfusionMatrix("fine", names, groups, tuple(map(tuple, counts)))
    with Image.open(io.BytesIO(png(draw_confusion(confusion_numbers(matrix))))) as picture:
        assert 300 < picture.width < 5000
        # A row is never lower than the 6 points of its label: 12 pixels at 150 dpi.
        assert picture.height > 12 * k


def test_the_picture_has_its_numbers_and_sources_beside_it(tmp_path: Path) -> None:
    numbers = confusion_numbers(JAPANESE)
    save(
        draw_confusion(numbers), tmp_path / "c.png", {"fingerprints": {"x": "1"}, **numbers.json()}
    )
    content = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert content["counts"] == [[8, 1, 1], [0, 0, 0], [2, 2, 4]]
    assert content["shares"][1] == [None, None, None]
    assert content["fingerprints"] == {"x": "1"}
    assert content["use"].startswith("Research use only")
