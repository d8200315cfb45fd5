"""Writing at the paths of the `x-` extensions: JMESPath, with `encoding: json` where a string
holds JSON.

Reading at them is :mod:`api302_client.behaviour`'s.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, cast

import jmespath  # pyright: ignore[reportMissingTypeStubs]

from api302_client.behaviour import Path, find

# A field's name, an index, or None for every item of a list.
Token = str | int | None

DROP: Any = object()
"""Written at a path, it removes what is there."""


@lru_cache(maxsize=1024)
def _parsed(path: str) -> dict[str, Any]:
    return cast("dict[str, Any]", jmespath.compile(path).parsed)


def put(path: str | Path, data: Any, value: Any, *, create: bool = True) -> bool:
    """Write a value at a path, in place; through a projection (`videos[].url`) at every item.

    Args:
        path: Names, indices and projections; of alternatives (`a || b`) the first of these that
            has a value, or else the first.
        data: The object or list to change.
        value: What to write, or `DROP` to remove what is there.
        create: Make objects that are missing on the way.

    Returns:
        Whether anything was written; False for a path that computes, and so is no place.
    """
    if isinstance(path, Path) and path.encoding == "json":
        return _put_json(path, data, value, create)
    field = path.field if isinstance(path, Path) else path
    options = [option for option in map(_tokens, _options(_parsed(field))) if option]
    if not options:
        return False
    return _put(
        next((option for option in options if _has(option, data)), options[0]), data, value, create
    )


def _put_json(path: Path, data: Any, value: Any, create: bool) -> bool:
    """Write where a string holds JSON."""
    if path.then is None:
        text = value if value is DROP else json.dumps(value, ensure_ascii=False)
        return put(path.field, data, text, create=create)
    inner: Any = find(Path(path.field, "json"), data)
    if not isinstance(inner, (dict, list)):
        inner = {}
    return put(path.then, inner, value, create=create) and put(
        path.field, data, json.dumps(inner, ensure_ascii=False)
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
    tokens: list[Token] = []
    for position, child in enumerate(node["children"]):
        steps = _tokens(child)
        if steps is None:
            return None
        tokens += steps
        if position == 0 and _is_each(kind, child):
            tokens.append(None)
    return tokens


def _is_each(kind: str, child: dict[str, Any]) -> bool:
    """Whether a node goes to every item of what its first child gives.

    A projection of a flattened list does so but once.
    """
    return kind == "flatten" or (kind == "projection" and child["type"] != "flatten")


def _has(tokens: list[Token], data: Any) -> bool:
    if not tokens:
        return data is not None
    token, rest = tokens[0], tokens[1:]
    if isinstance(token, str):
        return isinstance(data, dict) and _has(rest, cast("dict[str, Any]", data).get(token))
    if not isinstance(data, list):
        return False
    items = cast("list[Any]", data)
    if token is None:
        return not items or any(_has(rest, item) for item in items)
    return _is_index(token, items) and _has(rest, items[token])


def _is_index(token: int, items: list[Any]) -> bool:
    return -len(items) <= token < len(items)


def _put(tokens: list[Token], data: Any, value: Any, create: bool) -> bool:
    token, rest = tokens[0], tokens[1:]
    if token is None:
        return _put_each(rest, data, value, create)
    if not _is_place(token, data):
        return False
    if not rest or (rest == [None] and value is DROP):
        return _write(data, token, value)
    may_make = create and value is not DROP and isinstance(rest[0], str)
    return _put(rest, _inner(token, data, make=may_make), value, create)


def _inner(token: str | int, data: Any, *, make: bool) -> Any:
    """What is under a name or at an index; an object that is made there where nothing is."""
    if isinstance(token, str) and make and data.get(token) is None:
        data[token] = {}
    return data.get(token) if isinstance(token, str) else data[token]


def _is_place(token: str | int, data: Any) -> bool:
    """Whether data can have something under a name or at an index."""
    if isinstance(token, str):
        return isinstance(data, dict)
    return isinstance(data, list) and _is_index(token, cast("list[Any]", data))


def _put_each(rest: list[Token], data: Any, value: Any, create: bool) -> bool:
    if not rest or not isinstance(data, list):
        return False
    written = [_put(rest, item, value, create) for item in cast("list[Any]", data)]
    return any(written)


def _write(held: Any, token: str | int, value: Any) -> bool:
    if value is not DROP:
        held[token] = value
        return True
    if isinstance(token, int):
        del held[token]
        return True
    return held.pop(token, DROP) is not DROP
