"""A path of a manifest -> the bytes of a picture that really is one, inside the data set's folder.

Nothing is opened before it is known to be a regular file below the root: no link out of it, no
pipe, no device. What is not a picture is named for what it is (HEIC, HTML, DICOM, …).
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from skinlab.tables.errors import InputError, Problem

MAX_FILE_BYTES = 1 << 30

# First bytes -> the name Pillow knows the format by. Only these are ever handed to a decoder.
MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)
FOREIGN = (
    (b"GIF8", "is a GIF of at most 256 colors"),
    (b"%PDF", "is a PDF"),
    (b"PK\x03\x04", "is a ZIP archive"),
    (b"\x1f\x8b", "is gzip-compressed"),
    (b"8BPS", "is a Photoshop file"),
    (b"\x00\x00\x00\x0cjP  ", "is JPEG 2000"),
    (b"\xff\x0a", "is JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "is JPEG XL"),
    (b"II+\x00", "is a BigTIFF"),
    (b"MM\x00+", "is a BigTIFF"),
    (b"version https://git-lfs", "is a Git LFS pointer, the picture itself was not fetched"),
)
HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
RAW_SUFFIXES = frozenset(
    {".dng", ".cr2", ".nef", ".arw", ".orf", ".rw2", ".pef", ".srw", ".raf", ".cr3"}
)


def picture_bytes(path: Path, root: Path) -> tuple[bytes, str]:
    """Read a picture file.

    Args:
        path: The file, as the manifest names it below `root` (absolute paths inside it work too).
        root: Folder of the data set; a file whose real place is outside is refused unopened.

    Returns:
        The whole content and its format by its first bytes: JPEG, PNG, BMP, TIFF or WEBP.

    Raises:
        InputError: The file is missing, no regular file, outside the root, empty, or no picture.
    """
    real = real_file(path, root)
    try:
        handle = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise refused(path, "is not a regular file", "give a picture file")
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > MAX_FILE_BYTES:
        raise refused(path, "is larger than 1 GiB", "save it as JPEG or PNG")
    return content, kind(content, path)


def real_file(path: Path, root: Path) -> Path:
    """Return the real path of a regular file inside `root`, opening nothing.

    A name that differs from the folder's only in Unicode form (NFC, NFD) or that an old archiver
    wrote in cp932 bytes is found.

    Raises:
        InputError: It is missing, outside the root (a link, ``..``), or no regular file.
    """
    try:
        base = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        fix = "check the folder of the data set"
        raise refused(root, "is not there or cannot be opened", fix) from error
    try:
        found = _found(path if path.is_absolute() else root / path)
        real = found.resolve(strict=True)
        mode = real.lstat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not real.is_relative_to(base):
        fix = "keep pictures (and what links point to) below the folder of the data set"
        raise refused(path, "lies outside the folder of the data set", fix)
    if stat.S_ISDIR(mode):
        raise refused(path, "is a folder", "give a picture file")
    if not stat.S_ISREG(mode):
        raise refused(path, "is not a regular file (pipe, socket or device)", "give a picture file")
    return real


def kind(content: bytes, path: Path) -> str:
    """Return the format by the first bytes, or say what the file is instead.

    Raises:
        InputError: It is none of the formats that are read.
    """
    if not content:
        raise refused(path, "is empty (0 bytes)", "copy it again from the original")
    fix = "save it as JPEG or PNG"
    if path.suffix.lower() in RAW_SUFFIXES or content[8:10] == b"CR":
        raise refused(path, "is a camera's raw file", fix)
    for magic, name in MAGIC:
        if content.startswith(magic):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    raise refused(path, _what_it_is(content), fix)


def refused(path: Path, what: str, fix: str) -> InputError:
    """Return the error that names a file, what is wrong with it and what would do."""
    return InputError(Problem(what, fix, path))


def _what_it_is(content: bytes) -> str:
    for magic, what in FOREIGN:
        if content.startswith(magic):
            return what
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        if brand in HEIF_BRANDS:
            return "is HEIC (an Apple photograph)"
        return "is AVIF" if brand in (b"avif", b"avis") else "is a video or another ftyp file"
    if content[128:132] == b"DICM":
        return "is DICOM"
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body")):
        return "is an HTML page, probably a failed download"
    if start.startswith((b"<?xml", b"<svg")):
        return "is XML or SVG"
    if not content[:4096].strip(b"\x00"):
        return "holds only zero bytes, as after a crash while copying"
    return "is not a picture of a known format (JPEG, PNG, TIFF, BMP, WebP)"


def _found(path: Path) -> Path:
    """Return the path under the spelling that exists; the given one where none does."""
    if os.path.lexists(path):
        return path
    place = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        spellings = (place / name for name in _spellings(part))
        place = next((p for p in spellings if os.path.lexists(p)), place / part)
    return place


def _spellings(name: str) -> Iterator[str]:
    yield name
    yield unicodedata.normalize("NFC", name)
    yield unicodedata.normalize("NFD", name)
    if not name.isascii():
        try:
            yield os.fsdecode(unicodedata.normalize("NFC", name).encode("cp932"))
        except UnicodeEncodeError:
            return


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return refused(path, "is not there", "check the name and the folder of the data set")
    if getattr(error, "errno", 0) == errno.ELOOP or isinstance(error, RuntimeError):
        return refused(path, "is a link that leads back to itself", "give a picture file")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return refused(path, f"cannot be read ({(reason or str(error)).lower()})", "check the file")
