"""Merging the parts of a streamed response: JSON into JSON, total and lenient.

Nothing here raises, whatever the JSON is, however deep it is, and whatever numbers stand in it.
Four rules:

- An empty value (`null`, `""`, `[]`, `{}`) never overwrites a real one: gateways fill fields with
  them.
- Text grows, but for what is said once (`ONCE`), and what is said again is not doubled.
- Items of a list are the same by id, else by index, else the one that is open goes on. An index
  is a key, never a number of places to fill up.
- Half a character at the end of one part joins its other half at the start of the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import copy
from itertools import islice
from typing import Any, cast

from api302._json import is_array, is_object
from api302_client.texts import index_of, mended, objects

Json = dict[str, Any]

ONCE = frozenset(
    (
        *("role", "type", "id", "name", "index", "object", "call_id", "status"),
        *("finish_reason", "format", "mime_type", "media_type", "model"),
    )
)
"""Fields whose text is said once, or again and again, and never grows."""
TEXTS = frozenset(
    (
        *("content", "reasoning_content", "reasoning", "thinking", "refusal", "arguments"),
        *("text", "transcript", "data", "signature", "input", "summary"),
    )
)
"""Fields whose text always grows.

Text of other fields grows too, unless it repeats all that came before.
"""
DEEPEST = 100
"""Objects nested deeper than this are replaced, not merged."""
RECENT = 1000
"""How many items back the item is sought that a new one goes on with, so that time stays linear."""


def is_empty(value: object) -> bool:
    """Whether a value says nothing. The numbers and booleans always say something."""
    return value is None or (isinstance(value, (str, dict, list)) and not value)


def indexed(value: object) -> Iterator[tuple[int, Json]]:
    """The objects of an array, each with its own `index`, or else its position."""
    for position, item in enumerate(objects(value)):
        index = index_of(item.get("index"))
        yield position if index is None else index, item


# --- text -----------------------------------------------------------------------------------------


class Growing:
    """Text that grows piece by piece, in linear time. `finished` makes it text."""

    __slots__ = ("pieces", "size")

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)
        self.size = sum(map(len, pieces))

    def add(self, piece: str) -> None:
        """Add a piece at the end."""
        self.pieces.append(piece)
        self.size += len(piece)

    def equals(self, text: str) -> bool:
        """Whether it is this text so far."""
        return self.size == len(text) and str(self) == text

    def __str__(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


def as_text(value: Any) -> str:
    """JSON as text, for a field that holds text and got something else."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def is_complete(text: str) -> bool:
    """Whether text is a whole JSON object."""
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        return is_object(json.loads(text, strict=False))
    except (ValueError, RecursionError):
        return False


def grown(name: str, old: str | Growing, piece: str) -> Growing:
    """The text of a field with a piece more. What is said again is not doubled."""
    whole = old if isinstance(old, Growing) else Growing(old)
    if name == "arguments" and piece.startswith("{"):
        if whole.equals("{}"):  # some gateways begin arguments that are yet to come with it
            return Growing(piece)
        if whole.equals(piece) and is_complete(piece):
            return whole
    if name in TEXTS or not whole.equals(piece):
        whole.add(piece)
    return whole


# --- copies ---------------------------------------------------------------------------------------


