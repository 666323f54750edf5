"""kill -9, SIGTERM and Ctrl-C at any moment: the same command goes on to the same numbers."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Clinic

from skinlab.training import checkpoint
from skinlab.workspace import Run, Workspace

pytestmark = pytest.mark.slow

FIT = (
    *("fit", "experiments/classification/synthetic.yaml", "--data.image_size=32"),
    *("--data.cache_size=0", "--optim.epochs=4", "--training.threads=1"),
    *("--evaluation.resamples=100", "--privacy.show_ids=true"),
)
SWEEP = (
    *("sweep", "experiments/sweeps/preprocessing.yaml", "--trials=4", "--pruner=none"),
    *("--fixed.data.image_size=32", "--fixed.data.cache_size=0", "--fixed.optim.epochs=2"),
    *("--fixed.training.threads=1", "--fixed.evaluation.resamples=100"),
    "--fixed.privacy.show_ids=true",
)


def _runs(clinic: Clinic) -> list[Run]:
    return list(Workspace(clinic.folder / "workspace").all_runs())


def _epochs(run: Run) -> dict[int, dict[str, float]]:
    return {event["epoch"]: event["values"] for event in run.events("epoch")}


def _numbers(clinic: Clinic) -> dict[str, object]:
    """Everything that must not depend on having been killed."""
    found: dict[str, object] = {}
    for run in _runs(clinic):
        name = run.folder.name
        found[f"{name} epochs"] = _epochs(run)
        for path in sorted((run.folder / "predictions").glob("*.csv")):
            found[f"{name} {path.name}"] = path.read_bytes()
        for path in sorted(run.folder.glob("table.csv")):
            found[f"{name} {path.name}"] = path.read_bytes()
    return found


def _statuses(clinic: Clinic) -> list[tuple[str, int]]:
    """Status of each MLflow run, and how many there are of each run folder."""
    with sqlite3.connect(clinic.folder / "workspace" / "tracking" / "mlflow.db") as database:
        query = (
            "select r.status, count(*) from runs r join tags t on t.run_uuid = r.run_uuid "
            "where t.key = 'skinlab.run' group by t.value"
        )
        return list(database.execute(query))


def _kill_until_done(clinic: Clinic, words: tuple[str, ...], kills: int) -> None:
    """Kill the command at random moments, while it starts and while it works, then let it end."""
    moments = random.Random(7)
    for kill in range(kills):
        before = _journal_lines(clinic)
        process = clinic.start(*words, start_new_session=True)
        if kill % 2:
            deadline = time.monotonic() + 60
            while _journal_lines(clinic) == before and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(moments.uniform(0, 1.5))
        else:
            time.sleep(moments.uniform(0.5, 6))
        assert process.poll() is None, "it ended before it was killed: give it more to do"
        process.kill()
        process.communicate()
    done = clinic.run(*words)
    assert done.returncode == 0, done.stderr


def _journal_lines(clinic: Clinic) -> int:
    return sum(len(run.events()) for run in _runs(clinic))


@pytest.mark.parametrize(
    "words",
    [(*FIT, "--optim.epochs=80"), (*SWEEP, "--trials=12", "--fixed.optim.epochs=8")],
    ids=["fit", "sweep"],
)
def test_killed_at_ten_random_moments_it_ends_with_the_numbers_of_an_unbroken_run(
    clinic: Clinic, tmp_path: Path, words: tuple[str, ...]
) -> None:
    straight = Clinic(tmp_path / "straight")
    subprocess.run(["cp", "-a", clinic.folder, straight.folder], check=True)
    done = straight.run(*words)
    assert done.returncode == 0, done.stderr
    _kill_until_done(clinic, words, kills=10)
    assert _numbers(clinic) == _numbers(straight)
    found = _statuses(clinic)
    assert {status for status, _ in found} == {"FINISHED"}
    assert {count for _, count in found} == {1}
    assert len(found) == len(_runs(clinic))


def _wait_for_epoch(process: subprocess.Popen[str], clinic: Clinic, epochs: int = 1) -> Run:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for run in _runs(clinic):
            if len(list((run.folder / "checkpoints").glob("epoch-*.ckpt.sha256"))) >= epochs:
                return run
        time.sleep(0.05)
    raise AssertionError(f"no epoch was finished: {process.communicate()}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_at_the_next_batch_and_the_command_goes_on(
    clinic: Clinic, number: signal.Signals, code: int
) -> None:
    words = (*FIT, "--optim.epochs=200")
    with clinic.start(*words) as process:
        run = _wait_for_epoch(process, clinic)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.strip().splitlines()[-1].startswith("error: stopped by")
    assert "Traceback" not in err
    assert run.state == "stopped"
    assert [status for status, _ in _statuses(clinic)] == ["KILLED"]
    newest, said = checkpoint.newest(run.folder / "checkpoints")
    assert newest is not None
    assert said == []


def test_a_damaged_newest_checkpoint_costs_one_epoch_and_is_said(clinic: Clinic) -> None:
    words = (*FIT, "--optim.epochs=200")
    with clinic.start(*words) as process:
        run = _wait_for_epoch(process, clinic, epochs=2)
        process.kill()
        process.communicate()
    path, _ = checkpoint.newest(run.folder / "checkpoints")
    assert path is not None
    path.write_bytes(path.read_bytes()[:-100])
    before = len(run.events("epoch"))
    with clinic.start(*words) as process:
        deadline = time.monotonic() + 120
        while len(run.events("epoch")) == before and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert f"{path.name} is damaged" in err
    assert "going on after epoch-" in err


def test_a_second_command_says_who_runs_it(clinic: Clinic) -> None:
    words = (*FIT, "--optim.epochs=200")
    with clinic.start(*words) as process:
        _wait_for_epoch(process, clinic)
        second = clinic.run(*words)
        process.kill()
        process.communicate()
    assert second.returncode == 1
    assert f"is already running (pid {process.pid}" in second.stderr


def test_a_finished_command_does_nothing_the_second_time(clinic: Clinic) -> None:
    for said in ("", "finished already; nothing to do"):
        done = clinic.run(*FIT)
        assert done.returncode == 0
        assert said in done.stderr
    done = clinic.run(*SWEEP)
    assert done.returncode == 0, done.stderr
    before = _numbers(clinic)
    again = clinic.run(*SWEEP)
    assert "all its trials already; nothing to do" in again.stderr
    assert _numbers(clinic) == before


def test_more_trials_are_added_to_the_same_sweep(clinic: Clinic) -> None:
    assert clinic.run(*SWEEP, "--trials=2").returncode == 0
    first = _numbers(clinic)
    assert clinic.run(*SWEEP, "--trials=4").returncode == 0
    later = _numbers(clinic)
    kept = [name for name in first if "trial-" in name]
    assert all(later[name] == first[name] for name in kept)
    assert len([r for r in _runs(clinic) if r.provenance["kind"] == "trial"]) == 4


def test_a_lost_study_is_completed_from_the_trial_folders(clinic: Clinic) -> None:
    assert clinic.run(*SWEEP).returncode == 0
    before = _numbers(clinic)
    for path in (clinic.folder / "workspace" / "tracking").glob("optuna.db*"):
        path.unlink()
    done = clinic.run(*SWEEP)
    assert done.returncode == 0
    assert "nothing to do" in done.stderr
    assert _numbers(clinic) == before


def test_changed_photographs_are_not_mixed_with_earlier_results(clinic: Clinic) -> None:
    assert clinic.run(*FIT).returncode == 0
    manifest = clinic.folder / "data_manifests" / "synthetic.csv"
    text = manifest.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]), encoding="utf-8")
    done = clinic.run(*FIT)
    assert done.returncode == 2
    assert "changed since this run began" in done.stderr
