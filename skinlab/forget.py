"""One patient -> out of manifests, caches and predictions, with a receipt; weights cannot forget.

What is not reachable from here is said in the receipt: the photographs themselves (skinlab never
copies them), backups and snapshots, and networks that were trained with the patient.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from skinlab.tables.files import read_text, write_json
from skinlab.tables.predictions import image_hash
from skinlab.tables.text import read_table, write_table
from skinlab.workspace import Run, Workspace

PATIENTS = "patients.json"
FROZEN = "operating_point.json"


@dataclass(frozen=True)
class Traces:
    """Where a patient stands.

    Attributes:
        manifests: Manifest -> number of its rows.
        predictions: Prediction table -> number of its rows.
        caches: Folders of decoded photographs; they hold no ids, so all of them go.
        trained: Run folders whose network saw the patient in training.
        lists: Lists of pseudonyms that hold the patient's.
        pairs: Tables of near-duplicates; they name samples, so all of them go.
        choosers: Frozen operating points that list hashes of the patient's images -> how many.
    """

    manifests: dict[Path, int]
    predictions: dict[Path, int]
    caches: tuple[Path, ...]
    trained: tuple[Path, ...]
    lists: tuple[Path, ...]
    pairs: tuple[Path, ...] = ()
    choosers: dict[Path, int] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether nothing is left to erase."""
        return not (self.manifests or self.predictions or self.lists or self.choosers)


def find_traces(patient: str, workspace: Workspace, manifests: Sequence[Path]) -> Traces:
    """Find a patient by the id of the manifest, in clear and as its pseudonym; change nothing."""
    names = {patient, workspace.pseudonym(patient)}
    in_manifests = {path: n for path in manifests if (n := int(_rows(path, names).sum()))}
    tables = sorted(workspace.runs.glob("**/predictions/*.csv"))
    in_predictions = {path: n for path in tables if (n := int(_rows(path, names).sum()))}
    lists = [p for p in sorted(workspace.runs.glob(f"**/{PATIENTS}")) if _listed(p, names)]
    trained = [path.parent for path in lists if names & set(_read(path).get("train", []))]
    caches = sorted(p for p in workspace.cache.glob("*") if p.is_dir()) if in_manifests else []
    pairs = tuple(sorted(workspace.folder.glob("duplicates*.csv"))) if in_manifests else ()
    hashes = _hashes((*in_manifests, *in_predictions), names, workspace)
    frozen = sorted(workspace.runs.glob(f"**/{FROZEN}"))
    choosers = {path: n for path in frozen if (n := _chosen(path, hashes))}
    return Traces(
        in_manifests, in_predictions, tuple(caches), tuple(trained), tuple(lists), pairs, choosers
    )


def forget(patient: str, workspace: Workspace, manifests: Sequence[Path]) -> Path:
    """Erase a patient and return the receipt, which holds a pseudonym and counts, no name."""
    traces = find_traces(patient, workspace, manifests)
    names = {patient, workspace.pseudonym(patient)}
    hashes = _hashes((*traces.manifests, *traces.predictions), names, workspace)
    for path in traces.choosers:
        _strike(path, hashes)
    for path in (*traces.manifests, *traces.predictions):
        table = read_table(path)
        write_table(path, table[~_rows(path, names)])
    if traces.manifests and workspace.cache.exists():
        shutil.rmtree(workspace.cache)
    for path in traces.pairs:
        path.unlink()
    for path in traces.lists:
        kept = {split: [p for p in ids if p not in names] for split, ids in _read(path).items()}
        write_json(path, kept)
    for folder in traces.trained:
        Run(folder).note("forgot", reason="a patient of its training was erased from the data")
    receipt = workspace.folder / "receipts" / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    write_json(
        receipt,
        {
            "pseudonym": workspace.pseudonym(patient),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "manifest_rows": sum(traces.manifests.values()),
            "prediction_rows": sum(traces.predictions.values()),
            "caches": len(traces.caches),
            "images_that_chose_an_operating_point": sum(traces.choosers.values()),
            "trained_networks": [str(f.relative_to(workspace.runs)) for f in traces.trained],
            "not_reachable": [
                "the photographs themselves: delete the files at their source",
                "backups, snapshots and copies made outside the workspace",
                "networks trained with the patient: weights cannot be un-trained; "
                "retrain or delete the runs listed, or keep them with a recorded reason",
                "reports already made: they hold counts and no identifiers",
            ],
        },
    )
    return receipt


def _rows(path: Path, names: set[str]) -> pd.Series[bool]:
    table = read_table(path)
    if "patient_id" not in table.columns:
        return pd.Series([False] * len(table), index=table.index)
    return table["patient_id"].isin(names)


def _hashes(tables: Sequence[Path], names: set[str], workspace: Workspace) -> set[str]:
    """Return what stands for the patient's images in frozen operating points, however named."""
    found = set()
    for path in tables:
        for sample in read_table(path).loc[_rows(path, names), "sample_id"]:
            images = (str(sample), workspace.pseudonym(str(sample)))
            found |= {image_hash(image, name) for image in images for name in names}
    return found


def _chosen(path: Path, hashes: set[str]) -> int:
    members = json.loads(read_text(path)).get("members", [])
    return sum(hash_ in hashes for member in members for hash_ in member.get("samples", []))


def _strike(path: Path, hashes: set[str]) -> None:
    """Take the hashes out; the threshold stays, as a number without a person."""
    content = json.loads(read_text(path))
    for member in content["members"]:
        member["samples"] = [hash_ for hash_ in member["samples"] if hash_ not in hashes]
    write_json(path, content)


def _listed(path: Path, names: set[str]) -> bool:
    return any(names & set(ids) for ids in _read(path).values())


def _read(path: Path) -> dict[str, list[str]]:
    return dict(json.loads(read_text(path)))
