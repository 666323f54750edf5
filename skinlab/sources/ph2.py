"""PH2: 200 dermoscopic photographs of nevi and melanomas with masks -> Manifest.

Expected: ``PH2_dataset.txt`` (a table drawn with ``||`` and ``|``) and
``PH2 Dataset images/IMDxxx/IMDxxx_Dermoscopic_Image/IMDxxx.bmp`` with ``IMDxxx_lesion.bmp``.
"""

from __future__ import annotations

import re
from pathlib import Path

from skinlab.sources.archive import Facts, Row, Scan
from skinlab.sources.archive import scan as find_pictures
from skinlab.sources.disk import Folder
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import read_text
from skinlab.tables.manifest import Manifest

FACTS = Facts(
    title="PH2: dermoscopic image database",
    source="https://www.fc.up.pt/addi/ph2%20database.html",
    licence="research only, by registration",
    citation="Mendonça et al., PH2 - a dermoscopic image database for research and benchmarking, "
    "EMBC 2013",
    faults=(
        "There is no patient id: a split is not proven to be patient-safe.",
        "200 photographs, 40 of them melanomas: intervals are wide.",
    ),
    labels="ph2.yaml",
)
DIAGNOSES = {"0": "common nevus", "1": "atypical nevus", "2": "melanoma"}
# The header of the table -> the column that rides along.
RIDES = {
    "asymmetry": "asymmetry",
    "pigment network": "pigment_network",
    "dots/globules": "dots_globules",
    "streaks": "streaks",
    "regression areas": "regression_areas",
    "blue-whitish veil": "blue_whitish_veil",
    "colors": "colors",
}


def read(root: Path, table: Path | None = None) -> Manifest:
    """Return the manifest of the pictures on disk; see `scan`."""
    return scan(root, table).manifest


def scan(root: Path, table: Path | None = None) -> Scan:
    """Read the archive.

    Args:
        root: Folder of the archive.
        table: ``PH2_dataset.txt`` where it is not in the folder.

    Raises:
        InputError: No table, a row is not as expected, or no picture of it is on disk.
    """
    folder = Folder.walk(root)
    path = table or folder.table("PH2_dataset.txt", "PH2_dataset*.csv")
    return find_pictures(folder, path, _rows(path), FACTS, lambda name: f"{name}_lesion")


def _rows(path: Path) -> list[Row]:
    header: list[str] = []
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        cells = [cell.strip() for cell in re.split(r"\|\|?", text.strip().strip("|"))]
        if cells[0].lower() == "name":
            header = [cell.lower() for cell in cells]
        elif header and cells[0].upper().startswith("IMD"):
            record = dict(zip(header, cells, strict=False))
            code = record.get("clinical diagnosis", "")
            if code not in DIAGNOSES:
                what = f"{cells[0]} has the clinical diagnosis {code!r}"
                problems.append(Problem(what, "0, 1 and 2 are known", path, line))
                continue
            ride = {column: record[name] for name, column in RIDES.items() if name in record}
            histology = record.get("histological diagnosis", "")
            cells_ = {
                "sample_id": cells[0],
                "diagnosis": DIAGNOSES[code],
                "device": "dermatoscope",
                "label_source": "histology" if histology else "clinical",
                "pathology": histology,
            }
            rows.append(Row(cells[0], {**cells_, **ride}, line))
    if not header:
        what = "has no header `|| Name || ... || Clinical Diagnosis || ...`"
        problems.append(Problem(what, "take the official PH2_dataset.txt", path))
    if problems:
        raise InputError(problems)
    return rows
