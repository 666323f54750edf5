"""Evidence of a run -> its flow, with how many images of each split were predicted."""

from __future__ import annotations

from dataclasses import replace

from skinlab.reporting.evidence import Evidence
from skinlab.reporting.flow import Arm, Flow, flow, in_order, split_names
from skinlab.tables.manifest import Manifest
from skinlab.tables.text import read_table


def flow_of(evidence: Evidence) -> Flow:
    """Return the flow of a run's manifest, or of a manifest alone.

    A run over one fold shows that fold as ``test``, the next as ``val`` and the others as
    ``train``, as it was trained; a run over several folds shows the folds.

    Raises:
        ValueError: There is no manifest.
    """
    if evidence.manifest is None:
        raise ValueError(evidence.why_no_manifest)
    manifest = _as_trained(evidence.manifest, evidence)
    found = flow(manifest, evidence.tree)
    if evidence.run is None:
        return found
    arms, notes = [], list(found.notes)
    for arm in found.arms:
        predicted = _predicted(evidence, arm)
        arms.append(replace(arm, predicted=predicted))
        if predicted is not None and predicted != arm.count.images:
            notes.append(
                f"{arm.name}: {predicted} images were predicted, the manifest has "
                f"{arm.count.images}."
            )
    if evidence.run.state == "finished":
        notes.append("Training decoded every picture used; one that cannot be read stops a run.")
    fingerprint = evidence.manifest.fingerprint
    return replace(found, arms=tuple(arms), notes=tuple(notes), fingerprint=fingerprint)


def _as_trained(manifest: Manifest, evidence: Evidence) -> Manifest:
    """Return the manifest with the fold numbers as a run of one fold used them."""
    folds = [name[5:] for name in in_order(split_names(manifest)) if name.startswith("fold ")]
    held_out = str(evidence.setting("data.fold"))
    if evidence.run is None or evidence.setting("folds") or held_out not in folds:
        return manifest
    after = folds[(folds.index(held_out) + 1) % len(folds)]
    role = {held_out: "test", after: "val"}
    words = [
        role.get(name, "train") if name.isdigit() else name for name in manifest.column("split")
    ]
    return manifest.with_column("split", words)


def _predicted(evidence: Evidence, arm: Arm) -> int | None:
    if evidence.run is None or evidence.setting("folds"):
        return None
    path = evidence.run.folder / "predictions" / f"{arm.name}.csv"
    if not path.exists():
        return None
    return int(read_table(path, ["sample_id"])["sample_id"].nunique())
