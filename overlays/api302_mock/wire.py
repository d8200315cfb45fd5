"""Responses on the wire, and the faults that only show there."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import Receive, Send


@dataclass(slots=True)
class Response:
    """What goes onto the wire: a body of known length, or the events of a stream."""

    status: int
    headers: dict[str, str]
    pieces: Iterable[bytes]
    length: int | None = None

    @classmethod
    def whole(cls, status: int, headers: dict[str, str], body: bytes) -> Response:
        """A response that is at hand as a whole."""
        return cls(status, headers, [body], len(body))

    @classmethod
    def of_json(cls, value: Any, status: int = 200) -> Response:
        """A response of JSON data."""
        return cls.whole(status, {"content-type": "application/json"}, encoded(value))


def encoded(value: Any) -> bytes:
    """JSON data as bytes; half a character, which UTF-8 cannot have, stays escaped."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


async def send_response(
    response: Response, delay: float, receive: Receive, send: Send, *, cut: bool, head: bool
) -> None:
    """Send a response.

    Args:
        response: What to send.
        delay: Seconds between two pieces of a body whose length is not known.
        receive: ASGI's.
        send: ASGI's.
        cut: Break the connection off in the middle of the body.
        head: Send the headers alone.
    """
    headers = dict(response.headers)
    if response.length is not None and response.status not in (204, 304):
        headers["content-length"] = str(response.length)
    raw = [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    pieces: Iterable[bytes] = () if head else response.pieces
    for piece in _half(pieces, response.length) if cut else pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(delay if response.length is None else 0)
    if cut:
        return await hang_up(receive, send, reset=False)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _half(pieces: Iterable[bytes], length: int | None) -> Iterable[bytes]:
    """The first half: of the events of a stream, or of the bytes of a body."""
    whole = list(pieces)
    if length is None:
        return whole[: max(len(whole) // 2, 1)]
    return [b"".join(whole)[: length // 2]]


async def hang_up(receive: Receive, send: Send, *, reset: bool) -> None:
    """Close the connection under the response, which ASGI has no words for: by the transport
    behind uvicorn.

    Raises:
        ConnectionResetError: The transport is missing, since the app is called in-process.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError(
            "The mock was asked to break the connection, and in-process there is none to break."
        )
    if reset:
        # Linger zero turns the close into a reset.
        connection = cast("socket.socket", transport.get_extra_info("socket"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
