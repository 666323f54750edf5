"""A web application -> the same one, on this machine only, for whoever has the token.

Other people's programs on a shared workstation reach 127.0.0.1 too, and so does every web page that
a browser here has open; a random token at each start, and a check of where a request comes from,
keep both out.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]

# The page may fetch from here and nowhere else, whatever its scripts would like to report.
POLICY = b"connect-src 'self' data: blob:"


class Guard:
    """ASGI middleware: 403 for a foreign Host or Origin, 401 without the token.

    The token comes once in the address (``/?token=…``, answered with a cookie and a redirect that
    hides it) or as ``Authorization: Bearer``, which MLflow's client sends for
    ``MLFLOW_TRACKING_TOKEN``.
    """

    def __init__(
        self, app: Application, port: int, token: str, closed: tuple[str, ...] = ()
    ) -> None:
        """Take the application, its port, the token that opens it, and paths that stay closed."""
        self.app, self.token, self.closed = app, token, closed
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"skinlab-{port}"  # browsers share cookies between ports

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Message, receive: Any, send: Send) -> None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if not self._from_here(headers) or scope["path"].startswith(self.closed):
            await _answer(send, 403, "this address answers to its own pages only\n")
        elif self._opens(asked):
            cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 303, "", (b"location", b"/"), (b"set-cookie", cookie.encode()))
        elif self._opens(self._carried(headers)):
            await self.app(scope, receive, _with_policy(send))
        else:
            await _answer(send, 401, "open the address that `skinlab ui` printed\n")

    def _from_here(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin", "")
        own = headers.get("host") in self.hosts
        return own and (not origin or origin.removeprefix("http://") in self.hosts)

    def _carried(self, headers: dict[str, str]) -> str:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return token
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""

    def _opens(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())


def _with_policy(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            policy = (b"content-security-policy", POLICY)
            message["headers"] = [*message.get("headers", []), policy]
        await send(message)

    return sender


async def _answer(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    plain = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": status, "headers": [plain, *headers]})
    await send({"type": "http.response.body", "body": text.encode()})
