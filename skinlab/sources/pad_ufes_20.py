"""PAD-UFES-20: smartphone photographs of six skin lesions -> Manifest.

Expected: ``metadata.csv`` and the pictures anywhere below (``images/imgs_part_1..3/*.png``), with
``masks/`` and ``masks_expert/`` where somebody drew some.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from skinlab.sources.archive import Facts, Row, Scan, lower, others, records, whole
from skinlab.sources.archive import scan as find_pictures
from skinlab.sources.disk import Folder, stem
from skinlab.tables.manifest import Manifest
from skinlab.tables.text import read_table

FACTS = Facts(
    title="PAD-UFES-20: skin lesion data set of clinical smartphone photographs",
    source="https://data.mendeley.com/datasets/zr7vgbcyr2/1",
    licence="CC BY 4.0",
    citation="Pacheco et al., PAD-UFES-20: a skin lesion dataset composed of patient data and "
    "clinical images collected from smartphones, Data in Brief 32 (2020) 106221",
    faults=(
        "Patient history is missing for lesions without biopsy (58.4 % are biopsied, all cancers "
        "among them): whether a cell is empty tells the class.",
        "56 near-duplicates, 2 irrelevant pictures and 3 label errors were found by SelfClean; "
        "PAT_759_1433_914 and PAT_759_1538_566 are one photograph under two lesions.",
        "Lesion numbers repeat across patients (1,641 numbers, 1,891 lesions): `lesion_id` here is "
        "the patient and the number.",
        "The column of the Fitzpatrick type is spelled `fitspatrick`.",
        "Pen marks around many cancers may be learned instead of the lesion.",
        "SCC includes Bowen's disease.",
    ),
    labels="pad_ufes_20.yaml",
)
TAKEN = ("img_id", "patient_id", "lesion_id", "diagnostic", "age", "gender", "region")


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
    path = table or folder.table("metadata.csv", "PAD-UFES-20_metadata.csv", "metadata*.csv")
    frame = read_table(path, (*TAKEN, "fitspatrick", "biopsed"))
    rows = []
    for line, record in records(frame):
        cells = {
            "sample_id": PurePosixPath(record["img_id"]).stem,
            "patient_id": record["patient_id"],
            "lesion_id": f"{record['patient_id']}_{record['lesion_id']}",
            "diagnosis": record["diagnostic"],
            "age": whole(record["age"]),
            "sex": lower(record["gender"]),
            "site": lower(record["region"]),
            "skin_type": whole(record["fitspatrick"]),
            "device": "smartphone",
            "label_source": {"true": "histology", "false": "clinical"}.get(
                record["biopsed"].lower(), ""
            ),
        }
        ride = others(record, (*TAKEN, "fitspatrick", "biopsed"))
        rows.append(Row(record["img_id"], {**cells, **ride}, line))
    found = find_pictures(folder, path, rows, FACTS, lambda name: name)
    return replace(found, manifest=_with_expert_masks(found.manifest, folder))


def _with_expert_masks(manifest: Manifest, folder: Folder) -> Manifest:
    """Add the masks drawn by dermatologists beside those drawn by students (``mask_path``)."""
    files = {
        stem(PurePosixPath(file).name): file
        for file in folder.pictures
        if "masks_expert" in PurePosixPath(file).parts[:-1]
    }
    if not files:
        return manifest
    masks = [files.get(stem(sample), "") for sample in manifest.column("sample_id")]
    return manifest.with_column("mask_expert", masks)
