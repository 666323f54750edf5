"""Reading a shuffled epoch from the mapped cache against copying the same bytes, and its memory.

    python benchmarks/cache_reading.py [--rounds 7] [--images 6000] [--fit-images 100000]

The epoch goes through the DataLoader that training uses. The copy is numpy's, from one array in
memory to another, in pieces of a batch. The second part runs an epoch over 10,000 and 100,000
images in fresh processes and compares what they hold in memory of their own: the pages of the
mapped file belong to the system's cache and are given back whenever memory is wanted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from side_by_side import compare
from torch.utils.data import DataLoader

from skinlab.data.cache import PixelCache
from skinlab.data.dataset import PixelDataset, as_it_comes
from skinlab.data.sampling import EpochSampler

SIDE, BATCH = 128, 32


def mapped(path: Path, count: int, side: int, *, sparse: bool) -> PixelCache:
    """Return a cache over a file of `count` images; a sparse one takes no room on the disk."""
    with path.open("wb") as stream:
        if sparse:
            stream.truncate(count * side * side * 3)
        else:
            rng = np.random.default_rng(0)
            for _ in range(count):
                stream.write(rng.bytes(side * side * 3))
    images = np.memmap(path, np.uint8, "r", shape=(count, side, side, 3))
    nothing = np.zeros(count, dtype=np.bool_)
    return PixelCache(path.parent, images, None, nothing, np.arange(count), "f" * 64, {})


def epoch(cache: PixelCache) -> int:
    """Read every image once, shuffled, in batches; return how many."""
    count = len(cache.slots)
    numbers = np.arange(count)
    dataset = PixelDataset(cache, numbers, numbers % 7, numbers)
    loader = DataLoader(
        dataset=dataset,
        batch_size=BATCH,
        sampler=EpochSampler(count, 0),
        collate_fn=as_it_comes,
    )
    return sum(len(batch.image) for batch in loader)


def own_memory() -> float:
    """Return the MiB of this process's own pages, those of mapped files left out."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell a process's own memory")


def main() -> None:
    """Print the ratio and the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--fit-images", type=int, default=100_000)
    parser.add_argument("--memory-of", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if arguments.memory_of:
            cache = mapped(Path(place) / "images", arguments.memory_of, 64, sparse=True)
            epoch(cache)
            print(own_memory())
            return
        cache = mapped(Path(place) / "images", arguments.images, SIDE, sparse=False)
        source = np.array(cache.images)
        target = np.empty_like(source)

        def copy() -> None:
            for start in range(0, len(source), BATCH):
                target[start : start + BATCH] = source[start : start + BATCH]

        name = f"reading a shuffled epoch of {arguments.images} ÷ copying its bytes"
        print(compare(name, copy, lambda: epoch(cache), goal=0.5, rounds=arguments.rounds))
    held = [_memory_of(count) for count in (arguments.fit_images // 10, arguments.fit_images)]
    few, many = arguments.fit_images // 10, arguments.fit_images
    verdict = "reached" if held[1] - held[0] < 32 else "MISSED"
    print(
        f"own memory after an epoch of {few} / {many} images: {held[0]:.0f} / {held[1]:.0f} MiB "
        f"(goal: independent of the number; {verdict})"
    )


def _memory_of(count: int) -> float:
    command = [sys.executable, __file__, "--memory-of", str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
