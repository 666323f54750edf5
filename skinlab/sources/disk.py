"""A folder on disk -> the photographs in it, found by name, with size and fingerprint."""

from __future__ import annotations

import contextlib
import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from PIL import Image

from skinlab.tables.errors import InputError, Problem
from skinlab.tables.files import sha256

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
ORIENTATION = 0x0112  # EXIF tag; 5-8 lie on their side
RUBBISH = frozenset({"__macosx", "thumbs.db", "desktop.ini"})


def stem(name: str) -> str:
    """Return a file name as it is compared: NFC, without a picture's suffix, case folded."""
    path = PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/")))
    bare = path.stem if path.suffix.lower() in PICTURES else path.name
    return bare.casefold()


@dataclass(frozen=True)
class Folder:
    """All files below a folder, sorted; hidden files and links are left out.

    Attributes:
        root: The folder.
        files: Paths relative to it with ``/``, in NFC as a table can hold them.
        left_out: Links, and names in neither UTF-8 nor cp932.
        spelled: Path in `files` -> its spelling on disk, where the two differ (NFD, cp932 bytes).
    """

    root: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    spelled: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def walk(cls, root: Path) -> Folder:
        """List a folder without following links.

        Raises:
            InputError: There is no such folder.
        """
        if not root.is_dir():
            raise InputError(Problem("is not a folder", "name the folder of the archive", root))
        files: dict[str, str] = {}
        left_out: list[str] = []
        for folder, names, leaves in os.walk(root):
            names[:] = sorted(n for n in names if not _rubbish(n))
            links = [n for n in names if Path(folder, n).is_symlink()]
            for name in [*links, *(n for n in leaves if not _rubbish(n))]:
                disk = Path(folder, name).relative_to(root).as_posix()
                file = readable(disk)
                if not file or file in files or Path(folder, name).is_symlink():
                    left_out.append(disk)
                else:
                    files[file] = disk
        spelled = {file: disk for file, disk in files.items() if file != disk}
        return cls(root, tuple(sorted(files)), tuple(sorted(left_out)), spelled)

    def place(self, file: str) -> Path:
        """Return where a file of `files` really stands."""
        return self.root / self.spelled.get(file, file)

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The files whose suffix is a picture's."""
        return tuple(f for f in self.files if PurePosixPath(f).suffix.lower() in PICTURES)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for file in self.pictures:
            found.setdefault(stem(PurePosixPath(file).name), []).append(file)
        return found

    def find(self, names: Iterable[str], masks: bool = False) -> dict[str, str]:
        """Return the file of each name, whatever its picture suffix; absent names are left out.

        Where a picture stands in several folders (a resized and a full copy), the folder that holds
        most of the asked ones is taken, so that one data set does not mix two sizes.

        Args:
            names: File names or ids; a suffix of a picture does not count.
            masks: Whether to look in the folders whose name begins with ``mask``, or in all others.
        """
        wanted = {name: stem(name) for name in names}
        candidates = {
            name: [f for f in self._by_stem.get(key, []) if _in_masks(f) is masks]
            for name, key in wanted.items()
        }
        share = Counter(
            str(PurePosixPath(f).parent) for files in candidates.values() for f in files
        )
        return {
            name: min(files, key=lambda f: (-share[str(PurePosixPath(f).parent)], f))
            for name, files in candidates.items()
            if files
        }

    def tables(self, *patterns: str) -> list[str]:
        """Return the files whose name matches the first of the patterns that any file matches."""
        for pattern in patterns:
            if found := [f for f in self.files if PurePosixPath(f).match(pattern)]:
                return found
        return []

    def table(self, *patterns: str) -> Path:
        """Return the one table that is named by the first of the patterns that any file matches.

        Raises:
            InputError: There is none, or two with the same right.
        """
        found = sorted(self.tables(*patterns), key=lambda f: (f.count("/"), f))
        if not found:
            what = f"holds no table {' or '.join(patterns)}"
            raise InputError(
                Problem(what, "name the folder that holds it, or the table", self.root)
            )
        if len(found) > 1 and found[0].count("/") == found[1].count("/"):
            what = f"holds several tables: {', '.join(found)}"
            raise InputError(Problem(what, "name one of them", self.root))
        return self.root / found[0]


@dataclass(frozen=True)
class Picture:
    """Fingerprint and upright size of a file; the size is empty where no header can be read."""

    sha256: str = ""
    width: str = ""
    height: str = ""


def describe(folder: Folder, files: Iterable[str]) -> list[Picture]:
    """Return the fingerprint and the upright size in pixels of each file, in their order."""
    paths = [folder.place(file) for file in files]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        prints = list(pool.map(_fingerprint, paths))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sizes = [upright_size(path) for path in paths]
    return [Picture(p, *map(str, s)) for p, s in zip(prints, sizes, strict=True)]


def upright_size(path: Path) -> tuple[int | str, int | str]:
    """Return width and height after the EXIF turn, from the header; two empty texts if unreadable.

    Only JPEG is asked for EXIF: Pillow decodes a whole PNG for it.
    """
    try:
        with Image.open(path) as image:
            turned = image.format == "JPEG" and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
            return image.size[::-1] if turned else image.size
    except Exception:  # noqa: BLE001, RUF100  anything a damaged file makes a decoder raise
        return "", ""


def _fingerprint(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return ""


def _rubbish(name: str) -> bool:
    return name.startswith(".") or name.lower() in RUBBISH


def readable(disk: str) -> str:
    """Return a path of the disk as text in NFC; empty where it is neither UTF-8 nor cp932."""
    content = os.fsencode(disk)
    for encoding in ("utf-8", "cp932"):
        with contextlib.suppress(UnicodeDecodeError):
            return unicodedata.normalize("NFC", content.decode(encoding))
    return ""


def _in_masks(file: str) -> bool:
    return any(part.casefold().startswith("mask") for part in PurePosixPath(file).parts[:-1])
