"""What is learned, and with which optimizer."""

from __future__ import annotations

import math
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
        class_weights: Weight of a class in the loss: none, 1/n, or 1/sqrt(n), with mean 1 over the
            training photographs.
        label_smoothing: Mass moved from the true class to all.
    """

    lr: float = 1e-3
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    epochs: int = 10
    class_weights: Literal["none", "inverse", "sqrt"] = "none"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise ValueError(f"optim.lr is {self.lr}; use a number above 0")
        if self.epochs < 1:
            raise ValueError(f"optim.epochs is {self.epochs}; use 1 or more")
        for name in ("weight_decay", "warmup_epochs"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"optim.{name} is {value}; use 0 or more")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ValueError(f"optim.label_smoothing is {self.label_smoothing}; use 0 to below 1")
