"""At the borders of batches and epochs: a signal, a NaN, a best epoch, a line for whoever waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import lightning.pytorch as L
import pytest
import torch
from conftest import REPOSITORY

from skinlab.tables.errors import RunError
from skinlab.training import checkpoint
from skinlab.training.callbacks import (
    BAD_STEPS,
    KeepEpoch,
    Progress,
    Prune,
    RefuseNaN,
    Signals,
    StopAtSignal,
    Stopped,
)
from skinlab.workspace import Run

MODULE = cast("L.LightningModule", SimpleNamespace(network=torch.nn.Linear(2, 2)))


class At:
    """What callbacks read of a trainer, and the one thing they ask of it."""

    def __init__(self, epoch: int, step: int = 0, **values: float) -> None:
        self.current_epoch, self.global_step, self.max_epochs = epoch, step, 9
        names = {name.replace("_", "/", 1): v for name, v in values.items()}
        self.callback_metrics = {name: torch.tensor(v) for name, v in names.items()}
        self.should_stop = False

    def save_checkpoint(self, path: Path) -> None:
        checkpoint.save({"epoch": self.current_epoch}, path)


def at(epoch: int, step: int = 0, **values: float) -> Any:
    return At(epoch, step, **values)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Give the handlers back that a stopped command keeps."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_is_read_at_the_next_batch(number: signal.Signals, code: int) -> None:
    with Signals().watched() as signals:
        stop = StopAtSignal(signals)
        stop.on_train_batch_end()
        os.kill(os.getpid(), number)
        for border in (stop.on_train_batch_end, stop.on_validation_batch_end):
            with pytest.raises(Stopped, match=f"stopped by {number.name}") as end:
                border()
            assert end.value.exit_code == code


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals().watched():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("handlers")
def test_what_nohup_switched_off_stays_off() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Signals().watched() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.received is None


def test_a_second_signal_ends_at_once_and_silently() -> None:
    code = (
        "import os, signal\n"
        "from skinlab.training.callbacks import Signals\n"
        "with Signals().watched():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"  # after the block: while Python itself ends
        "print('still here')\n"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


def test_a_loss_that_stays_nan_ends_the_run_and_one_that_recovers_does_not() -> None:
    nan, one = torch.tensor(float("nan")), torch.tensor(1.0)
    refuse = RefuseNaN()
    for step in range(1, 4 * BAD_STEPS):
        bad = step % BAD_STEPS  # four bad steps, then a good one
        refuse.on_train_batch_end(at(0, step), MODULE, {"loss": nan if bad else one})
    refuse = RefuseNaN()
    for step in range(1, BAD_STEPS):
        refuse.on_train_batch_end(at(0, step), MODULE, {"loss": nan})
    with pytest.raises(RunError, match=r"loss is NaN .* epoch 0 step 5; lower optim\.lr"):
        refuse.on_train_batch_end(at(0, BAD_STEPS), MODULE, {"loss": nan})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_epoch_without_a_finite_validation_loss_is_refused(value: float) -> None:
    trainer = at(2, 7, train_loss=1.0, val_loss=value)
    with pytest.raises(RunError, match="val/loss is NaN or infinite at epoch 2 step 7"):
        RefuseNaN().on_train_epoch_end(trainer, MODULE)


def _keep(tmp_path: Path, values: list[float], patience: int = 0) -> tuple[KeepEpoch, list[Any]]:
    keep = KeepEpoch(Run(tmp_path), "val/accuracy", patience)
    trainers = [at(epoch, val_accuracy=value) for epoch, value in enumerate(values)]
    for trainer in trainers:
        keep.on_train_epoch_start()
        keep.on_train_epoch_end(trainer, MODULE)
    return keep, trainers


def test_the_best_epoch_is_the_first_of_equals_and_its_weights_alone_are_kept(
    tmp_path: Path,
) -> None:
    keep, _ = _keep(tmp_path, [0.5, 0.7, 0.7, 0.6])
    assert keep.best_epoch == 1
    assert keep.best == pytest.approx(0.7)
    files = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    kept = ["best-0001.safetensors", "epoch-0002.ckpt", "epoch-0003.ckpt"]
    assert files == sorted([*kept, *(f"{name}.sha256" for name in kept)])
    values = {e["epoch"]: e["values"]["val/accuracy"] for e in Run(tmp_path).events("epoch")}
    assert values == pytest.approx({0: 0.5, 1: 0.7, 2: 0.7, 3: 0.6})


def test_patience_counts_epochs_since_the_best(tmp_path: Path) -> None:
    _, trainers = _keep(tmp_path, [0.5, 0.7, 0.6, 0.7, 0.6], patience=2)
    assert [trainer.should_stop for trainer in trainers] == [False, False, False, True, True]


def test_the_best_so_far_survives_a_resume(tmp_path: Path) -> None:
    keep, _ = _keep(tmp_path, [0.5, 0.7])
    resumed = KeepEpoch(Run(tmp_path), "val/accuracy", 0)
    resumed.load_state_dict(keep.state_dict())
    resumed.on_train_epoch_end(at(2, val_accuracy=0.6), MODULE)
    assert resumed.best_epoch == 1
    assert (tmp_path / "checkpoints" / "best-0001.safetensors").exists()


def test_an_epoch_without_the_monitored_value_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    keep = KeepEpoch(Run(tmp_path), "val/accuracy", 0)
    with pytest.raises(RunError, match="val/accuracy was not computed in epoch 0"):
        keep.on_train_epoch_end(at(0, val_loss=1.0), MODULE)
    assert not Run(tmp_path).events()


def test_a_value_that_is_not_finite_is_not_journaled(tmp_path: Path) -> None:
    keep = KeepEpoch(Run(tmp_path), "val/accuracy", 0)
    keep.on_train_epoch_end(at(0, val_accuracy=0.5, val_other=float("nan")), MODULE)
    assert Run(tmp_path).events("epoch")[0]["values"] == {"val/accuracy": 0.5}


def test_the_search_hears_the_best_so_far_not_the_last(tmp_path: Path) -> None:
    keep = KeepEpoch(Run(tmp_path), "val/accuracy", 0)
    told: list[tuple[int, float]] = []
    prune = Prune(keep, lambda epoch, best: told.append((epoch, best)))
    for epoch, value in enumerate([0.5, 0.25]):
        keep.on_train_epoch_end(at(epoch, val_accuracy=value), MODULE)
        prune.on_train_epoch_end(at(epoch), MODULE)
    assert told == [(0, 0.5), (1, 0.5)]


def test_without_a_terminal_an_epoch_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("fit-1", "val/accuracy")
    progress.on_train_start(at(0), MODULE)
    progress.on_train_epoch_end(at(0, train_loss=1.25, val_accuracy=0.5), MODULE)
    progress.teardown()
    line = "fit-1  epoch 1/9  train/loss 1.2500  val/accuracy 0.5000\n"
    assert capsys.readouterr().err == line


def test_on_a_terminal_it_is_a_bar_that_goes_on_where_the_run_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress("fit-1", "val/accuracy")
    progress.on_train_start(at(3), MODULE)
    assert progress.bar is not None
    assert (progress.bar.n, progress.bar.total) == (3, 9)
    progress.on_train_epoch_end(at(3, val_accuracy=0.5), MODULE)
    assert progress.bar.n == 4
    progress.teardown()
    assert "epoch 4/9" not in capsys.readouterr().err
