import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import gaussian_filter

from skinlab.data.duplicates import (
    TURNS,
    find_duplicates,
    gray_copy,
    invariant,
    signatures,
    similar_pairs,
    turned,
)
from skinlab.tables.errors import InputError
from skinlab.tables.manifest import Manifest

REAL = Path(__file__).parents[3] / "shared" / "data"
TURNED = {
    "same way": lambda a: a,
    "mirrored left-right": lambda a: a[:, ::-1],
    "mirrored top-bottom": lambda a: a[::-1],
    "turned by 180°": lambda a: np.rot90(a, 2),
    "transposed": lambda a: a.swapaxes(0, 1),
    "turned by 90°": lambda a: np.rot90(a, 1),
    "turned by 270°": lambda a: np.rot90(a, -1),
    "transposed and turned by 180°": lambda a: np.rot90(a, 2).swapaxes(0, 1),
}


def skin(seed: int, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    """A drawn lesion on textured skin; every seed has the same blob in the middle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    noise = sum(s * gaussian_filter(rng.normal(size=(height, width)), s) for s in (2, 4, 8))
    lesion = 90 / (1 + np.exp(20 * (np.hypot(x, y) - 0.4)))
    gray = 190 - lesion + 9 * noise
    colors = np.stack([gray, 0.8 * gray, 0.7 * gray], axis=-1)
    return np.asarray(np.clip(colors, 0, 255), dtype=np.uint8)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg": lambda image: jpeg(image, 30),
    "half": lambda image: image.resize((80, 60)),
    "squashed": lambda image: image.resize((128, 128)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "gray": lambda image: image.convert("L").convert("RGB"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "cut at the border": lambda image: image.crop((1, 1, 159, 119)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_no_other_photograph(change: str) -> None:
    originals = [skin(seed) for seed in range(6)]
    copy = np.asarray(CHANGES[change](Image.fromarray(originals[2])).convert("RGB"))
    pairs = similar_pairs(np.stack([gray_copy(a) for a in [*originals, copy]]))
    assert list(zip(pairs.one, pairs.two, strict=True)) == [(2, 6)]
    assert list(TURNS)[pairs.turn[0]] == "same way"


@pytest.mark.parametrize("way", TURNED)
def test_a_turned_copy_is_found_with_its_turn(way: str) -> None:
    copies = [skin(1), skin(2), np.ascontiguousarray(TURNED[way](skin(2)))]
    pairs = similar_pairs(np.stack([gray_copy(a) for a in copies]))
    assert list(zip(pairs.one, pairs.two, strict=True)) == [(1, 2)]
    back = turned(gray_copy(copies[2]), int(pairs.turn[0]))
    assert np.allclose(back, gray_copy(copies[1]), atol=1.5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), way=st.integers(0, 7))
def test_no_pair_can_be_missed_by_the_first_comparison(seed: int, way: int) -> None:
    small = np.random.default_rng(seed).normal(size=(2, 24, 24)).astype(np.float32)
    first, second = signatures(small)
    turned_second = signatures(turned(small[1], way)[None])[0]
    bound = float(invariant(first[None])[0] @ invariant(second[None])[0])
    assert bound >= float((first * turned_second).sum()) - 1e-5
    assert np.allclose(invariant(second[None]), invariant(turned_second[None]), atol=1e-5)


def test_plain_pictures_are_like_nothing() -> None:
    plain = [np.full((9, 9, 3), level, np.uint8) for level in (0, 128, 128)]
    assert len(similar_pairs(np.stack([gray_copy(a) for a in plain])).one) == 0


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    small = np.stack([gray_copy(skin(seed % 20)) for seed in range(45)])
    whole = similar_pairs(small)
    monkeypatch.setattr("skinlab.data.duplicates.BLOCK", 7)
    parts = similar_pairs(small)
    # Five seeds stand three times (three pairs each), fifteen twice.
    assert len(whole.one) == 5 * 3 + 15
    assert whole.one.tolist() == parts.one.tolist()
    assert whole.two.tolist() == parts.two.tolist()


def data_set(root: Path, name: str, seeds: list[int], **columns: list[str]) -> Manifest:
    (root / name).mkdir()
    for row, seed in enumerate(seeds):
        Image.fromarray(skin(seed)).save(root / name / f"{row}.png")
    cells = {
        "sample_id": [f"{name}{row}" for row in range(len(seeds))],
        "image_path": [f"{row}.png" for row in range(len(seeds))],
        "patient_id": [f"P{row}" for row in range(len(seeds))],
        "diagnosis": ["nevus"] * len(seeds),
        "split": [""] * len(seeds),
    }
    frame = pd.DataFrame(cells | columns, dtype=object)
    frame.index = pd.Index(range(2, len(frame) + 2))
    return Manifest(frame, Path(f"{name}.csv"), root / name)


def test_copies_across_data_sets_get_one_group_and_both_lines(tmp_path: Path) -> None:
    one = data_set(tmp_path, "one", [1, 2, 3])
    two = data_set(tmp_path, "two", [9, 2], diagnosis=["nevus", "Melanoma"])
    found = find_duplicates([one, two], workers=1)
    assert found.pairs.to_dict("records") == [
        {
            "manifest_1": "one",
            "line_1": "3",
            "sample_1": "one1",
            "manifest_2": "two",
            "line_2": "3",
            "sample_2": "two1",
            "similarity": 1.0,
            "turn": "same way",
            "same_patient": "no",
            "same_diagnosis": "no",
            "same_split": "",
        }
    ]
    first, second = (m.column("duplicate_group") for m in found.manifests)
    assert first[1] == second[1] != ""
    assert [first[0], first[2], second[0]] == [""] * 3
    assert found.summary() == "5 images: 1 near-duplicate pairs, 1 groups"


def test_groups_of_an_archives_own_list_are_kept_and_joined(tmp_path: Path) -> None:
    data = data_set(tmp_path, "a", [1, 2, 1, 4], duplicate_group=["", "", "isic_9", "isic_9"])
    groups = find_duplicates([data], workers=1).manifests[0].column("duplicate_group")
    assert groups[0] == groups[2] == groups[3] != ""
    assert groups[1] == ""


def test_a_second_search_gives_the_same_groups(tmp_path: Path) -> None:
    data = data_set(tmp_path, "a", [1, 2, 1, 4])
    once = find_duplicates([data], workers=1).manifests[0]
    again = find_duplicates([once], workers=1).manifests[0]
    assert once.column("duplicate_group") == again.column("duplicate_group")
    assert len(set(once.groups)) == 3


def test_unreadable_photographs_are_named_and_the_rest_compared(tmp_path: Path) -> None:
    data = data_set(tmp_path, "a", [1, 2, 1])
    (tmp_path / "a" / "1.png").write_bytes(b"<html>")
    found = find_duplicates([data], workers=1)
    assert [problem.line for problem in found.unreadable] == [3]
    assert len(found.pairs) == 1


def test_a_useless_threshold_is_refused() -> None:
    with pytest.raises(InputError, match=r"give 0\.5 to 1"):
        find_duplicates([], similar=0.1)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data")
def test_the_known_pairs_of_pad_ufes_20_are_found_and_no_others() -> None:
    names = sorted(path.name for path in (REAL / "pad_ufes_20" / "images").iterdir())
    known = {"PAT_759_1433_914", "PAT_759_1538_566", "PAT_56_86_479", "PAT_56_88_274"}
    known |= {"PAT_701_4056_457", "PAT_701_1321_156"}
    kept = [name for i, name in enumerate(names) if i % 4 == 0 or Path(name).stem in known]
    cells = {
        "sample_id": [Path(name).stem for name in kept],
        "image_path": [f"images/{name}" for name in kept],
        "patient_id": ["_".join(name.split("_")[:2]) for name in kept],
        "diagnosis": [""] * len(kept),
        "split": [""] * len(kept),
    }
    frame = pd.DataFrame(cells, dtype=object)
    found = find_duplicates([Manifest(frame, Path("pad.csv"), REAL / "pad_ufes_20")], workers=1)
    assert set(found.pairs["sample_1"]) | set(found.pairs["sample_2"]) == known
    assert list(found.pairs["same_patient"]) == ["yes"] * 3
