"""``skinlab ui`` and ``skinlab doctor``: look at the runs, and at this machine."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from skinlab.tables.errors import InputError, Problem
from skinlab.verbs.stopping import Interrupted
from skinlab.verbs.verb import add


def add_verbs(verbs: Any) -> None:
    """Add ``ui`` and ``doctor``."""
    ui = add(verbs, "ui", _ui, "open the MLflow UI of the workspace on this machine only")
    ui.add_argument("--port", type=int, default=5000)
    ui.add_argument("--host", default="127.0.0.1", help="127.0.0.1; others are refused")
    add(verbs, "doctor", _doctor, "check packages, workspace, disk and GPU")


def _ui(words: argparse.Namespace) -> int:
    from skinlab.config import TrackingSpec
    from skinlab.training import tracking
    from skinlab.workspace import Workspace

    _refuse_port(words.port)
    if words.host not in {"127.0.0.1", "localhost"}:
        tunnel = f"ssh -L {words.port}:127.0.0.1:{words.port} THIS_MACHINE"
        fix = f"leave --host out, and give `{tunnel}` on the other machine"
        raise InputError(Problem(f"{words.host} would open the results to the network", fix))
    workspace = Workspace.here()
    caught = tracking.catch_up(TrackingSpec(), workspace)
    if caught:
        print(f"logged {caught} run(s) that the tracking store did not have", file=sys.stderr)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C is how it ends, no failure
    try:
        tracking.serve(TrackingSpec(), workspace, words.port)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        return 0
    return 0


def _refuse_port(port: int) -> None:
    """Refuse a port that cannot be had, before MLflow takes half a minute to find out."""
    if not 1 <= port <= 65535:
        raise InputError(Problem(f"{port} is no port", "give --port 1024 to 65535"))
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError as error:
            what = f"port {port} cannot be opened ({(error.strerror or str(error)).lower()})"
            raise InputError(Problem(what, f"give another, such as --port {port + 1}")) from error


def _doctor(_: argparse.Namespace) -> int:
    from skinlab.doctor import examine
    from skinlab.workspace import Workspace

    findings = examine(Workspace.here(), Path("requirements/skinlab.lock"))
    for finding in findings:
        print(f"{finding.verdict:8}{finding.text}")
    return 1 if any(finding.verdict == "bad" for finding in findings) else 0
