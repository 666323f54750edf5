from pathlib import Path

import pytest
from PIL import Image

from skinlab.sources.importing import ARCHIVES, import_archive
from skinlab.tables.errors import InputError
from skinlab.tables.exclusions import Exclusion, read_exclusions, write_exclusions
from skinlab.tables.manifest import Manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(("nevus/P1_a", "nevus/P2_a", "melanoma/P3_a")):
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (number, 9, 9)).save(path)
    return tmp_path / "data"


def test_manifest_and_card_are_written_and_read_back(root: Path, tmp_path: Path) -> None:
    options = {"patient": r"P\d+"}
    result = import_archive("folder", root, tmp_path / "out", name="clinic", options=options)
    assert result.manifest_path == tmp_path / "out" / "clinic.csv"
    assert Manifest.read(result.manifest_path, root).fingerprint == result.manifest.fingerprint
    card = result.card_path.read_text(encoding="utf-8")
    assert "| – | nevus | 2 | – | 2 |" in card
    assert "| – | all | 3 | – | 3 |" in card
    assert "P1" not in card


def test_what_was_left_out_is_recorded_with_its_reason(root: Path, tmp_path: Path) -> None:
    (root / "nevus" / "notes.txt").write_text("x", encoding="utf-8")
    result = import_archive("folder", root, tmp_path / "out", name="clinic")
    recorded = read_exclusions(result.manifest_path)
    assert recorded is not None
    assert [(e.reason, e.images) for e in recorded] == [(d.reason, d.count) for d in result.dropped]
    assert len(recorded) == 1
    write_exclusions(result.manifest_path, [*recorded, Exclusion("consent withdrawn", 2)])
    import_archive("folder", root, tmp_path / "out", name="clinic")
    assert len(read_exclusions(result.manifest_path) or ()) == 2


def test_the_same_import_again_changes_nothing(root: Path, tmp_path: Path) -> None:
    first = import_archive("folder", root, tmp_path).manifest_path.read_bytes()
    assert import_archive("folder", root, tmp_path).manifest_path.read_bytes() == first


def test_splits_made_later_are_not_overwritten(root: Path, tmp_path: Path) -> None:
    result = import_archive("folder", root, tmp_path)
    result.manifest.with_column("split", ["train", "val", "test"]).save(result.manifest_path)
    with pytest.raises(InputError, match="is there already with splits"):
        import_archive("folder", root, tmp_path)
    import_archive("folder", root, tmp_path, overwrite=True)
    assert Manifest.read(result.manifest_path, root).column("split") == [""] * 3


def test_unknown_archives_and_options_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean ham10000"):
        import_archive("ham1000", root, tmp_path)
    with pytest.raises(InputError, match="no option patients; it has patient"):
        import_archive("folder", root, tmp_path, options={"patients": "x"})
    with pytest.raises(InputError, match="needs table"):
        import_archive("table", root, tmp_path)


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_archive_refuses_an_empty_or_missing_folder(archive: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("image_path,diagnosis\nx.png,nevus\n")
    options = {"table": table} if archive == "table" else {}
    (tmp_path / "empty").mkdir()
    for place in ("empty", "missing"):
        with pytest.raises(InputError):
            import_archive(archive, tmp_path / place, tmp_path / "out", options=options)
    assert not (tmp_path / "out").exists()


def test_a_bad_table_writes_nothing(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("sample_id,image_path,diagnosis\na,P1_a.png,nevus\na,P2_a.png,nan\n")
    with pytest.raises(InputError) as caught:
        import_archive("table", root, tmp_path / "out", options={"table": table})
    assert [problem.line for problem in caught.value.problems] == [3, 3]
    assert not (tmp_path / "out").exists()
