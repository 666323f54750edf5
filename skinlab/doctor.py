"""This machine -> what is right and what should be mended before a study."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from skinlab.workspace import Workspace

# Releases that stole credentials on import (GHSA-w37p-236h-pfx3).
KNOWN_BAD = {"lightning": ("2.6.2", "2.6.3"), "pytorch-lightning": ("2.6.2", "2.6.3")}
PHONES_HOME = ("wandb", "ultralytics", "albumentations", "gradio", "comet-ml", "neptune")
SYNCED = ("dropbox", "onedrive", "icloud", "google drive", "googledrive", "box sync", "public_html")
ROOMY = 20 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Literal["ok", "warning", "bad"]
    text: str


def examine(workspace: Workspace, lock: Path) -> list[Finding]:
    """Look at packages, workspace, disk and devices.

    Args:
        workspace: Where data and runs are.
        lock: The lock file that the environment should equal; passed over when it is absent.
    """
    return [
        *_packages(lock),
        *_workspace(workspace),
        *_devices(),
    ]


def _packages(lock: Path) -> list[Finding]:
    installed = {d.name.lower().replace("_", "-"): d.version for d in metadata.distributions()}
    found = []
    for name, versions in KNOWN_BAD.items():
        if installed.get(name) in versions:
            text = f"{name} {installed[name]} steals credentials; run `make clean setup`"
            found.append(Finding("bad", text))
    found += [
        Finding("warning", f"{name} is installed and can send data; skinlab does not use it")
        for name in PHONES_HOME
        if name in installed
    ]
    if lock.is_file():
        pinned = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", lock.read_text(), re.M))
        other = [
            f"{name} {installed[key]} (locked {version})"
            for name, version in pinned.items()
            if (key := name.lower().replace("_", "-")) in installed and installed[key] != version
        ]
        if other:
            found.append(Finding("warning", f"not the locked versions: {', '.join(other[:8])}"))
        else:
            found.append(Finding("ok", f"{len(pinned)} packages as locked in {lock}"))
    else:
        found.append(Finding("warning", "no lock file here: versions are not pinned"))
    return found


def _workspace(workspace: Workspace) -> list[Finding]:
    folder = workspace.folder
    found = [Finding("ok", f"workspace {folder} is writable")]
    if folder.stat().st_mode & 0o077:
        found.append(Finding("warning", f"others can look into it; `chmod 700 '{folder}'`"))
    if any(word in str(folder).lower() for word in SYNCED):
        found.append(Finding("bad", f"{folder} is in a folder that is copied elsewhere; move it"))
    free = shutil.disk_usage(folder).free
    verdict: Literal["ok", "warning"] = "ok" if free > ROOMY else "warning"
    found.append(Finding(verdict, f"{free / 2**30:.0f} GiB free there"))
    return found


def _devices() -> list[Finding]:
    import torch

    text = f"torch {torch.__version__} with {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        return [Finding("ok", f"{text}, GPU {torch.cuda.get_device_name(0)}")]
    return [Finding("ok", f"{text}, no GPU")]
