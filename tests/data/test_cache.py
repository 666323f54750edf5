import errno
import importlib
import json
import logging
import multiprocessing
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from skinlab.data import cache as cache_module
from skinlab.data import readers
from skinlab.data.cache import PixelCache, build, steps_of
from skinlab.data.spec import DataSpec
from skinlab.preprocess.steps import Source, Steps
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.manifest import Manifest

SPEC = DataSpec(manifest="m.csv", labels="l.yaml", image_size=16)


def dataset(root: Path, count: int = 6, *, masks: bool = False) -> Manifest:
    """Photographs of noise with patient names in folders, some with lesion masks."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        name = f"山田太郎/写真 {i}.png"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (24, 20 + i, 3), dtype=np.uint8)).save(root / name)
        mask = ""
        if masks and i % 2 == 0:
            mask = f"mask{i}.png"
            drawn = np.zeros((24, 20 + i), dtype=np.uint8)
            drawn[5:15, 6:14] = 255
            Image.fromarray(drawn).save(root / mask)
        rows.append((f"s{i}", name, f"PATIENT{i}", "nevus", "train", mask))
    columns = ["sample_id", "image_path", "patient_id", "diagnosis", "split", "mask_path"]
    index = pd.Index(range(2, count + 2), dtype="int64")
    frame = pd.DataFrame(rows, columns=columns, index=index, dtype=object)
    return Manifest(frame, root / "m.csv", root)


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a photograph was decoded again")

    monkeypatch.setattr(Steps, "prepare", refuse)


def expected(manifest: Manifest, row: int) -> NDArray[np.uint8]:
    source = Source(manifest.column("image_path")[row])
    return steps_of(SPEC).prepare(source, manifest.root).image


def test_the_cache_holds_what_the_steps_make_of_each_row(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data", masks=True)
    cache = build(manifest, SPEC, tmp_path / "cache")
    assert cache.images.shape == (6, 16, 16, 3)
    assert isinstance(cache.images, np.memmap)
    assert not cache.images.flags.writeable
    for row in range(6):
        assert (cache.images[cache.slots[row]] == expected(manifest, row)).all()
        assert cache.has_mask[cache.slots[row]] == (row % 2 == 0)
    assert cache.masks is not None
    assert set(np.unique(cache.masks)) == {0, 1}


def test_nothing_is_decoded_twice_and_no_unchanged_file_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = dataset(tmp_path / "data")
    for path in (tmp_path / "data").rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    first = build(manifest, SPEC, tmp_path / "cache")
    no_decoding(monkeypatch)
    monkeypatch.setattr("skinlab.data.content.sha256", lambda _: pytest.fail("read again"))
    other_splits = manifest.with_column("split", ["test"] * 3 + ["0"] * 3).where(
        np.array([5, 3, 1, 0, 2, 4])
    )
    second = build(other_splits, SPEC, tmp_path / "cache")
    assert second.content_fingerprint == first.content_fingerprint
    assert (second.images[second.slots[0]] == first.images[first.slots[5]]).all()


def test_a_touched_pixel_another_window_and_another_size_give_another_key(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data")
    keys = [build(manifest, SPEC, tmp_path / "cache").content_fingerprint]
    keys.append(
        build(manifest, replace(SPEC, image_size=17), tmp_path / "cache").content_fingerprint
    )
    keys.append(
        build(manifest, replace(SPEC, square="pad"), tmp_path / "cache").content_fingerprint
    )
    windows = manifest
    for name, value in {"x0": "0.1", "y0": "0.1", "x1": "0.9", "y1": "0.9"}.items():
        windows = windows.with_column(name, [value] + [""] * 5)
    keys.append(build(windows, SPEC, tmp_path / "cache").content_fingerprint)
    path = tmp_path / "data" / manifest.column("image_path")[0]
    before = path.stat()
    pixels = np.array(Image.open(path))
    pixels[3, 3, 0] ^= 1
    Image.fromarray(pixels).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # even when the time is put back
    keys.append(build(manifest, SPEC, tmp_path / "cache").content_fingerprint)
    assert len(set(keys)) == 5


def test_identical_photographs_share_a_slot(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data", 3)
    paths = [tmp_path / "data" / path for path in manifest.column("image_path")]
    shutil.copy(paths[0], paths[2])
    cache = build(manifest, SPEC, tmp_path / "cache")
    assert len(cache.images) == 2
    assert cache.slots[0] == cache.slots[2] != cache.slots[1]


def test_all_bad_photographs_are_refused_at_once_with_their_lines(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data", masks=True)
    paths = [tmp_path / "data" / path for path in manifest.column("image_path")]
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    paths[3].unlink()
    paths[5].write_bytes(b"<!doctype html>")
    Image.new("L", (3, 3)).save(tmp_path / "data" / "mask2.png")
    with pytest.raises(InputError) as caught:
        build(manifest, SPEC, tmp_path / "cache")
    lines = str(caught.value).splitlines()
    assert [problem.line for problem in caught.value.problems] == [3, 4, 5, 7]
    for line, word in zip(lines, ("truncated", "mask2.png", "not there", "HTML"), strict=True):
        assert word in line
    assert not list((tmp_path / "cache").glob("*pixels-*[!k]"))


def test_no_name_no_id_and_no_metadata_reaches_the_cache(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data")
    exif = Image.Exif()
    exif[0x010E] = "CANARY-exif"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "CANARY-text")
    info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>CANARY-xmp</x:xmpmeta>")
    path = tmp_path / "data" / manifest.column("image_path")[0]
    Image.open(path).save(path, exif=exif, pnginfo=info)
    photo = path.with_suffix(".jpg")
    Image.open(path).convert("RGB").save(photo, exif=exif, comment="CANARY-com")
    manifest = manifest.with_column(
        "image_path",
        [str(photo.relative_to(tmp_path / "data")), *manifest.column("image_path")[1:]],
    )
    build(manifest, SPEC, tmp_path / "cache")
    everything = b"".join(p.read_bytes() for p in (tmp_path / "cache").rglob("*") if p.is_file())
    names = "".join(str(p.relative_to(tmp_path)) for p in (tmp_path / "cache").rglob("*"))
    for secret in ("CANARY", "山田", "PATIENT", "写真", "s1", "nevus"):
        assert secret.encode() not in everything.replace(b"steps", b"")
        assert secret not in names


@pytest.mark.parametrize("harm", ["cut", "flipped", "zeros", "facts", "gone"])
def test_a_damaged_cache_is_built_again_and_said(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = dataset(tmp_path / "data")
    cache = build(manifest, SPEC, tmp_path / "cache")
    before = np.array(cache.images)
    file = cache.folder / "images.u8"
    content = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(content[:-7])
    elif harm == "flipped":
        content[100] ^= 1
        file.write_bytes(content)
    elif harm == "zeros":
        file.write_bytes(bytes(len(content)))
    elif harm == "facts":
        (cache.folder / "cache.json").write_bytes(b'{"format": 1, "count"')
    else:
        file.unlink()
    with caplog.at_level(logging.WARNING):
        again = build(manifest, SPEC, tmp_path / "cache")
    assert (again.images == before).all()
    assert "built again" in caplog.text


def test_a_damaged_memory_of_hashes_is_only_forgotten(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data")
    first = build(manifest, SPEC, tmp_path / "cache").content_fingerprint
    for content in (b"", b"[1]", b'{"a": 3}', b"\xff\xfe"):
        (tmp_path / "cache" / "contents.json").write_bytes(content)
        assert build(manifest, SPEC, tmp_path / "cache").content_fingerprint == first


def test_a_full_disk_is_said_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = dataset(tmp_path / "data")
    no_decoding(monkeypatch)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match=r"disk full.*needs 1\.0 MiB and 0\.0 MiB are free"):
        build(manifest, SPEC, tmp_path / "cache")


def test_a_disk_that_fills_up_while_writing_leaves_nothing_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = dataset(tmp_path / "data")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(RunError, match="No space left"):
            build(manifest, SPEC, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert len(build(manifest, SPEC, tmp_path / "cache").images) == 6


def _build_and_report(root: str, folder: str, answers: "multiprocessing.Queue[str]") -> None:
    made: list[int] = []
    cache = build(dataset_of(root), SPEC, Path(folder), lambda done, _: made.append(done))
    answers.put(f"{bool(made)} {cache.content_fingerprint}")


def dataset_of(root: str) -> Manifest:
    paths = sorted(p.relative_to(root) for p in Path(root).rglob("*.png"))
    frame = pd.DataFrame(
        [(p.stem, str(p), p.stem, "nevus", "train") for p in paths],
        columns=["sample_id", "image_path", "patient_id", "diagnosis", "split"],
        dtype=object,
    )
    return Manifest(frame, Path(root) / "m.csv", Path(root))


def test_processes_that_start_together_build_once(tmp_path: Path) -> None:
    dataset(tmp_path / "data", 20)
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    arguments = (str(tmp_path / "data"), str(tmp_path / "cache"), answers)
    started = [context.Process(target=_build_and_report, args=arguments) for _ in range(3)]
    for process in started:
        process.start()
    got = [answers.get(timeout=60) for _ in started]
    for process in started:
        process.join()
    assert sum(answer.startswith("True") for answer in got) == 1
    assert len({answer.split()[1] for answer in got}) == 1


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data")
    cache = build(manifest, SPEC, tmp_path / "cache")
    half = cache.folder.with_name(f".{cache.folder.name}.part")
    cache.folder.rename(half)
    (half / "cache.json").unlink()
    again = build(manifest, SPEC, tmp_path / "cache")
    assert (again.images[again.slots[2]] == expected(manifest, 2)).all()
    assert not half.exists()


def test_a_cache_travels_to_another_process_as_a_path(tmp_path: Path) -> None:
    cache = build(dataset(tmp_path / "data", masks=True), SPEC, tmp_path / "cache")
    traveled = pickle.dumps(cache)
    assert len(traveled) < 2000
    copy: PixelCache = pickle.loads(traveled)
    assert (copy.images == cache.images).all()
    assert (copy.slots == cache.slots).all()


def test_several_processes_give_the_pixels_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "WORTH_STARTING", 0.0)
    manifest = dataset(tmp_path / "data", 60, masks=True)
    sources = cache_module.sources_of(manifest)
    results = []
    for processes in (1, 2):
        images, masks = tmp_path / f"i{processes}", tmp_path / f"m{processes}"
        images.write_bytes(bytes(60 * 16 * 16 * 3))
        masks.write_bytes(bytes(60 * 16 * 16))
        job = readers.Job(manifest.root, Steps(16), images, masks)
        calls: list[tuple[int, int]] = []
        outcomes = readers.read_all(
            sources, job, processes, lambda *call, calls=calls: calls.append(call)
        )
        assert [outcome.slot for outcome in outcomes] == list(range(60))
        assert calls[-1] == (60, 60)
        results.append((images.read_bytes(), masks.read_bytes(), outcomes))
    assert results[0] == results[1]


DEADLY = """
import os, time
from skinlab.preprocess.steps import Steps

