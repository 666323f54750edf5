"""`skinlab data …` as a physician types it: what goes through, and the line when it does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Clinic

from skinlab.tables.text import read_table, write_table
from skinlab.workspace import Workspace

MANIFEST = Path("data_manifests/synthetic.csv")
LABELS = "--labels=data_manifests/labels/synthetic.yaml"
Call = Callable[..., int]
Said = pytest.CaptureFixture[str]


def _photographs(drawn: Path) -> Path:
    return drawn / "workspace" / "data" / "synthetic" / "images"


def _archive(drawn: Path, folder: Path) -> Path:
    """Three people a class, one picture each, in folders named as classes."""
    pictures = sorted(_photographs(drawn).glob("*.jpg"))
    for i, picture in enumerate(pictures[:6]):
        place = folder / ("nodular melanoma", "dermal nevus")[i % 2] / f"P{i}_左腕.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, place)
    return folder


def _refused(said: Said, *expected: str) -> None:
    err = said.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    assert err.count("\n") == 1
    for words in expected:
        assert words in err


def test_a_folder_of_photographs_is_imported_checked_split_and_forgotten(
    at_work: Call, capsys: Said, drawn: Path, tmp_path: Path
) -> None:
    archive = _archive(drawn, tmp_path / "写真")
    words = ("data", "import", "folder", str(archive), "--name", "clinic", "--patient", r"(P\d+)_")
    assert at_work(*words) == 0
    path = Path("data_manifests/clinic.csv")
    assert f"6 photographs: {path}" in capsys.readouterr().out
    assert Workspace.here().root_of(path) == archive
    assert at_work("data", "check", str(path), LABELS) == 0
    assert "6 images, 6 patients: 0 errors" in capsys.readouterr().out
    assert at_work("data", "split", str(path), LABELS, "--folds", "3") == 0
    assert "in more than one split: 0 patients" in capsys.readouterr().out
    assert sorted(set(read_table(path)["split"])) == ["0", "1", "2"]
    assert at_work("data", "forget", "P3") == 0
    assert "1 manifest rows" in capsys.readouterr().out
    assert len(read_table(path)) == 6
    assert at_work("data", "forget", "P3", "--yes") == 0
    assert "P3" not in set(read_table(path)["patient_id"])
    assert at_work("data", "forget", "P3") == 0
    assert "nothing left of this patient" in capsys.readouterr().out


def test_an_import_again_does_not_overwrite_splits(
    at_work: Call, capsys: Said, drawn: Path, tmp_path: Path
) -> None:
    archive = _archive(drawn, tmp_path / "pictures")
    words = ("data", "import", "folder", str(archive), "--name", "clinic", "--patient", r"(P\d+)_")
    assert at_work(*words) == 0
    path = Path("data_manifests/clinic.csv")
    assert at_work("data", "split", str(path), "--folds", "3") == 0
    split = path.read_bytes()
    capsys.readouterr()
    assert at_work(*words) == 2
    _refused(capsys, "with splits", "overwrite")
    assert path.read_bytes() == split
    assert at_work(*words, "--overwrite") == 0
    assert set(read_table(path)["split"]) == {""}


def test_too_few_people_for_three_splits_leave_no_manifest(at_work: Call, capsys: Said) -> None:
    assert at_work("data", "synth", "--patients", "2", "--name", "few") == 2
    assert "join it with another class" in capsys.readouterr().err
    assert not Path("data_manifests/few.csv").exists()


@pytest.mark.parametrize("name", ["a/b", "../x", "", ".hidden", "a:b"])
@pytest.mark.parametrize("verb", ["synth", "import"])
def test_a_name_cannot_lead_to_another_folder(
    name: str, verb: str, at_work: Call, capsys: Said, clinic: Clinic
) -> None:
    before = sorted(clinic.folder.rglob("*"))
    more = ("folder", ".") if verb == "import" else ()
    assert at_work("data", verb, *more, "--name", name) == 2
    _refused(capsys, "cannot name a manifest")
    assert sorted(clinic.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "data_manifests"), "data_manifests: is a folder; name a manifest in it"),
        (("check", "gone.csv"), "gone.csv"),
        (("check", str(MANIFEST), "--labels=gone.yaml"), "gone.yaml: there is no such file"),
        (("check", str(MANIFEST), "--root=/gone"), "/gone, is not there"),
        (("import", "folder", "/gone"), "/gone: is not a folder"),
        (("import", "folder", str(MANIFEST)), "is not a folder"),
        (("import", "table", "."), "give --csv FILE"),
        (("import", "ph", "."), "did you mean ph2?"),
        (("split", str(MANIFEST), "--folds", "1"), "give 3 folds or more"),
        (("split", str(MANIFEST), "--fractions", "1", "1", "1"), "three that sum to 1"),
        (("synth", "--patients", "0"), "patients >= 1"),
    ],
)
def test_a_slip_is_one_line_that_helps(
    words: tuple[str, ...], said: str, at_work: Call, capsys: Said
) -> None:
    before = MANIFEST.read_bytes() if MANIFEST.exists() else b""
    assert at_work("data", *words) == 2
    _refused(capsys, said)
    assert not before or MANIFEST.read_bytes() == before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_table_saved_by_excel_is_read_as_it_is_meant(
    encoding: str, at_work: Call, capsys: Said
) -> None:
    text = MANIFEST.read_text(encoding="utf-8").replace("drawn", "髙橋①").replace("\n", "\r\n")
    MANIFEST.write_bytes(text.encode(encoding))
    assert at_work("data", "check", str(MANIFEST), LABELS) == 0
    assert "0 errors" in capsys.readouterr().out
    assert "髙橋①" in set(read_table(MANIFEST)["label_source"])


def test_every_bad_row_is_named_at_once(at_work: Call, capsys: Said) -> None:
    rows = read_table(MANIFEST)
    rows.loc[rows.index[1], "diagnosis"] = ""
    rows.loc[rows.index[4], "image_path"] = "/etc/passwd"
    rows.loc[rows.index[6], "image_path"] = "../../secret.jpg"
    write_table(MANIFEST, rows)
    assert at_work("data", "check", str(MANIFEST), LABELS) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" line ")[1].split(":")[0] for line in lines] == ["3", "6", "8"]
    assert "diagnosis is blank" in lines[0]
    assert all("is not a path inside the data set's folder" in line for line in lines[1:])


def test_a_list_of_roots_that_was_damaged_is_named(at_work: Call, capsys: Said) -> None:
    place = Workspace.here().folder / "roots.json"
    place.write_text("{broken")
    assert at_work("data", "check", str(MANIFEST), LABELS) == 2
    _refused(capsys, "roots.json", "delete it and import the data again")


def test_twins_are_found_and_written_when_asked(
    at_work: Call, capsys: Said, drawn: Path, tmp_path: Path
) -> None:
    archive = _archive(drawn, tmp_path / "pictures")
    one = next((archive / "dermal nevus").iterdir())
    shutil.copy(one, archive / "dermal nevus" / "P9_copy.jpg")
    words = ("data", "import", "folder", str(archive), "--name", "clinic", "--patient", r"(P\d+)_")
    assert at_work(*words) == 0
    assert at_work("data", "duplicates", "data_manifests/clinic.csv", "--write") == 0
    out = capsys.readouterr().out
    assert "pairs of near-duplicates" in out
    groups = read_table(Path("data_manifests/clinic.csv"))["duplicate_group"]
    assert list(groups[groups != ""]).count(next(g for g in groups if g)) >= 2


def test_where_photographs_are_is_kept_in_the_workspace_only(
    at_work: Call, drawn: Path, tmp_path: Path
) -> None:
    archive = _archive(drawn, tmp_path / "山田太郎")
    assert at_work("data", "import", "folder", str(archive), "--name", "clinic") == 0
    for path in Path("data_manifests").glob("clinic.*"):
        assert "山田太郎" not in path.read_text(encoding="utf-8")
    roots = json.loads((Workspace.here().folder / "roots.json").read_text(encoding="utf-8"))
    assert roots["clinic"] == str(archive)
