"""``python -m skinlab``: the same as the command ``skinlab``."""

from __future__ import annotations

import sys

from skinlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
