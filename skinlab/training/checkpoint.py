"""Trainer state <-> one file that cannot hold code, is there whole or not at all, and is checked.

A checkpoint is a safetensors file: tensors by number, and the tree that they hang in as JSON in its
header. Its SHA-256 stands beside it. Lightning's own writer stages in ``$TMPDIR`` and moves over
the old file, which is not atomic across file systems, and it passes over a folder it may not write.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor

from skinlab.tables.errors import InputError, Problem, RunError
from skinlab.tables.files import sha256, write_bytes, write_text

FORMAT = "skinlab-checkpoint-1"
SUFFIX = ".ckpt"
KEPT = 2


class SafeCheckpointIO(CheckpointIO):
    """What Lightning's Trainer saves and restores checkpoints with."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002  Lightning's signature
    ) -> None:
        """Write a checkpoint durably with its SHA-256 beside it."""
        save(checkpoint, Path(path))

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ARG002  Lightning's signature
        weights_only: bool | None = None,  # noqa: ARG002  never anything else here
    ) -> dict[str, Any]:
        """Read a checkpoint to the CPU; Lightning moves it to its device."""
        return load(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint and its SHA-256."""
        remove(Path(path))


def require_space(network: torch.nn.Module, folder: Path) -> None:
    """Refuse a training whose files would fill the disk, before its first epoch.

    Adam keeps two moments beside the weights; two resume points are kept while a third is written,
    and three files of weights (the best so far, a better one, the final one).

    Raises:
        RunError: There is too little space.
    """
    weights = sum(value.nbytes for value in network.state_dict().values())
    need, free = (3 * (KEPT + 1) + 3) * weights, shutil.disk_usage(folder).free
    if free < need:
        what = f"checkpoints need {need / 2**20:.1f} MiB and {free / 2**20:.1f} MiB are free"
        raise RunError(str(Problem(f"disk full: {what}", "free space there", folder)))


def save(tree: dict[str, Any], path: Path) -> None:
    """Write a tree of dictionaries, lists, JSON scalars and tensors.

    Raises:
        TypeError: The tree holds anything else.
        RunError: The file cannot be written; whatever stood there is untouched.
    """
    tensors: dict[str, Tensor] = {}
    header = {"format": FORMAT, "tree": json.dumps(_encode(tree, tensors))}
    write_bytes(path, to_safetensors(tensors, metadata=header))
    write_text(_sum(path), sha256(path) + "\n")


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it can run.

    Raises:
        InputError: Damaged (its SHA-256 differs), or not such a file.
    """
    if not path.is_file():
        raise InputError(Problem("there is no such checkpoint", "check the path", path))
    if not intact(path):
        raise InputError(Problem("is damaged: its SHA-256 differs", "use an earlier one", path))
    content = path.read_bytes()
    try:
        tensors = from_safetensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        if header["format"] != FORMAT:
            raise KeyError(header["format"])
        tree = _decode(json.loads(header["tree"]), tensors)
    except (SafetensorError, KeyError, ValueError) as error:
        what = f"is not a checkpoint of skinlab ({error})"
        raise InputError(Problem(what, "files with code are never loaded", path)) from error
    return dict(tree)


def intact(path: Path) -> bool:
    """Whether the file is what was written."""
    return _sum(path).is_file() and _sum(path).read_text().strip() == sha256(path)


def remove(path: Path) -> None:
    """Delete a checkpoint and its SHA-256."""
    path.unlink(missing_ok=True)
    _sum(path).unlink(missing_ok=True)


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """Return the newest undamaged epoch checkpoint of a folder, and what was found damaged.

    A damaged file is kept as ``….bad`` for whoever wants to look.
    """
    said: list[str] = []
    for path in sorted(folder.glob(f"epoch-*{SUFFIX}"), reverse=True):
        if intact(path):
            return path, said
        bad = path.with_suffix(path.suffix + ".bad")
        path.replace(bad)
        _sum(path).unlink(missing_ok=True)
        said.append(f"{path.name} is damaged (SHA-256 differs), kept as {bad.name}")
    return None, said


def prune(folder: Path) -> None:
    """Keep the newest `KEPT` epoch checkpoints."""
    for path in sorted(folder.glob(f"epoch-*{SUFFIX}"), reverse=True)[KEPT:]:
        remove(path)


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    """Write a network's weights as plain safetensors, with their SHA-256 beside them."""
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    write_bytes(path, to_safetensors(copies))
    write_text(_sum(path), sha256(path) + "\n")


def _sum(path: Path) -> Path:
    return path.with_suffix(path.suffix + ".sha256")


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        items = [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]
        return {"dict": items}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(v, tensors) for v in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}; use JSON values or tensors")


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return torch.as_tensor(tensors[content])
    if kind == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in content}
    members = [_decode(v, tensors) for v in content]
    return members if kind == "list" else tuple(members)
