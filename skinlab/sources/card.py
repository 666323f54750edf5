"""Scan of an archive -> data set card in Markdown: source, licence, counts, what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from skinlab.sources.archive import Scan
from skinlab.tables.manifest import Manifest


def card(name: str, scan: Scan) -> str:
    """Return the card of a data set.

    Args:
        name: Name of its manifest.
        scan: The archive as found on disk.
    """
    facts, manifest = scan.facts, scan.manifest
    lines = [
        f"# {facts.title}",
        "",
        f"Manifest `{name}.csv`, fingerprint `{manifest.fingerprint[:16]}`"
        + (f", labels `labels/{facts.labels}`" if facts.labels else "")
        + ". The photographs are not in this repository.",
        "",
        f"- Source: {facts.source}",
        f"- Licence: {facts.licence}",
        f"- Citation: {facts.citation}",
        f"- Kept together in a split: by {_kind(manifest)}",
        "",
        "## Counts",
        "",
        *_markdown(_counts(manifest)),
        "",
        "## Left out",
        "",
    ]
    lines += [f"- {d.count} in {d.where}: {d.reason}" for d in scan.dropped] or ["Nothing."]
    lines += ["", "## Known faults", ""]
    lines += [f"- {fault}" for fault in facts.faults] or ["None known."]
    lines += ["", *_filled(manifest), "", "Research use only. Not for diagnosis."]
    return "\n".join(lines) + "\n"


def _kind(manifest: Manifest) -> str:
    kind = manifest.group_kind
    return kind if kind == "patient" else f"{kind} (no patient id: not proven to be patient-safe)"


def _counts(manifest: Manifest) -> list[list[str]]:
    """Return patients, lesions and images by split and class; a header row first."""
    columns = ("split", "diagnosis", "patient_id", "lesion_id")
    rows = list(zip(*(manifest.column(name) for name in columns), strict=True))
    table = [["split", "class", "patients", "lesions", "images"]]
    splits = sorted({row[0] for row in rows})
    for split in [*splits, "all"] if len(splits) > 1 else splits:
        inside = [row for row in rows if split in (row[0], "all")]
        for name in [*sorted({row[1] for row in inside}), "all"]:
            mine = [row for row in inside if name in (row[1], "all")]
            table.append(
                [split or "–", name, _distinct(mine, 2), _distinct(mine, 3), str(len(mine))]
            )
    return table


def _distinct(rows: Sequence[tuple[str, ...]], position: int) -> str:
    values = {row[position] for row in rows if row[position]}
    return str(len(values)) if values else "–"


def _filled(manifest: Manifest) -> list[str]:
    """Return which columns there are and how full they are: missing cells are information too."""
    table = [["column", "filled"]]
    for name in manifest.frame.columns:
        filled = sum(bool(value) for value in manifest.column(str(name)))
        table.append([str(name), f"{100 * filled / max(len(manifest), 1):.0f} %"])
    return ["## Columns", "", *_markdown(table)]


def _markdown(table: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]
    return [lines[0], "|" + "---|" * len(table[0]), *lines[1:]]
