"""Which photographs, which labels, how they are cut and batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DataSpec:
    """Data of an experiment.

    Attributes:
        manifest: CSV or Parquet of the photographs.
        labels: YAML of the label tree.
        level: Level of the tree that is trained; coarser levels are folded from it.
        root: Folder of the photographs; empty: where `data import` found them on this machine.
        fold: Fold held out for testing where ``split`` holds fold numbers; the next one validates.
        image_size: Side in pixels of what the network sees.
        cache_size: Side in pixels of the stored photographs; 0 takes `image_size`.
        square: How a photograph becomes square: cut its center, pad it with black, or stretch it.
        color_constancy: Shades-of-gray correction of the light (Finlayson 2004, p = 6).
        batch_size: Photographs a training step.
        workers: Processes that read ahead; 0 reads in the training process (the cache is mapped).
        sampling: ``natural``, or ``balanced``: each class is drawn equally often.
    """

    manifest: str
    labels: str
    level: Literal["fine", "diagnosis", "group"] = "diagnosis"
    root: str = ""
    fold: int = 0
    image_size: int = 128
    cache_size: int = 0
    square: Literal["crop", "pad", "stretch"] = "crop"
    color_constancy: bool = False
    batch_size: int = 32
    workers: int = 0
    sampling: Literal["natural", "balanced"] = "natural"

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be."""
        if self.image_size < 8 or self.batch_size < 1 or self.workers < 0 or self.fold < 0:
            raise ValueError("data: image_size >= 8, batch_size >= 1, workers >= 0, fold >= 0")
        if self.cache_size and self.cache_size < self.image_size:
            raise ValueError(
                f"data.cache_size {self.cache_size} is below data.image_size {self.image_size}"
            )

    @property
    def stored_size(self) -> int:
        """Side in pixels of the cached photographs."""
        return self.cache_size or self.image_size
