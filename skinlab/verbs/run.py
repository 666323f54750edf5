"""``skinlab fit`` and ``skinlab sweep``: train one configuration, or search its space."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skinlab.verbs.verb import add


def add_verbs(verbs: Any) -> None:
    """Add ``fit`` and ``sweep``, which take overrides and explain every field in --help."""
    for name, action, about, explains in (
        ("fit", _fit, "train one configuration, over its seeds and folds", "FitConfig"),
        (
            "sweep",
            _sweep,
            "search the preprocessing space; goes on where it stopped",
            "SweepConfig",
        ),
    ):
        verb = add(verbs, name, action, about)
        verb.add_argument("config", type=Path, help="YAML; then any field as --dotted.name=value")
        verb.set_defaults(takes_overrides=True, explains=explains)
        if name == "sweep":
            about = "show the settings and their alias table, train nothing"
            verb.add_argument("--plan", action="store_true", help=about)


def _fit(words: argparse.Namespace, overrides: list[str]) -> int:
    from skinlab.config import FitConfig, load
    from skinlab.workspace import Workspace, shipped

    config = load(FitConfig, shipped(str(words.config)), overrides)
    workspace = Workspace.here()
    from skinlab.training.fit import fit

    run = fit(config, workspace)
    for split in config.splits:
        page = run.folder / "report" / split / "report.html"
        print(f"report on {split}: {page}")
    return 0


def _sweep(words: argparse.Namespace, overrides: list[str]) -> int:
    from skinlab.config import SweepConfig, load
    from skinlab.workspace import Workspace, shipped

    config = load(SweepConfig, shipped(str(words.config)), overrides)
    if words.plan:
        from skinlab.training.sweep_design import opened
        from skinlab.training.sweep_plan import plan_text

        print(plan_text(*opened(config)))
        return 0
    workspace = Workspace.here()
    from skinlab.training.sweep import sweep

    run, table = sweep(config, workspace)
    from skinlab.figures.sweep_table import as_text

    print(as_text(table))
    print(f"report: {run.folder / 'table.html'}")
    return 0
