"""Each photograph lands in its own slot, in one process or several; a bad one is only a problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skinlab.data.readers import Job, read_all
from skinlab.preprocess.steps import Source, Steps

SIDE = 16


def _job(folder: Path, number: int) -> tuple[list[Source], Job]:
    sources = []
    for i in range(number):
        Image.new("RGB", (40, 40), (i, 2 * i, 100)).save(folder / f"{i}.png")
        sources.append(Source(f"{i}.png", "", None))
    pixels = folder / "images.u8"
    pixels.write_bytes(bytes(number * SIDE * SIDE * 3))
    return sources, Job(folder, Steps(SIDE, "crop", False), pixels, None)


@pytest.mark.parametrize("processes", [1, 2])
def test_every_slot_holds_its_own_photograph(tmp_path: Path, processes: int) -> None:
    sources, job = _job(tmp_path, 12)
    outcomes = read_all(sources, job, processes)
    assert [outcome.slot for outcome in outcomes] == list(range(12))
    assert not any(outcome.problem for outcome in outcomes)
    found = np.fromfile(job.images, np.uint8).reshape(12, SIDE, SIDE, 3)
    for i in range(12):
        assert (found[i] == (i, 2 * i, 100)).all()


def test_a_bad_photograph_is_a_problem_of_its_slot_and_the_others_are_read(tmp_path: Path) -> None:
    sources, job = _job(tmp_path, 3)
    (tmp_path / "1.png").write_bytes(b"<html>")
    outcomes = read_all(sources, job, 1)
    assert [bool(outcome.problem) for outcome in outcomes] == [False, True, False]
    found = np.fromfile(job.images, np.uint8).reshape(3, SIDE, SIDE, 3)
    assert (found[2] == (2, 4, 100)).all()
