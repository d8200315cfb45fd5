"""What was created and deleted: an id that nobody was given is a 404, and so is one that was deleted."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from api302_mock.document import Document, Operation
from api302_mock.examples import is_json, replies
from api302_mock.paths import put, search
from api302_mock.validate import Call, Refused

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Ids:
    """Fresh ids of the form of an example: a number for a number, a UUID for a UUID, digits for digits. The same ones in each run."""

    def __init__(self) -> None:
        self._random = random.Random(302)

    def like(self, example: Any) -> Any:
        """A new id that looks like `example`."""
        if isinstance(example, int):
            return self._random.randrange(10**9, 10**10)
        text = str(example)
        if not _UUID.fullmatch(text) and len(text) < 12:
            return f"{text}-{self._random.randrange(16**8):08x}"
        hexadecimal = re.fullmatch(r"[0-9a-f-]+", text) is not None
        return "".join(self._letter(letter, hexadecimal) for letter in text)

    def _letter(self, letter: str, hexadecimal: bool) -> str:
        if hexadecimal and letter.isalnum() and not letter.isdigit():
            return self._random.choice("abcdef")
        # A leading zero stays one, and no other digit becomes one.
        for kind in ("123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
            if letter in kind:
                return self._random.choice(kind)
        return letter


def renamed(value: Any, names: set[str], old: set[str], new: Any) -> Any:
    """A copy with an id for the example's: in fields called one of `names`, in id fields that have an `old` value, as a key that is one."""
    if isinstance(value, list):
        return [renamed(item, names, old, new) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, item in cast("dict[str, Any]", value).items():
        scalar = isinstance(item, (str, int)) and not isinstance(item, bool)
        if scalar and (key in names or (str(item) in old and key.lower().endswith("id"))):
            made[key] = as_kind(new, item)
        else:
            # Some replies map tasks by their ids. What could be a field's name is one, whatever the things of the API are called.
            made[str(new) if key in old and not key.isidentifier() else key] = renamed(
                item, names, old, new
            )
    return made


def as_kind(new: Any, example: Any) -> Any:
    """The id as a number where the example is one, if it can be, and as text where the example is text."""
    if isinstance(example, int):
        return int(new) if str(new).isdigit() else example
    return str(new)


def parameter_examples(document: Document, operations: Iterable[Operation], name: str) -> set[str]:
    """The values that the document shows for a parameter: whoever follows an example finds what it names."""
    found: set[str] = set()
    for operation in operations:
        for parameter in operation.parameters:
            if parameter["name"] == name:
                schema = document.resolve(parameter.get("schema", {}))
                shown = [
                    document.resolve(example).get("value")
                    for example in parameter.get("examples", {}).values()
                ]
                found |= {
                    str(value)
                    for value in [
                        parameter.get("example"),
                        schema.get("example"),
                        *shown,
                        *schema.get("examples", []),
                    ]
                }
    return found - {"None"}


@dataclass(slots=True)
class Collection:
    """The things behind one path template, such as `/dashboard/api_key/{api_name}`."""

    parameter: str
    shown: set[str] = field(default_factory=set[str])
    things: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    gone: set[str] = field(default_factory=set[str])
    is_open: bool = False
    """Nobody knows how its things come to be, so all are there that were not deleted."""

    def has(self, key: str) -> bool:
        """Whether it was created, or is an example's, and was not deleted."""
        return key in self.things or ((self.is_open or key in self.shown) and key not in self.gone)


class Memory:
    """Every collection that a document has.

    A collection is a template `/x/{id}` beside a `POST /x` whose body or reply has the field `id` (by that parameter's name, or called
    `id`), or the path of a task. Whatever lies at or under it belongs to the thing that its parameter names.
    """

    def __init__(self, document: Document, ids: Ids) -> None:
        self._document = document
        self._ids = ids
        self._collections: dict[str, Collection] = {}
        self._creators: dict[str, tuple[Collection, str]] = {}
        self._members: dict[str, tuple[Collection, bool]] = {}
        posts = {
            operation.path: operation
            for operation in document.operations.values()
            if operation.method == "POST"
        }
        for operation in document.operations.values():
            for item in _items(operation.path):
                creator = posts.get(item.rpartition("/")[0])
                if creator and item not in self._collections and creator.extension("task") is None:
                    self._pair(item, creator)
        for operation in document.operations.values():
            task = operation.extension("task")
            fetch = document.operations.get(task["fetch"]) if task else None
            for item in _items(fetch.path) if fetch else ():
                if task and _parameter(item) == next(iter(task["parameters"])):
                    self._collections.setdefault(item, Collection(_parameter(item)))
        for operation in document.operations.values():
            if operation.method == "DELETE" and operation.path in _items(operation.path):
                self._collections.setdefault(
                    operation.path, Collection(_parameter(operation.path), is_open=True)
                )
        for operation in document.operations.values():
            for item in _items(operation.path):
                if item in self._collections:
                    self._members[operation.id] = (self._collections[item], operation.path == item)
        for item, collection in self._collections.items():
            members = [
                operation
                for operation in document.operations.values()
                if item in _items(operation.path)
            ]
            collection.shown = parameter_examples(document, members, collection.parameter)

    def _pair(self, item: str, creator: Operation) -> None:
        name = _parameter(item)
        fields: dict[str, Any] = {}
        for raw in (creator.body or {}).get("content", {}).values():
            fields |= self._document.properties(self._document.resolve(raw).get("schema", {}))
        path = f'"{name}"' if name in fields else None
        for reply in replies(self._document, creator):
            if path is None and is_json(reply.media_type):
                path = next(
                    (
                        f"reply.{found}"
                        for found in (name, f"data.{name}", "id", "data.id", "_id")
                        if search(found, reply.value)
                    ),
                    None,
                )
        if path is not None:
            collection = self._collections.setdefault(item, Collection(name))
            self._creators[creator.id] = (collection, path)

    def check(self, call: Call) -> None:
        """Refuse a call on what does not exist.

        Raises:
            Refused: 404.
        """
        collection, _ = self._members.get(call.operation.id, (None, False))
        if collection is not None and not collection.has(
            key := str(call.path[collection.parameter])
        ):
            raise Refused(
                404, f"path parameter `{collection.parameter}`: there is no {key[:100]!r}.", -10010
            )

    def created(self, operation: Operation, key: Any) -> None:
        """Remember the id of a task, whose fetching operation this is."""
        collection, _ = self._members.get(operation.id, (None, False))
        if collection is not None:
            collection.things[str(key)] = {}

    def applied(self, call: Call, value: Any) -> Any:
        """Carry out a call that succeeds: create, change or delete; and put what is known of the thing into the reply."""
        fields = cast("dict[str, Any]", call.body) if isinstance(call.body, dict) else {}
        if creation := self._creators.get(call.operation.id):
            collection, path = creation
            if path.startswith("reply."):
                where = path.removeprefix("reply.")
                if search(where, value) is None:
                    return value
                # Some callers choose the id themselves.
                key = fields.get(where.rpartition(".")[2]) or self._ids.like(search(where, value))
                put(where, value, key)
            else:
                key = search(path, fields)
            if key is None:
                return value
            collection.things[str(key)] = dict(fields)
            collection.gone.discard(str(key))
            return _filled(
                renamed(value, {collection.parameter}, set(), key), collection.parameter, fields
            )
        collection, whole = self._members.get(call.operation.id, (None, False))
        if collection is None:
            return value
        key = str(call.path[collection.parameter])
        if whole and call.operation.method == "DELETE":
            collection.things.pop(key, None)
            collection.gone.add(key)
            return renamed(value, {collection.parameter} - {"id"}, collection.shown, key)
        if whole and call.operation.method in ("PUT", "PATCH", "POST"):
            collection.things.setdefault(key, {}).update(fields)
        known = collection.things.get(key, {})
        return _filled(
            renamed(value, {collection.parameter} - {"id"}, collection.shown, key),
            collection.parameter,
            known,
        )


@lru_cache(maxsize=8192)
def _items(path: str) -> tuple[str, ...]:
    """The beginnings of a path that end in a parameter: `/a/{b}/c/{d}` has two."""
    pieces = path.split("/")
    return tuple(
        "/".join(pieces[: index + 1])
        for index, piece in enumerate(pieces)
        if re.fullmatch(r"\{[^}]+\}", piece)
    )


def _parameter(item: str) -> str:
    return item.rpartition("/")[2][1:-1]


def _filled(value: Any, name: str, known: dict[str, Any]) -> Any:
    """A copy in which the object that carries the id has the values that it was created or changed with, where they are of one kind."""
    if isinstance(value, list):
        return [_filled(item, name, known) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    if name in held:
        return held | {
            key: item
            for key, item in known.items()
            if key != name and key in held and type(item) is type(held[key])
        }
    return {key: _filled(item, name, known) for key, item in held.items()}
