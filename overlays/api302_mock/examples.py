"""What an operation answers: the document's examples, else one made from the schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

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


@dataclass(slots=True)
class Reply:
    """A reply that the document allows. `value` is data for JSON, text for text, None for what is made from the media type."""

    status: int
    media_type: str | None
    name: str
    value: Any
    schema: Any

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON."""
        return is_json(self.media_type)


def is_json(media_type: str | None) -> bool:
    """Whether a media type without parameters is JSON."""
    return media_type is not None and (
        media_type == "application/json" or media_type.endswith("+json")
    )


def status_of(key: str) -> int:
    """The status that a key of `responses` stands for: `4XX` is 400, `default` 500."""
    return 500 if key == "default" else int(key.upper().replace("X", "0"))


def replies(
    document: Document, operation: Operation, *, status: int | None = None
) -> Iterator[Reply]:
    """Every reply of an operation that the document shows, in its order: those of `status`, by default all that tell success."""
    if status is None:
        keys = sorted(key for key in operation.responses if key.startswith("2"))
    else:
        keys = [key for key in (str(status), f"{status // 100}XX") if key in operation.responses][
            :1
        ]
    for key in keys:
        code = status if status is not None else status_of(key)
        content: dict[str, Any] = operation.responses[key].get("content", {})
        if not content:
            yield Reply(code, None, "", None, None)
        for media_type, raw in content.items():
            media = document.resolve(raw)
            schema = media.get("schema", media.get("itemSchema", True))
            for name, value in shown(document, media).items():
                yield Reply(
                    code, media_type.partition(";")[0].strip(), name, copy.deepcopy(value), schema
                )


def shown(document: Document, media: dict[str, Any]) -> dict[str, Any]:
    """The examples of a media type or parameter by name; where it has none, one made from the schema."""
    named = {name: document.resolve(example) for name, example in media.get("examples", {}).items()}
    found = {
        name: example.get("value", example.get("dataValue")) for name, example in named.items()
    }
    if not found and "example" in media:
        found = {"": media["example"]}
    if not found:
        found = {"": made(document, media.get("schema", media.get("itemSchema", True)))}
    return found


def made(document: Document, schema: Any, depth: int = 0) -> Any:
    """A value made from a schema, always the same one: shown examples first, then the smallest thing that fits."""
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
        for part in known.get(key, [])[:1]:
            value = made(document, part, depth)
            own = {name: item for name, item in known.items() if name != key}
            return (
                made(document, own, depth) | value
                if isinstance(value, dict) and "properties" in own
                else cast("Any", value)
            )
    if "allOf" in known:
        merged: dict[str, Any] = {}
        for part in [
            *known["allOf"],
            {key: value for key, value in known.items() if key != "allOf"},
        ]:
            value = made(document, part, depth)
            if not isinstance(value, dict):
                return value
            merged.update(cast("dict[str, Any]", value))
        return merged
    kind = known.get("type", "object")
    return _of_type(document, kind[0] if isinstance(kind, list) else kind, known, depth)  # pyright: ignore[reportUnknownArgumentType]


def _of_type(document: Document, kind: str, schema: dict[str, Any], depth: int) -> Any:
    if kind == "object":
        required = schema.get("required", [])
        # Optional fields stop a few levels down, or a schema that holds itself would never end.
        wanted = {
            name: part
            for name, part in schema.get("properties", {}).items()
            if name in required or depth < 3
        }
        return {name: made(document, part, depth + 1) for name, part in wanted.items()}
    if kind == "array":
        count = schema.get("minItems", 1 if depth < 3 else 0)
        return [made(document, schema.get("items", {}), depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        low = schema.get(
            "minimum",
            schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0),
        )
        return min(low, schema["maximum"]) if "maximum" in schema else low
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = _FORMATS.get(schema.get("format", ""), "text")
    text = text.ljust(schema.get("minLength", 0), "x")
    return text[: schema["maxLength"]] if "maxLength" in schema else text


def chosen(found: list[Reply], accept: str, form: Any = None) -> Reply:
    """The reply that an `Accept` header likes best; among equals the one of the kind that a `response_format` names, then the first."""

    def rank(reply: Reply) -> tuple[float, bool]:
        best = 0.0
        for part in accept.split(","):
            media, _, rest = part.strip().partition(";")
            quality = next(
                (
                    float(q[2:] or 0)
                    for q in map(str.strip, rest.split(";"))
                    if q.startswith("q=") and _is_number(q[2:])
                ),
                1.0,
            )
            if files.accepts(media.strip().lower(), reply.media_type or ""):
                # What is named is meant more than what a wildcard lets in.
                best = max(best, quality - (0.001 if "*" in media else 0.0))
        return best, isinstance(form, str) and files.media_of(form) == reply.media_type

    return max(found, key=rank)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
