"""Where data, cache, runs and tracking live on this machine; one run folder is a `Run`."""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import socket
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from skinlab.tables.errors import InputError, Problem, RunError
from skinlab.tables.files import append_line, read_lines, read_text, write_bytes, write_json

State = Literal["new", "running", "finished", "failed", "stopped"]
ENVIRONMENT = "SKINLAB_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The folder that photographs, runs and identifiers never leave.

    Attributes:
        folder: Made on first use, readable by its owner only.
    """

    folder: Path

    @classmethod
    def here(cls) -> Workspace:
        """Return the workspace of ``$SKINLAB_WORKSPACE``, else ``./workspace``, making it."""
        workspace = cls(Path(os.environ.get(ENVIRONMENT) or "workspace").expanduser().absolute())
        try:
            workspace.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise InputError(Problem(what, f"set {ENVIRONMENT}", workspace.folder)) from error
        if not os.access(workspace.folder, os.W_OK | os.X_OK):
            what = "is not writable"
            raise InputError(Problem(what, f"set {ENVIRONMENT} to another", workspace.folder))
        return workspace

    @property
    def runs(self) -> Path:
        """Folder of all run folders, ``runs/<experiment>/<run>/``."""
        return self.folder / "runs"

    @property
    def cache(self) -> Path:
        """Folder of decoded photographs."""
        return self.folder / "cache"

    @property
    def data(self) -> Path:
        """Folder of data sets that skinlab drew itself."""
        return self.folder / "data"

    @property
    def tracking(self) -> Path:
        """Folder of the tracking and study databases and their artifacts."""
        return self.folder / "tracking"

    def remember_root(self, manifest: Path, root: Path) -> None:
        """Note on this machine where the photographs of a manifest are."""
        roots = self._roots() | {manifest.stem: str(root.absolute())}
        write_json(self.folder / "roots.json", roots)

    def root_of(self, manifest: Path, stated: str = "") -> Path:
        """Return the folder of a manifest's photographs.

        Args:
            manifest: The manifest file.
            stated: ``data.root`` of the configuration; empty when it does not say.

        Raises:
            InputError: No folder is known, or it is gone.
        """
        found = stated or self._roots().get(manifest.stem, "")
        if not found:
            what = "this machine does not know where its photographs are"
            fix = "run `skinlab data import`, or give --data.root=FOLDER"
            raise InputError(Problem(what, fix, manifest))
        root = Path(found).expanduser().absolute()
        if not root.is_dir():
            what = f"the folder of its photographs, {root}, is not there"
            raise InputError(Problem(what, "mount it, or give --data.root=FOLDER", manifest))
        return root

    def _roots(self) -> dict[str, str]:
        path = self.folder / "roots.json"
        if not path.exists():
            return {}
        try:
            return {str(name): str(root) for name, root in json.loads(read_text(path)).items()}
        except (json.JSONDecodeError, AttributeError) as error:
            what = "does not say where photographs are (not a JSON object)"
            raise InputError(Problem(what, "delete it and import the data again", path)) from error

    @cached_property
    def _key(self) -> bytes:
        path = self.folder / "pseudonym.key"
        with FileLock(self.folder / ".key.lock"):
            if not path.exists():
                write_bytes(path, secrets.token_bytes(32))
                path.chmod(0o600)
        return path.read_bytes()

    def pseudonym(self, identifier: str) -> str:
        """Return what stands for an identifier outside the manifest; empty stays empty.

        HMAC-SHA256 with the workspace's key: without the key nothing can be linked or guessed.
        """
        if not identifier:
            return ""
        name = unicodedata.normalize("NFC", identifier.strip()).encode()
        return base64.b32encode(hmac.digest(self._key, name, "sha256")).decode()[:12].lower()

    def all_runs(self) -> Iterator[Run]:
        """Yield every run folder, parents before their members."""
        for path in sorted(self.runs.glob("**/provenance.json"), key=lambda p: (len(p.parts), p)):
            yield Run(path.parent)


def shipped(path: str) -> Path:
    """Return a file of the working folder, else the one that the installed package carries.

    A wheel carries ``experiments`` and the label trees; an editable install has them beside it.

    Raises:
        InputError: Neither has it.
    """
    here = Path(path).expanduser()
    package = Path(str(resources.files("skinlab")))
    for place in (here, package / "resources" / path, package.parent / path):
        if place.exists():
            return place
    raise InputError(Problem("there is no such file", "check the path", path))


@dataclass(frozen=True)
class Run:
    """One run folder: the truth that MLflow only mirrors.

    ``config.yaml``, ``provenance.json``, ``journal.jsonl`` (every epoch and every change of state,
    one durable line each), ``checkpoints/``, ``weights.safetensors``, ``predictions/``,
    ``report/``, ``log.txt``, ``mlflow_run_id``.
    """

    folder: Path

    @property
    def journal(self) -> Path:
        """The append-only record."""
        return self.folder / "journal.jsonl"

    @property
    def provenance(self) -> dict[str, Any]:
        """What the run is made of; empty for a folder that has none yet."""
        path = self.folder / "provenance.json"
        if not path.exists():
            return {}
        content = json.loads(read_text(path))
        return dict(content)

    def begin(self, provenance: dict[str, Any], config: str) -> None:
        """Write what the run is made of, once; a resumed run keeps its first."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(self.folder / "config.yaml", config.encode())
        write_json(self.folder / "provenance.json", provenance)

    def note(self, event: str, **values: Any) -> None:
        """Append an event with its time in milliseconds."""
        append_line(self.journal, {"event": event, "time": time.time_ns() // 1_000_000, **values})

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """Return the events of the journal, of one kind or all."""
        return [e for e in read_lines(self.journal) if not kind or e.get("event") == kind]

    def opened(self, split: str, purpose: str, predictions: str) -> int:
        """Record that the predictions of a split are looked at, before they are.

        The same purpose with the same predictions is one opening however often it is noted: a
        command that was killed and goes on sees nothing new. The number of openings of each split
        stands in ``provenance.json`` too.

        Args:
            split: ``test``, ...
            purpose: What for; different settings of an evaluation are different purposes.
            predictions: Fingerprint of the predictions.

        Returns:
            How many different openings of this split there are, this one included.
        """
        key = (split, purpose, predictions)
        if key not in self._openings():
            self.note("opened", split=split, purpose=purpose, predictions=predictions)
        openings = list(self._openings())
        counts = {name: sum(s == name for s, *_ in openings) for name, *_ in openings}
        made_of = self.provenance
        if made_of and made_of.get("openings") != counts:
            write_json(self.folder / "provenance.json", made_of | {"openings": counts})
        return counts[split]

    def _openings(self) -> dict[tuple[str, str, str], None]:
        events = self.events("opened")
        return dict.fromkeys((e["split"], e["purpose"], e["predictions"]) for e in events)

    @property
    def state(self) -> State:
        """What the journal's last change of state says; a run whose owner died is ``stopped``."""
        states = {"started": "running", "finished": "finished", "failed": "failed"}
        states["stopped"] = "stopped"
        last = next((e["event"] for e in reversed(self.events()) if e.get("event") in states), "")
        found = states.get(str(last), "new")
        if found == "running" and not self.owned:
            return "stopped"
        return found  # type: ignore[return-value]

    @property
    def _lock(self) -> Path:
        return self.folder / ".owner.lock"

    @property
    def owned(self) -> bool:
        """Whether a living process holds the run (this one included)."""
        if not self._lock.exists():
            return False
        try:
            with FileLock(self._lock, timeout=0, is_singleton=False):
                return False
        except Timeout:
            return True

    @contextmanager
    def owner(self) -> Iterator[None]:
        """Hold the run; the kernel lets it go when this process dies, however it dies.

        Raises:
            RunError: Another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(self._lock, timeout=0, is_singleton=False)
        about = self.folder / "owner.json"
        try:
            lock.acquire()
        except Timeout:
            who = json.loads(read_text(about)) if about.exists() else {}
            what = "is already running (pid {pid} on {host}, since {since})".format(
                **({"pid": "?", "host": "?", "since": "?"} | who)
            )
            fix = "wait for it, or stop it and give the command again"
            raise RunError(str(Problem(what, fix, self.folder))) from None
        try:
            since = time.strftime("%Y-%m-%d %H:%M:%S")
            host = socket.gethostname()
            write_json(about, {"pid": os.getpid(), "host": host, "since": since})
            yield
        finally:
            about.unlink(missing_ok=True)
            lock.release()
