"""Number of patients and seed -> a folder of photographs, masks and clips, and its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from skinlab.sources.archive import Facts
from skinlab.sources.synthetic import clip as clips
from skinlab.sources.synthetic.files import jpeg, png
from skinlab.sources.synthetic.lesion import Layers, draw_lesion
from skinlab.sources.synthetic.photograph import Picture, take
from skinlab.sources.synthetic.plan import Lesion, Patient, Photograph, plan_patient
from skinlab.sources.synthetic.texture import furrows, mesh
from skinlab.tables.errors import InputError, Problem, RunError
from skinlab.tables.files import read_text, unwritable, write_json
from skinlab.tables.manifest import Manifest

VERSION = 1  # of the drawing; another one draws other pixels from the same seed
PATIENTS = 240
SIZE = 800
MARKER = "synthetic.json"
MANIFEST = "manifest.csv"
FACTS = Facts(
    title="Synthetic lesion photographs (skinlab's embedded default)",
    source="drawn on this machine by `skinlab data synth`; nothing is downloaded",
    licence="Apache-2.0, as skinlab; there is no patient behind any picture",
    citation="skinlab",
    faults=(
        "Drawings, not patients: signs are exaggerated, and no number measured on them says "
        "anything about a clinic.",
        "Pen marks and rulers are more frequent on malignant lesions (a shortcut, put in on "
        "purpose: 26 against 16 % and 16 against 10 %).",
        "Each lesion borrows up to half of its look from another category (on average a sixth), "
        "so that no model can reach 100 %.",
        "Masks, width and height are of the upright photograph; 40 % of the JPEG files are stored "
        "turned, with their EXIF orientation.",
        "distance_mm assumes a phone whose picture is as wide as 0.45 of the distance.",
        "Rows with video_id are stills of a clip (video_path), at time_s; the clip itself is "
        "compressed once more.",
    ),
    labels="synthetic.yaml",
)
Progress = Callable[[int, int], None]
Row = dict[str, str]


@dataclass(frozen=True)
class Recipe:
    """What a set is drawn from; equal recipes give equal bytes.

    Attributes:
        patients: Number of patients.
        seed: Of everything.
        size: Long side in pixels of the largest phone's photographs.
        version: Of the drawing.
    """

    patients: int
    seed: int
    size: int
    version: int = VERSION

    def __post_init__(self) -> None:
        """Refuse values that cannot be drawn."""
        if self.patients < 1 or self.seed < 0 or not 96 <= self.size <= 4096:
            raise InputError(
                Problem(
                    f"{self.patients} patients, seed {self.seed}, size {self.size} px",
                    "give patients >= 1, seed >= 0 and size 96 to 4096",
                    "data synth",
                )
            )


def find(
    root: Path, *, patients: int = PATIENTS, seed: int = 0, size: int = SIZE
) -> Manifest | None:
    """Return the manifest of the set that `draw` left here complete, or None where nothing is.

    Raises:
        InputError: The folder holds something else, or another synthetic set.
    """
    recipe = Recipe(patients, seed, size)
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return None
    marker = root / MARKER
    if not marker.is_file():
        what = "is there already and is not a synthetic set"
        raise InputError(Problem(what, "name an empty folder", root))
    try:
        found = Recipe(**json.loads(read_text(marker)))
    except (ValueError, TypeError) as error:
        raise InputError(
            Problem(f"is not a recipe ({error})", "delete the folder", marker)
        ) from error
    if found != recipe:
        what = f"holds another set ({_words(found)})"
        fix = f"delete it or name another folder to draw {_words(recipe)}"
        raise InputError(Problem(what, fix, root))
    return Manifest.read(root / MANIFEST, root)


def draw(
    root: Path,
    *,
    patients: int = PATIENTS,
    seed: int = 0,
    size: int = SIZE,
    workers: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Draw a set into a folder; a complete one with the same recipe is left as it is.

    The set is drawn into a folder beside `root` and renamed at the end: a killed command leaves
    nothing under `root`, and the next one starts anew.

    Args:
        root: Folder to make: ``images/*.jpg``, ``masks/*.png``, ``clips/*.mp4``, ``manifest.csv``.
            Masks and the columns ``width`` and ``height`` are of the upright photograph.
        patients: Number of patients; about 2.6 photographs each.
        seed: The same seed gives the same bytes, whatever the number of workers.
        size: Long side in pixels of the largest phone's photographs; others are 2/3 to 5/6 of it.
        workers: Threads; 0 takes one a core, at most 8.
        progress: Called with the patients done and all patients.

    Returns:
        The manifest with ``split`` empty.

    Raises:
        InputError: The folder holds something else, or the numbers make no sense.
        RunError: The folder cannot be written.
    """
    recipe = Recipe(patients, seed, size)
    existing = find(root, patients=patients, seed=seed, size=size)
    if existing is not None:
        return existing
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        # Workers of one sweep may all ask for the set: one draws, the others wait and find it.
        with FileLock(root.with_name(f".{root.name}.lock")):
            if find(root, patients=patients, seed=seed, size=size) is None:
                _draw(root, recipe, workers or min(os.cpu_count() or 1, 8), progress)
    except OSError as error:
        raise RunError(str(unwritable(root, error))) from error
    return Manifest.read(root / MANIFEST, root)


