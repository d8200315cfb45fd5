"""How the events of a stream add up to the whole reply, kind by kind as `x-stream.accumulate` names them. Pure functions of JSON."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from .._paths import compiled, is_array, is_object

Json = dict[str, Any]
_SAID_ONCE = frozenset({"role", "type", "id", "name", "index", "object", "call_id", "status"})
_TEXT = {
    "openai_chat": "choices[0].message.content || output",
    "openai_responses": "output[].content[].text",
    "anthropic_messages": "content[].text",
    "gemini": "candidates[0].content.parts[].text",
}


def accumulate(kind: str, events: list[Any]) -> Json:
    """The reply that the events make, as far as they go. The events are left as they are."""
    return _KINDS[kind]([event for event in events if is_object(event)])


def whole_text(kind: str | None, reply: Any) -> str:
    """The text of a whole reply of that kind."""
    found = compiled(_TEXT[kind])(reply) if kind else None
    return (
        "".join(part for part in found if isinstance(part, str))
        if is_array(found)
        else found
        if isinstance(found, str)
        else ""
    )


def _object(value: Any) -> Json:
    return value if is_object(value) else {}


def _objects(value: Any) -> list[Json]:
    return [item for item in value if is_object(item)] if is_array(value) else []


def _merge(into: Json, new: Json) -> None:
    """Add a delta: text grows, what is said once is replaced, lists of indexed items are merged by index, other lists grow."""
    for name, value in new.items():
        old = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif isinstance(value, str) and isinstance(old, str) and name not in _SAID_ONCE:
            into[name] = old + value
        elif is_object(value) and is_object(old):
            _merge(old, value)
        elif is_array(value) and (old is None or is_array(old)):
            into[name] = _merge_list(old or [], value)
        else:
            into[name] = deepcopy(value)


def _merge_list(old: list[Any], new: list[Any]) -> list[Any]:
    for item in new:
        index = item.get("index") if is_object(item) else None
        known = (
            next((one for one in old if is_object(one) and one.get("index") == index), None)
            if index is not None
            else None
        )
        if known is None:
            old.append(deepcopy(item))
        else:
            _merge(known, item)
    return old


def _openai_chat(events: list[Json]) -> Json:
    reply: Json = {}
    choices: dict[int, Json] = {}
    for event in events:
        reply |= {
            name: value
            for name, value in event.items()
            if name != "choices" and (value is not None or name not in reply)
        }
        for position, part in enumerate(_objects(event.get("choices"))):
            choice = choices.setdefault(
                part.get("index", position),
                {"index": part.get("index", position), "message": {}, "finish_reason": None},
            )
            for name, value in part.items():
                if name in ("delta", "message"):
                    _merge(choice["message"], value or {})
                elif is_object(value):
                    _merge(choice, {name: value})
                elif value is not None:
                    choice[name] = value
    if reply.get("object") == "chat.completion.chunk":
        reply["object"] = "chat.completion"
    return {**reply, "choices": [choices[index] for index in sorted(choices)]}


def _openai_responses(events: list[Json]) -> Json:
    snapshots = [event for event in events if is_object(event.get("response"))]
    reply: Json = deepcopy(snapshots[-1]["response"]) if snapshots else {}
    if reply.get("output"):
        return reply
    items: dict[
        int, Json
    ] = {}  # the end did not come, or without its output: what the events before it gave
    for event in events:
        place = event.get("output_index")
        if place is None:
            continue
        if is_object(event.get("item")):
            items[place] = deepcopy(event["item"])
        elif event.get("type") == "response.output_text.delta":
            content = items.setdefault(place, {"type": "message", "role": "assistant"}).setdefault(
                "content", []
            )
            while len(content) <= event.get("content_index", 0):
                content.append({"type": "output_text", "text": ""})
            content[event.get("content_index", 0)]["text"] += event.get("delta") or ""
        elif event.get("type") == "response.function_call_arguments.delta" and place in items:
            items[place]["arguments"] = (items[place].get("arguments") or "") + (
                event.get("delta") or ""
            )
    return {**reply, "output": [items[place] for place in sorted(items)]}


def _anthropic_messages(events: list[Json]) -> Json:
    reply: Json = {}
    blocks: dict[int, Json] = {}
    inputs: dict[int, str] = {}
    for event in events:
        index, delta = event.get("index", 0), _object(event.get("delta"))
        match event.get("type"):
            case "message_start":
                reply = deepcopy(event.get("message") or {})
            case "content_block_start":
                blocks[index] = deepcopy(event.get("content_block") or {})
            case "content_block_delta":
                block = blocks.setdefault(
                    index, {"type": str(delta.get("type", "")).removesuffix("_delta")}
                )
                if "partial_json" in delta:
                    inputs[index] = inputs.get(index, "") + delta["partial_json"]
                elif "citation" in delta:
                    _merge(block, {"citations": [delta["citation"]]})
                else:
                    _merge(block, {name: value for name, value in delta.items() if name != "type"})
            case "message_delta":
                reply |= delta
                reply["usage"] = {**(reply.get("usage") or {}), **(event.get("usage") or {})}
            case _:
                pass
    for index, text in inputs.items():
        try:
            blocks[index]["input"] = json.loads(text or "{}")
        except ValueError:  # cut short: the text is better than nothing
            blocks[index]["input"] = text
    return {**reply, "content": [blocks[index] for index in sorted(blocks)]}


def _gemini(events: list[Json]) -> Json:
    reply: Json = {}
    candidates: dict[int, Json] = {}
    for event in events:
        reply |= {
            name: value
            for name, value in event.items()
            if name != "candidates" and (value is not None or name not in reply)
        }
        for part in _objects(event.get("candidates")):
            candidate = candidates.setdefault(part.get("index", 0), {})
            candidate |= {
                name: value
                for name, value in part.items()
                if name != "content" and value is not None
            }
            content = _object(part.get("content"))
            whole = candidate.setdefault("content", {"parts": []})
            whole |= {name: value for name, value in content.items() if name != "parts"}
            for piece in _objects(content.get("parts")):
                last = _object(whole["parts"][-1] if whole["parts"] else None)
                if (
                    piece.keys() == last.keys()
                    and piece.keys() <= {"text", "thought"}
                    and piece.get("thought") == last.get("thought")
                ):
                    last["text"] += piece["text"]
                else:
                    whole["parts"].append(deepcopy(piece))
    return {**reply, "candidates": [candidates[index] for index in sorted(candidates)]}


_KINDS = {
    "openai_chat": _openai_chat,
    "openai_responses": _openai_responses,
    "anthropic_messages": _anthropic_messages,
    "gemini": _gemini,
}
