"""Reading and writing at the paths that our extensions use: JMESPath, with `encoding: json` where a string holds JSON."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import jmespath  # pyright: ignore[reportMissingTypeStubs]

# A field's name, an index, or None for every item of a list.
Token = str | int | None


@lru_cache(maxsize=1024)
def _compiled(path: str) -> Any:
    return jmespath.compile(path)  # pyright: ignore[reportUnknownMemberType]


def search(path: str | dict[str, Any] | None, data: Any) -> Any:
    """The value at a path, or None where there is none."""
    if path is None:
        return None
    if isinstance(path, str):
        return _compiled(path).search(data)
    value = _compiled(path["field"]).search(data)
    if path.get("encoding") == "json" and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return search(path["then"], value) if "then" in path else value


def put(path: str | dict[str, Any], data: Any, value: Any, *, create: bool = True) -> bool:
    """Write a value at a path, in place; through a projection (`videos[].url`) at every item.

    Args:
        path: Names, indices and projections; of alternatives (`a || b`) the first of these that has a value, or else the first.
        data: The object or list to change.
        value: What to write, or `DROP` to remove what is there.
        create: Make objects that are missing on the way.

    Returns:
        Whether anything was written; False for a path that computes, and so is no place.
    """
    if isinstance(path, dict):
        if path.get("encoding") != "json" or "then" not in path:
            coded = path.get("encoding") == "json" and value is not DROP
            return put(
                path["field"],
                data,
                json.dumps(value, ensure_ascii=False) if coded else value,
                create=create,
            )
        inner: Any = search({"field": path["field"], "encoding": "json"}, data)
        if inner is None:
            inner = {}
        return put(path["then"], inner, value, create=create) and put(
            path["field"], data, json.dumps(inner, ensure_ascii=False)
        )
    options = [option for option in map(_tokens, _options(_compiled(path).parsed)) if option]
    if not options:
        return False
    return _put(
        next((option for option in options if _has(option, data)), options[0]), data, value, create
    )


def _options(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a parsed path: of `a || b` both."""
    if node["type"] == "or_expression":
        return [option for child in node["children"] for option in _options(child)]
    return [node]


def _tokens(node: dict[str, Any]) -> list[Token] | None:
    """A parsed path as the steps to a place; None for one that computes."""
    kind = node["type"]
    if kind in ("field", "index"):
        return [node["value"]]
    if kind == "identity":
        return []
    if kind not in ("subexpression", "index_expression", "projection", "flatten"):
        return None
    found: list[Token] = []
    for position, child in enumerate(node["children"]):
        steps = _tokens(child)
        if steps is None:
            return None
        found += steps
        if position == 0 and (
            kind == "flatten" or (kind == "projection" and child["type"] != "flatten")
        ):
            found.append(None)
    return found


def _has(tokens: list[Token], data: Any) -> bool:
    if not tokens:
        return data is not None
    token, rest = tokens[0], tokens[1:]
    held: Any = data
    if isinstance(token, str):
        return isinstance(data, dict) and _has(rest, held.get(token))
    if not isinstance(data, list):
        return False
    if token is None:
        return not held or any(_has(rest, item) for item in held)
    return -len(held) <= token < len(held) and _has(rest, held[token])


DROP: Any = object()


def _put(tokens: list[Token], data: Any, value: Any, create: bool) -> bool:
    if not tokens:
        return False
    token, rest = tokens[0], tokens[1:]
    if token is None:
        return isinstance(data, list) and any(_put(rest, item, value, create) for item in data)  # pyright: ignore[reportUnknownVariableType]
    held: Any = data
    if isinstance(token, int):
        if not isinstance(data, list) or not -len(held) <= token < len(held):
            return False
    elif not isinstance(data, dict):
        return False
    if not rest or (rest == [None] and value is DROP):
        if value is not DROP:
            held[token] = value
        elif isinstance(token, int):
            del held[token]
        else:
            return held.pop(token, DROP) is not DROP
        return True
    if isinstance(token, str) and held.get(token) is None:
        if not create or value is DROP or not isinstance(rest[0], str):
            return False
        held[token] = {}
    return _put(rest, held[token], value, create)
