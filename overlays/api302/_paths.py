"""Reading a value out of a reply by the JMESPath that the document gives. Plain paths such as `data.items[0].id` need no library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeGuard, cast

Find = Callable[[Any], Any]
_PLAIN = re.compile(r"[A-Za-z_]\w*(\[\d+\])*(\.[A-Za-z_]\w*(\[\d+\])*)*")


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is an object, or a mapping that a caller gives for one."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


@cache
def compiled(path: str) -> Find:
    """The function that finds a path in JSON data, giving None where it leads nowhere."""
    if _PLAIN.fullmatch(path):
        steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        if len(steps) == 1:
            name = path
            return lambda data: data.get(name) if is_object(data) else None
        return lambda data: _walk(data, steps)
    import jmespath
    from jmespath.exceptions import JMESPathError

    search = cast("Find", jmespath.compile(path).search)  # pyright: ignore[reportUnknownMemberType]

    def find(data: Any) -> Any:
        try:
            return search(data)
        except (
            JMESPathError
        ):  # a function given a type that it does not take: the reply is not as described
            return None

    return find


def _walk(data: Any, steps: list[int | str]) -> Any:
    try:
        for step in steps:
            data = None if data.__class__ is str else data[step]
    except (KeyError, IndexError, TypeError):
        return None
    return data


def find(path: str | Mapping[str, Any] | None, data: Any) -> Any:
    """The value at a path, or at one whose text holds JSON: `{field, encoding: json, then}`. Text that is no JSON is taken as it is."""
    if path is None:
        return None
    if isinstance(path, str):
        return compiled(path)(data)
    value = compiled(path["field"])(data)
    if path.get("encoding") == "json" and isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return compiled(path["then"])(value) if "then" in path else value


def among(value: Any, values: list[Any] | None) -> bool:
    """Whether a value is one of those listed, `"0"` being 0 and `COMPLETED` being `completed`."""
    if value is None or not values or isinstance(value, (dict, list)):
        return False
    return value in values or str(value).casefold() in [str(known).casefold() for known in values]


def holds(test: Mapping[str, Any], data: Any) -> bool:
    """Whether a test of the document is true: the field is one of the values, or without values is there and not empty."""
    value = compiled(test["field"])(data)
    return (
        among(value, test["values"]) if "values" in test else value not in (None, "", False, [], {})
    )
