"""The folder that `skinlab data synth` leaves: same bytes, upright masks, whole or absent."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from skinlab.sources.synthetic import clip as clips
from skinlab.sources.synthetic.draw import draw, find
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest

TREE = Path(__file__).parents[3] / "data_manifests" / "labels" / "synthetic.yaml"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw(tmp_path_factory.mktemp("synthetic") / "set", patients=22, seed=3, size=160)


def bytes_of(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def opened(manifest: Manifest, column: str) -> list[Image.Image]:
    return [load(manifest.root / path) for path in manifest.column(column)]


def test_the_same_seed_gives_the_same_bytes_on_one_thread_and_on_three(
    drawn: Manifest, tmp_path: Path
) -> None:
    draw(tmp_path / "one", patients=22, seed=3, size=160, workers=1)
    draw(tmp_path / "three", patients=22, seed=3, size=160, workers=3)
    assert bytes_of(tmp_path / "one") == bytes_of(drawn.root)
    assert bytes_of(tmp_path / "three") == bytes_of(drawn.root)


def test_a_larger_set_begins_with_the_smaller_one(drawn: Manifest, tmp_path: Path) -> None:
    few = draw(tmp_path / "few", patients=3, seed=3, size=160)
    assert few.column("sha256") == drawn.column("sha256")[: len(few)]


def test_another_seed_draws_other_photographs(drawn: Manifest, tmp_path: Path) -> None:
    other = draw(tmp_path / "other", patients=2, seed=4, size=160)
    assert not set(other.column("sha256")) & set(drawn.column("sha256"))


def test_the_manifest_has_no_problem_and_every_fine_category_of_the_tree(drawn: Manifest) -> None:
    assert list(drawn.problems()) == []
    tree = LabelTree.read(TREE)
    assert set(drawn.column("diagnosis")) == set(tree.classes("fine"))
    assert len(tree.classes("fine")) == 11
    assert len(tree.classes("diagnosis")) == 6
    assert tree.classes("group") == ("malignant", "benign")
    assert drawn.group_kind == "patient"
    assert set(drawn.column("split")) == {""}


def test_patients_have_several_lesions_and_lesions_several_photographs(drawn: Manifest) -> None:
    pairs = set(zip(drawn.column("patient_id"), drawn.column("lesion_id"), strict=True))
    assert len({patient for patient, _ in pairs}) == 22
    assert max(Counter(patient for patient, _ in pairs).values()) >= 2
    photographs = Counter(
        lesion
        for lesion, video in zip(drawn.column("lesion_id"), drawn.column("video_id"), strict=True)
        if not video
    )
    assert max(photographs.values()) >= 2
    assert set(drawn.column("magnification")) == {"weak", "strong"}


def test_the_checksums_and_sizes_are_those_of_the_upright_files(drawn: Manifest) -> None:
    rows = zip(
        *(drawn.column(n) for n in ("image_path", "mask_path", "sha256", "width", "height")),
        strict=True,
    )
    for image_path, mask_path, sha256, width, height in rows:
        content = (drawn.root / image_path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
        upright = ImageOps.exif_transpose(load(drawn.root / image_path))
        assert upright.size == (int(width), int(height))
        assert load(drawn.root / mask_path).size == upright.size


def test_photographs_stored_turned_lie_on_their_masks_once_upright(drawn: Manifest) -> None:
    """Inside differs from the ring around it far more than when the turn is ignored."""
    upright, as_stored, tags = [], [], Counter[int]()
    pairs = zip(opened(drawn, "image_path"), opened(drawn, "mask_path"), strict=True)
    for image, mask in pairs:
        orientation = image.getexif().get(0x0112, 1)
        tags[orientation] += 1
        if orientation == 1 or (inside := np.asarray(mask)).mean() < 0.01:
            continue
        upright.append(_contrast(ImageOps.exif_transpose(image), inside))
        as_stored.append(_contrast(image.resize(mask.size), inside))
    assert set(tags) == {1, 3, 6, 8}
    assert len(upright) >= 8
    assert np.median(upright) > 2 * np.median(as_stored)
    assert min(upright) > 4


def _contrast(image: Image.Image, inside: np.ndarray) -> float:
    """Distance of the mean colors inside and outside of a mask, in gray levels."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64)
    return float(np.abs(pixels[inside].mean(0) - pixels[~inside].mean(0)).mean())


def test_the_lesion_fills_more_of_a_photograph_at_strong_magnification(drawn: Manifest) -> None:
    share = np.array([np.asarray(mask).mean() for mask in opened(drawn, "mask_path")])
    strong = np.array(drawn.column("magnification")) == "strong"
    distance = np.array(drawn.column("distance_mm"), dtype=float)
    assert np.median(share[strong]) > 3 * np.median(share[~strong])
    assert distance[strong].max() < distance[~strong].max()
    assert 0.005 < share[~strong].mean() < 0.15


def test_masks_hold_only_lesion_and_no_lesion(drawn: Manifest) -> None:
    for mask in opened(drawn, "mask_path"):
        assert mask.mode == "1"
        assert set(np.unique(np.asarray(mask))) <= {False, True}


