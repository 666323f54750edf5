"""Configuration -> trained run folder, evaluated; killed anywhere, the same command goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from skinlab import config as configuration
from skinlab.config import FitConfig
from skinlab.data.batch import Batch
from skinlab.inference.predict import as_predictions, probabilities
from skinlab.models.classifier import build_classifier
from skinlab.stats.subgroups.bands import Column
from skinlab.tables.errors import RunError
from skinlab.tables.files import sha256
from skinlab.tables.predictions import Predictions
from skinlab.tasks.classification import ClassificationTask
from skinlab.training import checkpoint
from skinlab.training.conclude import (
    conclude,
    freeze_on_validation,
    freezes,
    gather_frozen,
)
from skinlab.training.prepare import Prepared, prepare
from skinlab.training.record import Place, Session, begin, check_same, lifecycle, list_patients
from skinlab.training.trainer import device_of, run_trainer
from skinlab.workspace import Run, Workspace

# Fields that change where and how fast a run is made, not what it computes.
OPERATIONAL = ("data.root", "data.workers", "tracking", "training.threads", "experiment", "name")


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
    prepared = prepare(config, workspace)  # bad input leaves no run folder behind
    for _, member in members:
        prepared.module(member)
    with run.owner(), Session.opened(config, workspace) as session:
        if run.state == "finished":
            check_same(run, prepared)
            print("this run is finished already; nothing to do", file=sys.stderr)
        elif len(members) == 1:
            train(members[0][1], prepared, session, Place(run))
        else:
            _train_group(config, prepared, session, run)
    return run


def identity(config: FitConfig) -> str:
    """Fingerprint of everything that changes a run's numbers; weights count by their content."""
    weights = Path(config.model.weights)
    if weights.is_file():
        config = replace(config, model=replace(config.model, weights=sha256(weights)))
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
        columns = {
            name: (str(member.seeds[0]), str(member.data.fold) if config.folds else "")
            for name, member in expanded(config)
        }
        if freezes(config):
            gather_frozen(run, columns)
        for split in config.splits:
            parts = []
            for name, (seed, fold) in columns.items():
                part = Predictions.read(run.folder / name / "predictions" / f"{split}.csv")
                parts.append(replace(part, frame=part.frame.assign(seed=seed, fold=fold)))
            conclude(run, Predictions.stacked(parts), split, prepared, config)


def _tags(config: FitConfig) -> tuple[tuple[str, str], ...]:
    return (("seed", str(config.seeds[0])), ("fold", str(config.data.fold)))


def train(config: FitConfig, prepared: Prepared, session: Session, place: Place) -> None:
    """Train one seed and fold in its folder, from its last finished epoch, and evaluate it."""
    run = place.run
    begin(run, config, prepared, place, place.kind)
    with lifecycle(run, session):
        module = prepared.module(config)
        list_patients(run, module, prepared, session.workspace)
        torch.manual_seed(config.seeds[0])  # the head's first weights
        network = build_classifier(
            config.model, len(prepared.tree.classes(config.data.level)), config.data.image_size
        )
        task = ClassificationTask(network, config.optim, module.class_counts, config.seeds[0])
        if not trained(run, config):
            checkpoint.require_space(network, run.folder)
            run_trainer(config, task, module, session, place)
        network.load_state_dict(load_file(best_weights(run)))
        identify = str if config.privacy.show_ids else session.workspace.pseudonym
        first = ("val",) if freezes(config) else ()  # chosen before test is opened
        for split in dict.fromkeys((*first, *config.splits)):
            batches = _until_stopped(module.batches(split), session)
            table = probabilities(network, batches, torch.device(device_of(config)))
            rows = prepared.manifest.where(module.rows(split))
            level = config.data.level
            also = tuple(Column.parse(word).name for word in config.evaluation.subgroups)
            predicted = as_predictions(rows, prepared.tree, level, table, identify, also)
            if split == "val":
                freeze_on_validation(run, predicted, prepared, config)
            if split in config.splits:
                conclude(run, predicted, split, prepared, config)
        checkpoint.save_weights(network.state_dict(), run.folder / "weights.safetensors")


def _until_stopped(batches: Iterable[Batch], session: Session) -> Iterator[Batch]:
    """Yield batches until a signal comes, which is raised between two of them."""
    for batch in batches:
        session.signals.check()
        yield batch


def trained(run: Run, config: FitConfig) -> bool:
    """Whether the epochs are all done, by the journal and the resume point that belongs to it."""
    newest, said = checkpoint.newest(run.folder / "checkpoints")
    for sentence in said:
        print(sentence, file=sys.stderr)
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
