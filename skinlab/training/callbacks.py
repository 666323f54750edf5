"""What happens at the borders of batches and epochs: journal, checkpoint, stop, prune."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from skinlab.tables.errors import RunError, SkinlabError
from skinlab.training import checkpoint
from skinlab.workspace import Run

BAD_STEPS = 5


class Stopped(SkinlabError):  # noqa: N818  not an error: somebody asked for it
    """A signal asked the run to stop; the last finished epoch is safe."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        self.exit_code = 128 + number
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}; the same command goes on from the last epoch")


class Pruned(SkinlabError):  # noqa: N818  a decision, not an error
    """The search ended the trial: it does not keep up with the others."""


class Signals:
    """A signal to stop as a flag that is read at batch borders; a second one ends at once."""

    def __init__(self) -> None:
        """Start without a signal."""
        self.received: int | None = None

    @contextmanager
    def watched(self) -> Iterator[Signals]:
        """Take the signals over while the block runs, and for good once one of them has come.

        The command is over then, and a second Ctrl-C must not show a traceback of its end. A
        closed terminal counts, unless whoever started us has switched its signal off (nohup).
        """
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._take) for number in numbers}
        try:
            yield self
        finally:
            if self.received is None:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)  # no clean-up: everything reported is already on disk
        self.received = number

    def check(self) -> None:
        """Raise `Stopped` when a signal has come."""
        if self.received is not None:
            raise Stopped(self.received)


class StopAtSignal(Callback):
    """Reads the flag after every batch of training, validation and prediction."""

    def __init__(self, signals: Signals) -> None:
        """Take the watched signals."""
        self.signals = signals

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Check between training batches."""
        self.signals.check()

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        """Check between validation batches."""
        self.signals.check()


class RefuseNaN(Callback):
    """Ends a run whose loss stays NaN or infinite; reads the device only every few steps."""

    def __init__(self) -> None:
        """Start with no bad step."""
        self.bad: torch.Tensor | None = None

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        _: L.LightningModule,
        outputs: Any,
        *__: Any,
    ) -> None:
        """Count consecutive bad losses on the device."""
        loss = (outputs["loss"] if isinstance(outputs, dict) else outputs).detach()
        before = torch.zeros_like(loss) if self.bad is None else self.bad
        self.bad = torch.where(torch.isfinite(loss), torch.zeros_like(loss), before + 1)
        if trainer.global_step % BAD_STEPS == 0 and self.bad.item() >= BAD_STEPS:
            self._refuse("loss", trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """Refuse an epoch that ended without a finite loss, before it is saved."""
        for name in ("train/loss", "val/loss"):
            value = trainer.callback_metrics.get(name)
            if value is not None and not math.isfinite(float(value)):
                self._refuse(name, trainer)

    def _refuse(self, name: str, trainer: L.Trainer) -> None:
        where = f"epoch {trainer.current_epoch} step {trainer.global_step}"
        raise RunError(f"{name} is NaN or infinite at {where}; lower optim.lr or use precision 32")


class KeepEpoch(Callback):
    """After each epoch: a durable resume point, the best weights, and a line in the journal."""

    def __init__(self, run: Run, monitor: str, patience: int) -> None:
        """Take the run, what picks the best epoch (larger is better), and epochs to wait for one.

        A `patience` of 0 waits for ever.
        """
        self.run, self.monitor, self.patience = run, monitor, patience
        self.best = -math.inf
        self.best_epoch = -1
        self.began = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Keep the best so far over a resume."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best so far."""
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]

    def on_train_epoch_start(self, *_: Any, **__: Any) -> None:
        """Start the epoch's clock."""
        self.began = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save best weights, journal line, resume point: a kill between them loses nothing.

        An epoch that was journaled but has no resume point is done again, to the same numbers.
        """
        epoch = trainer.current_epoch
        values = {k: float(v) for k, v in trainer.callback_metrics.items() if math.isfinite(v)}
        if self.monitor not in values:
            raise RunError(f"{self.monitor} was not computed in epoch {epoch}: is val empty?")
        folder = self.run.folder / "checkpoints"
        if values[self.monitor] > self.best:
            self.best, self.best_epoch = values[self.monitor], epoch
            network: torch.nn.Module = pl_module.network  # type: ignore[assignment]
            checkpoint.save_weights(network.state_dict(), folder / f"best-{epoch:04d}.safetensors")
        seconds = round(time.monotonic() - self.began, 3)
        self.run.note("epoch", epoch=epoch, values=values, seconds=seconds)
        trainer.save_checkpoint(folder / f"epoch-{epoch:04d}{checkpoint.SUFFIX}")
        checkpoint.prune(folder)
        for path in folder.glob("best-*.safetensors"):
            if path.name != f"best-{self.best_epoch:04d}.safetensors":
                checkpoint.remove(path)
        if self.patience and epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True


class Progress(Callback):
    """A bar over epochs where a person is watching, a plain line an epoch otherwise."""

    def __init__(self, title: str, monitor: str) -> None:
        """Take the words before the bar and the quantity shown."""
        self.title, self.monitor = title, monitor
        self.bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """Open the bar at the epoch where a resumed run goes on."""
        if sys.stderr.isatty():
            total, done = trainer.max_epochs, trainer.current_epoch
            self.bar = tqdm(total=total, initial=done, desc=self.title, unit="epoch", leave=False)

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """Show the epoch's numbers."""
        shown = {
            name: f"{float(trainer.callback_metrics[name]):.4f}"
            for name in ("train/loss", "val/loss", self.monitor)
            if name in trainer.callback_metrics
        }
        if self.bar is not None:
            self.bar.set_postfix(shown)
            self.bar.update()
        else:
            words = "  ".join(f"{name} {value}" for name, value in shown.items())
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            print(f"{self.title}  {epoch}  {words}", file=sys.stderr, flush=True)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Close the bar, whatever ended the run."""
        if self.bar is not None:
            self.bar.close()


class Prune(Callback):
    """Tells the search the best objective so far; the search may end the trial."""

    def __init__(self, keep: KeepEpoch, report: Callable[[int, float], None]) -> None:
        """Take the callback that knows the best, and what to call with (epoch, best)."""
        self.keep, self.report = keep, report

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """Report after the epoch is safe on disk."""
        self.report(trainer.current_epoch, self.keep.best)
