"""Who may see the runs: the one who started the UI, from a page of its own, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from skinlab.training.ui import Guard, Message

PORT, TOKEN = 5000, "s3cret-token"
HOME = {"host": f"127.0.0.1:{PORT}"}
COOKIE = {"cookie": f"other=1; skinlab-{PORT}={TOKEN}"}


def _ask(path: str = "/", query: str = "", **headers: str) -> tuple[int, dict[str, str], list[str]]:
    """Return status, headers and the paths that reached the application."""
    reached: list[str] = []
    sent: list[Message] = []

    async def app(scope: Message, _: Any, send: Any) -> None:
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "query_string": query.encode()}
    scope["headers"] = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
    guard = Guard(app, PORT, TOKEN, closed=("/assistant",))
    asyncio.run(guard(scope, None, send))
    answer = sent[0]
    return answer["status"], {k.decode(): v.decode() for k, v in answer["headers"]}, reached


def test_the_address_with_the_token_opens_and_hides_it() -> None:
    status, headers, reached = _ask(query=f"token={TOKEN}", **HOME)
    assert status == 303
    assert headers["location"] == "/"
    assert headers["set-cookie"] == f"skinlab-{PORT}={TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    assert not reached


@pytest.mark.parametrize("carried", [COOKIE, {"authorization": f"Bearer {TOKEN}"}])
def test_whoever_has_the_token_passes(carried: dict[str, str]) -> None:
    status, headers, reached = _ask("/page", **HOME, **carried)
    assert status == 200
    assert reached == ["/page"]
    assert headers["content-security-policy"].startswith("connect-src 'self'")


@pytest.mark.parametrize(
    "carried",
    [
        {},
        {"cookie": "x=1"},
        {"cookie": f"skinlab-{PORT + 1}={TOKEN}"},
        {"cookie": f"skinlab-{PORT}=wrong"},
        {"cookie": '"\\x'},
        {"authorization": "Bearer "},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer 日本".encode().decode("latin-1")},
    ],
)
def test_nobody_passes_without_it(carried: dict[str, str]) -> None:
    status, _, reached = _ask(**HOME, **carried)
    assert status == 401
    assert not reached


@pytest.mark.parametrize(
    "foreign",
    [
        {"host": "evil.example"},
        {"host": f"evil.example:{PORT}"},
        {"host": "127.0.0.1:9999"},
        {"host": f"127.0.0.1:{PORT}", "origin": "http://evil.example"},
        {"host": f"127.0.0.1:{PORT}", "origin": "http://127.0.0.1:8000"},
        {"host": f"127.0.0.1:{PORT}", "origin": "null"},
        {},
    ],
)
def test_a_foreign_host_or_origin_is_refused_even_with_the_token(foreign: dict[str, str]) -> None:
    for query in ("", f"token={TOKEN}"):
        status, headers, reached = _ask(query=query, **foreign, **COOKIE)
        assert status == 403
        assert "set-cookie" not in headers
        assert not reached


def test_its_own_pages_may_post() -> None:
    assert _ask(origin=f"http://localhost:{PORT}", **HOME, **COOKIE)[0] == 200


def test_what_runs_programs_stays_closed() -> None:
    assert _ask("/assistant/message", **HOME, **COOKIE)[0] == 403


def test_no_other_kind_of_connection_is_opened() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError("reached the application")

    asyncio.run(Guard(app, PORT, TOKEN)({"type": "websocket", "headers": []}, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
