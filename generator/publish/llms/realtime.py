"""Calls over WebSockets for language models: a line of `llms.txt`, and a part of a tag's page."""

from __future__ import annotations

import json
from collections.abc import Iterator

from generator.document.realtime import Message, RealtimeCall
from generator.emit.docstrings import best_source, price_text
from generator.emit.methods import Methods
from generator.publish.markdown import code, inline, link, text


def lines(methods: Methods, tag: str, folder: str) -> list[str]:
    """The lines of `llms.txt` for the calls of a tag.

    Args:
        methods: How the document's operations are called.
        tag: The tag.
        folder: Of the pages, with a slash behind it.
    """
    return [_line(call, folder) for call in _calls(methods, tag)]


def parts(methods: Methods, tag: str) -> list[str]:
    """The parts of a tag's page for its calls."""
    return ["\n\n".join(_part(call)) + "\n" for call in _calls(methods, tag)]


def _calls(methods: Methods, tag: str) -> list[RealtimeCall]:
    return [call for call in methods.document.realtime if call.tag == tag]


def _line(call: RealtimeCall, folder: str) -> str:
    label = f"[{text(_title(call))}]({folder}{call.tag}.md#{call.id})"
    notes = ["WebSocket", *_price(call), code(f"client.{call.tag}.{call.action}")]
    return f"- {label}: {code(f'GET {call.path}{_query(call)}')}; {'; '.join(notes)}"


def _title(call: RealtimeCall) -> str:
    return str(call.node.get("summary") or call.id).rstrip(".")


def _query(call: RealtimeCall) -> str:
    names = [one.wire for one in call.parameters if one.place == "query" and one.required]
    return f"?{'&'.join(names)}" if names else ""


def _price(call: RealtimeCall) -> list[str]:
    return [inline(price_text(call.node["x-price"]).rstrip("."))] if "x-price" in call.node else []


def _part(call: RealtimeCall) -> Iterator[str]:
    yield f"## {call.id}"
    yield link(text(_title(call)), best_source(call.node))
    yield inline(str(call.node.get("description") or ""))
    yield f"WebSocket {code(call.path + _query(call))}; the API key in the header of the handshake."
    yield from _price(call)
    rows = [
        f"- {code(one.wire)} ({one.place}): {inline(one.description)}" for one in call.parameters
    ]
    yield "\n".join(rows)
    yield "Events are JSON objects with a `type`. A client sends:"
    yield "\n".join(map(_event, call.sent))
    yield "and receives (others may come):"
    yield "\n".join(map(_event, call.received))
    shown = [example["payload"] for one in call.sent for example in one.node["examples"][:1]]
    yield "Examples of what is sent:"
    yield "\n".join(["```json", *(json.dumps(one, ensure_ascii=False) for one in shown), "```"])


def _event(message: Message) -> str:
    names = [name if name in message.required else f"{name}?" for name in message.fields]
    fields = f" {code(', '.join(names))}" if names else ""
    return f"- {code(message.name)}{fields}: {inline(message.summary)}"
