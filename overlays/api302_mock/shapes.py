"""What a model says, in the forms that `x-stream.accumulate` names: whole, or as events."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from api302_mock.wishes import ToolCall

Json = dict[str, Any]
_MOST_PIECES = 20_000


class Shape(NamedTuple):
    """One form of responses of language models."""

    write: Callable[[Json, str | None, list[ToolCall]], None]
    """Puts a text and calls of functions into a response, in place."""
    events: Callable[[Json], Iterator[Json]]
    """The events whose accumulation is the response."""
    is_named: bool = False
    """Events have the name that their `type` is."""


def _pieces(text: str) -> list[str]:
    """A text in the pieces in which a model would send it: its words, or several of a long one."""
    words = re.findall(r"\s*\S+|\s+$", text)
    size = max(1, -(-len(words) // _MOST_PIECES))
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]


def _arguments(call: ToolCall) -> str:
    arguments = call.get("arguments", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _input(call: ToolCall) -> Any:
    """The arguments as JSON data; text that is not JSON as it is."""
    arguments = call.get("arguments", {})
    if isinstance(arguments, Mapping):
        return dict(arguments)
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _id(call: ToolCall, index: int) -> str:
    return call.get("id", f"call_mock_{index}")


def _name(call: ToolCall) -> str:
    return call.get("name", "")


def _objects(value: Any) -> list[Json]:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _object(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


# --- openai_chat ----------------------------------------------------------------------------------


def _write_chat(response: Json, text: str | None, calls: list[ToolCall]) -> None:
    message: Json = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [_chat_call(call, index) for index, call in enumerate(calls)]
    choices = _objects(response.get("choices")) or [{"index": 0}]
    for choice in choices:
        choice.pop("logprobs", None)
        choice["message"] = copy.deepcopy(message)
        choice["finish_reason"] = "tool_calls" if calls else "stop"
    response["choices"] = choices


def _chat_call(call: ToolCall, index: int) -> Json:
    function = {"name": _name(call), "arguments": _arguments(call)}
    return {"id": _id(call, index), "type": "function", "function": function}


def _chat_events(response: Json) -> Iterator[Json]:
    head = {name: value for name, value in response.items() if name not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    for position, choice in enumerate(_objects(response.get("choices"))):
        for delta, reason in _chat_deltas(choice):
            index = choice.get("index", position)
            yield head | {"choices": [{"index": index, "delta": delta, "finish_reason": reason}]}
    if "usage" in response:
        yield head | {"choices": [], "usage": response["usage"]}


def _chat_deltas(choice: Json) -> Iterator[tuple[Json, str | None]]:
    message = _object(choice.get("message"))
    yield {"role": "assistant", "content": ""}, None
    for piece in _pieces(message.get("content") or ""):
        yield {"content": piece}, None
    for index, call in enumerate(_objects(message.get("tool_calls"))):
        function = _object(call["function"])
        begun = call | {"index": index, "function": function | {"arguments": ""}}
        yield {"tool_calls": [begun]}, None
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    yield {}, choice.get("finish_reason") or "stop"


# --- openai_responses -----------------------------------------------------------------------------


def _write_responses(response: Json, text: str | None, calls: list[ToolCall]) -> None:
    output: list[Json] = []
    if text is not None:
        part: Json = {"type": "output_text", "text": text, "annotations": []}
        shown = [one for one in _objects(response.get("output")) if one.get("type") == "message"]
        item = shown[0] if shown else {"type": "message", "id": "msg_mock", "role": "assistant"}
        output.append(item | {"status": "completed", "content": [part]})
    for index, call in enumerate(calls):
        output.append(
            {
                "type": "function_call",
                "id": f"fc_mock_{index}",
                "call_id": _id(call, index),
                "name": _name(call),
                "arguments": _arguments(call),
                "status": "completed",
            }
        )
    response |= {"output": output, "status": "completed"}
    if "output_text" in response:
        response["output_text"] = text or ""


def _responses_events(response: Json) -> Iterator[Json]:
    for number, event in enumerate(_responses_unnumbered(response)):
        yield event | {"sequence_number": number}


def _responses_unnumbered(response: Json) -> Iterator[Json]:
    begun: Json = {**response, "status": "in_progress", "output": []}
    begun.pop("usage", None)
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(_objects(response.get("output"))):
        place = {"output_index": index}
        empty: Json = {"content": [], "arguments": ""}
        opened = item | {"status": "in_progress"}
        opened |= {name: empty[name] for name in empty if name in item}
        yield {"type": "response.output_item.added", **place, "item": opened}
        yield from _responses_inner(item, place | {"item_id": item.get("id", "")})
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": "response.completed", "response": response}


def _responses_inner(item: Json, place: Json) -> Iterator[Json]:
    for index, part in enumerate(_objects(item.get("content"))):
        spot = place | {"content_index": index}
        yield {"type": "response.content_part.added", **spot, "part": part | {"text": ""}}
        for piece in _pieces(part["text"]):
            yield {"type": "response.output_text.delta", **spot, "delta": piece}
        yield {"type": "response.output_text.done", **spot, "text": part["text"]}
        yield {"type": "response.content_part.done", **spot, "part": part}
    if "arguments" in item:
        kind = "response.function_call_arguments"
        for piece in _pieces(item["arguments"]):
            yield {"type": f"{kind}.delta", **place, "delta": piece}
        yield {"type": f"{kind}.done", **place, "arguments": item["arguments"]}


# --- anthropic_messages ---------------------------------------------------------------------------


def _write_messages(response: Json, text: str | None, calls: list[ToolCall]) -> None:
    content: list[Json] = [] if text is None else [{"type": "text", "text": text}]
    for index, call in enumerate(calls):
        block = {"id": _id(call, index), "name": _name(call), "input": _input(call)}
        content.append({"type": "tool_use", **block})
    response |= {"content": content, "stop_reason": "tool_use" if calls else "end_turn"}


def _messages_events(response: Json) -> Iterator[Json]:
    usage = _object(response.get("usage"))
    begun: Json = {**response, "content": [], "stop_reason": None}
    begun["usage"] = usage | {"output_tokens": 0}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(_objects(response.get("content"))):
        is_text = block.get("type") == "text"
        empty: Json = {"text": ""} if is_text else {"input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": block | empty}
        whole = block["text"] if is_text else json.dumps(block["input"], ensure_ascii=False)
        kind, name = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
        for piece in _pieces(whole):
            delta = {"type": kind, name: piece}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": response.get("stop_reason"), "stop_sequence": None}
    count = {"output_tokens": usage.get("output_tokens", 0)}
    yield {"type": "message_delta", "delta": end, "usage": count}
    yield {"type": "message_stop"}


# --- gemini ---------------------------------------------------------------------------------------


def _write_gemini(response: Json, text: str | None, calls: list[ToolCall]) -> None:
    parts: list[Json] = [] if text is None else [{"text": text}]
    parts += [{"functionCall": {"name": _name(call), "args": _input(call)}} for call in calls]
    candidates = _objects(response.get("candidates")) or [{"index": 0}]
    for candidate in candidates:
        candidate["content"] = {"role": "model", "parts": copy.deepcopy(parts)}
        candidate["finishReason"] = "STOP"
    response["candidates"] = candidates


def _gemini_events(response: Json) -> Iterator[Json]:
    head = dict(response)
    usage = {"usageMetadata": head.pop("usageMetadata")} if "usageMetadata" in head else {}
    for candidate in _objects(head.pop("candidates", None)):
        pieces = list(_gemini_pieces(candidate))
        for piece in pieces[:-1]:
            yield head | {"candidates": [piece]}
        yield head | {"candidates": [pieces[-1]]} | usage


def _gemini_pieces(candidate: Json) -> Iterator[Json]:
    begun = {name: candidate[name] for name in candidate if name != "finishReason"}
    content = _object(begun.pop("content", None))
    parts = [piece for part in _objects(content.get("parts")) for piece in _gemini_parts(part)]
    pieces = [begun | {"content": content | {"parts": [part]}} for part in parts or [{"text": ""}]]
    yield from pieces[:-1]
    yield pieces[-1] | {"finishReason": candidate.get("finishReason", "STOP")}


def _gemini_parts(part: Json) -> list[Json]:
    return [{"text": piece} for piece in _pieces(part["text"])] if "text" in part else [part]


SHAPES = {
    "openai_chat": Shape(_write_chat, _chat_events),
    "openai_responses": Shape(_write_responses, _responses_events, is_named=True),
    "anthropic_messages": Shape(_write_messages, _messages_events, is_named=True),
    "gemini": Shape(_write_gemini, _gemini_events),
}
