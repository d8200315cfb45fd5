"""How the events of a stream accumulate to the whole response, kind by kind as
`x-stream.accumulate` names them.

Pure functions of JSON that never raise (see `merge`): what a gateway sends beside the standard is
taken as far as
it goes, since it is paid for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from api302._json import is_array, is_object
from api302_client.texts import index_of, objects

from .merge import (
    Growing,
    Json,
    copied,
    finished,
    grow,
    grown,
    indexed,
    is_empty,
    put,
)


def accumulate(kind: str, events: list[Any]) -> Json:
    """The response that the events make, as far as they go. The events are left as they are."""
    return finished(_KINDS[kind]([event for event in events if is_object(event)]))


def _in_order(places: dict[int, Json]) -> list[Json]:
    return [places[index] for index in sorted(places)]


# --- Chat Completions -----------------------------------------------------------------------------


def chat_parts(event: Json) -> list[tuple[int, Json]]:
    """The parts of an event, each with the index of its choice. An event may be a part itself."""
    parts = list(indexed(event.get("choices")))
    if not parts and (is_object(event.get("delta")) or is_object(event.get("message"))):
        return [(0, {name: event[name] for name in ("delta", "message") if name in event})]
    return parts


def rest_of(whole: str | Growing, message: str, ended: bool) -> str:
    """What a `message` adds to the text of its choice: its text, or, where it repeats that from
    the start, the rest.

    Some services send whole messages that grow, others pieces; some end a stream of deltas with
    the whole.
    """
    so_far = str(whole)
    repeats = len(message) > len(so_far) or ended
    return message[len(so_far) :] if so_far and repeats and message.startswith(so_far) else message


def _openai_chat(events: list[Json]) -> Json:
    response: Json = {}
    choices: dict[int, Json] = {}
    for event in events:
        put(response, event, "choices", "delta", "message")
        for index, part in chat_parts(event):
            empty: Json = {"index": index, "message": {}, "finish_reason": None}
            _add_choice(choices.setdefault(index, empty), part)
    if response.get("object") == "chat.completion.chunk":
        response["object"] = "chat.completion"
    for choice in choices.values():
        _renumber(choice["message"].get("tool_calls"))
    return {**response, "choices": _in_order(choices)}


def _add_choice(choice: Json, part: Json) -> None:
    delta, message = part.get("delta"), part.get("message")
    if isinstance(delta, str):
        delta = {"content": delta}
    if is_object(delta):
        grow(choice["message"], delta)
    if isinstance(message, str):
        message = {"content": message}
    if is_object(message):
        _add_message(choice["message"], message, not is_empty(part.get("finish_reason")))
    for name, value in part.items():
        if isinstance(value, (dict, list)) or name == "text":
            grow(choice, {name: value} if name not in ("delta", "message") else {})
        elif name not in ("delta", "message", "index"):
            put(choice, {name: value})


def _add_message(whole: Json, message: Json, ended: bool) -> None:
    """Add a message that stands where a delta belongs: a piece, or all of it again."""
    delta: Json = {}
    for name, value in message.items():
        old = whole.get(name)
        if isinstance(value, str) and isinstance(old, (str, Growing)):
            delta[name] = rest_of(old, value, ended)
        else:
            delta[name] = value
    grow(whole, delta)


def _renumber(calls: Any) -> None:
    """Tool calls that a gateway gave one index all get the index of their place."""
    indexes = [index_of(call.get("index")) for call in objects(calls)]
    if None in indexes or len(set(indexes)) == len(indexes):
        return
    for index, call in enumerate(objects(calls)):
        call["index"] = index


# --- Responses ------------------------------------------------------------------------------------

_FIELDS = {
    "function_call_arguments": "arguments",
    "mcp_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "code_interpreter_call_code": "code",
}
"""Deltas of an item, by event: the item's field."""
_PARTS = {
    "output_text": ("content", "output_text", "text"),
    "refusal": ("content", "refusal", "refusal"),
    "reasoning_text": ("content", "reasoning_text", "text"),
    "reasoning_summary_text": ("summary", "summary_text", "text"),
    "content_part": ("content", "", ""),
    "reasoning_summary_part": ("summary", "", ""),
}
"""Deltas of an item's parts, by event: the list, the part's type and its field."""


