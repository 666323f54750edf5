"""The ISIC challenges 2016, 2017, 2018 (task 3), 2019 and 2020 -> Manifest.

Expected: the ground-truth tables under their official names and the pictures anywhere below. The
year is recognised from the tables; where a folder holds several years, `year` says which is meant.
Training, validation and test parts are read together where they are there, as the official split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from skinlab.sources.archive import Dropped, Facts, Row, Scan, lower, others, records, whole
from skinlab.sources.archive import scan as find_pictures
from skinlab.sources.disk import Folder
from skinlab.sources.isic_tables import duplicate_groups, labels_2016, one_hot, words
from skinlab.tables.errors import InputError, Problem
from skinlab.tables.manifest import Manifest
from skinlab.tables.text import read_table

SHARED_FAULTS = (
    "The years overlap: 12,038 training files are duplicates across years and 1,592 stand in test "
    "sets (Cassidy 2022). Run `skinlab data duplicates` before joining years.",
    "Test for shortcuts: coloured stickers, rulers and hair differ between the classes.",
)
NO_PATIENT = "There is no patient id: a split is not proven to be patient-safe."
CITATION = "Codella et al., Skin lesion analysis toward melanoma detection (ISIC {year})"
SOURCE = "https://challenge.isic-archive.com/data/#{year}"


@dataclass(frozen=True)
class Part:
    """One part of a challenge.

    Attributes:
        split: The official split.
        truth: Name patterns of the ground truth, the preferred one first.
        metadata: Name pattern of the table with age, sex and site; empty when there is none.
    """

    split: str
    truth: tuple[str, ...]
    metadata: str = ""


DOWNSAMPLED = "_downsampled"
PARTS: Mapping[int, tuple[Part, ...]] = {
    2016: (
        Part("train", ("ISBI2016_ISIC_Part3_Training_GroundTruth*.csv",)),
        Part("test", ("ISBI2016_ISIC_Part3_Test_GroundTruth*.csv",)),
    ),
    2017: tuple(
        Part(
            split, (f"ISIC-2017_{word}_Part3_GroundTruth*.csv",), f"ISIC-2017_{word}_Data_meta*.csv"
        )
        for split, word in (("train", "Training"), ("val", "Validation"), ("test", "Test*"))
    ),
    2018: tuple(
        Part(
            split,
            (f"ISIC2018_Task3_{word}_GroundTruth*.csv",),
            f"ISIC2018_Task3_{word}_LesionGroupings*.csv",
        )
        for split, word in (("train", "Training"), ("val", "Validation"), ("test", "Test"))
    ),
    2019: tuple(
        Part(split, (f"ISIC_2019_{word}_GroundTruth*.csv",), f"ISIC_2019_{word}_Metadata*.csv")
        for split, word in (("train", "Training"), ("test", "Test"))
    ),
    2020: tuple(
        Part(
            split,
            (f"ISIC_2020_{word}_GroundTruth_v2*.csv", f"ISIC_2020_{word}_GroundTruth*.csv"),
            f"ISIC_2020_{word}_Metadata*.csv",
        )
        for split, word in (("train", "Training"), ("test", "Test"))
    ),
}
FACTS: Mapping[int, Facts] = {
    2016: Facts(
        title="ISIC 2016 part 3: benign or malignant",
        licence="CC0",
        faults=(NO_PATIENT, *SHARED_FAULTS),
    ),
    2017: Facts(
        title="ISIC 2017 part 3: melanoma, seborrheic keratosis, nevus",
        licence="CC0",
        faults=(
            NO_PATIENT,
            "The table has two yes/no columns; where both are 0 the lesion is a nevus.",
            *SHARED_FAULTS,
        ),
        labels="isic2017.yaml",
    ),
    2018: Facts(
        title="ISIC 2018 task 3: seven classes (training part = HAM10000)",
        licence="CC BY-NC 4.0",
        faults=(
            NO_PATIENT,
            "Without the supplement `LesionGroupings` lesions are not known and photographs of "
            "one lesion can come into two splits.",
            *SHARED_FAULTS,
        ),
        labels="ham10000.yaml",
    ),
    2019: Facts(
        title="ISIC 2019: eight classes",
        licence="CC BY-NC 4.0",
        faults=(
            NO_PATIENT,
            "The lesion id is missing for 2,084 of 25,331 photographs.",
            "2,074 files named `_downsampled` are copies of photographs of earlier years.",
            "The class UNK of the test part does not occur in training.",
            *SHARED_FAULTS,
        ),
        labels="isic2019.yaml",
    ),
    2020: Facts(
        title="ISIC 2020: melanoma among lesions of 2,056 patients",
        licence="CC BY-NC 4.0",
        faults=(
            "27,124 of 33,126 photographs have no diagnosis, only `benign`; here they are called "
            "`unspecified benign`.",
            "425 pairs of duplicates are listed by the organisers; they get a `duplicate_group`.",
            "1.8 % of the photographs are melanomas.",
            *SHARED_FAULTS,
        ),
        labels="isic2020.yaml",
    ),
}
# Columns that become a column of the manifest; every other one rides along.
RENAMED = (
    "image",
    "image_id",
    "image_name",
    "patient_id",
    "lesion_id",
    "sex",
    "gender",
    "age_approx",
    "age_approximate",
    "anatom_site_general",
    "anatom_site_general_challenge",
    "diagnosis",
    "diagnosis_confirm_type",
)


def read(root: Path, year: int | None = None, table: Path | None = None) -> Manifest:
    """Return the manifest of the pictures on disk; see `scan`."""
    return scan(root, year, table).manifest


def scan(root: Path, year: int | None = None, table: Path | None = None) -> Scan:
    """Read one challenge.

    Args:
        root: Folder of the pictures.
        year: Which challenge, where the tables of several are there.
        table: The ground truth, or the folder of several, where it is not in `root`; the others of
            its year (metadata, lists of duplicates) are looked for beside it.

    Raises:
        InputError: No known table, several years, a broken table, or no picture on disk.
    """
    folder = Folder.walk(root)
    place = folder if table is None else Folder.walk(table if table.is_dir() else table.parent)
    only = table.name if table is not None and table.is_file() else ""
    year = _year(place, year, only)
    parts = [part for part in PARTS[year] if place.tables(*part.truth)]
    rows: list[Row] = []
    for part in parts:
        split = part.split if len(parts) > 1 else ""
        rows += _rows(place, part, year, split)
    facts = replace(
        FACTS[year], source=SOURCE.format(year=year), citation=CITATION.format(year=year)
    )
    table = place.table(*parts[0].truth)
    found = find_pictures(folder, table, rows, facts, lambda name: f"{name}_segmentation")
    return replace(
        found,
        manifest=_with_isic_id(found.manifest),
        dropped=(*found.dropped, *_without_truth(place, year)),
    )


def _year(place: Folder, year: int | None, only: str) -> int:
    """Return the year that is asked for, or the only one whose ground truth (`only`) is there."""
    here = [
        y
        for y, parts in PARTS.items()
        for found in [{Path(f).name for p in parts for f in place.tables(*p.truth)}]
        if found and (not only or only in found)
    ]
    if year is not None and year in here:
        return year
    if year is None and len(here) == 1:
        return here[0]
    what = f"holds the ground truth of {', '.join(map(str, here)) or 'no ISIC challenge'}"
    fix = "say which year" if here else "name the folder with the ..._GroundTruth.csv"
    raise InputError(Problem(what, fix, place.root))


def _rows(place: Folder, part: Part, year: int, split: str) -> Iterator[Row]:
    """Yield one part of a challenge, its metadata joined by the image id."""
    path = place.table(*part.truth)
    metadata = _metadata(place, part.metadata)
    groups = duplicate_groups(place) if year == 2020 else {}
    truth = {2016: labels_2016, 2017: one_hot, 2020: words}.get(year, one_hot)(path)
    for label in truth:
        image = label.image
        record = {**metadata.get(image, {}), **label.record}
        cells = {
            "sample_id": image,
            "diagnosis": label.diagnosis,
            "split": split,
            "duplicate_group": groups.get(image, ""),
            **_described(record),
        }
        yield Row(image, cells, label.line)


def _described(record: Mapping[str, str]) -> dict[str, str]:
    """Return the manifest's columns of a record under whatever name that year gave them."""
    return {
        "patient_id": record.get("patient_id", ""),
        "lesion_id": record.get("lesion_id", ""),
        "age": whole(record.get("age_approx", record.get("age_approximate", ""))),
        "sex": lower(record.get("sex", record.get("gender", ""))),
        "site": lower(
            record.get("anatom_site_general", record.get("anatom_site_general_challenge", ""))
        ),
        "device": "dermatoscope",
        "label_source": lower(record.get("diagnosis_confirm_type", "")),
        **others(record, RENAMED),
    }


def _metadata(place: Folder, pattern: str) -> dict[str, dict[str, str]]:
    if not pattern or not place.tables(pattern):
        return {}
    frame = read_table(place.table(pattern))
    return {row[str(frame.columns[0])]: row for _, row in records(frame)}


def _with_isic_id(manifest: Manifest) -> Manifest:
    """Add the id without ``_downsampled``, by which copies in other years are found."""
    ids = manifest.column("sample_id")
    if not any(name.endswith(DOWNSAMPLED) for name in ids):
        return manifest
    return manifest.with_column("isic_id", [name.removesuffix(DOWNSAMPLED) for name in ids])


def _without_truth(place: Folder, year: int) -> Iterator[Dropped]:
    """Yield the parts whose metadata are there but whose diagnoses were never published."""
    for part in PARTS[year]:
        if part.metadata and place.tables(part.metadata) and not place.tables(*part.truth):
            table = place.table(part.metadata)
            count = len(read_table(table))
            yield Dropped("no ground truth is published or on disk", count, table.name)
