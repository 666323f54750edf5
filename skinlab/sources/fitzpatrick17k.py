"""Fitzpatrick17k: clinical photographs of two web atlases in 114 conditions -> Manifest.

Expected: ``fitzpatrick17k.csv`` and the pictures, downloaded by their links, anywhere below, named
by ``md5hash`` or by ``url_alphanum``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skinlab.sources.archive import Facts, Row, Scan, others, records
from skinlab.sources.archive import scan as find_pictures
from skinlab.sources.disk import Folder
from skinlab.tables.manifest import Manifest
from skinlab.tables.text import read_table

FACTS = Facts(
    title="Fitzpatrick17k: clinical photographs with Fitzpatrick skin types",
    source="https://github.com/mattgroh/fitzpatrick17k",
    licence="CC BY-NC-SA 3.0 (annotations); the photographs belong to their web atlases",
    citation="Groh et al., Evaluating deep neural networks trained on clinical images in "
    "dermatology with the Fitzpatrick 17k dataset, CVPR Workshops 2021",
    faults=(
        "There is no patient id: a split is not proven to be patient-safe.",
        "21 % of the pictures are near-duplicates: run `skinlab data duplicates` before splitting "
        "(Fitzpatrick17k-C lists them, Zenodo 11101337).",
        "504 labels were checked by dermatologists (`qc`); 17 of these are wrong.",
        "Two raters of the skin type differ; -1 means that it could not be told and is left empty.",
        "41 rows have no link, and many links are dead.",
    ),
    labels="fitzpatrick17k.yaml",
)
TAKEN = ("md5hash", "fitzpatrick_scale", "label", "url", "url_alphanum")


def read(root: Path, table: Path | None = None) -> Manifest:
    """Return the manifest of the pictures on disk; see `scan`."""
    return scan(root, table).manifest


def scan(root: Path, table: Path | None = None) -> Scan:
    """Read the archive.

    Args:
        root: Folder of the pictures.
        table: The csv where it is not in the folder.

    Raises:
        InputError: No table, a column is missing, or no picture of it is on disk.
    """
    folder = Folder.walk(root)
    path = table or folder.table("fitzpatrick17k.csv", "fitzpatrick17k*.csv")
    frame = read_table(path, TAKEN)
    table_rows = records(frame)
    by_hash = folder.find(record["md5hash"] for _, record in table_rows)
    rows = []
    for line, record in table_rows:
        cells = {
            "sample_id": record["md5hash"],
            "diagnosis": record["label"],
            "skin_type": _type(record["fitzpatrick_scale"]),
        }
        ride = others(record, TAKEN)
        if "fitzpatrick_centaur" in ride:
            ride["fitzpatrick_centaur"] = _type(ride["fitzpatrick_centaur"])
        name = record["md5hash"] if record["md5hash"] in by_hash else record["url_alphanum"]
        # Rows without a link have no second name.
        rows.append(Row(name or record["md5hash"], {**cells, **ride}, line))
    found = find_pictures(folder, path, rows, FACTS)
    no_link = sum(not record["url"] for _, record in table_rows)
    if found.dropped and no_link:
        reason = f"{found.dropped[0].reason} ({no_link} rows of the table have no link)"
        return replace(found, dropped=(replace(found.dropped[0], reason=reason),))
    return found


def _type(value: str) -> str:
    return "" if value in ("-1", "-1.0") else value.removesuffix(".0")
