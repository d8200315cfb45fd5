"""The text of a whole response, kind by kind as `x-stream.accumulate` names them.

Pure functions of JSON that never raise: what a gateway sends beside the standard is read as far as
it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def whole_text(kind: str | None, response: Any) -> str:
    """The text of a whole response of that kind, without thoughts."""
    if kind is None or not isinstance(response, dict):
        return ""
    return mended(_WHOLES[kind](response))


def mended(text: str) -> str:
    """The text with the halves of characters joined; a half that stays alone becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def objects(value: object) -> list[Json]:
    """The objects of an array; of anything else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def index_of(value: object) -> int | None:
    """A number as an index, also where it is written as text or as `1.0`; else None."""
    if isinstance(value, str) and len(value) < 20:
        try:
            return int(value)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parts_text(value: Any) -> str:
    """Text, or the texts of its parts without what was but thought."""
    if isinstance(value, str):
        return value
    texts = [part.get("text") for part in objects(value) if not part.get("thought")]
    return "".join(text for text in texts if isinstance(text, str))


def first(value: object) -> Json | None:
    """Of the objects of an array, the one of the lowest `index`, or else position."""
    by_index: dict[int, Json] = {}
    for position, item in enumerate(objects(value)):
        index = index_of(item.get("index"))
        by_index[position if index is None else index] = item
    return by_index[min(by_index)] if by_index else None


def _chat(response: Json) -> str:
    choice = first(response.get("choices"))
    if choice is None:
        return parts_text(response.get("output"))
    message = choice.get("message")
    return parts_text(message.get("content") if isinstance(message, dict) else choice.get("text"))


def _responses(response: Json) -> str:
    texts = [
        parts_text([part for part in objects(item.get("content")) if _is_output(part)])
        for item in objects(response.get("output"))
    ]
    sent = response.get("output_text")
    return "".join(texts) or (sent if isinstance(sent, str) else "")


def _is_output(part: Json) -> bool:
    return part.get("type") == "output_text"


def _messages(response: Json) -> str:
    return parts_text(response.get("content"))


def _gemini(response: Json) -> str:
    candidate = first(response.get("candidates"))
    content = candidate.get("content") if candidate else None
    return parts_text(content.get("parts") if isinstance(content, dict) else content)


_WHOLES: dict[str, Callable[[Json], str]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic_messages": _messages,
    "gemini": _gemini,
}