def rebuilt(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A copy of JSON, however deep, with `leaf` applied to all but objects and arrays."""
    box: list[Any] = [value]
    pending: list[Any] = [box]
    while pending:
        holder: Any = pending.pop()
        places: Any = holder.copy() if is_object(holder) else range(len(holder))
        for place in places:
            item = holder[place]
            if isinstance(item, (dict, list)):
                holder[place] = copy(cast("Any", item))
                pending.append(holder[place])
            else:
                holder[place] = leaf(item)
    return box[0]


def copied(value: Any) -> Any:
    """A copy of JSON, free to change."""
    return rebuilt(value, _same) if isinstance(value, (dict, list)) else value


def _same(value: Any) -> Any:
    return value


def finished(value: Any) -> Any:
    """A copy whose growing texts are text, with the halves of characters joined."""
    return rebuilt(value, _finished)


def _finished(value: Any) -> Any:
    if isinstance(value, Growing):
        return mended(str(value))
    return mended(value) if isinstance(value, str) else value


# --- merging --------------------------------------------------------------------------------------


def put(into: Json, new: Json, *skip: str) -> None:
    """Set facts that are said once, field by field and one level down."""
    for name, value in new.items():
        if name in skip:
            continue
        old = into.get(name)
        if is_object(old) and is_object(value):
            _put_counts(old, value)
        elif name not in into or not is_empty(value):
            into[name] = copied(value)


def _put_counts(into: Json, new: Json) -> None:
    """The same for an object such as `usage`, where 0 never overwrites a count."""
    for name, value in new.items():
        is_zero = isinstance(value, (int, float)) and not value
        if name not in into or not (is_empty(value) or is_zero):
            into[name] = copied(value)


def grow(into: Json, delta: Json, depth: int = 0) -> None:
    """Add a delta: text grows, what is said once is replaced, objects and lists are merged."""
    for name, value in delta.items():
        old = into.get(name)
        if name == "arguments" and isinstance(value, (dict, list)):
            value = as_text(value)
        if is_empty(value):
            into.setdefault(name, copied(value))
        elif depth < DEEPEST and _merge(into, name, old, value, depth):
            continue
        else:
            into[name] = copied(value)


def _merge(into: Json, name: str, old: Any, value: Any, depth: int) -> bool:
    """Merge a value with the one of its kind that is there.

    False where they are of different kinds.
    """
    if isinstance(value, str):
        return _merge_text(into, name, old, value, depth)
    if is_object(value):
        return _merge_object(into, name, old, value, depth)
    return is_array(value) and _merge_list(into, name, old, value, depth)


def _merge_text(into: Json, name: str, old: Any, text: str, depth: int) -> bool:
    if isinstance(old, (str, Growing)):
        into[name] = text if name in ONCE else grown(name, old, text)
    elif _is_parts(old):
        extend(old, [{"type": "text", "text": text}], name, depth)
    else:
        return False
    return True


def _merge_object(into: Json, name: str, old: Any, value: Json, depth: int) -> bool:
    if not (is_object(old) or is_empty(old)):
        return False
    into[name] = old if is_object(old) else {}
    grow(into[name], value, depth + 1)
    return True


def _merge_list(into: Json, name: str, old: Any, value: list[Any], depth: int) -> bool:
    """A list goes on with a list; the parts of a text go on with a text as well."""
    if is_array(old) or is_empty(old):
        into[name] = old if is_array(old) else []
    elif isinstance(old, (str, Growing)) and _is_parts(value):
        into[name] = [{"type": "text", "text": old}]
    else:
        return False
    extend(into[name], value, name, depth)
    return True


def _is_parts(value: object) -> bool:
    """Whether a text comes as parts: `[{"type": "text", "text": …}]`."""
    return is_array(value) and any(is_object(item) and "type" in item for item in value)


def extend(old: list[Any], new: list[Any], name: str = "", depth: int = 0) -> None:
    """Add a delta's list: each item goes on with the one that is the same, or is added."""
    for item in new:
        known = _known(old, item, name) if is_object(item) else None
        if known is not None:
            grow(known, item, depth + 1)
        elif not is_object(item) or "logprob" in item or not _is_among(item, old):
            added: Json = {}
            old.append(added if is_object(item) else copied(item))
            grow(added, item if is_object(item) else {}, depth + 1)


def _is_among(item: Json, old: list[Any]) -> bool:
    """Whether an item without id and index is there: some send a list again as it grows."""
    try:
        return len(old) < RECENT and item in old
    except RecursionError:
        return False


def _known(old: list[Any], item: Json, name: str) -> Json | None:
    """The item of `old` that `item` goes on with: by id, else by index, else what is open."""
    recent = [one for one in islice(reversed(old), RECENT) if is_object(one)]
    identity = _identity(item)
    there = _of_identity(recent, identity) if identity else None
    if there is None:
        there = _open(recent, item, name)
        if there is None or (identity and _identity(there)):
            return None  # two ids are two items, even where a gateway gives all of them index 0
    return None if name == "tool_calls" and _begins_another(there, item) else there


def _of_identity(recent: list[Json], identity: str) -> Json | None:
    return next((one for one in recent if _identity(one) == identity), None)


def _open(recent: list[Json], item: Json, name: str) -> Json | None:
    """The item of the same index, or the last one, if `item` can only go on with that."""
    index = index_of(item.get("index"))
    if index is not None:
        there = next((one for one in recent if index_of(one.get("index")) == index), None)
        if there is not None:
            return there
    return recent[0] if recent and _goes_on(recent[0], item, index, name) else None


def _goes_on(last: Json, item: Json, index: int | None, name: str) -> bool:
    """Whether an item that is not known by id or index goes on with the last one."""
    if name != "tool_calls":
        return name in TEXTS and _is_text(item) and last.get("type") == item.get("type")
    if index is None:
        return True
    # An index that comes late: the call has begun without one.
    return index_of(last.get("index")) is None and is_empty(_function(item).get("name"))


def _identity(item: Json) -> str:
    value = item.get("id")
    return str(value) if isinstance(value, (str, int)) and value != "" else ""


def _is_text(part: Json) -> bool:
    """Whether a part of a text is but text, so that it grows."""
    return part.keys() <= {"type", "text", "thinking"}


def _begins_another(call: Json, item: Json) -> bool:
    """Whether a tool call's delta begins another call than the open one, without an id."""
    name, known = _function(item).get("name"), _function(call).get("name")
    if is_empty(name) or is_empty(known):
        return False
    if name != known:
        return True
    given, so_far = _function(item).get("arguments"), str(_function(call).get("arguments") or "")
    return not is_empty(given) and given != so_far and so_far != "{}" and is_complete(so_far)


def _function(call: Json) -> Json:
    function = call.get("function")
    return function if is_object(function) else call
