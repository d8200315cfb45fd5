"""The server over streamable HTTP: on this machine alone, for those who have the token."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings

from api302 import InvalidArgument

PATH = "/mcp"
_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def app(server: Server[Any], token: str, host: str, port: int) -> Token:
    """The server as an ASGI application.

    It answers only requests that have the token, name this host, and, from a browser, come from it.

    Raises:
        InvalidArgument: `host` is not this machine's own, or the token is short.
    """
    checked_host(host)
    if len(token) < 16 or not token.isascii() or not token.isprintable():
        raise InvalidArgument("token: must be at least 16 printable characters of ASCII")
    names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )
    inner = server.streamable_http_app(
        streamable_http_path=PATH, host=host, transport_security=security
    )
    return Token(_Held(inner, server), token)


def checked_host(host: str) -> str:
    """The host, if it is a loopback address. Raises InvalidArgument."""
    if host == "localhost":
        return host
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise InvalidArgument(f"host: must be 127.0.0.1, ::1 or localhost, not {host!r}")


class _Held:
    """An ASGI application whose server has one client from its start to its end.

    Sessions come and go, and a request may be a session of its own.
    """

    def __init__(self, inner: Any, server: Server[Any]) -> None:
        self._inner, self._server = inner, server

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "lifespan":
            await self._inner(scope, receive, send)
            return
        async with self._server.lifespan(self._server):
            await self._inner(scope, receive, send)


class Token:
    """An ASGI application that lets only requests through that have the token."""

    def __init__(self, inner: Any, token: str) -> None:
        self._inner = inner
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "http" and not self._has_token(scope):
            await _refuse(send)
            return
        await self._inner(scope, receive, send)

    def _has_token(self, scope: _Scope) -> bool:
        given = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._wanted)


async def _refuse(send: _Send) -> None:
    body = b"The header `Authorization: Bearer` must have the token of this server.\n"
    headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
