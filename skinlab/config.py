"""YAML + ``--dotted.overrides`` -> frozen dataclasses of the whole configuration."""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from skinlab.augment.spec import AugmentSpec
from skinlab.data.spec import DataSpec
from skinlab.models.spec import ModelSpec
from skinlab.stats.spec import EvaluationSpec
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import digest, read_text
from skinlab.tasks.spec import OptimSpec

Config = TypeVar("Config")


@dataclass(frozen=True)
class TrainingSpec:
    """How a network is trained.

    Attributes:
        monitor: Validation quantity that picks the best epoch; larger is better.
        patience: Epochs without a better `monitor` before training stops; 0 never stops early.
        precision: ``auto`` is bf16 on a GPU and float32 elsewhere.
        device: ``auto`` takes a GPU when there is one.
        threads: CPU threads; results differ in the last digits between thread counts. 0 leaves
            torch's choice, which is recorded.
    """

    monitor: Literal["val/balanced_accuracy", "val/accuracy"] = "val/balanced_accuracy"
    patience: int = 0
    precision: Literal["auto", "32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0


@dataclass(frozen=True)
class TrackingSpec:
    """Where MLflow records the runs.

    Attributes:
        enabled: Mirror the run folders to MLflow.
        uri: Tracking store; empty is the SQLite database of the workspace.
        timeout_s: Seconds one call to a tracking server may take.
    """

    enabled: bool = True
    uri: str = ""
    timeout_s: int = 5


@dataclass(frozen=True)
class PrivacySpec:
    """What may be written beside the manifest.

    Attributes:
        show_ids: Write sample and patient ids into prediction tables as they are in the manifest
            (for public data sets). Otherwise pseudonyms made with the workspace's key are written.
    """

    show_ids: bool = False


@dataclass(frozen=True)
class FitConfig:
    """One training, or the same training over several seeds and folds.

    Attributes:
        name: Name of the run folder and of the MLflow run.
        data: Photographs and labels.
        augment: Random operations on training batches.
        model: Network and weights.
        optim: Optimizer and length.
        training: Selection, early stopping, device.
        evaluation: Intervals.
        tracking: MLflow.
        privacy: Identifiers.
        experiment: Folder under ``runs/`` and MLflow experiment.
        seeds: A training for each.
        folds: Folds to hold out in turn (a manifest with fold numbers); empty takes `data.fold`.
        splits: Splits that are predicted and evaluated at the end.
    """

    name: str
    data: DataSpec
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    optim: OptimSpec = field(default_factory=OptimSpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)
    tracking: TrackingSpec = field(default_factory=TrackingSpec)
    privacy: PrivacySpec = field(default_factory=PrivacySpec)
    experiment: str = "classification"
    seeds: tuple[int, ...] = (0,)
    folds: tuple[int, ...] = ()
    splits: tuple[Literal["val", "test"], ...] = ("val", "test")

    def __post_init__(self) -> None:
        """Refuse names that are not one folder, and an empty list of seeds."""
        for name in (self.name, self.experiment):
            if not name or name in {".", ".."} or set(name) & set('/\\\0:"') or len(name) > 100:
                raise ValueError(f"name {name!r} must be one folder name of at most 100 characters")
        if not self.seeds:
            raise ValueError("seeds: give at least one")
        if len(set(self.seeds)) < len(self.seeds) or len(set(self.folds)) < len(self.folds):
            raise ValueError("seeds and folds: name each once")


@dataclass(frozen=True)
class Factor:
    """The values one field may take in a search; give `choices`, or `low` and `high`.

    Attributes:
        choices: The values themselves.
        low: Smallest number.
        high: Largest number; with a `step`, the last one is at or below it.
        step: Distance of a grid between them; 0 is continuous.
        log: Search the logarithm.
        integer: Whole numbers only; a range of whole numbers with a whole `step` has it anyway.
        when: Another factor -> its value or values with which this one exists. Where it does not,
            the field keeps the training's own value.
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    log: bool = False
    integer: bool = False
    when: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a factor that is neither a list nor a range."""
        if bool(self.choices) == (self.high > self.low):
            raise ValueError("a factor of `space` has either `choices` or `low` < `high`")
        whole = all(float(x).is_integer() for x in (self.low, self.high, self.step))
        if self.integer and not whole:
            raise ValueError("a factor with `integer: true` has whole `low`, `high` and `step`")


@dataclass(frozen=True)
class SweepConfig:
    """A search over fields of a training.

    Attributes:
        name: Name of the sweep's folder, of its study and of its parent run in MLflow.
        fit: The YAML of the training that is varied; its own values are trial 0.
        space: Dotted field of the training -> `Factor`; a ``list`` has its own in `settings`.
        fixed: Dotted field -> value that replaces the training's own in every trial.
        objective: What is maximized, on validation photographs only; pruned on the same quantity.
        trials: Total number of trials, however often the command is given; 0 is all of a
            ``grid``, ``list`` or ``factorial``, and 20 otherwise.
        sampler: ``tpe`` and ``gp`` learn from earlier trials (TPE; a Gaussian process);
            ``random``; ``sobol`` and ``halton`` fill the space evenly; ``grid`` has every
            combination; ``factorial`` is a two-level design that tells each main effect from all
            two-factor interactions (resolution IV); ``list`` is `settings`, in their order.
        pruner: ``median`` stops a trial below the median of the others at half or at three
            quarters of its epochs; ``hyperband`` lets the best third of the trials go on at
            epochs that lie a factor of three apart.
        seed: Of the sampler; trial n draws from (seed, n).
        experiment: Folder under ``runs/`` and MLflow experiment.
        settings: For ``list``: CSV with dotted fields in its header and a row a trial, or the path
            of such a file. A row that is there twice is trained with another seed.
        runs: For ``factorial``: number of distinct runs, a power of 2; 0 takes the smallest.
        base_seeds: Trials of the training's own values, each with its own seed: they tell the
            noise of one run. 0 is two for ``factorial`` (its least) and one otherwise.
    """

    name: str
    fit: str
    space: dict[str, Factor] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    objective: Literal["val/balanced_accuracy", "val/accuracy"] = "val/balanced_accuracy"
    trials: int = 0
    sampler: Literal["tpe", "gp", "random", "sobol", "halton", "grid", "factorial", "list"] = "tpe"
    pruner: Literal["median", "hyperband", "none"] = "median"
    seed: int = 0
    experiment: str = "sweeps"
    settings: str = ""
    runs: int = 0
    base_seeds: int = 0

    def __post_init__(self) -> None:
        """Refuse a sweep of nothing, and options of another sampler."""
        if self.trials < 0 or self.runs < 0 or self.base_seeds < 0:
            raise ValueError("sweep: trials, runs and base_seeds are 0 or more")
        if self.sampler == "list":
            self._check_list()
        elif not self.space or self.settings:
            raise ValueError("sweep: a space of one factor or more; `settings` is for a `list`")
        if self.runs and self.sampler != "factorial":
            raise ValueError("sweep: `runs` is for `sampler: factorial`")
        if self.sampler == "factorial" and (self.base_seeds == 1 or self.pruner != "none"):
            what = "`base_seeds` of two or more and `pruner: none`: it is compared as a whole"
            raise ValueError(f"sweep: a factorial has {what}")

    def _check_list(self) -> None:
        if not self.settings.strip() or self.base_seeds:
            raise ValueError("sweep: a `list` has `settings`, no base_seeds (repeat a row)")


def load(kind: type[Config], path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Args:
        kind: `FitConfig` or `SweepConfig`.
        path: YAML file.
        overrides: ``--dotted.name=value`` words of the command line.

    Raises:
        InputError: Unknown keys (with line and nearest known key), wrong types, bad values.
    """
    text = read_text(path)
    try:
        document = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        what = f"is not YAML ({getattr(error, 'problem', error)})"
        raise InputError(Problem(what, "check indent and colons", path, line)) from error
    if not isinstance(document, dict) or not isinstance(node, yaml.MappingNode):
        raise InputError(Problem("is not a configuration", "give `name:` and others", path))
    if problems := list(_unknown_keys(node, kind, path)):
        raise InputError(problems)
    for word in overrides:
        _override(document, word, kind)
    return parse(kind, document, path)


def parse(kind: type[Config], document: dict[str, Any], path: Path | str = "") -> Config:
    """Check a plain dictionary against the dataclasses and build them.

    Raises:
        InputError: Wrong types or values, in one line.
    """
    import jsonargparse  # costs half a second, which `skinlab --help` does not need

    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind)
    try:
        built = parser.instantiate(parser.parse_object(document))
        return kind(**{f.name: built[f.name] for f in dataclasses.fields(kind)})  # type: ignore[arg-type]
    except (ValueError, TypeError, KeyError, jsonargparse.ArgumentError) as error:
        raise InputError(Problem(_plain(str(error)), "see the --help", path)) from error


def explain(kind: type[Any]) -> str:
    """Return every field of a configuration with its type, default and meaning."""
    import jsonargparse

    parser = jsonargparse.ArgumentParser(prog="", add_help=False, usage="")
    parser.add_class_arguments(kind)
    return parser.format_help().split("\n", 1)[-1].lstrip()


def replaced(config: Config, values: dict[str, Any]) -> Config:
    """Return the configuration with dotted fields replaced, checked again.

    Raises:
        InputError: A field does not exist or refuses its value.
    """
    document = plain(config)
    for name, value in values.items():
        _set(document, name, value, type(config))
    return parse(type(config), document)


def plain(config: Any) -> dict[str, Any]:
    """Return a configuration as JSON values."""
    document = json.loads(json.dumps(dataclasses.asdict(config)))
    return typing.cast("dict[str, Any]", document)


def dump(config: Any) -> str:
    """Return the resolved configuration as YAML that `load` reads back."""
    return yaml.safe_dump(plain(config), allow_unicode=True, sort_keys=False)


def flat(config: Any) -> dict[str, Any]:
    """Return ``{"optim.lr": 0.001, …}``; lists stay whole."""
    return dict(_flatten(plain(config), ""))


def fingerprint(config: Any, *leaving_out: str) -> str:
    """SHA-256 of all values, without the dotted fields (and those below them) left out."""
    kept = {
        name: value
        for name, value in flat(config).items()
        if not any(name == out or name.startswith(out + ".") for out in leaving_out)
    }
    return digest(json.dumps(kept, sort_keys=True, ensure_ascii=False))


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Return ``name: old -> new`` of two flat configurations."""
    names = list(dict.fromkeys([*a, *b]))
    return [f"{n}: {a.get(n)} -> {b.get(n)}" for n in names if a.get(n) != b.get(n)]


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flatten(below, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _fields(kind: Any) -> dict[str, Any]:
    """Names and types of a dataclass; empty for what is not one."""
    if not dataclasses.is_dataclass(kind):
        return {}
    return typing.get_type_hints(kind)


def _names(kind: Any, prefix: str = "") -> Iterator[str]:
    for name, below in _fields(kind).items():
        yield prefix + name
        yield from _names(below, f"{prefix}{name}.")


def _nearest(name: str, kind: Any) -> str:
    known = list(_names(kind))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    tails = difflib.get_close_matches(name.rsplit(".", 1)[-1], [k.rsplit(".")[-1] for k in known])
    full = next((k for k in known if tails and k.rsplit(".")[-1] == tails[0]), None)
    best = near[0] if near else full
    return f"did you mean {best!r}?" if best else f"known: {', '.join(_fields(kind))}"


def _unknown_keys(
    node: yaml.MappingNode,
    kind: Any,
    path: Path,
    prefix: str = "",
    top: Any = None,
) -> Iterator[Problem]:
    known = _fields(kind)
    for key, value in node.value:
        name = str(key.value)
        if name not in known:
            what = f"unknown key {prefix + name!r}"
            fix = _nearest(prefix + name, top or kind)
            yield Problem(what, fix, path, key.start_mark.line + 1)
        elif _fields(known[name]) and isinstance(value, yaml.MappingNode):
            yield from _unknown_keys(value, known[name], path, f"{prefix}{name}.", top or kind)


def _override(document: dict[str, Any], word: str, kind: Any) -> None:
    name, separator, value = word.removeprefix("--").partition("=")
    if not word.startswith("--") or not separator:
        raise InputError(Problem(f"{word!r} is not an override", "write --dotted.name=value"))
    try:
        _set(document, name, yaml.safe_load(value), kind)
    except yaml.YAMLError as error:
        raise InputError(Problem(f"{word!r} has a value that is not YAML", "quote it")) from error


def _set(document: dict[str, Any], name: str, value: Any, kind: Any) -> None:
    where, known = document, kind
    *parents, last = name.split(".")
    for part in parents:
        known = _fields(known).get(part)
        where = where.setdefault(part, {})
        if known is None or not isinstance(where, dict):
            raise InputError(Problem(f"unknown field {name!r}", _nearest(name, kind)))
        if typing.get_origin(known) is dict:  # names below are the user's own
            where[name.split(f"{part}.", 1)[1]] = value
            return
    if last not in _fields(known):
        raise InputError(Problem(f"unknown field {name!r}", _nearest(name, kind)))
    where[last] = value


def _plain(message: str) -> str:
    """Shorten jsonargparse's message to its first sentences on one line."""
    lines = [line.strip(" -") for line in message.splitlines() if line.strip()]
    return " ".join(lines[:3]).replace('Parser key "', '"')
