import io
import os
import struct
import subprocess
import sys
import unicodedata
import warnings
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from skinlab.preprocess.photograph import photograph_size, read_photograph
from skinlab.preprocess.picture_file import picture_bytes
from skinlab.tables.errors import InputError

FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
UNDO = {  # what a camera held that way stores, so that its orientation tag turns it back
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def two_corners(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    """Gray with red top left and green bottom right: every turn and mirror looks different."""
    pixels = np.full((height, width, 3), 96, dtype=np.uint8)
    pixels[:10, :15] = (255, 0, 0)
    pixels[-10:, -15:] = (0, 255, 0)
    return pixels


def noise(height: int = 64, width: int = 96, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image | NDArray[np.generic], **options: object) -> Path:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def refusal(path: Path, root: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_photograph(path, root)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("width", [60, 40])
def test_every_orientation_is_read_upright(
    tmp_path: Path, orientation: int, suffix: str, width: int
) -> None:
    upright = two_corners(width=width)
    stored = Image.fromarray(upright)
    if orientation in UNDO:
        stored = stored.transpose(UNDO[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"exif": exif}
    if suffix == "jpg":
        options |= {"quality": 97, "subsampling": 0}
    if suffix == "webp":
        options |= {"lossless": True}
    path = saved(tmp_path / f"photo.{suffix}", stored, **options)
    pixels = read_photograph(path, tmp_path)
    assert pixels.shape == upright.shape
    assert photograph_size(path, tmp_path) == (width, 40)
    assert np.abs(pixels.astype(int) - upright).max() <= (16 if suffix == "jpg" else 0)


def test_an_orientation_outside_one_to_eight_changes_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    path = saved(tmp_path / "photo.png", two_corners(), exif=exif)
    assert (read_photograph(path, tmp_path) == two_corners()).all()


def test_gray_of_sixteen_bits_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    for suffix in ("png", "tif"):
        pixels = read_photograph(saved(tmp_path / f"ramp.{suffix}", ramp), tmp_path)
        expected = np.rint(ramp / 257.0)
        assert np.abs(pixels[..., 0] - expected).max() <= 1
        assert (pixels[..., 0] == pixels[..., 2]).all()


def test_twelve_bit_values_in_a_sixteen_bit_file_are_refused(tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, 64 * 64).astype(np.uint16).reshape(64, 64)
    assert "12-bit" in refusal(saved(tmp_path / "ramp.png", ramp), tmp_path)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "float.tif", np.ones((8, 8), dtype=np.float32))
    assert "32 bits" in refusal(path, tmp_path)


def png_of_sixteen_bit_color(pixels: NDArray[np.uint16]) -> bytes:
    height, width, _ = pixels.shape

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_color_of_sixteen_bits_is_scaled(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (8, 9, 3)).astype(np.uint16)
    path = tmp_path / "deep.png"
    path.write_bytes(png_of_sixteen_bit_color(deep))
    pixels = read_photograph(path, tmp_path)
    assert np.abs(pixels - deep / 257.0).max() <= 1.0


def test_gray_palette_and_one_bit_pictures_become_rgb(tmp_path: Path) -> None:
    gray = noise()[..., 0]
    pixels = read_photograph(saved(tmp_path / "gray.png", gray), tmp_path)
    assert (pixels == gray[..., None]).all()
    palette = Image.fromarray(two_corners()).quantize(8)
    expected = np.asarray(palette.convert("RGB"))
    assert (read_photograph(saved(tmp_path / "p.png", palette), tmp_path) == expected).all()
    bits = Image.fromarray((gray > 127).astype(np.uint8) * 255).convert("1")
    pixels = read_photograph(saved(tmp_path / "bits.png", bits), tmp_path)
    assert (pixels[..., 1] == (gray > 127) * 255).all()


def test_transparency_becomes_white(tmp_path: Path) -> None:
    pixels = np.dstack([two_corners(), np.full((40, 60), 255, dtype=np.uint8)])
    pixels[20:, :, 3] = 0
    pixels[10:20, :, 3] = 128
    read = read_photograph(saved(tmp_path / "alpha.png", pixels), tmp_path)
    assert (read[20:] == 255).all()
    assert (read[:10] == pixels[:10, :, :3]).all()
    half = 255 * (1 - 128 / 255) + pixels[10:20, :, :3] * (128 / 255)
    assert np.abs(read[10:20] - half).max() <= 1
    see_through = Image.fromarray(two_corners()).quantize(8)
    path = saved(tmp_path / "palette.png", see_through, transparency=0)
    assert read_photograph(path, tmp_path).shape == (40, 60, 3)


def test_cmyk_is_converted(tmp_path: Path) -> None:
    cmyk = Image.fromarray(two_corners()).convert("CMYK")
    path = saved(tmp_path / "print.jpg", cmyk, quality=98, subsampling=0)
    read = read_photograph(path, tmp_path)
    assert np.abs(read[:9, :14].astype(int) - (255, 0, 0)).max() < 12


def display_p3() -> bytes:
    """A Display P3 profile: an sRGB one with the primaries of P3 (D50-adapted, from its ICC)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for position in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * position
        if bytes(profile[entry : entry + 4]) in primaries:
            start = int.from_bytes(profile[entry + 4 : entry + 8], "big") + 8
            values = primaries[bytes(profile[entry : entry + 4])]
            profile[start : start + 12] = struct.pack(">3i", *(round(v * 65536) for v in values))
    profile[84:100] = bytes(16)
    return bytes(profile)


def test_wide_gamut_is_converted_to_srgb(tmp_path: Path) -> None:
    pixels = np.full((16, 16, 3), (200, 120, 100), dtype=np.uint8)
    path = saved(tmp_path / "p3.png", pixels, icc_profile=display_p3())
    read = read_photograph(path, tmp_path)[0, 0].astype(float)
    # Reference: linearize, P3 to sRGB matrix (CSS Color 4), encode.
    linear = np.where(
        pixels[0, 0] / 255 <= 0.04045, 0, ((pixels[0, 0] / 255 + 0.055) / 1.055) ** 2.4
    )
    matrix = [[1.22494, -0.22494, 0], [-0.04206, 1.04206, 0], [-0.01964, -0.07864, 1.09827]]
    expected = 255 * (1.055 * (np.array(matrix) @ linear) ** (1 / 2.4) - 0.055)
    assert np.abs(read - expected).max() < 2.5
    assert np.abs(read - pixels[0, 0]).max() > 5


def test_a_profile_that_is_srgb_changes_no_pixel(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path / "srgb.png", noise(), icc_profile=profile)
    assert (read_photograph(path, tmp_path) == noise()).all()


def test_a_damaged_profile_is_refused(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path / "icc.jpg", noise(), icc_profile=profile[:200])
    assert "profile" in refusal(path, tmp_path)


def test_a_linear_png_is_refused(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100000))
    path = saved(tmp_path / "linear.png", noise(), pnginfo=info)
    assert "gamma" in refusal(path, tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9])
def test_a_cut_file_is_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    path = saved(tmp_path / f"cut.{suffix}", noise())
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    refusal(path, tmp_path)


def test_one_flipped_byte_in_a_png_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "flip.png", noise())
    content = path.read_bytes()
    for position in range(40, len(content) - 12, len(content) // 15):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 16]) + content[position + 1 :]
        )
        refusal(path, tmp_path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\n <html>", "HTML"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "HEIC"),
        (b"\x00\x00\x00\x18ftypmif1" + bytes(40), "HEIC"),
        (b"\x00\x00\x00\x18ftypavif" + bytes(40), "AVIF"),
        (bytes(5000), "zero bytes"),
        (b"%PDF-1.7", "PDF"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"GIF89a", "GIF"),
        (b"hello", "not a picture"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
    ],
)
def test_what_is_no_photograph_is_named(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    assert word in refusal(path, tmp_path)


def test_a_picture_under_another_suffix_is_read_by_its_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "photo.jpg", noise(), format="PNG")
    assert (read_photograph(path, tmp_path) == noise()).all()


def test_several_pictures_in_one_file_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    for suffix in ("tif", "png", "webp"):
        path = tmp_path / f"many.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert "3 pictures" in refusal(path, tmp_path)


def test_the_first_picture_of_a_phones_double_jpeg_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(two_corners()), Image.fromarray(noise())]
    path = tmp_path / "double.jpg"
    frames[0].save(path, format="MPO", save_all=True, append_images=frames[1:])
    assert read_photograph(path, tmp_path).shape == (40, 60, 3)


def test_nothing_outside_the_root_is_opened(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    secret = saved(tmp_path / "secret.png", noise())
    (root / "link.png").symlink_to(secret)
    (root / "loop.png").symlink_to(root / "loop.png")
    (root / "folder").symlink_to(tmp_path)
    (root / "zero.png").symlink_to("/dev/zero")
    opened: list[str] = []
    watching = True
    sys.addaudithook(
        lambda name, args: opened.append(str(args[0])) if watching and name == "open" else None
    )
    for name in ("link.png", "folder/secret.png", "../secret.png", str(secret), "zero.png"):
        assert "outside" in refusal(Path(name), root)
    assert "leads back" in refusal(Path("loop.png"), root)
    watching = False
    assert not [name for name in opened if "secret" in name or "zero" in name]


def test_a_link_inside_the_root_is_followed(tmp_path: Path) -> None:
    saved(tmp_path / "there.png", noise())
    (tmp_path / "here.png").symlink_to("there.png")
    assert (read_photograph(Path("here.png"), tmp_path) == noise()).all()


def test_a_pipe_a_folder_and_a_missing_file_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert "pipe" in refusal(Path("pipe.jpg"), tmp_path)
    assert "folder" in refusal(Path("folder.jpg"), tmp_path)
    assert "not there" in refusal(Path("nothing.jpg"), tmp_path)
    assert "not there" in refusal(Path("pipe.jpg/under.jpg"), tmp_path)
    refusal(Path("x" * 300 + ".jpg"), tmp_path)
    with pytest.raises(InputError):
        read_photograph(Path("nul\0.jpg"), tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "locked.png", noise())
    path.chmod(0)
    assert "permission" in refusal(path, tmp_path)


def test_a_name_is_found_in_either_unicode_form_and_in_cp932(tmp_path: Path) -> None:
    name = "がん写真.png"
    for number, form in enumerate(FORMS):
        root = tmp_path / str(number)
        root.mkdir()
        saved(root / unicodedata.normalize(form, name), noise())
        for asked in FORMS:
            path = Path(unicodedata.normalize(asked, name))
            assert (read_photograph(path, root) == noise()).all()
    old = tmp_path / "old"
    old.mkdir()
    written = saved(old / "a.png", noise())
    os.rename(os.fsencode(written), os.fsencode(old) + b"/" + name.encode("cp932"))  # noqa: PTH104
    assert (read_photograph(Path(name), old) == noise()).all()


def test_names_that_differ_only_in_unicode_form_are_two_photographs(tmp_path: Path) -> None:
    for seed, form in enumerate(FORMS):
        saved(tmp_path / unicodedata.normalize(form, "が.png"), noise(seed=seed))
    for seed, form in enumerate(FORMS):
        path = Path(unicodedata.normalize(form, "が.png"))
        assert (read_photograph(path, tmp_path) == noise(seed=seed)).all()


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)


def test_a_phone_jpeg_of_200_megapixels_is_read_small_in_little_memory(tmp_path: Path) -> None:
    Image.new("RGB", (16384, 12288), (180, 120, 100)).save(tmp_path / "phone.jpg")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from skinlab.preprocess.photograph import read_photograph\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(read_photograph(Path('phone.jpg'), Path(sys.argv[1]), at_least=256).shape)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path)]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    shape, grown = answer.splitlines()
    assert shape == "(1536, 2048, 3)"
    assert int(grown) < 150 * 1024
    assert "SKINLAB_MAX_MEGAPIXELS" in refusal(Path("phone.jpg"), tmp_path)


@pytest.mark.parametrize("size", [(30000, 30000), (9950, 9950), (65535, 1200), (20000, 10000)])
def test_a_bomb_is_refused_from_its_header_and_names_the_setting(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    assert "SKINLAB_MAX_MEGAPIXELS" in refusal(path, tmp_path)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from skinlab.preprocess.photograph import read_photograph\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_photograph(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except Exception: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    arguments = [sys.executable, "-c", script, str(path), str(tmp_path)]
    grown = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(grown.stdout) < 30 * 1024


def test_a_text_chunk_bomb_is_refused(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a" * 70_000_000, zip=True)
    path = saved(tmp_path / "text.png", noise(), pnginfo=info)
    assert path.stat().st_size < 200_000
    refusal(path, tmp_path)


def test_the_limit_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "photo.png", noise())
    monkeypatch.setenv("SKINLAB_MAX_MEGAPIXELS", "0.001")
    assert "the limit is 0.001" in refusal(path, tmp_path)
    monkeypatch.setenv("SKINLAB_MAX_MEGAPIXELS", "many")
    with pytest.raises(InputError, match="megapixels"):
        read_photograph(path, tmp_path)


def test_a_huge_phone_jpeg_is_read_when_it_can_be_decoded_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Image.fromarray(two_corners(40, 60)).resize((1200, 800))
    monkeypatch.setenv("SKINLAB_MAX_MEGAPIXELS", "0.5")
    path = saved(tmp_path / "phone.jpg", small)
    assert read_photograph(path, tmp_path, at_least=100).shape == (200, 300, 3)
    assert "megapixels" in refusal(path, tmp_path)
    path = saved(tmp_path / "progressive.jpg", small, progressive=True)
    with pytest.raises(InputError, match="megapixels"):
        read_photograph(path, tmp_path, at_least=100)


def test_a_jpeg_is_decoded_small_but_never_below_twice_the_side(tmp_path: Path) -> None:
    path = saved(tmp_path / "photo.jpg", noise(400, 600))
    for side in (25, 40, 64, 100, 101, 200, 300):
        height, width, _ = read_photograph(path, tmp_path, at_least=side).shape
        assert min(height, width) >= min(2 * side, 400)
        assert width / height == pytest.approx(1.5, abs=0.03)
    assert read_photograph(path, tmp_path, at_least=25).shape[0] == 50
    assert read_photograph(path, tmp_path).shape == (400, 600, 3)


def test_reading_leaves_the_warning_filters_alone(tmp_path: Path) -> None:
    before = list(warnings.filters)
    read_photograph(saved(tmp_path / "photo.png", noise()), tmp_path)
    assert list(warnings.filters) == before


def test_a_corrupt_exif_block_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    exif = b"Exif\0\0MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\xff\xff\x00"
    path = saved(tmp_path / "exif.jpg", noise(), exif=exif)
    refusal(path, tmp_path)


def test_the_bytes_are_handed_on_for_hashing(tmp_path: Path) -> None:
    path = saved(tmp_path / "photo.png", noise())
    content, kind = picture_bytes(path, tmp_path)
    assert (content, kind) == (path.read_bytes(), "PNG")
    assert Image.open(io.BytesIO(content)).size == (96, 64)
