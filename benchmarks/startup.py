"""How long `skinlab --help` takes, in turns with a Python that does nothing.

    python benchmarks/startup.py

Goal: less than half a second where an empty Python takes a twentieth of it.
"""

from __future__ import annotations

import subprocess
import sys

from side_by_side import compare

EMPTY = [sys.executable, "-c", "pass"]
HELP = [sys.executable, "-m", "skinlab", "--help"]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Print seconds of --help in units of an empty Python's."""
    ratio = compare(
        "empty python / skinlab --help", lambda: _run(EMPTY), lambda: _run(HELP), goal=0.1
    )
    print(ratio)


if __name__ == "__main__":
    main()
