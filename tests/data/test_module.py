import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from skinlab.augment.spec import AugmentSpec
from skinlab.data.batch import Batch
from skinlab.data.cache import build
from skinlab.data.module import SkinDataModule, split_rows
from skinlab.data.spec import DataSpec
from skinlab.tables.errors import InputError
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.manifest import Manifest

TREE = LabelTree(
    (Leaf("melanoma", "melanoma", "malignant"), Leaf("nevus", "nevus", "benign")), "malignant"
)
SPEC = DataSpec(manifest="m.csv", labels="l.yaml", image_size=16, cache_size=20, batch_size=4)
AUGMENT = AugmentSpec(rotation="any", hue=0.04, blur=3, crop=0.8)


def manifest_of(root: Path, splits: list[str], *, masks: bool = False) -> Manifest:
    rng = np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, split in enumerate(splits):
        pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{i}.png")
        mask = ""
        if masks and i != 1:
            mask = f"m{i}.png"
            Image.fromarray((pixels[..., 0] > 128).astype(np.uint8) * 255).save(root / mask)
        diagnosis = "nevus" if i % 3 else "melanoma"
        rows.append((f"s{i}", f"{i}.png", f"P{i}", diagnosis, split, mask))
    columns = ["sample_id", "image_path", "patient_id", "diagnosis", "split", "mask_path"]
    index = pd.Index(range(2, len(rows) + 2))
    return Manifest(
        pd.DataFrame(rows, columns=columns, index=index, dtype=object), root / "m", root
    )


def module(
    root: Path, spec: DataSpec = SPEC, augment: AugmentSpec = AUGMENT, seed: int = 0, **more: Any
) -> SkinDataModule:
    splits = more.pop("splits", ["train"] * 9 + ["val"] * 5 + ["test"] * 3)
    manifest = manifest_of(root / "data", splits, **more)
    return SkinDataModule(manifest, TREE, spec, augment, build(manifest, spec, root / "c"), seed)


