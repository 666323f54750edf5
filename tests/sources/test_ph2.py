from pathlib import Path

import pytest

from skinlab.sources import ph2
from skinlab.tables.errors import InputError

HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | "
    "Dots/Globules | Streaks | Regression Areas | Blue-Whitish Veil ||     Colors ||\n"
)


def archive(root: Path, rows: str) -> Path:
    (root / "PH2_dataset.txt").write_text(HEADER + rows + "\nLegends\n0 - Common Nevus;\n")
    for name in ("IMD003", "IMD435"):
        case = root / "PH2 Dataset images" / name
        for folder, leaf in (("_Dermoscopic_Image", ""), ("_lesion", "_lesion")):
            (case / f"{name}{folder}").mkdir(parents=True)
            (case / f"{name}{folder}" / f"{name}{leaf}.bmp").write_text(name + leaf)
    return root


def test_the_drawn_table_is_read_and_pictures_meet_their_masks(tmp_path: Path) -> None:
    rows = (
        "|| IMD003 ||            ||  0 || 0 |  T |  A | A | A | A ||   4   ||\n"
        "|| IMD435 || Melanoma   ||  2 || 2 | AT | AT | P | P | P || 3 4 5 ||\n"
    )
    frame = ph2.read(archive(tmp_path, rows)).frame
    assert list(frame["diagnosis"]) == ["common nevus", "melanoma"]
    assert list(frame["label_source"]) == ["clinical", "histology"]
    assert list(frame["blue_whitish_veil"]) == ["A", "P"]
    assert list(frame["colors"]) == ["4", "3 4 5"]
    case = "PH2 Dataset images/IMD003"
    assert frame["image_path"].iloc[0] == f"{case}/IMD003_Dermoscopic_Image/IMD003.bmp"
    assert frame["mask_path"].iloc[0] == f"{case}/IMD003_lesion/IMD003_lesion.bmp"


def test_an_unknown_code_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 2: IMD003 has the clinical diagnosis '7'"):
        ph2.read(archive(tmp_path, "|| IMD003 || || 7 || 0 | T | A | A | A | A || 4 ||\n"))
