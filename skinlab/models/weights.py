"""A local file of weights -> tensors under timm's names, checked before they reach a network.

No file is ever executed: pickles are read with ``weights_only``, arrays without pickle.
"""

from __future__ import annotations

import pickle
import re
import sys
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import sha256

State = dict[str, Tensor]

ELSEWHERE = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+:")
WRAPPERS = ("state_dict", "model_state_dict", "model_ema", "model")
PREFIXES = ("module.", "model.", "network.", "encoder.")
HOLDS = {  # a name that only this family has -> what to call it
    "features.3.squeeze.weight": "torchvision's SqueezeNet 1.1 (not in timm)",
    "features.4.squeeze.weight": "torchvision's SqueezeNet 1.0 (not in timm)",
    "features.18.0.weight": "torchvision's MobileNetV2",
    "features.denseblock1.denselayer1.conv1.weight": "a DenseNet",
    "features.28.weight": "a VGG",
    "blocks.0.attn.qkv.weight": "a vision transformer",
    "layers.0.blocks.0.attn.qkv.weight": "a Swin transformer",
    "stages.0.blocks.0.conv_dw.weight": "a ConvNeXt",
    "conv_stem.weight": "timm's EfficientNet or MobileNet",
    "layer1.0.conv3.weight": "a ResNet of 50 layers or more",
    "layer1.0.conv1.weight": "a ResNet of 18 or 34 layers",
    "backbone.conv1.weight": "a network of skinlab",
}
BIGGEST = 16 * 2**30  # bytes; a zip of a few kB can claim more than any memory


def read_weights(path: Path) -> State:
    """Read named tensors from a file.

    Args:
        path: ``.safetensors``; ``.pth`` or ``.pt`` of tensors only; ``.npz``.

    Returns:
        Name -> tensor on the CPU; floating point of any width as float32.

    Raises:
        InputError: Remote, missing, of another kind, damaged (by its own format or the ``.sha256``
            beside it), holding code, or not finite.
    """
    if ELSEWHERE.match(str(path)) and not path.drive:
        raise InputError(Problem("is not a local file", "download it first", path))
    if not path.is_file():
        what = "is not a regular file" if path.exists() else "cannot be read (no such file)"
        raise InputError(Problem(what, "set model.weights to a file, hub or none", path))
    readers = {
        ".safetensors": _read_safetensors,
        ".pth": _read_torch,
        ".pt": _read_torch,
        ".npz": _read_npz,
    }
    if path.suffix.lower() not in readers:
        fix = "give .safetensors, .pth or .npz (a Lightning .ckpt holds more than weights)"
        raise InputError(Problem(f"has the unknown ending {path.suffix!r}", fix, path))
    sidecar = path.with_name(path.name + ".sha256")
    if sidecar.is_file() and sidecar.read_text().split()[:1] != [sha256(path)]:
        raise InputError(Problem("is damaged: its SHA-256 differs", "fetch it again", path))
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in readers[path.suffix.lower()](path).items()
    }
    if bad := [n for n, v in state.items() if v.is_floating_point() and not v.isfinite().all()]:
        what = f"holds NaN or infinity in {bad[0]} ({len(bad)} of {len(state)} tensors)"
        raise InputError(Problem(what, "use weights of a training that did not diverge", path))
    if not any(value.any() for value in state.values()):
        what = "holds nothing but zeros" if state else "holds no tensors"
        raise InputError(Problem(what, "fetch it again", path))
    return state


def _read_safetensors(path: Path) -> State:
    try:
        state: State = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return state


def _read_torch(path: Path) -> State:
    try:
        with warnings.catch_warnings():
            # Said of pickles that Python wrote without torch; the answer to those is below.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        text = str(error)
        if "Unsupported" in text or "TorchScript" in text or "legacy .tar" in text:
            raise _code(path) from error
        raise _damaged(path, error) from error
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = isinstance(content, dict) and all(isinstance(v, Tensor) for v in content.values())
    if not tensors or not content:
        what = f"holds a {type(content).__name__}, not named tensors"
        raise InputError(Problem(what, "save network.state_dict()", path))
    return {str(name): value for name, value in content.items()}


def _read_npz(path: Path) -> State:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > BIGGEST:
            raise InputError(Problem(f"unpacks to {size / 2**30:.0f} GiB", "check it", path))
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}
    except (ValueError, TypeError) as error:
        raise _code(path) if "allow_pickle" in str(error) else _damaged(path, error) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, MemoryError) as error:
        raise _damaged(path, error) from error


def _code(path: Path) -> InputError:
    return InputError(Problem("contains code, refused", "save it again as .safetensors", path))


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error) or type(error).__name__).splitlines()[0][:120]
    what = f"is damaged or no {path.suffix} file ({reason})"
    return InputError(Problem(what, "fetch it again and compare its checksum", path))


