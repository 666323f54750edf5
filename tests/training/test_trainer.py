"""One training: stopped after any epoch it goes on to the numbers of an unbroken one."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from conftest import Tiny

from skinlab.config import FitConfig
from skinlab.models.classifier import build_classifier
from skinlab.tables.errors import InputError, RunError
from skinlab.tables.files import write_bytes
from skinlab.tasks.classification import ClassificationTask
from skinlab.training import checkpoint
from skinlab.training.callbacks import Stopped
from skinlab.training.prepare import Prepared, prepare
from skinlab.training.record import Place, Session
from skinlab.training.trainer import device_of, quiet, run_trainer, uses_bf16
from skinlab.workspace import Run


@pytest.fixture
def prepared(tiny: Tiny) -> Prepared:
    return prepare(tiny.config, tiny.workspace)


def _train(
    config: FitConfig, prepared: Prepared, tiny: Tiny, name: str, stop_after: int = -1
) -> tuple[Run, ClassificationTask]:
    """Train in a folder; a signal comes while epoch `stop_after` is being reported.

    There Lightning sees SIGTERM before our callback does, and would end with exit code 0.
    """
    run = Run(tiny.workspace.runs / "classification" / name)
    module = prepared.module(config)
    torch.manual_seed(0)
    classes = len(prepared.tree.classes(config.data.level))
    network = build_classifier(config.model, classes, config.data.image_size)
    task = ClassificationTask(network, config.optim, module.class_counts, 0)
    with Session.opened(config, tiny.workspace) as session:

        def report(epoch: int, _: float) -> None:
            if epoch == stop_after:
                os.kill(os.getpid(), signal.SIGTERM)

        run_trainer(config, task, module, session, Place(run, report=report))
    return run, task


def _epochs(run: Run) -> dict[int, Any]:
    return {event["epoch"]: event["values"] for event in run.events("epoch")}


def test_stopped_and_resumed_it_is_the_unbroken_training_bit_for_bit(
    tiny: Tiny, prepared: Prepared, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny.but(optim__epochs=3, model__dropout=0.5, augment__rotation="any")
    straight, expected = _train(config, prepared, tiny, "straight")
    with pytest.raises(Stopped):
        _train(config, prepared, tiny, "broken", stop_after=0)
    broken, found = _train(config, prepared, tiny, "broken")
    assert "broken: going on after epoch-0000" in capsys.readouterr().err
    assert _epochs(broken) == _epochs(straight)
    assert sorted(_epochs(broken)) == [0, 1, 2]
    for name, value in expected.network.state_dict().items():
        assert torch.equal(value, found.network.state_dict()[name]), name


def test_patience_ends_the_training_so_many_epochs_after_the_best(
    tiny: Tiny, prepared: Prepared
) -> None:
    # A learning rate of nothing: only the running means of batch norm still move, for a while.
    config = tiny.but(optim__epochs=60, optim__lr=1e-30, training__patience=2)
    run, _ = _train(config, prepared, tiny, "patient")
    values = [e[config.training.monitor] for e in _epochs(run).values()]
    assert values.index(max(values)) == len(values) - 3
    assert len(values) < 60


def test_a_network_that_turns_nan_fails_and_its_last_finite_epoch_stays(
    tiny: Tiny, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(self: ClassificationTask, batch: Any, number: int) -> torch.Tensor:
        if self.current_epoch == 1:
            with torch.no_grad():
                for weight in self.network.parameters():
                    weight.fill_(torch.nan)
        return healthy(self, batch, number)

    healthy = ClassificationTask.training_step
    monkeypatch.setattr(ClassificationTask, "training_step", poisoned)
    with pytest.raises(
        RunError, match=r"train/loss is NaN or infinite at epoch 1 .*lower optim.lr"
    ):
        _train(tiny.but(optim__epochs=3), prepared, tiny, "nan")
    run = Run(tiny.workspace.runs / "classification" / "nan")
    assert sorted(_epochs(run)) == [0]
    folder = run.folder / "checkpoints"
    newest, said = checkpoint.newest(folder)
    assert newest == folder / "epoch-0000.ckpt"
    assert said == []
    state = checkpoint.load(newest)["state_dict"]
    assert all(value.isfinite().all() for value in state.values())
    assert [path.name for path in folder.glob("best-*.safetensors")] == ["best-0000.safetensors"]


def test_a_network_that_is_nan_in_validation_only_fails_too(
    tiny: Tiny, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = ClassificationTask.forward

    def poisoned(self: ClassificationTask, image: torch.Tensor) -> torch.Tensor:
        logits = healthy(self, image)
        return logits if self.training else logits * torch.nan

    monkeypatch.setattr(ClassificationTask, "forward", poisoned)
    with pytest.raises(RunError, match="val/loss is NaN or infinite at epoch 0"):
        _train(tiny.config, prepared, tiny, "nan")
    run = Run(tiny.workspace.runs / "classification" / "nan")
    assert not list((run.folder / "checkpoints").glob("*"))


def test_a_batch_of_one_is_answered_with_the_setting_behind_it(
    tiny: Tiny, prepared: Prepared
) -> None:
    with pytest.raises(InputError, match=r"batch of one photograph; set data\.batch_size to 2"):
        _train(tiny.but(data__batch_size=1), prepared, tiny, "one")


def test_a_checkpoint_that_cannot_be_written_ends_the_run_and_keeps_the_one_before(
    tiny: Tiny, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "epoch-0001.ckpt":
            raise RunError(f"{path}: cannot be written (No space left on device); free 1.0 MiB")
        write_bytes(path, content)

    config = tiny.but(optim__epochs=3)
    with monkeypatch.context() as patched:
        patched.setattr("skinlab.training.checkpoint.write_bytes", full)
        with pytest.raises(RunError, match="No space left on device"):
            _train(config, prepared, tiny, "full")
    run, _ = _train(config, prepared, tiny, "full")
    assert sorted(_epochs(run)) == [0, 1, 2]


def test_the_device_is_what_was_asked_for_and_bf16_is_for_gpus(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    for gpu in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpu=gpu: gpu)
        assert device_of(tiny.but(training__device="auto")) == ("cuda" if gpu else "cpu")
        assert uses_bf16(tiny.but(training__device="auto")) == gpu
        assert device_of(tiny.but(training__device="cpu")) == "cpu"
        assert not uses_bf16(tiny.but(training__device="cpu"))
        assert not uses_bf16(tiny.but(training__device="auto", training__precision="32"))
        assert uses_bf16(tiny.but(training__device="cpu", training__precision="bf16"))


def test_lightning_is_quiet_inside_and_as_it_was_outside() -> None:
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    with quiet():
        assert logger.level == logging.ERROR
        L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    assert logger.level == before
