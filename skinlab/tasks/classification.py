"""Batch -> class logits, the loss, and the validation numbers that pick the best epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassConfusionMatrix

from skinlab.data.batch import Batch
from skinlab.tables.files import digest
from skinlab.tasks.optimizer import build_optimizer, keep_layout
from skinlab.tasks.spec import OptimSpec


class ClassificationTask(L.LightningModule):
    """Cross-entropy training of any network that gives one logit a class.

    Logs once an epoch: ``train/loss``, ``val/loss``, ``val/accuracy``, ``val/balanced_accuracy``.
    These pick epochs and trials; numbers to report come from stored predictions.
    """

    weights: Tensor
    undefined: Tensor

    def __init__(
        self,
        network: nn.Module,
        optim: OptimSpec,
        class_counts: NDArray[np.int64] | Sequence[int],
        seed: int,
    ) -> None:
        """Take what is trained and how.

        Args:
            network: ``(B, 3, H, W)`` in [0, 1] -> ``(B, K)`` logits.
            optim: Optimizer, class weights, label smoothing.
            class_counts: ``(K,)`` training photographs of each class.
            seed: Dropout of a step is drawn from (seed, epoch, step, rank) alone, so that a resumed
                training drops what the uninterrupted one drops.
        """
        super().__init__()
        self.network = network
        self.optim = optim
        self.seed = seed
        weights = class_weights(np.asarray(class_counts), optim.class_weights)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("undefined", torch.tensor(False), persistent=False)
        self.confusion = MulticlassConfusionMatrix(len(weights), validate_args=False)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, K)`` of images ``(B, 3, H, W)`` in [0, 1]."""
        return cast(Tensor, self.network(image))

    def on_train_batch_start(self, _: Batch, batch_idx: int) -> None:
        """Begin each step with random numbers that depend on nothing that came before it.

        Once an epoch is not enough: Lightning makes the loader's iterator, which draws a number,
        after the epoch's start, but before it in the first epoch and after a resume.
        """
        place = (self.seed, self.current_epoch, batch_idx, self.global_rank)
        torch.manual_seed(int(digest("dropout", *map(str, place))[:15], 16))

    def on_train_start(self) -> None:
        """Lay a resumed optimizer's state in memory as a fresh one's."""
        for optimizer in self.trainer.optimizers:
            keep_layout(optimizer)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of one batch."""
        return self._step(batch, "train")[0]

    def validation_step(self, batch: Batch, _: int) -> None:
        """Count one batch into the epoch's confusion matrix."""
        _loss, logits = self._step(batch, "val")
        self.confusion.update(logits, batch.target)
        self.undefined = self.undefined | ~logits.isfinite().all()

    def _step(self, batch: Batch, stage: str) -> tuple[Tensor, Tensor]:
        logits = self(batch.image).float()  # the loss in float32 under bf16 too
        losses = F.cross_entropy(
            logits, batch.target, label_smoothing=self.optim.label_smoothing, reduction="none"
        )
        loss = (losses * self.weights[batch.target]).mean()
        size = len(batch.target)
        self.log(f"{stage}/loss", loss, on_step=False, on_epoch=True, batch_size=size)
        return loss, logits

    def on_validation_epoch_end(self) -> None:
        """Log accuracy, plain and balanced over the classes that occur; NaN of a NaN network."""
        matrix = self.confusion.compute().float().masked_fill(self.undefined, torch.nan)
        self.confusion.reset()
        self.undefined = torch.zeros_like(self.undefined)
        self.log("val/accuracy", matrix.diagonal().sum() / matrix.sum())
        self.log("val/balanced_accuracy", balanced_accuracy(matrix))

    def predict_step(self, batch: Batch, _: int) -> tuple[Tensor, Tensor]:
        """Return logits ``(B, K)`` in float32 and the manifest positions ``(B,)``."""
        return self(batch.image).float(), batch.row

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Size the schedule by the trainer's number of steps."""
        return build_optimizer(self.network, self.optim, self.trainer.estimated_stepping_batches)


def class_weights(counts: NDArray[np.int64], kind: str) -> Tensor:
    """Weight of each class in the loss, with mean 1 over the training photographs.

    The loss of a batch is the plain mean of weighted losses, not divided by the batch's own
    weights: its expectation is the same whatever the batch size.

    Args:
        counts: ``(K,)`` training photographs; a class without any counts as if it had one.
        kind: ``none``, ``inverse`` (1/n) or ``sqrt`` (1/sqrt(n)).

    Returns:
        ``(K,)`` float32.
    """
    power = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}[kind]
    weights = np.maximum(counts, 1).astype(np.float64) ** -power
    total = float((weights * counts).sum())
    scale = counts.sum() / total if total else 1.0
    return torch.tensor(weights * scale, dtype=torch.float32)


def balanced_accuracy(confusion: Tensor) -> Tensor:
    """Mean recall over the classes that occur.

    Args:
        confusion: ``(K, K)`` counts, rows are the truth.

    Returns:
        Scalar in [0, 1]; NaN where nothing was counted.
    """
    occurring = confusion.sum(dim=1)
    occurs = occurring != 0  # NaN counts as there
    recall = confusion.diagonal()[occurs] / occurring[occurs]
    return recall.double().mean().float()
