"""One network, one DataModule -> Lightning's Trainer, resumed at the last finished epoch."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from skinlab.config import FitConfig
from skinlab.data.module import SkinDataModule
from skinlab.tables.errors import InputError, Problem
from skinlab.tasks.classification import ClassificationTask
from skinlab.training import checkpoint
from skinlab.training.callbacks import KeepEpoch, Progress, Prune, RefuseNaN, StopAtSignal
from skinlab.training.record import Place, Session
from skinlab.training.tracking import Mirror
from skinlab.workspace import Run


def device_of(config: FitConfig) -> str:
    """Return ``cpu`` or ``cuda``."""
    if config.training.device != "auto":
        return config.training.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def uses_bf16(config: FitConfig) -> bool:
    """Whether training computes in bf16: on a GPU unless the configuration says otherwise."""
    asked = config.training.precision
    return asked == "bf16" or (asked == "auto" and device_of(config) == "cuda")


def run_trainer(
    config: FitConfig,
    task: ClassificationTask,
    module: SkinDataModule,
    session: Session,
    place: Place,
) -> None:
    """Train until the epochs are done, patience ends, or a signal comes."""
    run = place.run
    keep = KeepEpoch(run, config.training.monitor, config.training.patience)
    resume, said = checkpoint.newest(run.folder / "checkpoints")
    for sentence in said:
        print(sentence, file=sys.stderr)
    if resume is not None:
        print(f"{run.folder.name}: going on after {resume.stem}", file=sys.stderr)
    callbacks: list[L.Callback] = [StopAtSignal(session.signals), RefuseNaN(), keep]
    callbacks.append(Progress(run.folder.name, config.training.monitor))
    callbacks.append(_Tell(session.mirror, run))
    if place.report is not None:
        callbacks.append(Prune(keep, place.report))
    # Deterministic mode also fills all new memory, a tenth to a half of a step, to no effect here.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with quiet():
        trainer = L.Trainer(
            accelerator="gpu" if device_of(config) == "cuda" else "cpu",
            devices=1,
            max_epochs=config.optim.epochs,
            precision="bf16-mixed" if uses_bf16(config) else "32-true",
            callbacks=callbacks,
            plugins=[checkpoint.SafeCheckpointIO()],
            default_root_dir=run.folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            deterministic=device_of(config) == "cuda",  # on a CPU it is, for the same threads
            use_distributed_sampler=False,
        )
        try:
            with _small_batches_explained():
                trainer.fit(task, datamodule=module, ckpt_path=resume, weights_only=True)
        except SIGTERMException:
            # Lightning may see the signal before our callback, and would leave with exit code 0.
            session.signals.check()
            raise
    session.signals.check()


@contextmanager
def _small_batches_explained() -> Iterator[None]:
    """Say which setting is behind batch norm's refusal to learn from one value a channel."""
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        what = "batch norm cannot learn from a batch of one photograph"
        raise InputError(Problem(what, "set data.batch_size to 2 or more")) from error


class _Tell(L.Callback):
    """Wakes the mirror after each epoch."""

    def __init__(self, mirror: Mirror, run: Run) -> None:
        self.mirror, self.run = mirror, run

    def on_train_epoch_end(self, *_: Any, **__: Any) -> None:
        self.mirror.tell(self.run)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's advertisements and notes about our own choices off the terminal."""
    loggers = [logging.getLogger(n) for n in ("lightning.pytorch", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # torch's pytree tells Lightning 2.6.6 that its import is old; nothing we can change.
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\).*")
        # The cache is mapped: reading ahead in workers is not faster.
        warnings.filterwarnings("ignore", message=r".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=r".*GPU available but not used.*")
        warnings.filterwarnings("ignore", message=r".*Checkpoint directory .* exists.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
