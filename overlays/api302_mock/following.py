"""What of a response follows the request (`x-follows`): as many items, the same model."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any, cast

from api302_client.behaviour import Follow, find
from api302_mock.call import Call
from api302_mock.models import dimensions
from api302_mock.paths import put

_FILE = re.compile(r"\A(https?://[^?#\s]+/[^?#/\s]+)(\.\w+(?:[?#]\S*)?)\Z")
"""A URL that ends in the name of a file; its extension, and what comes behind, stand apart."""
_MOST_ITEMS = 10_000
_MOST_NUMBERS = 8_000_000


def follow(rules: Iterable[Follow], value: Any, call: Call) -> None:
    """Make a response follow the request, in place. What the response does not have is not made up.

    Args:
        rules: The operation's `x-follows`.
        value: The response, or an event of a stream, as JSON data.
        call: The request.
    """
    for rule in rules:
        if find(rule.response, value) is None:
            continue
        if rule.field is not None:
            _repeat(rule.response, value, call.value(rule.field))
        if rule.count is not None:
            _count(rule, value, call.value(rule.count))
        if rule.length is not None:
            length = call.value(rule.length) or dimensions(call)
            _stretch(find(rule.response, value), length)
        if rule.sum:
            numbers = [find(path, value) for path in rule.sum]
            put(rule.response, value, sum(one for one in numbers if isinstance(one, int)))


def _repeat(path: str, value: Any, asked: Any) -> None:
    """The request's own value."""
    if isinstance(asked, (str, int, float)):
        put(path, value, asked, create=False)


def _count(rule: Follow, value: Any, asked: Any) -> None:
    """As many items as the request has, or asks for."""
    items = find(rule.response, value)
    count = _number_of(asked)
    if not isinstance(items, list) or not items or count is None:
        return
    shown = cast("list[Any]", items)
    copies = [
        _copy(shown[index % len(shown)], index // len(shown) + 1)
        for index in range(min(count, _MOST_ITEMS))
    ]
    for index, item in enumerate(copies):
        if rule.index is not None and isinstance(item, dict) and rule.index in item:
            item[rule.index] = index
    put(rule.response, value, copies)


def _copy(item: Any, number: int) -> Any:
    """An item again: its files have names of their own, `cat-2.png`, as no two results are one."""
    if number == 1:
        return copy.deepcopy(item)
    if isinstance(item, dict):
        fields = cast("dict[str, Any]", item)
        return {name: _copy(one, number) for name, one in fields.items()}
    if isinstance(item, list):
        return [_copy(one, number) for one in cast("list[Any]", item)]
    return _FILE.sub(rf"\1-{number}\2", item) if isinstance(item, str) else item


def _number_of(asked: Any) -> int | None:
    """How many things a request asks for: a text is one, and so is a list of numbers."""
    if isinstance(asked, bool) or asked is None:
        return None
    if isinstance(asked, int):
        return asked if asked > 0 else None
    if not isinstance(asked, list):
        return 1
    items = cast("list[Any]", asked)
    return 1 if all(isinstance(item, int) for item in items) else len(items)


def _stretch(lists: Any, asked: Any) -> None:
    """Vectors of the length that the request or its model asks for, each another one."""
    if not isinstance(asked, int) or not isinstance(lists, list):
        return
    every = cast("list[Any]", lists)
    vectors: list[Any] = every if all(isinstance(item, list) for item in every) else [every]
    is_bounded = 0 < asked * len(vectors) <= _MOST_NUMBERS
    for number, vector in enumerate(vectors):
        if vector and is_bounded:
            vector[:] = [vector[(index + number) % len(vector)] for index in range(asked)]
