"""Run folders for the tests of probes and checklists: one that knows everything, one nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from skinlab.reporting.evidence import Evidence, of_run
from skinlab.stats.paired.cases import Arm
from skinlab.stats.paired.comparison import compare
from skinlab.stats.paired.differences import ComparisonSpec
from skinlab.tables.labels import LabelTree
from skinlab.tables.manifest import Manifest
from skinlab.tables.predictions import Predictions

LABELS = """positive: malignant
classes:
  malignant: {melanoma: [MM]}
  benign: {nevus: [NEV]}
"""
CARD = """# Clinic
- Source: 皮膚科 archive
- Licence: CC BY 4.0
- Citation: Someone 2020
"""
CONFIG = """name: a
data: {manifest: '%s', labels: '%s', level: diagnosis, image_size: 128, square: crop,
  color_constancy: false, batch_size: 32, sampling: natural, fold: 0}
augment: {rotation: any, hue: 0.02}
model: {backbone: resnet18, weights: none, dropout: 0.1}
optim: {lr: 0.001, epochs: 2, class_weights: sqrt}
training: {monitor: val/balanced_accuracy}
privacy: {show_ids: false}
seeds: [0, 1, 2]
folds: []
"""
ESTIMATE: dict[str, Any] = {
    "level": 0.95, "method": "Wilson", "unit": "image", "n_images": 4, "n_patients": 4,
    "reason": "", "subgroup": "", "class_name": "", "tree_level": "diagnosis", "n_seeds": 1,
    "seed_sd": None, "low": 0.4, "high": 0.9,
}  # fmt: skip


def estimate(metric: str, value: float | None, **more: Any) -> dict[str, Any]:
    return ESTIMATE | {"metric": metric, "value": value} | more


def report() -> dict[str, Any]:
    group = {"class_name": "malignant", "tree_level": "group"}
    return {
        "split": "test",
        "positive": "malignant",
        "estimates": [
            estimate("accuracy", 0.75, n_seeds=3, seed_sd=0.02),
            estimate("balanced_accuracy", 0.7),
            estimate("brier", 0.31),
            *(estimate(m, 0.8, **group) for m in ("sensitivity", "specificity", "ppv", "npv")),
            estimate("sensitivity", 0.6, class_name="melanoma"),
            estimate("accuracy", None, subgroup="sex=f", reason="too few", low=None, high=None),
        ],
        "confusion": [
            {
                "tree_level": "diagnosis", "classes": ["melanoma", "nevus"], "blocks": ["", ""],
                "counts": [[3, 1], [2, 2]], "repeats": 1,
            }
        ],
        "notes": ["Operating point: malignant from probability 0.31 on, chosen on val."],
        "operating_point": {"members": []},
    }  # fmt: skip


def manifest(folder: Path) -> Manifest:
    n = 12
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(n)]})
    frame = frame.assign(
        image_path=frame["sample_id"],
        patient_id=[f"p{i}" for i in range(n)],
        lesion_id=[f"l{i}" for i in range(n)],
        diagnosis=["MM", "NEV"] * 6,
        split=["train"] * 5 + ["val"] * 3 + ["test"] * 4,
        age=[str(30 + i) for i in range(n)],
        sex=["female", "male", ""] * 4,
        site="arm",
        skin_type="2",
        tone_method="dermatologist",
        device="phone",
        label_source="histology",
        duplicate_group="",
        width="640",
        height="480",
    )
    table = Manifest(frame, folder / "clinic.csv", folder)
    table.save(table.path)
    return table


def readers() -> dict[str, Any]:
    value = {"value": 0.7, "low": 0.6, "high": 0.8}
    return {
        "results": [{}, {}],
        "cases": 4,
        "mean": {"accuracy": value},
        "model": {"accuracy": value},
        "agreement": [{"metric": "Fleiss' kappa", "tree_level": "diagnosis", "value": 0.5}],
    }


def full(folder: Path) -> Evidence:
    """A run that knows everything that a run can know."""
    table = manifest(folder)
    (folder / "labels.yaml").write_text(LABELS, encoding="utf-8")
    (folder / "clinic.md").write_text(CARD, encoding="utf-8")
    rows = "reason,images,where\nblurred,3,metadata.csv\n"
    (folder / "clinic.exclusions.csv").write_text(rows, encoding="utf-8")
    run = folder / "run"
    (run / "predictions").mkdir(parents=True)
    files: dict[str, Any] = {
        "config.yaml": CONFIG % (table.path, folder / "labels.yaml"),
        "journal.jsonl": "\n".join(
            json.dumps(event)
            for event in (
                *({"event": "epoch", "epoch": e, "seconds": 2, "values": {
                    "val/balanced_accuracy": 0.5 + e / 10}} for e in range(2)),
                *({"event": "opened", "split": "test", "purpose": purpose, "predictions": "p"}
                    for purpose in ("fit", "compare, settings 1")),
            )
        ),
        "weights.safetensors": "w",
        "operating_point.json": "{}",
        "predictions/test.csv": predictions(0.8),
        "report/test/report.json": json.dumps(report()),
        "report/readers/readers.json": json.dumps(readers()),
        "provenance.json": json.dumps(
            {
                "git": {"commit": "abc123", "dirty": False},
                "python": "3.11",
                "packages": {"torch": "2.15"},
                "hardware": {"machine": "x86_64", "cpus": 2, "gpu": ""},
                "fingerprints": {
                    "manifest": table.fingerprint,
                    "labels": LabelTree.read(folder / "labels.yaml").fingerprint,
                },
                "datasets": [{"name": "clinic", "context": "test"}],
                "openings": {"test": 2},
            }
        ),
    }  # fmt: skip
    for name, text in files.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    compared(run)
    return of_run(run)


def predictions(sure: float) -> str:
    rows = [
        f"s{i},p{i},{'melanoma' if i % 2 == 0 else 'nevus'},{p:.2f},{1 - p:.2f}"
        for i, p in zip(range(8, 12), (sure, 0.4, 0.6, 1 - sure), strict=True)
    ]
    return "\n".join(["sample_id,patient_id,target,p_melanoma,p_nevus", *rows, ""])


def compared(run: Path) -> None:
    """Compare the run with another model, as `skinlab compare` leaves it beside the run."""
    other = run.parent / "other.csv"
    other.write_text(predictions(0.1), encoding="utf-8")
    tables = {"run": run / "predictions" / "test.csv", "別のモデル": other}
    mine, other_arm = (Arm.of(name, [Predictions.read(path)]) for name, path in tables.items())
    found = compare(mine, other_arm, spec=ComparisonSpec(resamples=200))
    found.save(run.parent / "comparisons" / "run-vs-other")


def bare(folder: Path) -> Evidence:
    """A run folder with nothing in it but the name of a manifest that is gone."""
    run = folder / "bare"
    run.mkdir()
    (run / "config.yaml").write_text("name: bare\n", encoding="utf-8")
    return of_run(run)
