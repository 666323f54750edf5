from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from skinlab.data.batch import Batch
from skinlab.models.classifier import build_classifier
from skinlab.models.spec import ModelSpec
from skinlab.tasks.classification import ClassificationTask, balanced_accuracy, class_weights
from skinlab.tasks.spec import OptimSpec

# Lightning 2.6.6 imports a name that torch 2.15 is about to move; the data here is in memory.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*GPU available but not used.*"),
]
SIDE = 32


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    yield
    torch.set_num_threads(threads)


class Colors(Dataset[tuple[Tensor, int, int]]):
    """Noise with a little more red, green or blue: what the class is."""

    def __init__(self, n: int, classes: int = 3) -> None:
        generator = torch.Generator().manual_seed(n)
        self.target = torch.arange(n) % classes
        self.image = torch.rand(n, 3, SIDE, SIDE, generator=generator) * 0.5
        for position, channel in enumerate(self.target):
            self.image[position, channel] += 0.4

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, row: int) -> tuple[Tensor, int, int]:
        return self.image[row], int(self.target[row]), row


class EpochOrder(Sampler[int]):
    """Shuffles from the epoch alone, as the DataModule does."""

    def __init__(self, n: int) -> None:
        self.n, self.epoch = n, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.epoch)
        return iter(torch.randperm(self.n, generator=generator).tolist())


def collate(items: list[tuple[Tensor, int, int]]) -> Batch:
    image, target, row = zip(*items, strict=True)
    rows = torch.tensor(row)
    return Batch(torch.stack(image), torch.tensor(target), None, rows, rows)


def loader(n: int, batch_size: int = 8, shuffled: bool = False) -> DataLoader[Any]:
    data = Colors(n)
    sampler = EpochOrder(n) if shuffled else None
    return DataLoader(data, batch_size=batch_size, sampler=sampler, collate_fn=collate)


def task(optim: OptimSpec, dropout: float = 0.0, seed: int = 1) -> ClassificationTask:
    torch.manual_seed(0)
    network = build_classifier(ModelSpec("test_resnet", dropout=dropout), 3, SIDE)
    return ClassificationTask(network, optim, np.array([8, 8, 8]), seed)


def trainer(epochs: int, folder: Path, **options: Any) -> L.Trainer:
    return L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        max_epochs=epochs,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        deterministic=True,
        **options,
    )


def fitted(
    epochs: int,
    folder: Path,
    optim: OptimSpec,
    **options: Any,
) -> tuple[ClassificationTask, L.Trainer]:
    module = task(optim, dropout=0.3)
    run = trainer(epochs, folder, **options)
    run.fit(module, loader(24, shuffled=True), loader(13))
    return module, run


class Curve(L.Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        self.losses.append(float(trainer.callback_metrics["train/loss"]))


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_loss_falls_and_the_colors_are_learned(tmp_path: Path, precision: str) -> None:
    curve = Curve()
    optim = OptimSpec(lr=3e-3, epochs=6, label_smoothing=0.05, class_weights="sqrt")
    _, run = fitted(6, tmp_path, optim, precision=precision, callbacks=[curve])
    assert curve.losses[-1] < 0.6 * curve.losses[0]
    assert float(run.callback_metrics["val/balanced_accuracy"]) > 0.8
    names = {"train/loss", "val/loss", "val/accuracy", "val/balanced_accuracy"}
    assert names <= set(run.callback_metrics)


def test_validation_numbers_agree_with_scikit_learn(tmp_path: Path) -> None:
    module = task(OptimSpec(class_weights="inverse"))
    run = trainer(1, tmp_path)
    (logged,) = run.validate(module, loader(13, batch_size=5), verbose=False)
    pairs = cast(list[tuple[Tensor, Tensor]], run.predict(module, loader(13, batch_size=5)))
    logits = torch.cat([logit for logit, _ in pairs])
    target = Colors(13).target
    assert torch.cat([row for _, row in pairs]).tolist() == list(range(13))
    answer = logits.argmax(1)
    expected = balanced_accuracy_score(target, answer)
    assert logged["val/balanced_accuracy"] == pytest.approx(expected)
    assert logged["val/accuracy"] == pytest.approx(float((answer == target).float().mean()))
    loss = nn.functional.cross_entropy(logits, target)
    assert logged["val/loss"] == pytest.approx(float(loss), rel=1e-5)


def test_balanced_accuracy_passes_over_classes_that_do_not_occur() -> None:
    target, answer = [0, 0, 2, 2, 2], [0, 1, 2, 2, 0]
    matrix = torch.tensor(confusion_matrix(target, answer, labels=[0, 1, 2, 3]))
    assert float(balanced_accuracy(matrix)) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert balanced_accuracy(torch.zeros(3, 3)).isnan()


@pytest.mark.parametrize("kind", ["none", "inverse", "sqrt"])
def test_class_weights_have_mean_one_over_the_photographs(kind: str) -> None:
    counts = np.array([90, 9, 1, 0])
    weights = class_weights(counts, kind).double().numpy()
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)
    power = {"none": 0, "inverse": 1, "sqrt": 0.5}[kind]
    assert weights[2] / weights[0] == pytest.approx(90**power)
    assert weights[3] == pytest.approx(weights[2])