class Recorder(L.LightningModule):
    """Learns nothing; remembers what each stage was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[str, list[Batch]] = {"train": [], "val": [], "test": [], "predict": []}

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        self.seen["train"].append(batch)
        return self.weight * 0

    def validation_step(self, batch: Batch, _: int) -> None:
        self.seen["val"].append(batch)

    def test_step(self, batch: Batch, _: int) -> None:  # noqa: PT019  Lightning's hook
        self.seen["test"].append(batch)

    def predict_step(self, batch: Batch, _: int) -> None:
        self.seen["predict"].append(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def trained(
    data: SkinDataModule, epochs: int = 1, start: Path | None = None, **options: Any
) -> Recorder:
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers
        trainer = L.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
            **options,
        )  # fmt: skip
        trainer.fit(recorder, datamodule=data, ckpt_path=start)
        if start is None and options.get("default_root_dir"):
            trainer.save_checkpoint(Path(options["default_root_dir"]) / "kept.ckpt")
    return recorder


def stored_pixels(data: SkinDataModule, row: int) -> torch.Tensor:
    return torch.from_numpy(data.cache.images[data.cache.slots[row]].copy()).permute(2, 0, 1)


def by_row(batches: list[Batch]) -> dict[int, torch.Tensor]:
    return {int(r): image for b in batches for r, image in zip(b.row, b.image, strict=True)}


def test_training_is_augmented_and_validation_is_the_center_crop(tmp_path: Path) -> None:
    data = module(tmp_path, masks=True)
    recorder = trained(data)
    images = by_row(recorder.seen["val"])
    assert sorted(images) == list(range(9, 14))
    for row, image in images.items():
        stored = stored_pixels(data, row)
        assert (image == stored[:, 2:18, 2:18] / 255).all()
    for row, image in by_row(recorder.seen["train"]).items():
        stored = stored_pixels(data, row)
        assert image.shape == (3, 16, 16)
        assert (image - stored[:, 2:18, 2:18] / 255).abs().max() > 0.05
    batch = recorder.seen["train"][0]
    assert batch.mask is not None
    assert batch.mask.dtype == torch.uint8
    assert set(np.unique(batch.mask.numpy())) <= {0, 1}


def test_test_and_predict_are_not_augmented_and_agree_with_batches(tmp_path: Path) -> None:
    data = module(tmp_path)
    recorder = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = L.Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
            enable_checkpointing=False,
        )  # fmt: skip
        trainer.test(recorder, datamodule=data, verbose=False)
        trainer.predict(recorder, datamodule=data, return_predictions=False)
    assert sorted(by_row(recorder.seen["test"])) == [14, 15, 16]
    predicted = by_row(recorder.seen["predict"])
    assert sorted(predicted) == list(range(17))
    alone = by_row(list(module(tmp_path).batches("predict")))
    assert all((predicted[row] == alone[row]).all() for row in range(17))


def test_resuming_repeats_order_and_augmentation_exactly(tmp_path: Path) -> None:
    straight = trained(module(tmp_path), 4)
    trained(module(tmp_path), 2, default_root_dir=tmp_path)
    torch.manual_seed(99)
    resumed = trained(module(tmp_path), 4, start=tmp_path / "kept.ckpt")
    later, again = straight.seen["train"][4:], resumed.seen["train"]
    assert len(again) == 4
    for one, other in zip(later, again, strict=True):
        assert one.row.tolist() == other.row.tolist()
        assert (one.image == other.image).all()


def test_batch_size_and_workers_change_no_pixel(tmp_path: Path) -> None:
    plain = by_row(trained(module(tmp_path)).seen["train"])
    for spec in (replace(SPEC, batch_size=3), replace(SPEC, workers=1)):
        other = by_row(trained(module(tmp_path, spec), limit_val_batches=0).seen["train"])
        shared = plain.keys() & other.keys()
        assert len(shared) >= 8
        assert all(torch.allclose(plain[row], other[row], atol=1e-6) for row in shared)


def test_a_last_batch_of_one_is_left_out_of_training_only(tmp_path: Path) -> None:
    data = module(tmp_path)  # nine training photographs in batches of four
    assert [len(b.row) for b in data.train_dataloader()] == [4, 4]
    assert [len(b.row) for b in data.val_dataloader()] == [4, 1]
    larger = module(tmp_path, replace(SPEC, batch_size=5))
    assert [len(b.row) for b in larger.train_dataloader()] == [5, 4]


def test_making_a_loader_does_not_touch_the_global_random_state(tmp_path: Path) -> None:
    data = module(tmp_path)
    before = torch.get_rng_state()
    list(data.train_dataloader())
    list(data.batches("val"))
    assert (torch.get_rng_state() == before).all()


def test_class_counts_are_those_of_training(tmp_path: Path) -> None:
    assert module(tmp_path).class_counts.tolist() == [3, 6]


def test_balanced_sampling_reaches_the_loader(tmp_path: Path) -> None:
    data = module(tmp_path, replace(SPEC, sampling="balanced"))
    targets = torch.cat([batch.target for batch in data.train_dataloader()])
    assert abs(int((targets == 0).sum()) - int((targets == 1).sum())) <= 1


def test_rows_without_a_mask_are_named(tmp_path: Path) -> None:
    assert module(tmp_path, masks=True).rows_without_mask("train").tolist() == [1]


def test_folds_rotate_through_test_and_validation(tmp_path: Path) -> None:
    splits = ["0", "1", "2", "3", "0", "1", "2", "3", "test", ""]
    manifest = manifest_of(tmp_path, splits)
    rows = {fold: split_rows(manifest, fold) for fold in range(4)}
    assert {name: found.tolist() for name, found in rows[3].items()} == {
        "train": [1, 2, 5, 6],
        "val": [0, 4],
        "test": [3, 7, 8],
        "predict": list(range(10)),
    }
    for fold in range(4):
        used = np.concatenate([rows[fold][name] for name in ("train", "val", "test")])
        assert sorted(used.tolist()) == list(range(9))


@pytest.mark.parametrize(
    ("splits", "fold", "word"),
    [(["0", "1", "2"], 3, "no fold 3"), (["0", "1"], 0, "only the fold")],
)
def test_a_fold_that_cannot_be_is_refused(
    tmp_path: Path, splits: list[str], fold: int, word: str
) -> None:
    with pytest.raises(InputError, match=word):
        split_rows(manifest_of(tmp_path, splits), fold)


def test_small_shared_memory_reads_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = module(tmp_path, replace(SPEC, workers=2))
    usage = shutil.disk_usage(tmp_path)._replace(free=64 << 10 >> 4)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert data.val_dataloader().num_workers == 0
    assert "reading in this process" in caplog.text


def test_a_cache_of_another_manifest_is_refused(tmp_path: Path) -> None:
    data = module(tmp_path)
    fewer = data.manifest.where(np.arange(5))
    with pytest.raises(ValueError, match="17 rows"):
        SkinDataModule(fewer, TREE, SPEC, AUGMENT, data.cache, 0)
