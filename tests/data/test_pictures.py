from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from skinlab.data.pictures import inspect_one, inspect_pictures
from skinlab.tables.files import sha256
from skinlab.tables.manifest import Manifest


def test_turned_pixels_and_other_metadata_are_the_same_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "upright.png")
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels))).save(tmp_path / "turned.png", exif=exif)
    one, two = (inspect_one(tmp_path, (name, "")) for name in ("upright.png", "turned.png"))
    assert one.pixels == two.pixels
    assert one.sha256 == sha256(tmp_path / "upright.png") != two.sha256
    assert (two.width, two.height) == (8, 6)


def test_the_same_pixels_in_another_shape_are_another_picture(tmp_path: Path) -> None:
    for name, size in (("a.png", (6, 4)), ("b.png", (4, 6))):
        Image.new("RGB", size, (7, 7, 7)).save(tmp_path / name)
    assert len({inspect_one(tmp_path, (n, "")).pixels for n in ("a.png", "b.png")}) == 2


def test_a_photograph_of_two_rows_is_read_once(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    frame = pd.DataFrame({"image_path": ["a.png", "a.png"]})
    told: list[tuple[int, int]] = []
    manifest = Manifest(frame, Path("m.csv"), tmp_path)
    found = inspect_pictures(manifest, 1, lambda done, total: told.append((done, total)))
    assert (len(found), told) == (2, [(1, 1)])


def test_a_mask_of_a_bad_photograph_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    found = inspect_one(tmp_path, ("a.png", "no such mask.png"))
    assert "HTML" in found.error[0]
    assert found.mask_error == ("", "")
