"""Eight processes on an empty folder at once: every database is made once, and all of them work."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

pytestmark = pytest.mark.slow

PROCESSES = 8
TOGETHER = """
import os, sys, traceback
from pathlib import Path
import mlflow, optuna
from skinlab.config import SweepConfig, TrackingSpec
from skinlab.training.sweep import _study
from skinlab.training.tracking import Store
from skinlab.workspace import Run, Workspace

workspace = Workspace(Path(sys.argv[1]))
space = {"optim.lr": {"low": 0.001, "high": 0.1}}
ready, go = os.pipe()
children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(go)
            os.read(ready, 1)  # all begin when the parent closes its end
            run = Run(workspace.runs / "x" / f"fit-{number}")
            about = {"uid": str(number), "kind": "fit", "name": run.folder.name, "tags": {}}
            run.begin(about | {"experiment": "together", "params": {"a": 1}}, "name: x")
            run.note("epoch", epoch=0, values={"val/loss": 1.0})
            run.note("finished")
            Store(TrackingSpec(), workspace).mirror(run)
            config = SweepConfig(name="s", fit="f", space=space)
            study = _study(config, 2, workspace, Run(workspace.runs / "x" / "together"))
            study.tell(study.ask(), 0.5)
            workspace.pseudonym("P1")
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    children.append(child)
os.close(go)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_eight_processes_on_an_empty_folder_all_work(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    command = [sys.executable, "-W", "ignore", "-c", TOGETHER, str(folder), str(PROCESSES)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with sqlite3.connect(folder / "tracking" / "mlflow.db") as database:
        query = "select count(*), count(distinct run_uuid) from runs where status = 'FINISHED'"
        assert database.execute(query).fetchone() == (PROCESSES, PROCESSES)
        query = "select count(*) from experiments where name = 'together'"
        assert database.execute(query).fetchone() == (1,)
    with sqlite3.connect(folder / "tracking" / "optuna.db") as database:
        assert database.execute("select count(*) from studies").fetchone() == (1,)
        query = "select count(*), count(distinct number) from trials where state = 'COMPLETE'"
        assert database.execute(query).fetchone() == (PROCESSES, PROCESSES)
    assert json.loads((folder / "runs/x/fit-0/provenance.json").read_text())["uid"] == "0"
    assert len((folder / "pseudonym.key").read_bytes()) == 32
