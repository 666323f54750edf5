"""Network + batches -> probabilities in the manifest's order -> Predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from skinlab.data.batch import Batch
from skinlab.tables.errors import RunError
from skinlab.tables.labels import LabelTree, Level
from skinlab.tables.manifest import Manifest
from skinlab.tables.predictions import Predictions

IDENTIFIERS = ("sample_id", "patient_id", "lesion_id", "video_id")
# Other columns may hold names or file names, so they are passed by name in `also`.
RIDING = (
    "time_s",
    "age",
    "sex",
    "site",
    "skin_type",
    "device",
    "label_source",
    "pathology",
    "invasion_depth_mm",
    "fold",
    "seed",
)


@torch.inference_mode()
def probabilities(
    network: nn.Module, batches: Iterable[Batch], device: torch.device
) -> NDArray[np.float64]:
    """Predict photographs that are normalized and cut as in validation.

    The network computes in float32 whatever it was trained in, without dropout, and is given back
    in the mode it came in. Softmax is taken in float64: rows sum to 1 within 1e-15, and two logits
    that differ in float32 still differ as probabilities.

    Args:
        network: Images ``(B, 3, H, W)`` in [0, 1] -> ``(B, K)`` logits.
        batches: Each row once, in any order.
        device: Where to compute.

    Returns:
        ``(n, K)`` in the order of ``Batch.row``.

    Raises:
        RunError: The network gives NaN or infinity, a row comes twice, or there is none.
    """
    training = network.training
    network.to(device).eval()
    rows, logits = [], []
    try:
        with torch.autocast(device.type, enabled=False):
            for batch in batches:
                logits.append(network(batch.image.to(device, torch.float32)).double().cpu())
                rows.append(batch.row.cpu())
    finally:
        network.train(training)
    if not rows:
        raise RunError("there is nothing to predict: no batch was given")
    order = torch.cat(rows)
    if repeated := len(order) - len(set(order.tolist())):
        raise RunError(f"{repeated} of {len(order)} photographs came twice; do not pad batches")
    table = torch.cat(logits)[order.argsort()]
    if bad := int((~table.isfinite()).any(dim=1).sum()):
        what = f"the network gives NaN or infinity for {bad} of {len(table)} photographs"
        raise RunError(f"{what}; it diverged in training: lower optim.lr")
    answer: NDArray[np.float64] = table.softmax(dim=1).numpy()
    return answer


def as_predictions(
    manifest: Manifest,
    tree: LabelTree,
    level: Level,
    table: NDArray[np.float64],
    identify: Callable[[str], str],
    also: tuple[str, ...] = (),
) -> Predictions:
    """Put truth, ids and what subgroups are made of beside the probabilities.

    Paths of images and masks never ride along, nor do columns that are not named.

    Args:
        manifest: The predicted rows, in the order of `table`.
        tree: Names the classes.
        level: Level whose classes were predicted.
        table: ``(n, K)``.
        identify: Raw id -> what is written for it (a pseudonym); blank ids stay blank.
        also: Further manifest columns to take along as they are.

    Raises:
        InputError: A diagnosis is not in the tree.
    """
    classes = tree.classes(level)
    if table.shape != (len(manifest), len(classes)):
        expected = (len(manifest), len(classes))
        raise ValueError(f"probabilities are {table.shape}; manifest and tree say {expected}")
    present = set(manifest.frame.columns)
    columns = {
        name: [identify(value) if value else "" for value in manifest.column(name)]
        for name in IDENTIFIERS
        if name in present
    }
    columns["target"] = [classes[i] for i in tree.targets(manifest, level)]
    kept = [name for name in dict.fromkeys((*RIDING, *also)) if name in present]
    forbidden = {"image_path", "mask_path", *columns}
    columns |= {name: manifest.column(name) for name in kept if name not in forbidden}
    frame = pd.DataFrame(columns, index=manifest.frame.index, dtype=object)
    return Predictions(frame, table, classes)
