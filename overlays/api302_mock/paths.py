"""Reading and writing at the paths that our extensions use: JMESPath, with `encoding: json` where a string holds JSON."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import jmespath  # pyright: ignore[reportMissingTypeStubs]

_TOKEN = re.compile(r'\.?(?:"([^"]+)"|([A-Za-z_]\w*)|\[(-?\d+)\]|(\[\*?\]))')


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
        path: Plain names, indices and projections; of alternatives (`a || b`) the first that has a value, or else the first.
        data: The object or list to change.
        value: What to write, or `DROP` to remove what is there.
        create: Make objects that are missing on the way.

    Returns:
        Whether anything was written; False for a path that is more than names, indices and projections.
    """
    if isinstance(path, dict):
        if path.get("encoding") != "json" or "then" not in path:
            coded = path.get("encoding") == "json" and value is not DROP
            return put(path["field"], data, json.dumps(value, ensure_ascii=False) if coded else value, create=create)
        inner: Any = search({"field": path["field"], "encoding": "json"}, data)
        if inner is None:
            inner = {}
        return put(path["then"], inner, value, create=create) and put(path["field"], data, json.dumps(inner, ensure_ascii=False))
    options = [option.strip() for option in path.split("||")]
    path = next((option for option in options if search(option, data) is not None), options[0])
    tokens: list[str | int | None] = []
    position = 0
    while position < len(path):
        if not (found := _TOKEN.match(path, position)):
            return False
        quoted, plain, index, _ = found.groups()
        tokens.append(quoted or plain or (int(index) if index is not None else None))
        position = found.end()
    return _put(tokens, data, value, create)


DROP: Any = object()


def _put(tokens: list[str | int | None], data: Any, value: Any, create: bool) -> bool:
    if not tokens:
        return False
    token, rest = tokens[0], tokens[1:]
    if token is None:
        return isinstance(data, list) and any([_put(rest, item, value, create) for item in data])  # pyright: ignore[reportUnknownVariableType]
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
