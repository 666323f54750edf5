import os
import unicodedata
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from skinlab.data.check import Findings, check
from skinlab.tables.labels import LabelTree, Leaf
from skinlab.tables.manifest import Manifest

TREE = LabelTree(
    (Leaf("melanoma", "melanoma", "malignant", ("MM",)), Leaf("nevus", "nevus", "benign")),
    "malignant",
    Path("tree.yaml"),
)
HEADER = "sample_id,image_path,patient_id,diagnosis,split"


def photograph(path: Path, seed: int, size: tuple[int, int] = (12, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)


def good_rows() -> list[str]:
    """Twelve photographs of twelve patients, both classes in each split."""
    splits = ["train", "val", "test"] * 4
    return [
        f"s{i},img/{i}.png,P{chr(65 + i)},{'nevus' if i < 6 else 'melanoma'},{split}"
        for i, split in enumerate(splits)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i in range(12):
        photograph(tmp_path / "root" / "img" / f"{i}.png", i)
    return tmp_path / "root"


def found(root: Path, rows: list[str], header: str = HEADER) -> Findings:
    path = root.parent / "m.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return check(Manifest.open(path, root), TREE, workers=1)


def changed(row: int, **cells: str) -> list[str]:
    rows = good_rows()
    values = dict(zip(HEADER.split(","), rows[row].split(","), strict=True)) | cells
    rows[row] = ",".join(values.values())
    return rows


def errors(findings: Findings) -> str:
    return "\n".join(map(str, findings.errors))


def notes(findings: Findings) -> str:
    return "\n".join(map(str, findings.notes))


def test_a_good_data_set_has_no_errors_and_no_notes(root: Path) -> None:
    findings = found(root, good_rows())
    assert (findings.errors, findings.notes) == ((), ())
    assert findings.summary() == "12 images, 12 patients: 0 errors, 0 notes"
    findings.refuse()


def png(chunk: bytes, content: bytes) -> bytes:
    body = chunk + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def damage(path: Path, kind: str) -> None:
    good = path.read_bytes()
    huge = (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    content = {
        "truncated": good[: len(good) // 2],
        "empty": b"",
        "html": b"<!DOCTYPE html><title>404</title>",
        "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        "flipped": good[:60] + bytes([good[60] ^ 0xFF]) + good[61:],
        "bomb": good[:8] + png(b"IHDR", huge) + png(b"IEND", b""),
        "zeros": b"\x00" * 500,
        "text": b"hello",
    }[kind]
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("truncated", "truncated"),
        ("empty", "empty"),
        ("html", "HTML"),
        ("heic", "HEIC"),
        ("flipped", "damaged"),
        ("bomb", "too large"),
        ("zeros", "zero bytes"),
        ("text", "not a picture"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_reason(root: Path, kind: str, words: str) -> None:
    damage(root / "img" / "3.png", kind)
    findings = found(root, good_rows())
    assert len(findings.errors) == 1
    assert findings.errors[0].line == 5
    assert "img/3.png" in findings.errors[0].what
    assert words in findings.errors[0].what


def test_every_bad_row_is_found_in_one_go(root: Path) -> None:
    damage(root / "img" / "0.png", "truncated")
    (root / "img" / "1.png").unlink()
    rows = good_rows()
    rows[2] = "s2,/etc/passwd,PC,nevus,test"
    rows[3] = "s0,img/3.png,PD,nevus,train"
    rows[4] = "s4,img/4.png,PE,nevsu,val"
    rows[5] = "s5,img/5.png,PF,,test"
    rows[6] = "s6,img/6.png,PG,melanoma,tset"
    rows[7] = "s7,img/7.png,NA,melanoma,val"
    lines = {problem.line for problem in found(root, rows).errors}
    assert lines >= {2, 3, 4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize("kind", ["folder", "fifo", "link out", "loop", "device"])
def test_only_regular_files_inside_the_folder_are_opened(root: Path, kind: str) -> None:
    path = root / "img" / "3.png"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        photograph(root.parent / "secret.png", 99)
        path.symlink_to(root.parent / "secret.png")
    assert [problem.line for problem in found(root, good_rows()).errors] == [5]


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "../x.png", "img/../../x.png", "file:///x", "s3://b/x", "~/x", "\\\\nas\\x"],
)
def test_paths_out_of_the_folder_are_refused_unopened(root: Path, value: str) -> None:
    findings = found(root, changed(3, image_path=value))
    assert [problem.line for problem in findings.errors] == [5]
    assert "not a path inside" in errors(findings)


def test_an_unknown_label_gets_a_suggestion(root: Path) -> None:
    findings = found(root, changed(3, diagnosis="melanom"))
    assert "line 5: unknown diagnosis 'melanom'; did you mean 'melanoma'?" in errors(findings)


@pytest.mark.parametrize("word", ["Melanoma", " melanoma ", "ＭＭ", "mm", "MELANOMA"])
def test_spellings_of_a_label_are_one_class(root: Path, word: str) -> None:
    assert not found(root, changed(7, diagnosis=word)).errors


@pytest.mark.parametrize("word", ["nan", "NA", "ＮＡ", "none", "1.0", ""])
def test_words_for_nothing_are_no_class(root: Path, word: str) -> None:
    assert found(root, changed(3, diagnosis=word)).errors[0].line == 5


def test_a_patient_in_two_splits_is_named_with_both_lines(root: Path) -> None:
    text = errors(found(root, changed(3, patient_id="PB")))
    assert "line 5: patient 'PB' is in split 'train' here and in 'val' in line 3" in text


def test_the_same_picture_in_two_splits_is_found_by_its_pixels(root: Path) -> None:
    pixels = Image.open(root / "img" / "0.png")
    pixels.save(root / "img" / "4.png", compress_level=0, dpi=(72, 72))
    assert (root / "img" / "0.png").read_bytes() != (root / "img" / "4.png").read_bytes()
    text = errors(found(root, good_rows()))
    assert "line 6: the same picture stands in line 2 with split 'train', here with 'val'" in text
    assert "line 6: the same picture stands in line 2 with patient 'PA', here with 'PE'" in text


def test_the_same_picture_with_two_labels_is_noted_with_both_lines(root: Path) -> None:
    photograph(root / "img" / "9.png", 0)
    rows = changed(9, patient_id="PA")
    findings = found(root, rows)
    assert not findings.errors
    assert "line 11: the same picture stands in line 2 with diagnosis 'nevus'" in notes(findings)
    assert "2 rows show only 1 pictures (lines 2=11)" in notes(findings)


def test_two_lesions_in_windows_of_one_photograph_may_differ(root: Path) -> None:
    rows = [f"{row},,,," for row in good_rows()]
    rows[9] = "s9,img/0.png,PA,melanoma,train,0.5,0,1,1"
    rows[0] = "s0,img/0.png,PA,nevus,train,0,0,0.5,1"
    findings = found(root, rows, f"{HEADER},x0,y0,x1,y1")
    assert not findings.errors
    assert "diagnosis" not in notes(findings)


def test_a_picture_that_changed_since_the_import_is_an_error(root: Path) -> None:
    rows = [f"{row},{'0' * 64 if i == 3 else ''}" for i, row in enumerate(good_rows())]
    assert "not the file that was imported" in errors(found(root, rows, f"{HEADER},sha256"))


def mask(root: Path, values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Findings:
    (root / "masks").mkdir(exist_ok=True)
    Image.fromarray(values).save(root / "masks" / "3.png")
    rows = [f"{row},{'masks/3.png' if i == 3 else ''}" for i, row in enumerate(good_rows())]
    return found(root, rows, f"{HEADER},mask_path")


def test_masks_of_another_size_or_with_more_values_are_errors(root: Path) -> None:
    half = np.zeros((8, 12), np.uint8)
    half[:, 6:] = 255
    assert not mask(root, half).errors
    assert "line 5: masks/3.png is 6x8 where" in errors(mask(root, half[:, :6]))
    assert "turn the mask upright" in errors(mask(root, half.T))
    half[0, 0] = 7
    assert "is no mask of 0/1 or 0/255" in errors(mask(root, half))


def test_empty_and_full_masks_are_noted(root: Path) -> None:
    assert "line 5: mask masks/3.png is empty" in notes(mask(root, np.zeros((8, 12), np.uint8)))
    assert "is full" in notes(mask(root, np.full((8, 12), 255, np.uint8)))


@pytest.mark.parametrize(
    ("one", "two"), [("007", "7"), ("P7", "p7"), ("P 7", "P_7"), ("Ｐ７", "P7"), ("P07", "P7")]
)
def test_ids_that_look_alike_are_noted_and_stay_two_patients(
    root: Path, one: str, two: str
) -> None:
    rows = changed(0, patient_id=one)
    rows[3] = f"s3,img/3.png,{two},nevus,train"
    findings = found(root, rows)
    assert findings.patients == 12
    assert "look alike" in notes(findings)
    assert not findings.errors


def test_a_spreadsheets_number_is_noted(root: Path) -> None:
    assert "looks like a spreadsheet's number" in notes(found(root, changed(0, patient_id="1E5")))


def test_blank_patients_are_noted_with_what_keeps_them_together(root: Path) -> None:
    text = notes(found(root, changed(0, patient_id="")))
    assert "patient_id is blank in 1 of 12 rows; these are kept together by image" in text


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (lambda row: ",nevus," in row, "has only one class"),
        (lambda row: not ("melanoma" in row and row.endswith("val")), "split 'val' has only one"),
        (lambda row: not row.endswith("val"), "has no rows in split 'val'"),
        (lambda row: not ("melanoma" in row and "train" in row), "does not occur in split 'train'"),
        (lambda _: False, "has no rows"),
        (lambda row: row.startswith("s0,"), "only one patient to split by"),
    ],
)
def test_data_too_small_to_train_on_are_refused(root: Path, keep: object, words: str) -> None:
    assert callable(keep)
    assert words in errors(found(root, [row for row in good_rows() if keep(row)]))


def test_a_class_of_two_patients_is_too_small_to_split(root: Path) -> None:
    rows = [row.rsplit(",", 1)[0] + "," for row in good_rows()[:8]]
    findings = found(root, rows)
    assert "class 'melanoma' has 2 patient(s), too few to split" in errors(findings)
    assert "is not split yet" in notes(findings)


def test_half_split_data_and_gaps_in_folds_are_errors(root: Path) -> None:
    assert "split is blank in 1 rows" in errors(found(root, changed(0, split="")))
    folds = {"train": "0", "val": "1", "test": "3"}
    rows = [f"{row.rsplit(',', 1)[0]},{folds[row.rsplit(',', 1)[1]]}" for row in good_rows()]
    assert "folds [2] are missing" in errors(found(root, rows))


def test_a_test_set_alone_is_fine(root: Path) -> None:
    rows = [f"{row.rsplit(',', 1)[0]},test" for row in good_rows()[:6]]
    findings = found(root, rows)
    assert not findings.errors
    assert "lacks" not in notes(findings)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_japanese_names_are_found_in_either_form(root: Path, form: Literal["NFC", "NFD"]) -> None:
    name = "がん 写真①.png"
    (root / "img" / "3.png").rename(root / "img" / unicodedata.normalize(form, name))
    assert not found(root, changed(3, image_path=f"img/{name}")).errors


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_line_numbers_are_right_in_any_encoding_and_line_end(root: Path, encoding: str) -> None:
    rows = changed(3, diagnosis="悪性黒色腫髙")
    path = root.parent / "一覧.csv"
    path.write_bytes("\r\n".join([HEADER, *rows]).encode(encoding))
    findings = check(Manifest.open(path, root), TREE, workers=1)
    assert [problem.line for problem in findings.errors] == [5]
    assert "悪性黒色腫髙" in errors(findings)


def test_several_processes_find_the_same_and_tell_how_far_they_are(root: Path) -> None:
    damage(root / "img" / "3.png", "truncated")
    path = root.parent / "m.csv"
    path.write_text("\n".join([HEADER, *good_rows()]), encoding="utf-8")
    manifest = Manifest.open(path, root)
    told: list[tuple[int, int]] = []
    two = check(manifest, TREE, workers=2, progress=lambda done, total: told.append((done, total)))
    assert two == check(manifest, TREE, workers=1)
    assert told == [(i, 12) for i in range(1, 13)]


def test_a_bad_mask_path_does_not_hide_a_bad_photograph(root: Path) -> None:
    damage(root / "img" / "3.png", "html")
    rows = [f"{row},{'/etc/passwd' if i == 3 else ''}" for i, row in enumerate(good_rows())]
    findings = found(root, rows, f"{HEADER},mask_path")
    assert [problem.line for problem in findings.errors] == [5, 5]
    assert "HTML" in errors(findings)
    assert "passwd" in errors(findings)


def test_what_may_identify_a_person_is_said_once_with_its_lines(root: Path) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (35.0, 40.0, 1.0), 3: "E", 4: (139.0, 45.0, 2.0)}
    for name in ("0.png", "2.png"):
        with Image.open(root / "img" / name) as picture:
            picture.load()
            picture.save(root / "img" / name, exif=exif)
    said = notes(found(root, good_rows()))
    assert said.count("2 photograph(s): its EXIF says where it was taken (GPS) (lines 2, 4)") == 1
    assert "helps to find, it proves no absence" in said
