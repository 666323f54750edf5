"""A search over fields of a training that goes on where it was killed.

Every trial is a run folder; the study database is what samplers, pruners and dashboards read, and
is completed from the folders when it lags behind them or is lost.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from tqdm import tqdm

from skinlab import config as configuration
from skinlab.config import FitConfig, SweepConfig, replaced
from skinlab.figures.sweep_table import SweepTable, sweep_table, write_sweep_table
from skinlab.tables.errors import Problem, RunError, SkinlabError
from skinlab.tables.files import digest, read_text, write_json, write_text
from skinlab.tables.trials import TrialRow
from skinlab.training.callbacks import Pruned, Stopped
from skinlab.training.fit import identity, train
from skinlab.training.prepare import Prepared, prepare
from skinlab.training.record import (
    Place,
    Session,
    UnforeseenError,
    begin,
    keep_traceback,
    lifecycle,
)
from skinlab.training.sweep_design import next_point, opened, unsaid
from skinlab.training.sweep_plan import plan_text
from skinlab.training.sweep_space import (
    best_objective,
    distribution,
    pruned_because,
    pruner,
    sampler,
    suggest,
)
from skinlab.workspace import Run, Workspace

SAME_FAILURES = 3
LOCKED_S = 300  # seconds that another process may hold the study's database; Optuna waits 5
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Search:
    """One sweep while it runs."""

    config: SweepConfig
    base: FitConfig
    prepared: Prepared
    session: Session
    run: Run
    study: optuna.Study


def sweep(config: SweepConfig, workspace: Workspace) -> tuple[Run, SweepTable]:
    """Run trials until there are `config.trials` in all, then write the table.

    Raises:
        InputError: Bad configuration or data; the defaults lie outside the space.
        RunError: Another process runs this sweep, or trials keep failing in the same way.
        Stopped: A signal came; the same command goes on.
    """
    config, base = opened(config)
    run = Run(workspace.runs / config.experiment / f"{config.name}-{_identity(config, base)[:8]}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    prepared = prepare(base, workspace)  # bad input leaves no run folder behind
    prepared.module(base)
    with run.owner(), Session.opened(base, workspace) as session:
        study = _study(config, base.optim.epochs, workspace, run)
        search = Search(config, base, prepared, session, run, study)
        begin(run, base, prepared, Place(run, tags=(("study", run.folder.name),)), "sweep")
        _restore(search)
        if run.state == "finished" and _left(search) <= 0:
            print("this sweep has all its trials already; nothing to do", file=sys.stderr)
            return run, table(search)
        with lifecycle(run, session):
            _announce(search)
            _work(search)
            found = table(search)
            write_sweep_table(found, run.folder)
            _note_best(run, found)
    return run, found


def _identity(config: SweepConfig, base: FitConfig) -> str:
    """Fingerprint of what the study searches; the number of trials may grow."""
    return digest(
        configuration.fingerprint(config, "trials", "fit", *unsaid(config)), identity(base)
    )


def _study(config: SweepConfig, epochs: int, workspace: Workspace, run: Run) -> optuna.Study:
    """Open or make the study; the schema is made once, under a lock."""
    folder = workspace.tracking
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = URL.create("sqlite", database=str(folder / "optuna.db")).render_as_string()
    with FileLock(folder / ".schema.lock"):
        storage = optuna.storages.RDBStorage(
            url, engine_kwargs={"connect_args": {"timeout": LOCKED_S}}
        )
        return optuna.create_study(
            study_name=run.folder.name,
            storage=storage,
            direction="maximize",
            pruner=pruner(config, epochs),
            load_if_exists=True,
        )


def _announce(search: Search) -> None:
    """Show what a design cannot tell apart before anything is trained, and keep it."""
    plan = plan_text(search.config, search.base)
    write_text(search.run.folder / "plan.txt", plan + "\n")
    if not search.study.get_trials(deepcopy=False):
        print(plan, file=sys.stderr, flush=True)


def _restore(search: Search) -> None:
    """Complete the study from the run folders: trials that were not told, or a lost database."""
    known = {trial.number: trial for trial in search.study.get_trials(deepcopy=False)}
    for folder in sorted(search.run.folder.glob("trial-*")):
        path = folder / "trial.json"
        if not path.exists():
            continue
        told = json.loads(read_text(path))
        trial = known.get(int(told["number"]))
        if trial is None:
            search.study.add_trial(_remembered(search, Run(folder), told))
        elif trial.state == TrialState.RUNNING and told.get("state"):
            _tell(search, trial.number, told)


def _remembered(search: Search, run: Run, told: dict[str, Any]) -> FrozenTrial:
    """Return a trial of a lost study from its folder; an unfinished one is given as failed."""
    space = {name: distribution(search.config.space[name]) for name in told["params"]}
    state = TrialState[told.get("state") or "FAIL"]
    name = search.config.objective
    told_epochs = [e for e in run.events("epoch") if name in e["values"]]
    values = {e["epoch"]: e["values"][name] for e in told_epochs}
    return optuna.trial.create_trial(
        state=state,
        value=told.get("value") if state == TrialState.COMPLETE else None,
        params=told["params"],
        distributions=space,
        user_attrs={name: told[name] for name in ("seed", "reason") if name in told},
        intermediate_values=_best_so_far(values) if state != TrialState.FAIL else None,
    )


def _best_so_far(values: dict[int, float]) -> dict[int, float]:
    best = itertools.accumulate((values[e] for e in sorted(values)), max)
    return dict(zip(sorted(values), best, strict=True))


def _left(search: Search) -> int:
    trials = search.study.get_trials(deepcopy=False, states=ENDED)
    return search.config.trials - len(trials)


def _work(search: Search) -> None:
    """Run trials until the total is reached, resuming the one that was under way first."""
    total = len(search.study.get_trials(deepcopy=False, states=ENDED)) + max(_left(search), 0)
    seconds: list[float] = []
    with _bar(total, total - _left(search)) as bar:
        while _left(search) > 0:
            trial = _next(search)
            told = _run_trial(search, trial)
            seconds.append(told["seconds"])
            _say(search, trial.number, told, (total, statistics.median(seconds)), bar)
            _stop_if_hopeless(search)


@contextmanager
def _bar(total: int, done: int) -> Iterator[tqdm[Any] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    with tqdm(total=total, initial=done, desc="sweep", unit="trial") as bar:
        yield bar


def _next(search: Search) -> optuna.Trial:
    """Return the trial that was under way, else ask for a new one."""
    study, config = search.study, search.config
    trials = study.get_trials(deepcopy=False)
    running = [t for t in trials if t.state == TrialState.RUNNING]
    if running:
        study.sampler = sampler(config, running[0].number)
        return optuna.Trial(study, running[0]._trial_id)
    number = sum(t.state != TrialState.WAITING for t in trials)
    if not any(t.state == TrialState.WAITING for t in trials):
        point = next_point(config, search.base, number)
        if point is not None:
            study.enqueue_trial(point)
    study.sampler = sampler(config, number)
    return study.ask()


def _run_trial(search: Search, trial: optuna.Trial) -> dict[str, Any]:
    """Train one trial in its folder, tell the study, and return what was told."""
    params = suggest(trial, search.config.space)
    run = Run(search.run.folder / f"trial-{trial.number:04d}")
    path = run.folder / "trial.json"
    told = json.loads(read_text(path)) if path.exists() else {}
    if not told:
        repeats = _repeats(search, trial.number, params)
        seed = search.base.seeds[0] + repeats  # a repeated setting measures the seeds' spread
        told = {"number": trial.number, "params": params, "seed": seed}
        write_json(path, told)
    trial.set_user_attr("seed", told["seed"])
    told |= _outcome(search, trial, run, told)
    write_json(path, told)
    _tell(search, trial.number, told)
    return told


def _repeats(search: Search, number: int, params: dict[str, Any]) -> int:
    trials = search.study.get_trials(deepcopy=False)
    return sum(t.number < number and t.params == params for t in trials)


def _outcome(search: Search, trial: optuna.Trial, run: Run, told: dict[str, Any]) -> dict[str, Any]:
    """Train and return ``state``, ``value`` or ``reason``, and ``seconds`` of this trial."""
    config = replaced(search.base, {**told["params"], "seeds": [told["seed"]]})
    tags = (
        ("study", search.run.folder.name),
        ("trial", str(trial.number)),
        ("seed", str(told["seed"])),
    )

    def report(epoch: int, best: float) -> None:
        with warnings.catch_warnings():  # an epoch that is done again after a kill says the same
            warnings.filterwarnings("ignore", message=".*reported value is ignored.*")
            trial.report(best, epoch)
        if trial.should_prune():
            raise Pruned(pruned_because(search.config, epoch))

    place = Place(run, "trial", "..", tags, report)
    end: dict[str, Any] = {}
    try:
        with run.owner():
            if early := [e for e in run.events("finished") if e.get("state") == "pruned"]:
                raise Pruned(early[-1]["reason"])  # killed before the study was told
            if run.state != "finished":
                train(config, _prepared(search, config), search.session, place)
        value = best_objective(run.events("epoch"), search.config.objective)
    except Stopped:
        raise
    except Pruned as pruned:
        end = {"state": "PRUNED", "reason": str(pruned)}
    except SkinlabError as error:  # one setting that torch refuses does not end the search
        end = {"state": "FAIL", "reason": _reason(trial.number, error)}
    except Exception as error:
        unforeseen = UnforeseenError(error, keep_traceback(run, error))
        end = {"state": "FAIL", "reason": _reason(trial.number, unforeseen)}
    else:
        end = {"state": "COMPLETE", "value": value}
    epochs = {e["epoch"]: e["seconds"] for e in run.events("epoch")}
    return end | {"seconds": round(sum(epochs.values()), 3)}


def _reason(number: int, error: SkinlabError) -> str:
    """Return why a trial failed; what an unforeseen error says is shown and not stored."""
    if isinstance(error, UnforeseenError):
        print(f"trial {number}: {error}", file=sys.stderr)
        return error.kind
    return str(error)


def _prepared(search: Search, config: FitConfig) -> Prepared:
    """Return the photographs of a trial; a factor such as `data.square` asks for other pixels."""
    if config.data == search.base.data:
        return search.prepared
    session = search.session
    return prepare(config, session.workspace, lambda *_: session.signals.check())


def _tell(search: Search, number: int, told: dict[str, Any]) -> None:
    if told.get("reason"):
        trial_id = search.study.get_trials(deepcopy=False)[number]._trial_id
        search.study._storage.set_trial_user_attr(trial_id, "reason", told["reason"])
    search.study.tell(number, told.get("value"), state=TrialState[told["state"]])


def _say(
    search: Search,
    number: int,
    told: dict[str, Any],
    pace: tuple[int, float],
    bar: tqdm[Any] | None,
) -> None:
    """Show the trial that ended, the best so far and the time left."""
    total, seconds = pace
    done = search.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    best = max(done, key=lambda t: (t.value or 0.0, -t.number), default=None)
    shown = f"{best.value:.4f} (trial {best.number})" if best else "none yet"
    if bar is not None:
        bar.set_postfix_str(f"best {shown}")
        bar.update()
        return
    result = f"{told['value']:.4f}" if "value" in told else f"{told['state'].lower()}"
    left = max(_left(search), 0) * seconds / 60
    words = f"trial {number}: {result}  best {shown}  {total - _left(search)}/{total} done"
    print(f"{words}, about {left:.0f} min left", file=sys.stderr, flush=True)


def _stop_if_hopeless(search: Search) -> None:
    last = search.study.get_trials(deepcopy=False, states=ENDED)[-SAME_FAILURES:]
    reasons = {t.user_attrs.get("reason") for t in last if t.state == TrialState.FAIL}
    failed = all(t.state == TrialState.FAIL for t in last)
    if len(last) == SAME_FAILURES and failed and len(reasons) == 1:
        what = f"{SAME_FAILURES} trials in a row failed: {reasons.pop()}"
        raise RunError(str(Problem(what, "mend it and run the same command", search.run.folder)))


def table(search: Search) -> SweepTable:
    """Return the settings with their accuracies, the best and its ties."""
    found = []
    own = configuration.flat(search.base)  # of a factor that does not exist in a trial
    for trial in search.study.get_trials(deepcopy=False, states=ENDED):
        folder = search.run.folder / f"trial-{trial.number:04d}"
        state = trial.state.name.lower()
        seed = int(trial.user_attrs.get("seed", search.base.seeds[0]))
        value = trial.value if trial.state == TrialState.COMPLETE else None
        reason = str(trial.user_attrs.get("reason", ""))
        params = {name: trial.params.get(name, own[name]) for name in search.config.space}
        found.append(TrialRow(trial.number, state, params, seed, value, folder, reason))
    objective, shares = search.config.objective, importances(search)
    return sweep_table(found, objective, shares, search.base.evaluation)


def _note_best(run: Run, found: SweepTable) -> None:
    """Copy the best trial's final numbers into the parent, which MLflow shows collapsed."""
    if found.best is not None:
        finals = Run(found.best.trial.folder).events("final")
        values = {name: value for event in finals for name, value in event["values"].items()}
        run.note("final", split="val", values=values)
        run.note("tags", values={"best_trial": found.best.trial.number})


def importances(search: Search) -> dict[str, float]:
    """Return each factor's share of the objective's variation (fANOVA); empty with few trials."""
    done = search.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(done) < 4 or len({t.value for t in done}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=search.config.seed)
    found = optuna.importance.get_param_importances(search.study, evaluator=evaluator)
    return {name: float(value) for name, value in found.items()}
