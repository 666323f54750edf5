"""Configuration -> trained run folder, evaluated; killed anywhere, the same command goes on."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as L
import torch
from safetensors.torch import load_file

from skinlab import config as configuration
from skinlab.config import FitConfig
from skinlab.data.module import SkinDataModule
from skinlab.figures.report_page import write_report
from skinlab.forget import PATIENTS
from skinlab.inference.predict import as_predictions, probabilities
from skinlab.models.classifier import build_classifier
from skinlab.stats.evaluate import evaluate
from skinlab.stats.flat import flat
from skinlab.tables.errors import InputError, Problem, RunError, SkinlabError
from skinlab.tables.files import write_json
from skinlab.tables.predictions import Predictions
from skinlab.tasks.classification import ClassificationTask
from skinlab.training import checkpoint, provenance
from skinlab.training.callbacks import (
    KeepEpoch,
    Progress,
    Prune,
    Pruned,
    RefuseNaN,
    Signals,
    StopAtSignal,
    Stopped,
)
from skinlab.training.prepare import Prepared, prepare
from skinlab.training.tracking import Mirror, mirrored
from skinlab.workspace import Run, Workspace

# Fields that change where and how fast a run is made, not what it computes.
OPERATIONAL = ("data.root", "data.workers", "tracking", "training.threads", "experiment", "name")


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


def fit(config: FitConfig, workspace: Workspace) -> Run:
    """Train and evaluate; a finished run is returned as it is.

    Raises:
        InputError: Bad data or configuration.
        RunError: The run failed, or another process has it.
        Stopped: A signal came; the same command goes on.
    """
    folder = workspace.runs / config.experiment / f"{config.name}-{identity(config)[:8]}"
    members = list(expanded(config))
    run = Run(folder)
    with run.owner():
        if run.state == "finished":
            return _unchanged(run, config, workspace)
        with Session.opened(config, workspace) as session:
            prepared = prepare(config, workspace)
            if len(members) == 1:
                train(members[0][1], prepared, session, Place(run))
            else:
                _train_group(config, prepared, session, run)
    return run


def _unchanged(run: Run, config: FitConfig, workspace: Workspace) -> Run:
    """Return a finished run, after making sure that it still is what the configuration means."""
    check_same(run, prepare(config, workspace))
    print("this run is finished already; nothing to do", file=sys.stderr)
    return run


def identity(config: FitConfig) -> str:
    """Fingerprint of everything that changes a run's numbers."""
    return configuration.fingerprint(config, *OPERATIONAL)


def expanded(config: FitConfig) -> Iterator[tuple[str, FitConfig]]:
    """Yield a name and a single training for each seed and fold."""
    for seed in config.seeds:
        for fold in config.folds or (None,):
            data = config.data if fold is None else replace(config.data, fold=fold)
            name = f"seed{seed}" if fold is None else f"seed{seed}-fold{fold}"
            yield name, replace(config, seeds=(seed,), folds=(), data=data)


def _train_group(config: FitConfig, prepared: Prepared, session: Session, run: Run) -> None:
    """Train every member, then evaluate their stacked predictions in the parent."""
    begin(run, config, prepared, Place(run), "group")
    with lifecycle(run, session):
        for name, member in expanded(config):
            place = Place(Run(run.folder / name), "member", "..", _tags(member))
            with place.run.owner():
                if place.run.state != "finished":
                    train(member, prepared, session, place)
        for split in config.splits:
            parts = []
            for name, member in expanded(config):
                part = Predictions.read(run.folder / name / "predictions" / f"{split}.csv")
                fold = str(member.data.fold) if config.folds else ""
                frame = part.frame.assign(seed=str(member.seeds[0]), fold=fold)
                parts.append(replace(part, frame=frame))
            conclude(run, Predictions.stacked(parts), split, prepared, config)


def _tags(config: FitConfig) -> tuple[tuple[str, str], ...]:
    return (("seed", str(config.seeds[0])), ("fold", str(config.data.fold)))


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


def _list_patients(
    run: Run, module: SkinDataModule, prepared: Prepared, workspace: Workspace
) -> None:
    """Store who was trained on and who was held out, as pseudonyms, so that one can be forgotten."""
    patients = prepared.manifest.column("patient_id")
    names = {
        split: sorted({workspace.pseudonym(patients[row]) for row in module.rows(split)} - {""})
        for split in ("train", "val", "test")
    }
    write_json(run.folder / PATIENTS, names)


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
    except SkinlabError as error:
        run.note("failed", reason=str(error))
        raise
    except torch.OutOfMemoryError as error:
        reason = "the GPU ran out of memory; lower data.batch_size or data.image_size"
        run.note("failed", reason=reason)
        raise RunError(reason) from error
    except BaseException as error:
        run.note("failed", reason=type(error).__name__)
        raise
    else:
        run.note("finished")
    finally:
        session.mirror.tell(run)