class _Items:
    """The output items of a response, by id, else by index, else the one that is open."""

    def __init__(self) -> None:
        self._items: dict[int, Json] = {}
        self._parts: dict[tuple[int, str], dict[int, Json]] = {}
        self._ids: dict[str, int] = {}
        self._open = -1

    def add(self, event: Json) -> None:
        """Take an event that is about an item."""
        match str(event.get("type")).split("."):
            case [_, "output_item", _] if is_object(event.get("item")):
                self._add_item(self._place(event), event["item"])
            case [_, what, "delta" | "done" as phase] if what in _FIELDS:
                name = _FIELDS[what]
                default = {"type": what.removesuffix(f"_{name}")}
                item = self._items.setdefault(self._place(event), default)
                _add_text(item, name, event, phase)
            case [_, what, phase] if what in _PARTS:
                self._add_part(event, phase, *_PARTS[what])
            case _:
                pass

    def _place(self, event: Json) -> int:
        identity = _item_id(event)
        if identity in self._ids:
            self._open = self._ids[identity]
            return self._open
        index = index_of(event.get("output_index"))
        self._open = self._open_or_next(event) if index is None else index
        if identity:
            self._ids[identity] = self._open
        return self._open

    def _open_or_next(self, event: Json) -> int:
        """Where an event without index belongs: to the open item, unless it begins another."""
        begins = str(event.get("type")).endswith(".added") and is_object(event.get("item"))
        if self._open in self._items and not begins:
            return self._open
        return max(self._items, default=-1) + 1

    def _add_item(self, place: int, item: Json) -> None:
        """What an item leaves empty stays as it was."""
        for name in ("content", "summary"):
            if not is_empty(item.get(name)):
                self._parts.pop((place, name), None)
        put(self._items.setdefault(place, {}), item)

    def _add_part(self, event: Json, phase: str, name: str, kind: str, field: str) -> None:
        place = self._place(event)
        default = {"type": "message", "role": "assistant"}
        self._items.setdefault(place, default if name == "content" else {"type": "reasoning"})
        index = index_of(event.get("content_index" if name == "content" else "summary_index"))
        part = self._parts.setdefault((place, name), {}).setdefault(index or 0, {})
        if not kind:
            put(part, event["part"] if is_object(event.get("part")) else {})
            return
        part.setdefault("type", kind)
        _add_text(part, field, event, phase)

    def output(self) -> list[Json]:
        """The items with their parts, in order."""
        for (place, name), parts in self._parts.items():
            item = self._items[place]
            item[name] = _in_order({**dict(indexed(item.get(name))), **parts})
        return _in_order(self._items)


def _item_id(event: Json) -> str:
    """The id of the item that an event is about; empty if it has none."""
    item = event.get("item")
    identity = event.get("item_id") or (item.get("id") if is_object(item) else None)
    return identity if isinstance(identity, str) else ""


def _add_text(item: Json, name: str, event: Json, phase: str) -> None:
    """Add a delta to the text of an item or part, or take its whole text, once it is done."""
    text = event.get("delta" if phase == "delta" else name)
    if not isinstance(text, str) or not text:
        return
    old = item.get(name)
    so_far = old if isinstance(old, (str, Growing)) else ""
    item[name] = grown(name, so_far, text) if phase == "delta" else text


def _openai_responses(events: list[Json]) -> Json:
    response: Json = {}
    items = _Items()
    for event in events:
        snapshot = event.get("response")
        if is_object(snapshot):
            put(response, snapshot)
        else:
            items.add(event)
    if not is_empty(response.get("output")):
        return response
    return {**response, "output": items.output()}  # the end did not come, or came without it


# --- Anthropic Messages ---------------------------------------------------------------------------

_BLOCKS = {
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}


