"""Images a second of a fit with full augmentation, by those of the bare model step.

    python benchmarks/fit_efficiency.py                  # ResNet-18 at 224 px
    python benchmarks/fit_efficiency.py --backbone mobilenetv3_small_100

The fit reads shuffled batches from the pixel cache, augments them with all factors on, and runs
through the Trainer with its callbacks; the bare step is forward, backward and AdamW on one batch
that is on the device already. Both in turns, in this process. Goal: 0.9 on two cores (0.97 on a
GPU).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from skinlab.augment.spec import AugmentSpec
from skinlab.config import FitConfig, TrackingSpec
from skinlab.data.cache import build
from skinlab.data.spec import DataSpec
from skinlab.models.classifier import build_classifier
from skinlab.models.spec import ModelSpec
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.manifest import Manifest
from skinlab.tasks.classification import ClassificationTask
from skinlab.tasks.spec import OptimSpec
from skinlab.training.prepare import Prepared
from skinlab.training.record import Place, Session
from skinlab.training.trainer import device_of, run_trainer, uses_bf16
from skinlab.workspace import Run, Workspace

EVERYTHING = AugmentSpec("any", 0.02, "yiq", 0.1, 0.1, 5, 0.875, 0.2, True, True)
TREE = LabelTree((Leaf("nevus", "nevus", "benign"), Leaf("BCC", "BCC", "malignant")), "malignant")


def _photographs(folder: Path, number: int) -> Manifest:
    """Write noisy pictures of two classes and return their manifest."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(number):
        path = folder / f"{i}.jpg"
        Image.fromarray(rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)).save(path)
        diagnosis = ("nevus", "BCC")[i % 2]
        split = "val" if i < 2 else "train"
        rows.append((str(i), path.name, str(i), diagnosis, split))
    columns = ["sample_id", "image_path", "patient_id", "diagnosis", "split"]
    return Manifest(pd.DataFrame(rows, columns=columns), folder / "m.csv", folder)


def _fit_seconds(config: FitConfig, prepared: Prepared, place: Place, session: Session) -> float:
    """Return the seconds of the second epoch of a fit; the first one warms up."""
    module = prepared.module(config)
    network = build_classifier(config.model, 2, config.data.image_size)
    task = ClassificationTask(network, config.optim, module.class_counts, 0)
    run_trainer(config, task, module, session, place)
    return float(place.run.events("epoch")[-1]["seconds"])


def _bare_seconds(config: FitConfig, steps: int) -> float:
    """Return the seconds of as many steps on one batch that is on the device already."""
    device = torch.device(device_of(config))
    network = build_classifier(config.model, 2, config.data.image_size).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters())
    size = config.data.image_size
    image = torch.rand(config.data.batch_size, 3, size, size, device=device)
    target = torch.zeros(len(image), dtype=torch.long, device=device)
    start = 0.0
    for step in range(-1, steps):
        if step == 0:
            start = _now(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(config)):
            loss = torch.nn.functional.cross_entropy(network(image), target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return _now(device) - start


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Measure in turns and print the median ratio."""
    words = argparse.ArgumentParser()
    words.add_argument("--backbone", default="resnet18")
    words.add_argument("--size", type=int, default=224)
    words.add_argument("--batches", type=int, default=4)
    words.add_argument("--rounds", type=int, default=3)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = _photographs(folder, 32 * asked.batches + 2)
        spec = DataSpec("m.csv", "l.yaml", image_size=asked.size, cache_size=256)
        config = FitConfig(
            "bench",
            spec,
            EVERYTHING,
            ModelSpec(asked.backbone),
            OptimSpec(epochs=2),
            tracking=TrackingSpec(enabled=False),
            splits=("val",),
        )
        workspace = Workspace(folder / "workspace")
        prepared = Prepared(manifest, TREE, build(manifest, spec, workspace.cache))
        ratios = []
        with Session.opened(config, workspace) as session:
            for turn in range(asked.rounds):
                place = Place(Run(folder / f"run{turn}"))
                fitted = _fit_seconds(config, prepared, place, session)
                bare = _bare_seconds(config, asked.batches)
                ratios.append(bare / fitted)
    device = device_of(config)
    print(
        f"images/s of a fit by those of the bare step, {asked.backbone} at {asked.size} px on "
        f"{device}: {statistics.median(ratios):.3f} (rounds {[round(r, 3) for r in ratios]})"
    )


if __name__ == "__main__":
    main()
