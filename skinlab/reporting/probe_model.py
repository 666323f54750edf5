"""Evidence -> answers about the network: what it is, how it was trained and chosen, on what."""

from __future__ import annotations

from typing import Any

from skinlab.reporting.answer import Answer, Found, Missing
from skinlab.reporting.evidence import Evidence
from skinlab.workspace import Run

NO_CONFIG = Missing("run `skinlab fit`: the run folder has no config.yaml that says so")
PROVENANCE = "provenance.json"


def _settings(run: Evidence, *names: str) -> Answer:
    """Return some fields of the configuration as they were set."""
    values = {name: run.setting(name) for name in names}
    if any(value is None for value in values.values()):
        return NO_CONFIG
    text = ", ".join(f"{name.split('.', 1)[-1]} = {_plain(v)}" for name, v in values.items())
    return Found(text, f"config.yaml, {names[0].split('.', 1)[0]}")


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def preprocessing(run: Evidence) -> Answer:
    """What is done to every photograph, the same in training and testing."""
    return _settings(run, "data.image_size", "data.square", "data.color_constancy")


def augmentation(run: Evidence) -> Answer:
    """What is done at random to training photographs."""
    augment = run.setting("augment")
    if not isinstance(augment, dict):
        return NO_CONFIG
    return _settings(run, *(f"augment.{name}" for name in augment))


def architecture(run: Evidence) -> Answer:
    """Which network."""
    return _settings(run, "model.backbone", "model.dropout", "data.level")


def initialization(run: Evidence) -> Answer:
    """From which weights training began."""
    weights = run.setting("model.weights")
    if not weights:
        return NO_CONFIG
    words = {"none": "random weights", "hub": "pretrained weights of the model hub"}
    name = str(run.provenance.get("params", {}).get("model.weights", weights))
    text = words.get(str(weights), f"pretrained weights from the file {name}")
    seeds = _plain(run.setting("seeds") or [])
    return Found(f"{text}; seed(s) {seeds}", "config.yaml, model.weights and seeds")


def training(run: Evidence) -> Answer:
    """How it was trained."""
    optim = run.setting("optim")
    if not isinstance(optim, dict):
        return NO_CONFIG
    names = [f"optim.{name}" for name in optim]
    return _settings(run, *names, "data.batch_size")


def imbalance(run: Evidence) -> Answer:
    """How unequal classes were dealt with in training."""
    return _settings(run, "data.sampling", "optim.class_weights")


def selection(run: Evidence) -> Answer:
    """How the final weights were chosen."""
    monitor = run.setting("training.monitor")
    if not monitor or run.run is None:
        return NO_CONFIG
    epochs = {e["epoch"]: e["values"].get(monitor) for e in run.run.events("epoch")}
    known = {epoch: value for epoch, value in epochs.items() if value is not None}
    text = f"the epoch with the largest {monitor}, computed on validation photographs"
    if known:
        best = max(known, key=lambda epoch: (known[epoch], -epoch))
        text += f": epoch {best} of {len(known)} ({known[best]:.3f})"
    elif not any(Run(p.parent).events("epoch") for p in run.run.folder.glob("*/journal.jsonl")):
        return Missing("finish the training: the journal has no epoch")
    return Found(text, "config.yaml, training.monitor; journal.jsonl")


def seeds(run: Evidence) -> Answer:
    """How many trainings stand behind the numbers."""
    found = run.setting("seeds") or []
    if not isinstance(found, list) or len(found) < 2:
        return Missing("train over three seeds or more: --seeds=[0,1,2]")
    spread = {
        e["seed_sd"]
        for report in run.reports.values()
        for e in report.get("estimates", [])
        if e.get("n_seeds", 1) > 1 and e.get("seed_sd") is not None
    }
    if not spread:
        return Missing("finish every seed: no report has a spread over seeds")
    return Found(f"{len(found)} seeds; their SD stands beside every number", "report/*/report.json")


def software(run: Evidence) -> Answer:
    """Which software, in which versions."""
    packages = run.provenance.get("packages")
    if not packages:
        return Missing("run again with this skinlab: provenance.json names no packages")
    text = ", ".join(f"{name} {version}" for name, version in packages.items())
    return Found(f"Python {run.provenance.get('python', '?')}, {text}", f"{PROVENANCE}, packages")


def hardware(run: Evidence) -> Answer:
    """On which machine."""
    machine = run.provenance.get("hardware")
    if not machine:
        return Missing("run again with this skinlab: provenance.json names no hardware")
    gpu = machine.get("gpu") or "no GPU"
    text = f"{machine.get('machine', '?')}, {machine.get('cpus', '?')} CPUs, {gpu}"
    return Found(text, f"{PROVENANCE}, hardware")


def duration(run: Evidence) -> Answer:
    """How long training took."""
    epochs = run.run.events("epoch") if run.run else []
    seconds = [float(e["seconds"]) for e in epochs if e.get("seconds") is not None]
    if not seconds:
        return Missing("finish the training: the journal has no epoch")
    text = f"{sum(seconds):.0f} s in {len(seconds)} epochs"
    return Found(text, "journal.jsonl, epoch")


def code(run: Evidence) -> Answer:
    """Which code made it."""
    git = run.provenance.get("git") or {}
    if not git.get("commit"):
        return Missing("run from a git checkout, so that the commit is recorded")
    if git.get("dirty"):
        return Missing(f"commit your changes and run again: {git['commit'][:12]} was changed")
    return Found(f"git commit {git['commit']}, unchanged", f"{PROVENANCE}, git")


def fingerprints(run: Evidence) -> Answer:
    """That data, labels and photographs can be told to be the same."""
    found = run.provenance.get("fingerprints") or {}
    if not found:
        return Missing("run again with this skinlab: provenance.json has no fingerprints")
    text = ", ".join(f"{name} {value[:16]}" for name, value in found.items())
    return Found(f"SHA-256: {text}", f"{PROVENANCE}, fingerprints")


def weights(run: Evidence) -> Answer:
    """That the trained weights are there."""
    if run.run is None or not (run.run.folder / "weights.safetensors").exists():
        return Missing("finish the training: there is no weights.safetensors")
    return Found("in the run folder; whether others may have them is yours", "weights.safetensors")


def pseudonyms(run: Evidence) -> Answer:
    """Whether ids of patients leave the manifest."""
    shown = run.setting("privacy.show_ids")
    if shown is None:
        return NO_CONFIG
    text = "ids of a public data set as they are" if shown else "pseudonyms (HMAC-SHA256)"
    return Found(f"prediction tables hold {text}", "config.yaml, privacy.show_ids")
