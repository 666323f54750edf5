"""What a run is made of: code, packages, machine, seeds, and the fingerprints of its data."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from skinlab.tables.files import sha256

PACKAGES = (
    "skinlab",
    "torch",
    "lightning",
    "timm",
    "kornia",
    "pillow",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "optuna",
    "mlflow",
)
LOCK = Path("requirements/skinlab.lock")


def describe() -> dict[str, Any]:
    """Return code, packages and machine as JSON values, without names of people or machines."""
    return {
        "uid": uuid.uuid4().hex,
        "git": _git(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "lock": sha256(LOCK) if LOCK.is_file() else "",
        "hardware": {
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "",
        },
        "deterministic": not torch.cuda.is_available()
        or torch.are_deterministic_algorithms_enabled(),
        "command": Path(sys.argv[0]).name,
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git() -> dict[str, Any]:
    """Return commit and dirty flag of the working folder; empty outside a repository."""

    def ask(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = ask("rev-parse", "HEAD")
        dirty = bool(commit and ask("status", "--porcelain", "--untracked-files=no"))
    except OSError:
        return {"commit": "", "dirty": False}
    return {"commit": commit, "dirty": dirty}
