from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skinlab.data.pictures import Inspected, Inspection, inspect_one, inspect_pictures
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


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photographs that are decoded."""
    names: list[str] = []

    def counted(root: Path, pair: tuple[str, str]) -> Inspected:
        names.append(pair[0])
        return inspect_one(root, pair)

    monkeypatch.setattr("skinlab.data.pictures.inspect_one", counted)
    return names


def _three(folder: Path) -> Manifest:
    folder.mkdir()
    for i in range(3):
        Image.new("RGB", (9, 6), (i, 0, 0)).save(folder / f"山田-{i}.png")
        Image.new("L", (9, 6), 255).save(folder / f"mask-{i}.png")
    names = {"image_path": [f"山田-{i}.png" for i in range(3)]}
    names["mask_path"] = [f"mask-{i}.png" for i in range(3)]
    return Manifest(pd.DataFrame(names), Path("m.csv"), folder)


def test_only_what_changed_is_decoded_again(tmp_path: Path, looked: list[str]) -> None:
    manifest, memory = _three(tmp_path / "data"), tmp_path / "memory"
    first = inspect_pictures(manifest, 1, memory=memory)
    assert len(looked) == 3
    assert inspect_pictures(manifest, 1, memory=memory) == first
    assert len(looked) == 3
    Image.new("RGB", (9, 6), (9, 9, 9)).save(tmp_path / "data" / "山田-1.png")  # of the same size
    again = inspect_pictures(manifest, 1, memory=memory)
    assert looked[3:] == ["山田-1.png"]
    assert again[1].pixels != first[1].pixels
    Image.new("L", (8, 6), 255).save(tmp_path / "data" / "mask-2.png")
    assert "is 8x6" in inspect_pictures(manifest, 1, memory=memory)[2].mask_error[0]
    assert looked[4:] == ["山田-2.png"]


def test_a_bad_file_is_looked_at_every_time(tmp_path: Path, looked: list[str]) -> None:
    manifest, memory = _three(tmp_path / "data"), tmp_path / "memory"
    (tmp_path / "data" / "山田-0.png").write_bytes(b"<html>")
    for _ in range(2):
        assert "HTML" in inspect_pictures(manifest, 1, memory=memory)[0].error[0]
    assert looked == ["山田-0.png", "山田-1.png", "山田-2.png", "山田-0.png"]


def test_a_lower_limit_refuses_what_was_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, memory = _three(tmp_path / "data"), tmp_path / "memory"
    assert not inspect_pictures(manifest, 1, memory=memory)[0].error[0]
    monkeypatch.setenv("SKINLAB_MAX_MEGAPIXELS", "0.00001")
    assert "too large" in inspect_pictures(manifest, 1, memory=memory)[0].error[0]


@pytest.mark.parametrize("damage", [b"", b"[1]", b'{"a"', b'{"k": {"x": 1}}', b"null"])
def test_a_damaged_memory_is_only_forgotten(tmp_path: Path, damage: bytes) -> None:
    manifest, memory = _three(tmp_path / "data"), tmp_path / "memory"
    first = inspect_pictures(manifest, 1, memory=memory)
    (memory / "seen.json").write_bytes(damage)
    assert inspect_pictures(manifest, 1, memory=memory) == first


def test_the_memory_holds_no_name(tmp_path: Path) -> None:
    manifest, memory = _three(tmp_path / "data"), tmp_path / "memory"
    inspect_pictures(manifest, 1, memory=memory)
    written = "".join(path.read_text(encoding="utf-8") for path in memory.iterdir())
    assert len(written) > 500
    for name in ("山田", "mask-", ".png", str(tmp_path)):
        assert name not in written


def test_what_stops_a_process_is_an_error_of_that_photograph(tmp_path: Path) -> None:
    failed = Inspection(tmp_path).failed(0, ("a.png", ""), "makes the decoder crash")
    assert failed.error == ("makes the decoder crash", "copy it again from the original")
