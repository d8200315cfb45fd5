"""A WebSocket that the proxy passes on: both sides are held against the AsyncAPI description.

The caller's handshake goes to the service with its API key, and no redirect takes it elsewhere.
Messages pass as they are, in both directions, each as soon as it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import Any, cast

from starlette.responses import Response as StarletteResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from api302.testing import without_named
from api302_mock.body import parse_json
from api302_mock.errors import Refused, error_response
from api302_mock.realtime import Channel, Json, cut

LARGEST_MESSAGE = 64 << 20
LARGEST_RECORD = 16 << 20
"""Bytes of messages that are recorded; those that follow only pass, and are held as ever."""
ABNORMAL = 1006
"""The code of a connection that broke (RFC 6455): none that can be sent."""
NO_CODE = 1005
_OPENING, _CLOSING = 30.0, 3.0
_LONGEST = 400
"""Characters of sound in base64 that are recorded."""
_SILENT = logging.Logger("api302_mock.proxy", logging.CRITICAL + 1)
"""The library logs the headers of the handshake, and so the API key."""


@dataclass
class Passed:
    """What passed over a WebSocket.

    Attributes:
        status: Of the handshake.
        headers: Of the service's response to it.
        content: The body of a response that refused it.
        events: Each message as `{"from": "client" or "service", "event": …}`.
        problems: What of it is not as described, each once.
    """

    status: int = 101
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""
    events: list[Json] = field(default_factory=list[Json])
    problems: list[str] = field(default_factory=list[str])
    _size: int = 0

    def note(self, side: str, message: str | bytes, find: Callable[[Json], str | None]) -> None:
        """Hold a message against the description, and record it."""
        try:
            event: Any = parse_json(message)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self._tell(f"{side}: a message that is not a JSON object")
            return
        if find(cast("Json", event)):
            shown = find(without_named(event))  # its text may quote the message
            self._tell(f"{side}: {shown or 'a field that is named like a secret differs'}")
        self._size += len(message)
        if self._size <= LARGEST_RECORD:
            self.events.append({"from": side, "event": _short(event)})

    def _tell(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _short(value: Any) -> Any:
    """A message without the sound in it, which is long and in base64."""
    if isinstance(value, dict):
        return {name: _short(inner) for name, inner in cast("Json", value).items()}
    if isinstance(value, list):
        return [_short(inner) for inner in cast("list[Any]", value)]
    if isinstance(value, str) and len(value) > _LONGEST and value.isascii() and " " not in value:
        return f"{value[:40]}… ({len(value)} characters)"
    return value


async def passed(
    websocket: WebSocket,
    url: str,
    headers: Iterable[tuple[str, str]],
    channel: Channel | None,
    made: Passed,
) -> None:
    """Pass a WebSocket on until one of the two ends it.

    Args:
        websocket: The caller's, not accepted yet.
        url: The service's, from ws:// or wss:// on.
        headers: Of the handshake, the API key among them.
        channel: What is spoken; None for what is not described, which passes all the same.
        made: Takes what passes, also of a connection that breaks.
    """
    try:
        service = await _connected(url, list(headers), list(websocket.scope["subprotocols"]))
    except _Denied as denied:
        made.status, made.content = denied.status, denied.content
        made.headers |= denied.headers
        kept = {name: denied.headers[name] for name in _KEPT if name in denied.headers}
        return await _deny(websocket, StarletteResponse(denied.content, denied.status, kept))
    except Refused as refused:
        made.status, made.content = refused.status, b"".join(error_response(refused).pieces)
        made.problems.append("the service cannot be reached")
        return await refuse(websocket, refused)
    made.headers |= _headers(service.response)
    back = [(name.encode(), made.headers[name].encode()) for name in _KEPT if name in made.headers]
    try:
        await websocket.accept(service.subprotocol, back)
        await _both(websocket, service, channel, made)
    finally:
        service.transport.abort()


_KEPT = ("request-id", "x-request-id", "content-type", "retry-after")
"""Headers of the service's response to a handshake that the caller gets."""


