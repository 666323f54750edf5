"""Which network, from which weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """A timm backbone with a linear head.

    Attributes:
        backbone: timm's name, for example ``mobilenetv2_100``, ``resnet18``.
        weights: ``none`` (random), ``hub`` (the model hub, needs the network), or a file:
            ``.safetensors``, ``.pth``, or ``.npz`` of torchvision names.
        dropout: Dropped share of the pooled features.
        freeze_batch_norm: Keep the batch-norm statistics of the weights; scale and shift go
            on learning.
    """

    backbone: str = "test_resnet"
    weights: str = "none"
    dropout: float = 0.1
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        if not self.backbone or not self.weights:
            raise ValueError(
                "model.backbone and model.weights cannot be empty; weights may be none"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"model.dropout is {self.dropout}; use 0 to below 1")
