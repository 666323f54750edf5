"""HAM10000: dermoscopy of seven pigmented lesions -> Manifest.

Expected: ``HAM10000_metadata`` (with or without .csv) and the pictures anywhere below
(``HAM10000_images_part_1..2/ISIC_*.jpg``); masks of Tschandl 2020 as ``*_segmentation.png``.
"""

from __future__ import annotations

from pathlib import Path

from skinlab.sources.archive import Facts, Row, Scan, lower, others, records, whole
from skinlab.sources.archive import scan as find_pictures
from skinlab.sources.disk import Folder
from skinlab.tables.manifest import Manifest
from skinlab.tables.text import read_table

FACTS = Facts(
    title="HAM10000: dermatoscopic images of common pigmented skin lesions",
    source="https://doi.org/10.7910/DVN/DBW86T",
    licence="CC BY-NC 4.0",
    citation="Tschandl, Rosendahl, Kittler, The HAM10000 dataset, Scientific Data 5 (2018) 180161",
    faults=(
        "There is no patient id: photographs are kept together by lesion (7,470 lesions), so a "
        "split is not proven to be patient-safe.",
        "More pictures are near-duplicates than the lesion ids tell (Abhishek 2025).",
        "How the label was made (`label_source`) tells the class: follow-up is always a nevus.",
        "AKIEC joins actinic keratosis and Bowen's disease; ISIC 2019 splits it into AK and SCC.",
    ),
    labels="ham10000.yaml",
)
TAKEN = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
LABEL_SOURCE = {"histo": "histology", "follow_up": "follow-up"}


def read(root: Path, table: Path | None = None) -> Manifest:
    """Return the manifest of the pictures on disk; see `scan`."""
    return scan(root, table).manifest


def scan(root: Path, table: Path | None = None) -> Scan:
    """Read the archive.

    Args:
        root: Folder of the archive.
        table: The metadata where it is not in the folder.

    Raises:
        InputError: No metadata, a column is missing, or no picture of it is on disk.
    """
    folder = Folder.walk(root)
    path = table or folder.table(
        "HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata*"
    )
    frame = read_table(path, TAKEN)
    rows = []
    for line, record in records(frame):
        cells = {
            "sample_id": record["image_id"],
            "lesion_id": record["lesion_id"],
            "diagnosis": record["dx"],
            "age": whole(record["age"]),
            "sex": lower(record["sex"]),
            "site": lower(record["localization"]),
            "device": "dermatoscope",
            "label_source": LABEL_SOURCE.get(record["dx_type"], record["dx_type"]),
        }
        rows.append(Row(record["image_id"], {**cells, **others(record, TAKEN)}, line))
    return find_pictures(folder, path, rows, FACTS, lambda name: f"{name}_segmentation")