async def refuse(websocket: WebSocket, refused: Refused) -> None:
    """Refuse a handshake."""
    response = error_response(refused)
    body = b"".join(response.pieces)
    await _deny(websocket, StarletteResponse(body, response.status, response.headers))


async def _deny(websocket: WebSocket, response: StarletteResponse) -> None:
    await websocket.send_denial_response(response)
    # uvicorn logs an error if the connection is still open then.
    await asyncio.sleep(0.01)


# --- the service ----------------------------------------------------------------------------------


class _Denied(Exception):
    """The service refused the handshake."""

    def __init__(self, response: Any) -> None:
        super().__init__(response.status_code)
        self.status: int = response.status_code
        self.headers = _headers(response)
        self.content = bytes(response.body or b"")


def _headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.raw_items()}


async def _connected(url: str, headers: list[tuple[str, str]], protocols: list[str]) -> Any:
    """A connection to the service. Raises _Denied, or Refused where it cannot be reached."""
    library: Any = import_module("websockets.asyncio.client")
    errors: Any = import_module("websockets.exceptions")

    class Connection(library.ClientConnection):
        async def handshake(self, *args: Any, **kwargs: Any) -> None:
            try:
                await super().handshake(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
            except errors.InvalidStatus as error:  # one of a redirect would be followed
                raise _Denied(error.response) from None

    wanted = {
        "additional_headers": headers,
        "subprotocols": protocols or None,
        "compression": None,
        "open_timeout": _OPENING,
        "close_timeout": _CLOSING,
        "ping_interval": None,  # the caller decides whether the service is alive
        "max_size": LARGEST_MESSAGE,
        "user_agent_header": None,
        "logger": _SILENT,
        "create_connection": Connection,
    }
    known = signature(library.connect).parameters
    given = {name: value for name, value in wanted.items() if name in known}
    try:
        return await library.connect(url, **given)
    except (OSError, EOFError, errors.WebSocketException, ImportError) as error:
        kind = type(error).__name__
        raise Refused(502, f"The service cannot be reached: {kind}.") from None


# --- both directions ------------------------------------------------------------------------------


async def _both(websocket: WebSocket, service: Any, channel: Channel | None, made: Passed) -> None:
    """Pass messages on in both directions, until either side ends."""
    asking = channel.fault_of_client if channel else _unknown
    answering = channel.fault_of_service if channel else _unknown
    sides = [
        asyncio.create_task(_to_service(websocket, service, made, asking)),
        asyncio.create_task(_to_caller(websocket, service, made, answering)),
    ]
    try:
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for side in sides:
            side.cancel()
        results = await asyncio.gather(*sides, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _unknown(_: Json) -> None:
    """Nothing is known of messages that are not described."""


async def _to_service(
    websocket: WebSocket, service: Any, made: Passed, find: Callable[[Json], str | None]
) -> None:
    closed: Any = import_module("websockets.exceptions").ConnectionClosed
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code") or NO_CODE
            if code == ABNORMAL:
                service.transport.abort()
            else:
                await service.close(1000 if code == NO_CODE else code, message.get("reason") or "")
            return
        content: str | bytes = message.get("text") or message.get("bytes") or ""
        made.note("client", content, find)
        try:
            await service.send(content)
        except closed:
            return  # the other direction says how it ended


async def _to_caller(
    websocket: WebSocket, service: Any, made: Passed, find: Callable[[Json], str | None]
) -> None:
    closed: Any = import_module("websockets.exceptions").ConnectionClosed
    while True:
        try:
            content = await service.recv()
        except closed as ending:
            return await _end(websocket, ending.rcvd, made)
        made.note("service", content, find)
        try:
            if isinstance(content, str):
                await websocket.send_text(content)
            else:
                await websocket.send_bytes(content)
        except WebSocketDisconnect:
            return


async def _end(websocket: WebSocket, frame: Any, made: Passed) -> None:
    """End the caller's connection as the service ended its own."""
    if frame is None:
        made.problems.append("the connection broke off")
        return cut(websocket)
    await websocket.close(1000 if frame.code == NO_CODE else frame.code, frame.reason)