def _draw(root: Path, recipe: Recipe, workers: int, progress: Progress | None) -> None:
    """Draw into a folder beside `root`, then rename it."""
    part = root.with_name(f".{root.name}.part")
    if part.exists():  # of a killed command
        shutil.rmtree(part)
    try:
        for name in ("images", "masks", "clips"):
            (part / name).mkdir(parents=True)
        rows = list(_rows(part, recipe, workers, progress))
        frame = pd.DataFrame(rows, dtype=object).fillna("")
        Manifest(frame, root / MANIFEST, root).save(part / MANIFEST)
        write_json(part / MARKER, asdict(recipe))
        os.sync()  # the rename must not reach the disk before the files do
        if root.exists():
            root.rmdir()
        part.rename(root)
    except Exception:
        shutil.rmtree(part, ignore_errors=True)  # a full disk gets its space back
        raise


def _words(recipe: Recipe) -> str:
    return (
        f"{recipe.patients} patients, seed {recipe.seed}, size {recipe.size}, "
        f"version {recipe.version}"
    )


def _rows(folder: Path, recipe: Recipe, workers: int, progress: Progress | None) -> Iterator[Row]:
    """Yield the rows of all patients in order while threads draw them."""
    furrows(), mesh()  # before the threads, which would each draw them
    with ThreadPoolExecutor(workers) as pool:
        drawn = pool.map(lambda number: _patient(folder, recipe, number), range(recipe.patients))
        try:
            for done, rows in enumerate(drawn, start=1):
                yield from rows
                if progress is not None:
                    progress(done, recipe.patients)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _patient(folder: Path, recipe: Recipe, number: int) -> list[Row]:
    patient = plan_patient(recipe.seed, number)
    rows: list[Row] = []
    for lesion in patient.lesions:
        layers = draw_lesion(patient, lesion)
        for index, photograph in enumerate(lesion.photographs):
            name = f"{patient.name}_l{lesion.number}_{index}"
            rng = np.random.default_rng([recipe.seed, number, 3, lesion.number, index])
            size = _size(patient, photograph, recipe)
            picture = take(rng, patient, lesion, layers, photograph, size)
            row = _store(folder, name, picture, patient, photograph.orientation)
            rows.append(row | _facts(patient, lesion, photograph))
        if lesion.filmed:
            rows.extend(_film(folder, recipe, patient, lesion, layers))
    return rows


def _size(patient: Patient, photograph: Photograph, recipe: Recipe) -> tuple[int, int]:
    long = 4 * round(recipe.size * patient.device.size / 4)
    short = long * 3 // 4
    return (short, long) if photograph.portrait else (long, short)


def _store(folder: Path, name: str, picture: Picture, patient: Patient, orientation: int) -> Row:
    """Write a photograph and its mask; return what the manifest says of the files."""
    content = jpeg(picture, patient.device, orientation)
    (folder / "images" / f"{name}.jpg").write_bytes(content)
    (folder / "masks" / f"{name}.png").write_bytes(png(picture.mask))
    height, width = picture.mask.shape
    return {
        "sample_id": name,
        "image_path": f"images/{name}.jpg",
        "mask_path": f"masks/{name}.png",
        "width": str(width),
        "height": str(height),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _facts(patient: Patient, lesion: Lesion, photograph: Photograph) -> Row:
    """Return what the manifest says of patient, lesion and camera."""
    return {
        "patient_id": patient.name,
        "lesion_id": f"{patient.name}_l{lesion.number}",
        "diagnosis": lesion.category.name,
        "split": "",
        "age": str(patient.age),
        "sex": patient.sex,
        "site": lesion.site,
        "skin_type": str(patient.skin_type),
        "device": patient.device.name,
        "magnification": photograph.magnification,
        "distance_mm": f"{photograph.distance_mm:.0f}",
        "label_source": "drawn",
        "invasion_depth_mm": "" if lesion.depth_mm is None else f"{lesion.depth_mm:.2f}",
    }


def _film(
    folder: Path, recipe: Recipe, patient: Patient, lesion: Lesion, layers: Layers
) -> Iterator[Row]:
    """Write the clip of a lesion and yield the rows of its stills."""
    rng = np.random.default_rng([recipe.seed, patient.number, 4, lesion.number])
    plain = replace(
        lesion.photographs[0], portrait=False, motion=0.0, defocus=0.0, center=(0.5, 0.5)
    )
    wide = replace(plain, field_mm=plain.field_mm / clips.SHARE)  # a frame shows that share of it
    long = max(64, 16 * round(0.6 * recipe.size / 16))
    width, height = long, long * 3 // 4
    scene = take(rng, patient, lesion, layers, wide, (width * 5 // 4, height * 5 // 4))
    clip = clips.film(rng, scene, width, height)
    name = f"{patient.name}_l{lesion.number}_clip"
    (folder / "clips" / f"{name}.mp4").write_bytes(clip.content)
    for frame in clips.STILLS:
        row = _store(folder, f"{name}_{frame:02d}", clip.frames[frame], patient, 1)
        seen = {"video_id": name, "time_s": f"{frame / clips.RATE:.3f}"}
        yield row | _facts(patient, lesion, plain) | seen | {"video_path": f"clips/{name}.mp4"}
