"""Augmentation of a batch, image + mask: skinlab's one resampling against Kornia's sequence.

    python benchmarks/augmentation.py [--device cuda] [--batch 32] [--rounds 15]

Both get the uint8 batch of the cache and give float images and binary masks: flips, rotation by
any angle, zoom, crop of 7/8, brightness, saturation, hue, and blur of half of the images. The first
line turns the hue in YIQ (what a configuration means by default), the second in HSV, as Kornia.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import kornia.augmentation as K
import torch
from side_by_side import compare

from skinlab.augment.blur import largest_sigma
from skinlab.augment.pipeline import Augment
from skinlab.augment.spec import AugmentSpec

SPEC = AugmentSpec(
    rotation="any",
    hue=0.04,
    brightness=0.1,
    saturation=0.1,
    blur=5,
    crop=0.875,
    scale=0.25,
    vertical_flip=True,
)
STORED, SIZE = 256, 224


def kornias() -> K.AugmentationSequential:
    """Return the same operations as Kornia's user writes them."""
    return K.AugmentationSequential(
        K.RandomHorizontalFlip(p=0.5),
        K.RandomVerticalFlip(p=0.5),
        K.RandomAffine(degrees=180.0, scale=(0.8, 1.25), padding_mode="reflection", p=1.0),
        K.RandomCrop((SIZE, SIZE), cropping_mode="slice"),
        K.RandomGaussianBlur((5, 5), (0.001, largest_sigma(5)), p=0.5),
        K.ColorJiggle(brightness=0.1, saturation=0.1, hue=0.04, p=1.0),
        data_keys=["input", "mask"],
    )


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    shape = (arguments.batch, 3, STORED, STORED)
    image = torch.randint(0, 256, shape, dtype=torch.uint8)
    image = image.contiguous(memory_format=torch.channels_last).to(device)
    mask = torch.zeros(shape, dtype=torch.uint8)[:, :1].to(device)
    mask[:, :, 60:150, 80:200] = 1
    keys = list(range(arguments.batch))
    sequence = kornias()

    def finished() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def plain() -> None:
        with torch.no_grad():
            sequence(image.float() / 255, mask.float())
        finished()

    for space in ("yiq", "hsv"):
        augment = Augment(replace(SPEC, hue_space=space), SIZE)

        def ours(augment: Augment = augment) -> None:
            augment(image, mask, keys, 0, 0)
            finished()

        if not set(augment(image, mask, keys, 0, 0)[1].unique().tolist()) <= {0, 1}:
            raise SystemExit("a mask is not binary")
        name = f"augmentation of image + mask ÷ Kornia, {space} hue, {device.type}"
        goal = (5.0 if device.type == "cuda" else 3.5) if space == "yiq" else 1.0
        print(compare(name, plain, ours, goal=goal, rounds=arguments.rounds))


if __name__ == "__main__":
    main()