def test_inverse_weights_make_every_class_count_the_same() -> None:
    """The loss of a whole epoch is then the mean of the classes' mean losses."""
    counts = np.array([6, 2])
    target = torch.tensor([0] * 6 + [1] * 2)
    losses = torch.rand(8)
    weighted = (losses * class_weights(counts, "inverse")[target]).mean()
    assert weighted == pytest.approx(float((losses[:6].mean() + losses[6:].mean()) / 2))


def test_a_loss_that_is_nan_shows_in_what_is_logged(tmp_path: Path) -> None:
    module = task(OptimSpec(epochs=1))
    with torch.no_grad():
        next(module.network.parameters()).fill_(float("nan"))
    run = trainer(1, tmp_path, num_sanity_val_steps=0)
    run.fit(module, loader(8), loader(8))
    assert run.callback_metrics["train/loss"].isnan()
    assert run.callback_metrics["val/loss"].isnan()
    assert run.callback_metrics["val/balanced_accuracy"].isnan()


def contiguous(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.contiguous()
    if isinstance(value, dict):
        return {key: contiguous(item) for key, item in value.items()}
    return [contiguous(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("stored", ["as it lies", "contiguous"])
def test_two_epochs_and_a_resume_are_four_epochs_bit_for_bit(tmp_path: Path, stored: str) -> None:
    optim = OptimSpec(lr=3e-3, epochs=4)
    straight, whole = fitted(4, tmp_path, optim)

    class StopAfterTwo(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(tmp_path / "resume.ckpt")
                trainer.should_stop = True

    fitted(4, tmp_path, optim, callbacks=[StopAfterTwo()])
    if stored == "contiguous":
        content = torch.load(tmp_path / "resume.ckpt", weights_only=True)
        torch.save(contiguous(content), tmp_path / "resume.ckpt")
    resumed = task(optim, dropout=0.3)
    torch.manual_seed(987)
    again = trainer(4, tmp_path)
    data = (loader(24, shuffled=True), loader(13))
    again.fit(resumed, *data, ckpt_path=tmp_path / "resume.ckpt", weights_only=True)
    assert again.current_epoch == whole.current_epoch == 4
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert whole.callback_metrics == again.callback_metrics


def test_dropout_depends_on_seed_epoch_and_step_and_on_nothing_before(tmp_path: Path) -> None:
    draws = {}
    for seed in (1, 2):
        module = task(OptimSpec(), dropout=0.5, seed=seed)
        module.trainer = trainer(1, tmp_path)
        for epoch in (0, 1):
            module.trainer.fit_loop.epoch_progress.current.completed = epoch
            for step in (0, 1):
                module.on_train_batch_start(next(iter(loader(8))), step)
                draws[seed, module.current_epoch, step] = float(torch.rand(()))
                module.on_train_batch_start(next(iter(loader(8))), step)
                assert float(torch.rand(())) == draws[seed, epoch, step]
    assert len(set(draws.values())) == 8


def test_a_checkpoint_holds_nothing_that_could_be_code(tmp_path: Path) -> None:
    _, run = fitted(1, tmp_path, OptimSpec(epochs=1))
    run.save_checkpoint(tmp_path / "w.ckpt")
    content = torch.load(tmp_path / "w.ckpt", weights_only=True)
    assert "network.head.weight" in content["state_dict"]
    assert "hyper_parameters" not in content
