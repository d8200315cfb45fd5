"""Replies on the wire, and the faults that only show there."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from starlette.types import Receive, Send


@dataclass(slots=True)
class Answer:
    """What goes onto the wire: a body of known length, or the events of a stream."""

    status: int
    headers: dict[str, str]
    pieces: Iterable[bytes]
    length: int | None = None


async def send_answer(
    answer: Answer, delay: float, receive: Receive, send: Send, *, cut: bool, head: bool
) -> None:
    """Send an answer.

    Args:
        answer: What to send.
        delay: Seconds between two pieces of a body whose length is not known.
        receive: ASGI's.
        send: ASGI's.
        cut: Break the connection off in the middle of the body.
        head: Send the headers alone.
    """
    headers = dict(answer.headers)
    if answer.length is not None and answer.status not in (204, 304):
        headers["content-length"] = str(answer.length)
    raw = [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    pieces: Iterable[bytes] = () if head else answer.pieces
    if cut:
        whole = list(pieces)
        pieces = (
            whole[: max(len(whole) // 2, 1)]
            if answer.length is None
            else [(whole or [b""])[0][: answer.length // 2]]
        )
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(delay if answer.length is None else 0)
    if cut:
        return await hang_up(receive, send, reset=False)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def hang_up(receive: Receive, send: Send, *, reset: bool) -> None:
    """Close the connection under the reply, which ASGI has no words for: by the transport behind uvicorn's `send`.

    Raises:
        ConnectionResetError: there is no transport, since the app is called in-process.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionResetError(
            "The mock was asked to break the connection; in-process there is none."
        )
    if reset:
        # Linger zero turns the close into a reset.
        cast("socket.socket", transport.get_extra_info("socket")).setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
