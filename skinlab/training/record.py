"""Who runs together, what a run is made of, and every change of its state, in its folder."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from skinlab import config as configuration
from skinlab.config import FitConfig
from skinlab.data.module import SkinDataModule
from skinlab.forget import PATIENTS
from skinlab.tables.errors import InputError, Problem, RunError, SkinlabError
from skinlab.tables.files import write_json
from skinlab.training import provenance
from skinlab.training.callbacks import Pruned, Signals, Stopped
from skinlab.training.prepare import Prepared
from skinlab.training.tracking import Mirror, mirrored
from skinlab.workspace import Run, Workspace


@dataclass(frozen=True)
class Session:
    """What all runs of one command share."""

    workspace: Workspace
    mirror: Mirror
    signals: Signals

    @classmethod
    @contextmanager
    def opened(cls, config: FitConfig, workspace: Workspace) -> Iterator[Session]:
        """Watch signals and mirror to MLflow while the block runs."""
        if config.training.threads:
            torch.set_num_threads(config.training.threads)
        with Signals().watched() as signals, mirrored(config.tracking, workspace) as mirror:
            yield cls(workspace, mirror, signals)


@dataclass(frozen=True)
class Place:
    """Where a run stands among others.

    Attributes:
        run: Its folder.
        kind: ``fit``, ``member`` of a group, or ``trial`` of a sweep.
        parent: Relative path to the parent's folder; empty when it stands alone.
        tags: MLflow tags.
        report: Called after each epoch with (epoch, best so far); may end the run.
    """

    run: Run
    kind: Literal["fit", "member", "trial"] = "fit"
    parent: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    report: Callable[[int, float], None] | None = None


def begin(run: Run, config: FitConfig, prepared: Prepared, place: Place, kind: str) -> None:
    """Write what the run is made of, or refuse to go on with other data than it began with."""
    if run.provenance:
        check_same(run, prepared)
        return
    made_of = provenance.describe()
    own = configuration.fingerprint(config)
    tags = {
        "git_commit": made_of["git"]["commit"],
        "config_hash": own,
        "manifest_hash": prepared.manifest.fingerprint,
        "lock_hash": made_of["lock"],
        "task": config.experiment,
        **dict(place.tags),
    }
    made_of |= {
        "kind": kind,
        "name": run.folder.name,
        "experiment": config.experiment,
        "parent": place.parent,
        "tags": tags,
        "params": configuration.flat(config),
        "fingerprints": prepared.fingerprints,
        "datasets": [
            {
                "name": prepared.manifest.path.stem,
                "fingerprint": prepared.manifest.fingerprint,
                "context": split,
            }
            for split in ("train", *config.splits)
        ],
    }
    made_of["params"].pop("data.root")  # a path of this machine
    made_of["params"]["model.weights"] = Path(config.model.weights).name
    run.begin(made_of, configuration.dump(config))


def check_same(run: Run, prepared: Prepared) -> None:
    """Refuse to mix results of two states of the data.

    Raises:
        InputError: Manifest, labels or photographs changed since the run began.
    """
    before, now = run.provenance.get("fingerprints", {}), prepared.fingerprints
    changed = [name for name in now if name in before and before[name] != now[name]]
    if changed:
        what = f"{' and '.join(changed)} changed since this run began"
        fix = "restore them, or give the experiment another name to start anew"
        raise InputError(Problem(what, fix, run.folder))


def list_patients(
    run: Run, module: SkinDataModule, prepared: Prepared, workspace: Workspace
) -> None:
    """Store who was trained on and who held out, as pseudonyms, so that one can be forgotten."""
    patients = prepared.manifest.column("patient_id")
    names = {
        split: sorted({workspace.pseudonym(patients[row]) for row in module.rows(split)} - {""})
        for split in ("train", "val", "test")
    }
    write_json(run.folder / PATIENTS, names)


class UnforeseenError(RunError):
    """A run ended by what nobody foresaw; where it happened stands in the run's ``log.txt``.

    What the error says may name a file or a person: it is shown on the terminal and written
    nowhere.
    """

    def __init__(self, error: Exception, log: Path) -> None:
        """Take what happened and the file that has its traceback."""
        self.kind = type(error).__name__
        super().__init__(f"{self.kind}: {error}; the details are in {log}")


def keep_traceback(run: Run, error: BaseException) -> Path:
    """Append where an error and its causes happened to the run's log, without what they say."""
    path = run.folder / "log.txt"
    lines = [time.strftime("%Y-%m-%d %H:%M:%S\n")]
    at: BaseException | None = error
    while at is not None:
        lines += [f"{type(at).__module__}.{type(at).__qualname__} at\n"]
        lines += traceback.format_tb(at.__traceback__)
        at = at.__cause__ or at.__context__
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as stream:
        stream.writelines(lines)
    return path


_MEMORY = ("data.batch_size", "data.image_size")


@contextmanager
def lifecycle(run: Run, session: Session) -> Iterator[None]:
    """Write the run's changes of state, whatever happens inside, and tell the mirror."""
    run.note("started")
    session.mirror.tell(run)
    try:
        yield
    except Stopped as stop:
        run.note("stopped", reason=str(stop))
        raise
    except Pruned as pruned:
        run.note("finished", state="pruned", reason=str(pruned))
        raise
    except UnforeseenError as error:  # of a member of this run
        run.note("failed", reason=error.kind)
        raise
    except SkinlabError as error:
        run.note("failed", reason=str(error))
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        params = run.provenance.get("params", {})
        sizes = [f"{name} {params[name]}" for name in _MEMORY if name in params]
        reason = f"out of memory with {' and '.join(sizes)}; lower one of them"
        run.note("failed", reason=reason)
        raise RunError(reason) from error
    except Exception as error:
        run.note("failed", reason=type(error).__name__)
        raise UnforeseenError(error, keep_traceback(run, error)) from error
    except BaseException as error:
        run.note("failed", reason=type(error).__name__)
        raise
    else:
        run.note("finished")
    finally:
        session.mirror.tell(run)