class Deadly(Steps):
    def prepare(self, source, root):
        if source.image.endswith(" 13.png"):
            os.abort()
        if source.image.endswith(" 40.png"):
            time.sleep(600)
        return super().prepare(source, root)
"""


@pytest.mark.timeout(120)
def test_a_crash_and_a_hang_cost_one_photograph_each_and_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "WORTH_STARTING", 0.0)
    manifest = dataset(tmp_path / "data", 60)
    images = tmp_path / "images"
    images.write_bytes(bytes(60 * 16 * 16 * 3))
    (tmp_path / "deadly_steps.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    steps = importlib.import_module("deadly_steps").Deadly(16)
    job = readers.Job(manifest.root, steps, images, None, patience=2.0)
    outcomes = readers.read_all(cache_module.sources_of(manifest), job, 2)
    bad = {o.slot: o.problem.what for o in outcomes if o.problem is not None}
    assert len(outcomes) == 60
    assert set(bad) == {13, 40}
    assert "crash" in bad[13]
    assert "within 2 seconds" in bad[40]


def test_an_empty_manifest_is_refused(tmp_path: Path) -> None:
    manifest = dataset(tmp_path / "data", 1).where(np.array([], dtype=np.int64))
    with pytest.raises(InputError, match="no rows"):
        build(manifest, SPEC, tmp_path / "cache")


def test_conversions_are_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = dataset(tmp_path / "data", 3)
    for path in manifest.column("image_path")[:2]:
        Image.new("RGBA", (30, 30), (1, 2, 3, 4)).save(tmp_path / "data" / path)
    with caplog.at_level(logging.WARNING):
        cache = build(manifest, SPEC, tmp_path / "cache")
    # Both files are the same bytes, so they are one photograph in one slot.
    assert cache.notes == {"transparent pixels put on white": 1}
    assert caplog.text.count("transparent") == 1
    assert json.loads((cache.folder / "cache.json").read_text())["count"] == 2
