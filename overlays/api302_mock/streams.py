"""Event streams: the document's example, cut into its events, or events of a test's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from api302_client.behaviour import Stream, find
from api302_mock.errors import error_detail
from api302_mock.examples import Example
from api302_mock.paths import put
from api302_mock.wishes import Fault

Change = Callable[[Any], Any]


def shown_events(example: Example, rule: Stream, change: Change) -> list[str]:
    """The events that the document shows, each with the empty line that ends it.

    Args:
        example: The document's example, as text; or one event made from the schema.
        rule: The operation's `x-stream`.
        change: What becomes of the JSON data of each event.
    """
    text = example.value if isinstance(example.value, str) else _made_stream(example.value, rule)
    events = re.split(r"\n\n+", text.strip().replace("\r\n", "\n"))
    return [_changed(f"{event.strip()}\n\n", change) for event in events if event.strip()]


def written_events(events: Iterable[Any], rule: Stream, *, named: bool = False) -> list[str]:
    """Events of JSON data, with the sentinel that ends the stream where it has one.

    Args:
        events: The data of each event.
        rule: The operation's `x-stream`.
        named: Give each event the name that its `type` is.
    """
    written: list[str] = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        written.append(f"{name}data: {json.dumps(event)}\n\n")
    return [*written, *([f"data: {rule.sentinel}\n\n"] if rule.sentinel is not None else [])]


def spoiled(events: list[str], rule: Stream, fault: Fault | None) -> list[bytes]:
    """The events on the wire: without an end or with a fault in the middle, as asked for."""
    middle = len(events) // 2
    if fault == "end-stream":
        events = [event for event in events if not _is_last(event, rule)]
    elif fault == "broken-json":
        events[middle] = events[middle].rstrip()[:-2] + "\n\n"
    elif fault == "error-event":
        data: dict[str, Any] = {}
        put(rule.error or "error", data, error_detail("The mock was asked for an error."))
        events[middle:] = [f"data: {json.dumps(data)}\n\n"]
    return [event.encode() for event in events]


def event_data(event: str) -> str:
    """The data of an event."""
    lines = [line for line in event.splitlines() if line.startswith("data:")]
    return "\n".join(line.removeprefix("data:").removeprefix(" ") for line in lines)


def event_json(event: str) -> Any:
    """The data of an event as JSON, or None."""
    try:
        return json.loads(event_data(event))
    except ValueError:
        return None


def _changed(event: str, change: Change) -> str:
    value = event_json(event)
    changed = change(event_json(event))  # it may change what it gets in place
    if value is None or changed == value:
        return event
    head = [line for line in event.strip().splitlines() if not line.startswith("data:")]
    return "\n".join([*head, f"data: {json.dumps(changed, ensure_ascii=False)}"]) + "\n\n"


def _is_last(event: str, rule: Stream) -> bool:
    """Whether an event is one by which a client knows that the stream is whole."""
    if rule.sentinel is not None and event_data(event) == rule.sentinel:
        return True
    value = event_json(event)
    if rule.complete is not None and find(rule.complete, value):
        return True
    return rule.last is not None and rule.last.holds(value)


def _made_stream(event: Any, rule: Stream) -> str:
    data = cast("dict[str, Any]", event).get("data") if isinstance(event, dict) else event
    first = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    if rule.sentinel is None or first == rule.sentinel:
        return f"data: {first}\n\n"
    return f"data: {first}\n\ndata: {rule.sentinel}\n\n"
