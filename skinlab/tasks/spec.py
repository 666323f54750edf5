"""What is learned, and with which optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class OptimSpec:
    """AdamW with linear warm-up and cosine decay to zero, stepped every batch.

    Attributes:
        lr: Highest learning rate.
        weight_decay: Of weights; biases and norms have none.
        warmup_epochs: Epochs of linear warm-up.
        epochs: Epochs of training.
        class_weights: Weight of a class in the loss: none, 1/n, or 1/sqrt(n), mean 1.
        label_smoothing: Mass moved from the true class to all.
    """

    lr: float = 1e-3
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    epochs: int = 10
    class_weights: Literal["none", "inverse", "sqrt"] = "none"
    label_smoothing: float = 0.0
