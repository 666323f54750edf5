"""Network + OptimSpec -> AdamW with linear warm-up and cosine decay, stepped every batch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from skinlab.tasks.spec import OptimSpec


def build_optimizer(
    network: nn.Module, optim: OptimSpec, steps: float
) -> OptimizerLRSchedulerConfig:
    """Build optimizer and schedule of a training.

    Args:
        network: Its parameters that require a gradient are trained.
        optim: Rates and epochs.
        steps: Optimizer steps of the whole training, ``trainer.estimated_stepping_batches``.
    """
    optimizer = AdamW(parameter_groups(network, optim.weight_decay), lr=optim.lr)
    total = max(int(steps), 1) if math.isfinite(steps) else 1
    factor = warmup_cosine(round(total * optim.warmup_epochs / max(optim.epochs, 1)), total)
    scheduler = LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Split the trained parameters: weights decay; biases, norms and tokens do not.

    A parameter is spared when it is a vector or scalar, or when timm lists it in
    ``no_weight_decay()`` (class tokens, position embeddings).
    """
    spared = {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if hasattr(module, "no_weight_decay")
        for name in module.no_weight_decay()
    }
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            (kept if parameter.ndim < 2 or name in spared else decayed).append(parameter)
    groups = [(decayed, weight_decay), (kept, 0.0)]
    return [{"params": params, "weight_decay": rate} for params, rate in groups if params]


def warmup_cosine(warmup: int, total: int) -> Callable[[int], float]:
    """Return the factor on the learning rate by step: up a line to 1, down half a cosine to 0.

    Args:
        warmup: Steps of warm-up; step ``warmup - 1`` is the first at the full rate.
        total: Steps of the training; step ``total`` would be 0.
    """
    warmup = min(warmup, total)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = (step - warmup) / max(total - warmup, 1)
        return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    return factor


def keep_layout(optimizer: torch.optim.Optimizer) -> None:
    """Lay the optimizer's moments in memory as their parameters lie.

    A checkpoint stores numbers, not strides. Moments that lie otherwise than their parameter give
    the same numbers, but a step of AdamW takes twice as long on the CPU.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
