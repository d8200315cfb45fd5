"""Which integers need 64 bits. `format: int64` only where a number may be that large.

Without it openapi-generator's Java client takes an integer for an int, which is too small for a
time in milliseconds; with it TypeScript clients take it for a bigint, which is a nuisance for the
number of images.
"""

from __future__ import annotations

import re
from typing import Any

from generator.source import seq

from .walk import Json

_LARGEST_INT32 = 2**31 - 1
_LARGE = frozenset(
    {
        *("time", "timestamp", "date", "at", "ms", "millis", "milliseconds", "start", "end"),
        *(
            "created",
            "updated",
            "modified",
            "started",
            "finished",
            "expires",
            "expired",
            "deadline",
        ),
        *("id", "uid", "seed", "nonce", "size", "bytes", "length", "sequence"),
        *("count", "total", "matches"),  # views of a video, results of a search
    }
)
_SMALL = frozenset({"token", "tokens", "page", "batch", "chunk", "pages"})
_PARTS = ("items", "additionalProperties")
_UNIONS = ("anyOf", "oneOf", "allOf")


def sized(name: str, schema: Any) -> Any:
    """A copy of the schema of a field, whose integers have a format if they may need 64 bits.

    Args:
        name: The field's name, which tells a time or an id from a number of images. `""` where
            there is no name; then an integer may be large.
        schema: The schema; the fields of objects in it have names of their own and are left alone.
    """
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    for part in _PARTS:
        if part in schema:
            schema[part] = sized(name, schema[part])
    for union in _UNIONS:
        if union in schema:
            schema[union] = [sized(name, member) for member in seq(schema[union])]
    if _is_integer(schema) and _may_be_large(name, schema):
        schema["format"] = "int64"
    return schema


def _is_integer(schema: Json) -> bool:
    types = schema.get("type")
    if schema.keys() & {"format", "enum", "const"}:
        return False
    return types == "integer" or (isinstance(types, list) and "integer" in types)


def _may_be_large(name: str, schema: Json) -> bool:
    limits = [schema.get(key) for key in ("maximum", "exclusiveMaximum")]
    numbers = [limit for limit in limits if isinstance(limit, (int, float))]
    if numbers:
        return min(numbers) > _LARGEST_INT32
    if any(_is_large(value) for value in _shown(schema)):
        return True
    words = _words(name)
    return not words or bool(words & _LARGE and not words & _SMALL)


def _shown(schema: Json) -> list[Any]:
    return [*seq(schema.get("examples")), schema.get("example"), schema.get("default")]


def _is_large(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > _LARGEST_INT32


def _words(name: str) -> set[str]:
    """The words of a name in snake case or camel case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
