from __future__ import annotations

import hashlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import timm
from huggingface_hub import constants
from safetensors.torch import save_file

from skinlab.models import hub
from skinlab.models.classifier import build_classifier
from skinlab.models.spec import ModelSpec
from skinlab.tables.errors import InputError

PUBLISHED = "timm/test_resnet.r160_in1k"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache and no proxy, so that nothing but loopback can be asked."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")


def endpoint(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never says a word, like a firewall that drops packets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def serving(content: bytes | None) -> Iterator[str]:
    """A hub of one file; 404 for everything when there is none."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            known = content is not None and self.path.endswith("/resolve/main/" + hub.FILE)
            self.send_response(200 if known else 404)
            if known and content is not None:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", "0" * 40)
                self.send_header("Content-Length", str(len(content)))
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_hub_that_refuses_or_is_silent_is_said_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"
    with silent_server() as silent:
        for address in (closed, silent):
            endpoint(monkeypatch, address)
            began = time.monotonic()
            with pytest.raises(InputError, match="cannot be reached; give model"):
                hub.fetch(PUBLISHED)
            assert time.monotonic() - began < hub.PATIENCE + 2


def test_a_name_that_is_never_resolved_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def hang(*_: object, **__: object) -> None:
        end.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    assert not hub.answers("http://hub.invalid", 0.3)
    assert time.monotonic() - began < 5
    end.set()


def test_an_address_that_is_none_does_not_answer() -> None:
    assert not hub.answers("hub without scheme", 1.0)


def test_a_hub_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "answers", lambda *_: pytest.fail("asked"))
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        hub.fetch(PUBLISHED)


def test_a_file_the_hub_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(None) as address:
        endpoint(monkeypatch, address)
        with pytest.raises(InputError, match="did not give model"):
            hub.fetch(PUBLISHED)


def test_published_weights_are_fetched_once_and_then_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = timm.create_model("test_resnet").state_dict()
    save_file(state, tmp_path / "published.safetensors")
    with serving((tmp_path / "published.safetensors").read_bytes()) as address:
        endpoint(monkeypatch, address)
        network = build_classifier(ModelSpec("test_resnet", "hub"), 3, 32)
    assert network.backbone.state_dict()["layer4.0.conv1.weight"].equal(
        state["layer4.0.conv1.weight"]
    )
    monkeypatch.setattr(hub, "answers", lambda *_: pytest.fail("asked again"))
    build_classifier(ModelSpec("test_resnet", "hub"), 3, 32)
