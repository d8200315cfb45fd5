"""What an operation can respond with: the document's examples, else one made from the schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from api302_client.media import essence, is_json
from api302_mock import files
from api302_mock.document import Document, Operation

EVENT_STREAM = "text/event-stream"
_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "uuid": "00000000-0000-4000-8000-000000000302",
    "uri": "https://file.302.ai/mock",
    "email": "someone@example.com",
}
# Optional fields stop some levels down, or a schema that holds itself would never end.
_DEPTH = 3


@dataclass(slots=True)
class Example:
    """A response that the document allows.

    `value` is data for JSON, text for text, None for what is made from the media type.
    """

    status: int
    media_type: str | None
    name: str
    value: Any
    schema: Any

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return is_json(self.media_type or "")


def responses(
    document: Document, operation: Operation, *, status: int | None = None
) -> Iterator[Example]:
    """Every response of an operation that the document shows, in its order.

    Args:
        document: The document.
        operation: The operation.
        status: Those of this status; by default those of a success.
    """
    for key in _statuses(operation, status):
        code = status if status is not None else _status_of(key)
        content: dict[str, Any] = operation.responses[key].get("content", {})
        if not content:
            yield Example(code, None, "", None, None)
        for media_type, raw in content.items():
            media = document.resolve(raw)
            schema = media.get("schema", media.get("itemSchema", True))
            for name, value in shown(document, media).items():
                yield Example(code, essence(media_type), name, copy.deepcopy(value), schema)


def _statuses(operation: Operation, status: int | None) -> list[str]:
    if status is None:
        return sorted(key for key in operation.responses if key.startswith("2"))
    keys = (str(status), f"{status // 100}XX")
    return [key for key in keys if key in operation.responses][:1]


def _status_of(key: str) -> int:
    """The status that a key of `responses` stands for: `2XX` is 200."""
    return int(key.upper().replace("X", "0"))


def shown(document: Document, media: dict[str, Any]) -> dict[str, Any]:
    """The examples of a media type or parameter by name, else one made from its schema."""
    named = {name: document.resolve(example) for name, example in media.get("examples", {}).items()}
    if named:
        return {name: one.get("value", one.get("dataValue")) for name, one in named.items()}
    if "example" in media:
        return {"": media["example"]}
    return {"": made(document, media.get("schema", media.get("itemSchema", True)))}


def made(document: Document, schema: Any, depth: int = 0) -> Any:
    """A value made from a schema, always the same: its example, or the smallest that fits."""
    schema = document.resolve(schema)
    if not isinstance(schema, dict):
        return {}
    known = cast("dict[str, Any]", schema)
    if known.get("examples"):
        return copy.deepcopy(known["examples"][0])
    for key in ("example", "const", "default"):
        if key in known:
            return copy.deepcopy(known[key])
    if known.get("enum"):
        return known["enum"][0]
    for key in ("oneOf", "anyOf"):
        if known.get(key):
            return _of_branch(document, known, key, depth)
    if "allOf" in known:
        return _of_all(document, known, depth)
    kind: Any = known.get("type", "object")
    first = cast("list[str]", kind)[0] if isinstance(kind, list) else kind
    return _of_type(document, first, known, depth)


def _of_branch(document: Document, schema: dict[str, Any], key: str, depth: int) -> Any:
    value = made(document, schema[key][0], depth)
    own = {name: item for name, item in schema.items() if name != key}
    if isinstance(value, dict) and "properties" in own:
        return made(document, own, depth) | value
    return cast("Any", value)


def _of_all(document: Document, schema: dict[str, Any], depth: int) -> Any:
    own = {key: value for key, value in schema.items() if key != "allOf"}
    merged: dict[str, Any] = {}
    for part in [*schema["allOf"], own]:
        value = made(document, part, depth)
        if not isinstance(value, dict):
            return value
        merged.update(cast("dict[str, Any]", value))
    return merged


def _of_type(document: Document, kind: str, schema: dict[str, Any], depth: int) -> Any:
    match kind:
        case "object":
            return _object(document, schema, depth)
        case "array":
            count = schema.get("minItems", 1 if depth < _DEPTH else 0)
            return [made(document, schema.get("items", {}), depth + 1) for _ in range(count)]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema)


def _object(document: Document, schema: dict[str, Any], depth: int) -> dict[str, Any]:
    wanted = schema.get("properties", {})
    if depth >= _DEPTH:
        wanted = {name: wanted[name] for name in schema.get("required", []) if name in wanted}
    return {name: made(document, part, depth + 1) for name, part in wanted.items()}


def _number(schema: dict[str, Any]) -> Any:
    above = schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else 0
    low = schema.get("minimum", above)
    return min(low, schema["maximum"]) if "maximum" in schema else low


# What a field that takes a file gets, by the first of its forms.
_FILES = {
    "url": "https://file.302.ai/mock.png",
    "data_url": "data:image/png;base64,iVBORw0KGgo=",
    "base64": "iVBORw0KGgo=",
}


def _text(schema: dict[str, Any]) -> str:
    for form in schema.get("x-file", []):
        if form in _FILES:
            return _FILES[form]
    text = _FORMATS.get(schema.get("format", ""), "text").ljust(schema.get("minLength", 0), "x")
    return text[: schema["maxLength"]] if "maxLength" in schema else text


def chosen(examples: list[Example], accept: str, form: Any = None) -> Example:
    """The example that an `Accept` header likes best.

    Among equals the one of the kind that the request's `response_format` names, then the first.
    """
    ranges = [_range(part) for part in accept.split(",")]

    def rank(example: Example) -> tuple[float, bool]:
        fitting = [q for media, q in ranges if files.accepts(media, example.media_type or "")]
        is_named = isinstance(form, str) and files.media_of(form) == example.media_type
        return max(fitting, default=0.0), is_named

    return max(examples, key=rank)


def _range(part: str) -> tuple[str, float]:
    """A media range and how much it is wanted.

    What is named is meant more than what a wildcard lets in.
    """
    media, *parameters = [piece.strip().lower() for piece in part.split(";")]
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            quality = _quality(parameter.removeprefix("q="))
    return media, quality - (0.001 if "*" in media else 0.0)


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 1.0
    return quality if 0 <= quality <= 1 else 1.0
