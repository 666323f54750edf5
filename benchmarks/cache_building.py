"""Building the pixel cache against a plain Pillow loop, with the quality that it costs.

    python benchmarks/cache_building.py [--rounds 3] [--photographs 3000]

The plain loop opens each file, turns it upright, converts it to RGB, resizes the short side to the
cache's and cuts the center, in one process: what a script does. skinlab hashes every file, checks
it, decodes JPEGs at a reduced size where that keeps twice the pixels, and writes the mapped file,
with as many processes as there are cores. Each side starts from nothing; starting the processes is
in the time. The quality line compares with the plain loop's pixels (both of the same filter).
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps
from side_by_side import compare, progress

from skinlab.data.cache import build
from skinlab.data.spec import DataSpec
from skinlab.tables.manifest import Manifest

SIDE = 256
FILTER = Image.Resampling.BILINEAR


def photographs(folder: Path, count: int, width: int, height: int) -> Manifest:
    """Write JPEGs as phones do: soft color, fine texture, quality 90; no two files are equal."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 256, (height // 2, width // 2, 3), dtype=np.uint8)
    texture = Image.fromarray(fine).resize((width, height))
    different = min(count, 40)
    rows = []
    for i in range(count):
        if i < different:
            coarse = rng.integers(60, 220, (height // 50 + 2, width // 50 + 2, 3), dtype=np.uint8)
            base = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            Image.blend(base, texture, 0.08).save(folder / f"{i}.jpg", quality=90)
        else:  # bytes after the end make it another file, which is not decoded once for both
            content = (folder / f"{i % different}.jpg").read_bytes()
            (folder / f"{i}.jpg").write_bytes(content + i.to_bytes(4, "big"))
        rows.append((f"s{i}", f"{i}.jpg", f"p{i}", "nevus", "train"))
        progress(f"writing {width}x{height}: {i + 1}/{count}")
    columns = ["sample_id", "image_path", "patient_id", "diagnosis", "split"]
    return Manifest(pd.DataFrame(rows, columns=columns, dtype=object), folder / "m.csv", folder)


def plain_loop(manifest: Manifest) -> NDArray[np.uint8]:
    """Decode as scripts do."""
    pixels = np.empty((len(manifest), SIDE, SIDE, 3), dtype=np.uint8)
    for i, name in enumerate(manifest.column("image_path")):
        with Image.open(manifest.root / name) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        scale = SIDE / min(upright.size)
        width, height = (round(scale * side) for side in upright.size)
        small = upright.resize((width, height), FILTER)
        left, top = (width - SIDE) // 2, (height - SIDE) // 2
        pixels[i] = np.asarray(small.crop((left, top, left + SIDE, top + SIDE)))
    return pixels


def exact(manifest: Manifest, row: int) -> NDArray[np.uint8]:
    """Decode every pixel and resize the exact central square."""
    with Image.open(manifest.root / manifest.column("image_path")[row]) as image:
        width, height = image.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), FILTER, box))


def psnr(ours: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in decibels; 99 where nothing differs."""
    error = float(((ours.astype(float) - reference.astype(float)) ** 2).mean())
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def measure(folder: Path, count: int, size: tuple[int, int], goal: float, rounds: int) -> None:
    """Print the ratio and the quality for photographs of one size."""
    manifest = photographs(folder / "photographs", count, *size)
    spec = DataSpec(manifest="", labels="", image_size=SIDE)

    def ours() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        build(manifest, spec, folder / "cache")

    name = f"cache building ÷ plain Pillow, {size[0]}x{size[1]} to {SIDE}, {os.cpu_count()} cores"
    print(compare(name, lambda: plain_loop(manifest), ours, goal=goal, rounds=rounds))
    cache = build(manifest, spec, folder / "cache")
    quality = [
        psnr(cache.images[cache.slots[i]], exact(manifest, i)) for i in range(min(count, 20))
    ]
    verdict = "reached" if min(quality) >= 40 else "MISSED"
    print(f"  worst quality of {len(quality)}: {min(quality):.1f} dB (goal 40 dB {verdict})")


def main() -> None:
    """Print ratios and quality."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photographs", type=int, default=3000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        few = max(arguments.photographs // 15, 8)
        measure(Path(place) / "large", few, (4000, 3000), 4.0, arguments.rounds)
        measure(Path(place) / "small", arguments.photographs, (600, 450), 2.0, arguments.rounds)


if __name__ == "__main__":
    main()
