"""Values of JSON: their types, the schema that they show, and text that holds JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from . import Schema
from .untrusted import is_field

HIDDEN = "[hidden]"
"""What `api302.testing.record` writes for a secret."""
DEEPEST = 60
"""Levels of a document or of an example."""
MOST_NODES = 50_000
"""Values in a document or in an example."""

_TYPES = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_LARGEST = 10**18


def is_type(name: str) -> bool:
    """Whether a text names a type of JSON other than null."""
    return name in _TYPES


def type_name(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    return next((name for name, kind in _TYPES.items() if isinstance(value, kind)), "string")


def is_number(value: Any) -> bool:
    """Whether a value is a number, and finite."""
    return type_name(value) in ("integer", "number") and math.isfinite(value)


def key(value: Any) -> str:
    """A text that is the same for values that are equal in JSON, where 1 is not true."""
    return json.dumps(value, sort_keys=True)


def fit(value: Any, schema: Schema) -> Any:
    """A value that a page writes as text, in the type that its schema says; None if it is no such
    value.
    """
    kind = schema.get("type")
    if not isinstance(kind, str):
        return value
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    if kind == "string" and type_name(value) in ("integer", "number"):
        return str(value)
    if kind in ("integer", "number"):
        return _number(value, kind)
    return value if type_name(value) == kind else None


def _number(value: Any, kind: str) -> int | float | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(value) if type_name(value) in ("string", "number") else math.nan
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if kind == "integer":
        return int(number) if number.is_integer() and abs(number) < _LARGEST else None
    return number


def infer(*values: Any) -> Schema:
    """What values alone show:

    types, fields and items, but not what is required. What is null or masked shows nothing.
    """
    alike: dict[str, list[Any]] = {}
    for value in values:
        if value is not None and value != HIDDEN:
            alike.setdefault(type_name(value), []).append(value)
    if "number" in alike:
        alike.pop("integer", None)
    made = [_inferred(kind, same) for kind, same in alike.items()]
    return made[0] if len(made) == 1 else {"anyOf": made} if made else {}


def _inferred(kind: str, values: list[Any]) -> Schema:
    if kind == "array":
        return {"type": kind, "items": infer(*(item for value in values for item in value))}
    fields: dict[str, list[Any]] = {}
    for value in values if kind == "object" else ():
        for name, inner in value.items():
            if is_field(name):
                fields.setdefault(name, []).append(inner)
    if not fields:
        return {"type": kind}
    return {"type": kind, "properties": {name: infer(*shown) for name, shown in fields.items()}}


def parse(text: str, most: int = MOST_NODES) -> Any:
    """The value that a text is as JSON.

    Raises ValueError, also where it is too deep or has more values than it may.
    """
    return _parsed(text, _DECODER.decode, most)


def parse_first(text: str) -> Any:
    """The value that a text begins with as JSON; other words may follow.

    Raises ValueError as `parse`.
    """
    return _parsed(text, lambda given: _DECODER.raw_decode(given)[0])


def _parsed(text: str, decode: Callable[[str], Any], most: int = MOST_NODES) -> Any:
    try:
        value = decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    check_size(value, most)
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number of JSON")
    return number


_DECODER = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_finite)


def check_size(value: Any, most: int = MOST_NODES) -> None:
    """Raise ValueError for a value that is deeper or larger than an example may be."""
    level: list[Any] = [value]
    nodes = 0
    for _ in range(DEEPEST):
        nodes += len(level)
        if nodes > most:
            raise ValueError(f"more than {most} values")
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise ValueError("nested too deeply")


def has_long_keys(value: Any, longest: int = 60) -> bool:
    """Whether an object in a value has a field whose name is too long for a line."""
    is_long = isinstance(value, dict) and any(len(name) > longest for name in value)
    return is_long or any(has_long_keys(inner, longest) for inner in _inside(value))


def is_small(value: Any, most: int = 2000) -> bool:
    """Whether a value is one that a person can read."""
    try:
        check_size(value, most)
    except ValueError:
        return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