def unwrapped(state: State) -> State:
    """Strip the prefix that all names share when a wrapper module was saved."""
    for prefix in PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            return unwrapped({name.removeprefix(prefix): v for name, v in state.items()})
    return state


def seems_to_hold(state: State) -> str:
    """Name the architecture whose parameter names these are."""
    for name, family in HOLDS.items():
        if name in state:
            return family
    return f"an unknown network (first tensor {next(iter(state), 'none')!r})"


def heads(backbone: nn.Module) -> tuple[str, ...]:
    """Return timm's names of the classifier modules that were cut off a backbone."""
    names: str | tuple[str, ...] | None = pretrained_config(backbone).get("classifier")
    return (names,) if isinstance(names, str) else tuple(names or ())


def pretrained_config(backbone: nn.Module) -> dict[str, Any]:
    """Return what timm knows of a network: its repository, classifier, normalization."""
    return getattr(backbone, "pretrained_cfg", None) or {}


def for_backbone(state: State, backbone: nn.Module, path: Path) -> tuple[State, State]:
    """Bring weights to the names and shapes of a timm backbone without its classifier.

    Args:
        state: Tensors under timm's names, or torchvision's where the two agree or for MobileNetV2.
        backbone: Network made with ``num_classes=0``.
        path: Where they come from, for messages.

    Returns:
        The backbone's tensors, complete, and ``weight`` and ``bias`` of the classifier that the
        file holds (empty where it has none).

    Raises:
        InputError: They are of another network; names the first missing and unexpected tensors.
    """
    state = _from_torchvision(unwrapped(state), backbone)
    prefixes = tuple(f"{name}." for name in heads(backbone))
    first = prefixes[0] if prefixes else "\n"
    classifier = {n.removeprefix(first): v for n, v in state.items() if n.startswith(first)}
    body = {n: v for n, v in state.items() if not (prefixes and n.startswith(prefixes))}
    if _differences(body, backbone):
        body = _adapted(body, backbone)
    if differences := _differences(body, backbone):
        name = pretrained_config(backbone).get("architecture") or type(backbone).__name__
        what = f"does not fit {name}: {'; '.join(differences)}"
        fix = f"it seems to hold {seems_to_hold(state)}: set model.backbone to that or take weights"
        raise InputError(Problem(what, f"{fix} of {name}", path))
    return body, classifier


def _differences(state: State, backbone: nn.Module) -> list[str]:
    """Say what keeps `state` from being the backbone's; counters of batches are not needed."""
    wanted = backbone.state_dict()
    missing = [n for n in wanted if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [n for n in state if n not in wanted]
    reshaped = [
        f"{n} is {tuple(state[n].shape)} for {tuple(v.shape)}"
        for n, v in wanted.items()
        if n in state and state[n].shape != v.shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    return [
        f"{len(names)} tensor(s) {word} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for word, names in found.items()
        if names
    ]


def _adapted(state: State, backbone: nn.Module) -> State:
    """Let timm rename old names and resample position embeddings to another image size."""
    adapt = getattr(sys.modules[type(backbone).__module__], "checkpoint_filter_fn", None)
    if adapt is None:
        return state
    try:
        return dict(adapt(dict(state), backbone))
    except (KeyError, IndexError, RuntimeError, AttributeError, ValueError):
        return state  # not of this family at all; the caller says what differs


def _from_torchvision(state: State, backbone: nn.Module) -> State:
    """Rename torchvision's MobileNetV2 to timm's: the same layers in the same order.

    Both list a block's layers in the order of the computation (expand, depthwise, project), so the
    n-th tensor of one is the n-th of the other; shapes and kinds are compared one by one.
    """
    names = [n for n in backbone.state_dict() if not n.endswith("num_batches_tracked")]
    body = [n for n in state if n.startswith("features.") and not n.endswith("_tracked")]
    if "features.18.0.weight" not in state or len(names) != len(body):
        return state
    kinds = ("weight", "bias", "running_mean", "running_var")

    def order(name: str) -> tuple[list[int], int]:
        kind = name.rsplit(".", 1)[1]
        return [int(n) for n in re.findall(r"\d+", name)], kinds.index(kind)

    if any(n.rsplit(".", 1)[1] not in kinds for n in body):
        return state
    renamed = dict(zip(sorted(body, key=order), names, strict=True))
    wanted = backbone.state_dict()
    for old, new in renamed.items():
        same_kind = old.rsplit(".", 1)[1] == new.rsplit(".", 1)[1]
        if not same_kind or state[old].shape != wanted[new].shape:
            return state
    heads_of = {"classifier.1.weight": "classifier.weight", "classifier.1.bias": "classifier.bias"}
    renamed |= {old: new for old, new in heads_of.items() if old in state}
    return {new: state[old] for old, new in renamed.items()}
