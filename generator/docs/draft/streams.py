"""The events of a drafted call that streams, and its x-stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from generator.docs.pages import Body, note
from generator.docs.pages.values import infer, is_small, parse
from generator.document.media import EVENT_STREAM, is_event_stream
from generator.runtime.behaviour import find

from .components import Components
from .conventions import Conventions
from .operation import Draft

_DONE = "[DONE]"
_DATA = re.compile(r"^data: *(\{.*\})[ \t]*$", re.MULTILINE)
_MOST_EVENTS = 100


def propose(conventions: Conventions, components: Components, draft: Draft) -> None:
    """Describe the events of a call that answers with them, or has a `stream` switch and names the
    end.
    """
    media = next(filter(is_event_stream, draft.response), "")
    is_switched = "stream" in draft.fields
    if not media and not (is_switched and _names_the_end(draft)):
        if is_switched:
            unclear = "there is a `stream` switch, but the page does not show how the stream ends"
            note(draft.left, f"x-stream: {unclear}")
        return
    body = draft.call.response.get(media, Body())
    events = list(_events(body))
    components.left = draft.left
    draft.response[media or EVENT_STREAM] = _media(components, draft, body, events)
    switch = {"when": {"in": "body", "name": "stream", "value": True}} if is_switched else {}
    draft.extensions["x-stream"] = switch | _alike(conventions, events)


def _names_the_end(draft: Draft) -> bool:
    texts = [draft.call.description]
    for body in draft.call.request.values():
        texts.append(json.dumps([body.schema, body.examples]))
    return any(_DONE in text for text in texts)


def _events(body: Body) -> Iterator[dict[str, Any]]:
    """The data of the events that the page shows."""
    for text in map(str, body.examples):
        for data in _DATA.findall(text)[:_MOST_EVENTS]:
            with suppress(ValueError):
                yield parse(data)


def _media(
    components: Components, draft: Draft, body: Body, events: list[dict[str, Any]]
) -> dict[str, Any]:
    """The media type object: `[DONE]` or a JSON text as the data of each event."""
    theirs = body.schema if "properties" in body.schema else infer(*events)
    has_fields = "properties" in theirs
    name = f"{draft.prefix}Chunk"
    chunk = components.write(theirs, name, "response") if has_fields else components.any_object()
    text = {"type": "string", "contentMediaType": "application/json", "contentSchema": chunk}
    data = {"anyOf": [{"const": _DONE}, text]}
    event = {"type": "object", "required": ["data"], "properties": {"data": data}}
    schema = components.add(f"{draft.prefix}Event", event)
    fitting = [one for one in events if is_small(one) and components.fits(chunk, one)]
    shown = [json.dumps(one, ensure_ascii=False) for one in fitting] or ["{}"]
    stream = "".join(f"data: {one}\n\n" for one in [*shown, _DONE])
    return {"itemSchema": schema, "examples": {"stream": {"value": stream}}}


def _alike(conventions: Conventions, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The rule of operations whose text is at the same place, without its switch."""
    for rule in conventions.rules("x-stream"):
        if rule.says.sentinel and any(find(rule.says.text, event) for event in events):
            return {
                key: value for key, value in rule.data.items() if key not in ("when", "response")
            }
    return {"done": {"data": _DONE}}
