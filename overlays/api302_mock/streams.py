"""Event streams: the document's example, cut into its events."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from api302_mock.examples import Reply
from api302_mock.faults import Wish
from api302_mock.paths import put
from api302_mock.tasks import holds


def events_of(reply: Reply, stream: dict[str, Any], wish: Wish) -> list[bytes]:
    """The events of a stream, each with the empty line that ends it.

    Args:
        reply: The document's example, as text; or one event made from the schema.
        stream: The operation's `x-stream`.
        wish: Its fault may take the end away, or spoil an event in the middle.
    """
    text = (
        reply.value if isinstance(reply.value, str) else _made_stream(reply.value, stream["done"])
    )
    events = [
        f"{event.strip()}\n\n"
        for event in re.split(r"\n\n+", text.strip().replace("\r\n", "\n"))
        if event.strip()
    ]
    middle = len(events) // 2
    if wish.fault == "end-stream":
        events = [event for event in events if not _ends(event, stream["done"])]
    elif wish.fault == "broken-json":
        events[middle] = events[middle].rstrip()[:-2] + "\n\n"
    elif wish.fault == "error-event":
        data: dict[str, Any] = {}
        put(
            stream.get("error", "error"),
            data,
            {
                "err_code": -10003,
                "message": "The mock was asked for an error.",
                "type": "api_error",
            },
        )
        events[middle:] = [f"data: {json.dumps(data)}\n\n"]
    return [event.encode() for event in events]


def _ends(event: str, done: dict[str, Any]) -> bool:
    data = _data(event)
    if "data" in done:
        return data == done["data"]
    try:
        return holds(done, json.loads(data))
    except ValueError:
        return False


def _data(event: str) -> str:
    return "\n".join(
        line.removeprefix("data:").removeprefix(" ")
        for line in event.splitlines()
        if line.startswith("data:")
    )


def _made_stream(event: Any, done: dict[str, Any]) -> str:
    held = cast("dict[str, Any]", event).get("data") if isinstance(event, dict) else event
    first = held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)
    if "data" in done:
        return (
            f"data: {first}\n\ndata: {done['data']}\n\n"
            if first != done["data"]
            else f"data: {first}\n\n"
        )
    return f"data: {first}\n\n"
