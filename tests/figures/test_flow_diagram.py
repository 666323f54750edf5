from pathlib import Path

import pandas as pd
import pytest

from skinlab.figures.flow_diagram import diagram, draw_flow
from skinlab.figures.look import png
from skinlab.reporting.flow import Count, Flow, Left, flow
from skinlab.tables.manifest import Manifest


def example(arms: int = 3, reasons: int = 2) -> Flow:
    n = 12
    frame = pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(n)],
            "image_path": [f"s{i}" for i in range(n)],
            "patient_id": [f"p{i}" for i in range(n)],
            "diagnosis": ["母斑", "MM"] * (n // 2),
            "split": [str(i % arms) for i in range(n - reasons)] + [""] * reasons,
            "exclusion": [""] * (n - reasons) + [f"ピント不良 {i}" for i in range(reasons)],
        }
    )
    return flow(Manifest(frame, Path("clinic.csv"), Path("nowhere")))


def test_every_number_of_the_flow_is_in_a_box() -> None:
    made = diagram(example())
    assert made.boxes[0].lines == ("In the manifest", "12 patients", "12 images")
    assert made.boxes[0].aside == ("excluded: 2 images", "1: ピント不良 0", "1: ピント不良 1")
    assert made.boxes[-1].lines == ("Used", "10 patients", "10 images")
    assert made.arms[0][:3] == ("fold 0", "4 patients", "4 images")
    assert set(made.arms[0][4:]) == {"母斑 2", "MM 2"}


@pytest.mark.parametrize("arms", [1, 3, 7])
def test_it_is_drawn_whatever_the_number_of_splits_and_the_same_twice(arms: int) -> None:
    made = diagram(example(arms))
    assert png(draw_flow(made)) == png(draw_flow(made))


def test_many_reasons_are_joined_and_add_up() -> None:
    from dataclasses import replace

    many = tuple(Left(f"reason {i}", Count(10 - i // 2)) for i in range(12))
    made = diagram(replace(example(), excluded=many))
    total = sum(left.count.images for left in many)
    assert made.boxes[0].aside[0] == f"excluded: {total} images"
    shown = [int(line.split(":")[0]) for line in made.boxes[0].aside[1:]]
    assert sum(shown) == total
    assert "further reasons" in made.boxes[0].aside[-1]