def test_malignant_photographs_alone_have_a_depth_of_invasion(drawn: Manifest) -> None:
    tree = LabelTree.read(TREE)
    rows = zip(drawn.column("diagnosis"), drawn.column("invasion_depth_mm"), strict=True)
    for diagnosis, depth in rows:
        if tree.leaf(diagnosis).group == "benign":
            assert depth == ""
        else:
            assert (float(depth) == 0) == (diagnosis == "Bowen disease")


def test_no_name_of_a_class_or_a_patient_stands_in_the_exif_or_a_path(drawn: Manifest) -> None:
    tree = LabelTree.read(TREE)
    names = {n for level in ("fine", "diagnosis", "group") for n in tree.classes(level)}
    for path, device in zip(drawn.column("image_path"), drawn.column("device"), strict=True):
        exif = load(drawn.root / path).getexif()
        assert set(exif) <= {0x010F, 0x0110, 0x0112, 0x8769}
        assert exif[0x0110] == device
        assert not any(name.lower() in path.lower() for name in names)


def test_clips_decode_to_the_frames_and_times_that_the_manifest_names(drawn: Manifest) -> None:
    seen = {
        (video, path)
        for video, path in zip(drawn.column("video_id"), drawn.column("video_path"), strict=True)
        if video
    }
    assert len(seen) == 2
    for video, path in seen:
        with av.open(str(drawn.root / path)) as container:
            frames = list(container.decode(video=0))
        assert [round((frame.time or 0) * clips.RATE) for frame in frames] == list(
            range(clips.FRAMES)
        )
        rows = np.flatnonzero(np.array(drawn.column("video_id")) == video)
        assert len(rows) == len(clips.STILLS)
        for row in rows:
            number = round(float(drawn.column("time_s")[row]) * clips.RATE)
            still = np.asarray(load(drawn.root / drawn.column("image_path")[row]), dtype=np.float64)
            errors = [
                np.abs(frame.to_ndarray(format="rgb24").astype(np.float64) - still).mean()
                for frame in frames
            ]
            assert int(np.argmin(errors)) == number


def test_a_complete_set_is_found_and_left_as_it_is(drawn: Manifest) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawn.root.rglob("*")}
    found = find(drawn.root, patients=22, seed=3, size=160)
    again = draw(drawn.root, patients=22, seed=3, size=160)
    assert found is not None
    assert found.fingerprint == again.fingerprint == drawn.fingerprint
    assert {path: path.stat().st_mtime_ns for path in drawn.root.rglob("*")} == before


def test_another_recipe_or_a_folder_of_somebody_else_is_refused(
    drawn: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"holds another set \(22 patients, seed 3.*delete it"):
        draw(drawn.root, patients=5, seed=3, size=160)
    (tmp_path / "thesis.docx").write_bytes(b"")
    with pytest.raises(InputError, match="not a synthetic set; name an empty folder"):
        draw(tmp_path, patients=1)
    assert (tmp_path / "thesis.docx").exists()


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"seed": -1}, {"size": 10}, {"size": 9000}])
def test_numbers_that_cannot_be_drawn_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="give patients >= 1, seed >= 0 and size 96 to 4096"):
        draw(tmp_path / "set", **({"patients": 1, "seed": 0, "size": 96} | wrong))  # type: ignore[arg-type]


def test_an_interrupted_command_leaves_nothing_and_the_next_one_completes(
    drawn: Manifest, tmp_path: Path
) -> None:
    root = tmp_path / "set"

    def stop(done: int, total: int) -> None:
        assert total == 22
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(root, patients=22, seed=3, size=160, progress=stop)
    assert not root.exists()
    assert (tmp_path / ".set.part").is_dir()  # what a killed command leaves, too
    root.mkdir()
    draw(root, patients=22, seed=3, size=160)
    assert bytes_of(root) == bytes_of(drawn.root)
    assert not (tmp_path / ".set.part").exists()


def test_progress_counts_every_patient(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    draw(tmp_path / "set", patients=3, size=96, progress=lambda a, b: seen.append((a, b)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_larger_size_draws_larger_photographs_of_the_same_patients(tmp_path: Path) -> None:
    small, large = (
        draw(tmp_path / str(size), patients=2, seed=0, size=size) for size in (160, 320)
    )
    assert small.column("diagnosis") == large.column("diagnosis")
    for a, b in zip(small.column("width"), large.column("width"), strict=True):
        assert abs(int(b) - 2 * int(a)) <= 20


def test_a_write_that_fails_is_named_and_leaves_no_half_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith("p00002"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\).*free"):
        draw(tmp_path / "set", patients=6, size=96)
    assert not (tmp_path / "set").exists()
    assert not (tmp_path / ".set.part").exists()


def test_two_commands_at_once_draw_one_set(tmp_path: Path) -> None:
    drawn: list[int] = []

    def ask(_: int) -> str:
        return draw(
            tmp_path / "set", patients=3, size=96, progress=lambda done, _: drawn.append(done)
        ).fingerprint

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(ask, range(2)))) == 1
    assert drawn == [1, 2, 3]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError, match="cannot be written"):
        draw(tmp_path / "file" / "set", patients=1, size=96)
