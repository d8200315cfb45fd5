"""The output of a model that was given a JSON schema for it: JSON that follows the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from api302_client.behaviour import Structured, find
from api302_mock.call import Call

Json = dict[str, Any]

_TEXTS = {
    "date-time": "2026-11-30T12:00:00Z",
    "date": "2026-11-30",
    "time": "12:00:00Z",
    "duration": "PT1M",
    "uuid": "12345678-1234-4678-9234-567812345678",
    "email": "someone@example.com",
    "uri": "https://example.com",
}
_DEEPEST = 8


def output(rule: Structured | None, call: Call) -> str | None:
    """What the model says to a request with a schema; None if it has none."""
    if rule is None:
        return None
    field, *inner = rule.field.split(".")
    steps = [*inner, *next(_places(rule.value), ())]
    value = call.value(field)
    schema = find(".".join(steps), value) if steps else value
    if not isinstance(schema, dict):
        return None
    made = cast("Json", schema)
    return json.dumps(instance(made, made), ensure_ascii=False)


def _places(value: Any) -> Iterator[list[str]]:
    """The steps to the schema in the field of a request."""
    for key, item in cast("Json", value).items() if isinstance(value, dict) else ():
        if item == "$schema":
            yield [key]
        yield from ([key, *steps] for steps in _places(item))


def instance(schema: Json, root: Json, depth: int = 0) -> Any:
    """A value that follows a JSON schema, as far as it is an everyday one."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        known = {**root.get("definitions", {}), **root.get("$defs", {})}
        return instance(known.get(name, {}), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if members := schema.get(key):
            return instance(_member(members, depth), root, depth + 1)
    return _of_type(schema, root, depth)


def _member(members: list[Json], depth: int) -> Json:
    """Of alternatives the first; null where the value is deep, as a class may hold itself."""
    null = next((one for one in members if one.get("type") == "null"), None)
    others = [one for one in members if one is not null]
    return null if null is not None and (depth >= _DEEPEST // 2 or not others) else others[0]


def _of_type(schema: Json, root: Json, depth: int) -> Any:
    kinds: Any = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds if isinstance(kinds, str) else str(kinds[0])
    if kind == "object":
        fields: Mapping[str, Json] = schema.get("properties", {})
        return {name: instance(one, root, depth + 1) for name, one in fields.items()}
    if kind == "array":
        count = max(schema.get("minItems", 1), 1) if depth < _DEEPEST else 0
        return [instance(schema.get("items", {}), root, depth + 1) for _ in range(count)]
    make = _SCALARS.get(kind)
    return make(schema) if make else None


def _integer(schema: Json) -> Any:
    return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)


def _text(schema: Json) -> str:
    text = _TEXTS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


_SCALARS: dict[str, Callable[[Json], Any]] = {
    "integer": _integer,
    "number": lambda schema: float(_integer(schema)),
    "string": _text,
    "boolean": lambda schema: True,
}
