"""``skinlab flow`` and ``skinlab checklist``: what a paper must report, from manifest and run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from skinlab.verbs.verb import add

FLOW = """Draw the flow of patients, lesions and images, with exclusions and reasons, and table 1.

Counted are: what the import left out (NAME.exclusions.csv beside the manifest; add your own lines:
reason,images,patients), rows whose diagnosis is not in the label tree, rows without a split (their
reason stands in the manifest's column `exclusion`), and every split. Table 1 shows age, sex, skin
type, site, device and class of each split, with standardized differences. Cells of fewer than 5
patients are marked with a dagger.

  skinlab flow data_manifests/pad_ufes_20.csv --labels data_manifests/labels/pad_ufes_20.yaml
  skinlab flow workspace/runs/classification/RUN
"""
CHECKLIST = """Fill a reporting checklist from what a run knows; what it does not know is MISSING.

The run's configuration, provenance, predictions, reports and manifest are read; an answer names the
place it was read from. What only people know (ethics, funding, registration, limits of the study)
you state in a file, one line a name, and it is quoted as stated by the authors:

  # RUN/statements.yaml
  ethics: Approved by the ethics committee of ..., number ...
  funding: ...

Standards: claim, tripod-ai, stard-ai, clear-derm. Questions are in skinlab's own words: compare
numbering and wording with the published checklist before you submit it.

  skinlab checklist workspace/runs/classification/RUN --standard claim
"""


def add_verbs(verbs: Any) -> None:
    """Add ``flow`` and ``checklist``."""
    plain = argparse.RawDescriptionHelpFormatter
    flow = add(verbs, "flow", _flow, "flow of patients and images with reasons, and table 1")
    flow.description, flow.formatter_class = FLOW, plain
    flow.add_argument("source", type=Path, help="a run folder or a manifest")
    flow.add_argument("--labels", default="", help="label tree (default: the run's)")
    flow.add_argument("--out", type=Path, help="folder (default: the run's report, or beside)")
    check = add(verbs, "checklist", _checklist, "a reporting checklist, filled from a run")
    check.description, check.formatter_class = CHECKLIST, plain
    check.add_argument("run", type=Path, help="a run folder")
    known = ("claim", "tripod-ai", "stard-ai", "clear-derm")
    check.add_argument("--standard", choices=known, required=True)
    check.add_argument("--statements", type=Path, help="default: statements.yaml of the run")
    check.add_argument("--out", type=Path, help="folder (default: the run's report)")


def _flow(words: argparse.Namespace) -> int:
    from skinlab.figures.flow_page import write_flow
    from skinlab.reporting.evidence import Evidence, of_manifest, of_run
    from skinlab.reporting.run_flow import flow_of
    from skinlab.reporting.table_one import table_one
    from skinlab.tables.errors import InputError, Problem

    run: Path = words.source
    evidence: Evidence
    if run.is_dir():
        evidence = of_run(run, labels=words.labels)
    else:
        evidence = of_manifest(run, labels=words.labels)
    if evidence.manifest is None:
        fix = "give the command from the folder with data_manifests, or name the manifest itself"
        raise InputError(Problem(evidence.why_no_manifest, fix, run))
    found = flow_of(evidence)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    beside = run / "report" / "flow" if run.is_dir() else run.with_name(f"{run.stem}-flow")
    table = table_one(evidence.manifest, evidence.tree)
    path = write_flow(found, table, words.out or beside)
    print(found.text().split("\nnote:", 1)[0].rstrip())
    print(f"flow: {path}, table 1: {path.with_name('table_one.html')}")
    return 0


def _checklist(words: argparse.Namespace) -> int:
    from skinlab.figures.checklist_page import write_checklist
    from skinlab.reporting.checklist import fill
    from skinlab.reporting.evidence import of_run

    evidence = of_run(words.run, statements=words.statements)
    if evidence.manifest is None:
        print(f"note: {evidence.why_no_manifest}; its items are MISSING", file=sys.stderr)
    filled = fill(evidence, words.standard)
    path = write_checklist(filled, words.standard, words.out or words.run / "report")
    print(filled.summary)
    print(f"checklist: {path}")
    return 0
