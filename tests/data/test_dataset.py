from pathlib import Path

import numpy as np
import torch

from skinlab.data.cache import PixelCache
from skinlab.data.dataset import PixelDataset, as_it_comes, sample_keys


def cache(count: int = 10, side: int = 8, *, masks: bool = False) -> PixelCache:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    drawn = rng.integers(0, 2, (count, side, side), dtype=np.uint8) if masks else None
    has = np.full(count, masks)
    slots = rng.permutation(count).astype(np.int64)
    return PixelCache(Path("nowhere"), images, drawn, has, slots, "f" * 64, {})


def test_a_batch_holds_the_pixels_of_its_rows_in_their_order() -> None:
    pixels = cache(masks=True)
    targets, keys = np.arange(10) % 3, sample_keys([f"s{i}" for i in range(10)])
    dataset = PixelDataset(pixels, np.array([9, 4, 2, 7]), targets, keys)
    batch = dataset.__getitems__([2, 0, 3])
    assert batch.row.tolist() == [2, 9, 7]
    assert batch.target.tolist() == [2, 0, 1]
    assert batch.key.tolist() == keys[[2, 9, 7]].tolist()
    assert batch.image.dtype == torch.uint8
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
    assert batch.mask is not None
    assert pixels.masks is not None
    for i, row in enumerate(batch.row.tolist()):
        stored = pixels.images[pixels.slots[row]]
        assert (batch.image[i].permute(1, 2, 0).numpy() == stored).all()
        assert (batch.mask[i, 0].numpy() == pixels.masks[pixels.slots[row]]).all()


def test_without_masks_there_is_none() -> None:
    dataset = PixelDataset(cache(), np.arange(3), np.zeros(10, np.int64), np.arange(10))
    batch = dataset[1]
    assert batch.mask is None
    assert batch.image.shape == (1, 3, 8, 8)
    assert len(dataset) == 3


def test_the_loader_hands_batches_through() -> None:
    dataset = PixelDataset(cache(), np.arange(10), np.zeros(10, np.int64), np.arange(10))
    loader = torch.utils.data.DataLoader(dataset=dataset, batch_size=4, collate_fn=as_it_comes)
    assert [len(batch.row) for batch in loader] == [4, 4, 2]


def test_keys_are_stable_distinct_and_fit_64_bits() -> None:
    keys = sample_keys([f"写真 {i}" for i in range(2000)])
    assert len(set(keys.tolist())) == 2000
    assert keys.min() >= 0
    assert sample_keys(["ISIC_0000001"]).tolist() == [163166476804553021]
