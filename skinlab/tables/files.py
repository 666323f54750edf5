"""Files that are there whole or not at all, and text files however a hospital wrote them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skinlab.tables.errors import InputError, Problem, RunError

# Python decodes the bytes 80, A0, FD, FE and FF, which cp932 does not have, to these.
NOT_CP932 = frozenset("\x80\uf8f0\uf8f1\uf8f2\uf8f3")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: same folder, flush, fsync, rename, fsync of the folder.

    Raises:
        RunError: The disk is full or the folder cannot be written; the old file is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part"
        )
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise RunError(str(unwritable(path, error, len(content)))) from error


def unwritable(path: Path, error: OSError, size: int = 0) -> Problem:
    """Say why `path` could not be written and what would help."""
    reason = error.strerror or str(error)
    need = (
        f"free {max(size, 1) / 2**20:.1f} MiB" if error.errno == 28 else "make the folder writable"
    )
    return Problem(f"cannot be written ({reason})", f"{need} and run the same command again", path)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable (a no-op where folders cannot be opened)."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON that is valid everywhere: no NaN, UTF-8, a fixed order of keys."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append one JSON line durably; a torn last line of an earlier crash is closed first."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size:
                stream.seek(size - 1)
                if stream.read(1) != b"\n":
                    stream.write(b"\n")
            stream.write(line.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise RunError(str(unwritable(path, error, len(line)))) from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON lines of a journal, passing over a line torn by a crash."""
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value


def read_text(path: Path) -> str:
    """Read text in UTF-8 (with or without BOM) or cp932, any line ends, as NFC with LF.

    Raises:
        InputError: The file is missing, binary, UTF-16, or in no encoding that is read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(Problem(f"cannot be read ({reason})", "check the path", path)) from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(Problem("is UTF-16", "save it as UTF-8", path))
    content = content.rstrip(b"\x1a")  # the end-of-file mark of old DOS editors
    if b"\x00" in content:
        raise InputError(Problem("holds NUL bytes, so it is not text", "save it as UTF-8", path))
    for encoding in ("utf-8-sig", "cp932"):
        with contextlib.suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            if encoding == "cp932" and not NOT_CP932.isdisjoint(text):
                continue
            return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    raise InputError(Problem("is neither UTF-8 nor cp932 (Shift_JIS)", "save it as UTF-8", path))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(*parts: str) -> str:
    """Return the SHA-256 of several texts, kept apart from each other."""
    joined = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8")
        joined.update(len(data).to_bytes(8, "big") + data)
    return joined.hexdigest()