class _Blocks:
    """The content blocks of a message. A start always opens a new block, whatever its index."""

    def __init__(self) -> None:
        self._blocks: dict[int, Json] = {}
        self._inputs: dict[int, str | Growing] = {}
        self._places: dict[int | None, int] = {}

    def start(self, index: int | None, block: Json) -> None:
        """Open a block."""
        place = index
        if place is None or place in self._blocks:
            place = max(self._blocks, default=-1) + 1
        self._places[index] = self._places[None] = place
        self._blocks[place] = copied(block)

    def add(self, index: int | None, delta: Json) -> None:
        """Add a delta to its block: the one of its index, or the one that is open."""
        if index not in self._places:
            kind = delta.get("type")
            self.start(
                index, {"type": _BLOCKS.get(kind, "text") if isinstance(kind, str) else "text"}
            )
        place = self._places[index]
        block = self._blocks[place]
        special = ("type", "partial_json", "citation")
        grow(block, {name: value for name, value in delta.items() if name not in special})
        if isinstance(piece := delta.get("partial_json"), str):
            self._inputs[place] = grown("arguments", self._inputs.get(place, ""), piece)
        if not is_empty(citation := delta.get("citation")):
            grow(block, {"citations": [citation]})

    def content(self) -> list[Json]:
        """The blocks in order."""
        for place, text in self._inputs.items():
            if whole := str(text):
                self._blocks[place]["input"] = _parsed(whole)
        return _in_order(self._blocks)


def _parsed(text: str) -> Any:
    """The JSON that a text holds; of one that was cut short, the text: better than nothing."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def _usage(event: Json) -> Json:
    usage = event.get("usage")
    return {"usage": usage} if is_object(usage) else {}


def _anthropic_messages(events: list[Json]) -> Json:
    response: Json = {}
    blocks = _Blocks()
    for event in events:
        delta, index = event.get("delta"), index_of(event.get("index"))
        match event.get("type"):
            case "message_start" if is_object(event.get("message")):
                put(response, event["message"])
            case "content_block_start" if is_object(event.get("content_block")):
                blocks.start(index, event["content_block"])
            case "content_block_delta" if isinstance(delta, str):
                blocks.add(index, {"text": delta})
            case "content_block_delta" if is_object(delta):
                blocks.add(index, delta)
            case "message_delta":
                put(response, delta if is_object(delta) else {})
                put(response, _usage(event))
            case _:
                pass
    given, content = response.get("content"), blocks.content()
    return {**response, "content": content if content or not is_array(given) else given}


# --- Gemini ---------------------------------------------------------------------------------------


def _gemini(events: list[Json]) -> Json:
    response: Json = {}
    candidates: dict[int, Json] = {}
    for event in events:
        put(response, event, "candidates")
        for index, part in indexed(event.get("candidates")):
            candidate = candidates.setdefault(index, {"content": {"parts": []}})
            put(candidate, part, "content")
            _add_content(candidate["content"], part.get("content"))
    return {**response, "candidates": _in_order(candidates)}


def _add_content(whole: Json, content: Any) -> None:
    if isinstance(content, str):
        content = {"parts": [{"text": content}]}
    if not is_object(content):
        return
    put(whole, content, "parts")
    for piece in objects(content.get("parts")):
        last: Json = whole["parts"][-1] if whole["parts"] else {}
        if _is_thought(piece) == _is_thought(last) and _is_text(piece) and _is_text(last):
            last["text"] = grown("text", last["text"], piece["text"])
        elif piece:
            whole["parts"].append(copied(piece))


def _is_text(part: Json) -> bool:
    is_text = isinstance(part.get("text"), (str, Growing))
    return is_text and part.keys() <= {"text", "thought"}


def _is_thought(part: Json) -> bool:
    return bool(part.get("thought"))


_KINDS: dict[str, Callable[[list[Json]], Json]] = {
    "openai_chat": _openai_chat,
    "openai_responses": _openai_responses,
    "anthropic_messages": _anthropic_messages,
    "gemini": _gemini,
}