def train(config: FitConfig, prepared: Prepared, session: Session, place: Place) -> None:
    """Train one seed and fold in its folder, from its last finished epoch, and evaluate it."""
    run = place.run
    begin(run, config, prepared, place, place.kind)
    with lifecycle(run, session):
        module = prepared.module(config)
        _list_patients(run, module, prepared, session.workspace)
        torch.manual_seed(config.seeds[0])  # the head's first weights
        network = build_classifier(
            config.model, len(prepared.tree.classes(config.data.level)), config.data.image_size
        )
        task = ClassificationTask(network, config.optim, module.class_counts, config.seeds[0])
        keep = KeepEpoch(run, config.training.monitor, config.training.patience)
        if not trained(run, config):
            _run_trainer(config, task, module, session, (keep, place))
        best = best_weights(run)
        network.load_state_dict(load_file(best))
        for split in config.splits:
            session.signals.check()
            predicted = _predicted(config, prepared, session, (network, module, split))
            conclude(run, predicted, split, prepared, config)
        checkpoint.save_weights(network.state_dict(), run.folder / "weights.safetensors")


def _run_trainer(
    config: FitConfig,
    task: ClassificationTask,
    module: L.LightningDataModule,
    session: Session,
    kept: tuple[KeepEpoch, Place],
) -> None:
    keep, place = kept
    run = place.run
    resume, said = checkpoint.newest(run.folder / "checkpoints")
    for sentence in said:
        print(sentence, file=sys.stderr)
    if resume is not None:
        print(f"{run.folder.name}: going on after {resume.stem}", file=sys.stderr)
    callbacks: list[L.Callback] = [StopAtSignal(session.signals), RefuseNaN(), keep]
    callbacks.append(Progress(run.folder.name, config.training.monitor))
    callbacks.append(_Tell(session.mirror, run))
    if place.report is not None:
        callbacks.append(Prune(keep, place.report))
    with quiet():
        trainer = L.Trainer(
            accelerator="gpu" if _device(config) == "cuda" else "cpu",
            devices=1,
            max_epochs=config.optim.epochs,
            precision="bf16-mixed" if _bf16(config) else "32-true",
            callbacks=callbacks,
            plugins=[checkpoint.SafeCheckpointIO()],
            default_root_dir=run.folder,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            deterministic=True,
            use_distributed_sampler=False,
        )
        trainer.fit(task, datamodule=module, ckpt_path=resume, weights_only=True)
    session.signals.check()


class _Tell(L.Callback):
    """Wakes the mirror after each epoch."""

    def __init__(self, mirror: Mirror, run: Run) -> None:
        self.mirror, self.run = mirror, run

    def on_train_epoch_end(self, *_: Any) -> None:
        self.mirror.tell(self.run)


def _device(config: FitConfig) -> str:
    if config.training.device != "auto":
        return config.training.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _bf16(config: FitConfig) -> bool:
    asked = config.training.precision
    return asked == "bf16" or (asked == "auto" and _device(config) == "cuda")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's advertisements and notes about our own choices off the terminal."""
    import logging

    loggers = [logging.getLogger(n) for n in ("lightning.pytorch", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # torch's pytree tells Lightning 2.6.6 that its import is old; nothing we can change.
        warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\).*")
        # The cache is mapped: reading ahead in workers is not faster.
        warnings.filterwarnings("ignore", message=r".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=r".*GPU available but not used.*")
        warnings.filterwarnings("ignore", message=r".*Checkpoint directory .* exists.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)


def trained(run: Run, config: FitConfig) -> bool:
    """Whether the epochs are all done, by the journal and the resume point that belongs to it."""
    newest, _ = checkpoint.newest(run.folder / "checkpoints")
    if newest is None:
        return False
    last = int(newest.stem.split("-")[1])
    values = {e["epoch"]: e["values"][config.training.monitor] for e in run.events("epoch")}
    best = max(range(last + 1), key=lambda epoch: (values[epoch], -epoch))
    waited = bool(config.training.patience) and last - best >= config.training.patience
    return last + 1 >= config.optim.epochs or waited


def best_weights(run: Run) -> Path:
    """Return the weights of the best epoch.

    Raises:
        RunError: There are none, or they are damaged.
    """
    found = sorted((run.folder / "checkpoints").glob("best-*.safetensors"))
    if not found or not checkpoint.intact(found[-1]):
        raise RunError(f"{run.folder}: the best weights are missing or damaged; delete the folder")
    return found[-1]


def _predicted(
    config: FitConfig,
    prepared: Prepared,
    session: Session,
    what: tuple[torch.nn.Module, Any, str],
) -> Predictions:
    network, module, split = what
    rows = module.rows(split)
    device = torch.device(_device(config))
    batches = module.batches(split)
    show = config.privacy.show_ids
    return as_predictions(
        prepared.manifest.where(rows),
        prepared.tree,
        config.data.level,
        probabilities(network, batches, device),
        identify=str if show else session.workspace.pseudonym,
    )


def conclude(
    run: Run, predicted: Predictions, split: str, prepared: Prepared, config: FitConfig
) -> None:
    """Store predictions, evaluate them, write the report, and journal the numbers."""
    path = run.folder / "predictions" / f"{split}.csv"
    predicted.save(path)
    stored = Predictions.read(path)  # every number comes from what is on disk
    title = "test" if split == "test" else f"best_{split}"  # beside the curves under val/
    report = evaluate(stored, prepared.tree, split=title, spec=config.evaluation)
    report = replace(report, fingerprints=report.fingerprints | prepared.fingerprints)
    write_report(report, stored, run.folder / "report" / split)
    numbers = flat(report)
    run.note("final", split=split, values=numbers.metrics)
    write_json(run.folder / "report" / split / "undefined.json", numbers.undefined)
    write_json(run.folder / "report" / split / "names.json", numbers.legend)
