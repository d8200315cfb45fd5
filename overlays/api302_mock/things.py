"""What can be created and deleted: an id that nobody was given is a 404, and so is one that was
deleted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from api302_client.behaviour import find
from api302_client.media import is_json
from api302_mock.call import Call
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.examples import responses
from api302_mock.ids import parameter_examples, renamed
from api302_mock.paths import put
from api302_mock.store import Store

_NOT_FOUND = -10010


@dataclass(slots=True)
class Collection:
    """The things behind one path template, such as `/dashboard/api_key/{name}`."""

    template: str
    shown: set[str] = field(default_factory=set[str])
    """The ids that the document's examples name."""
    is_open: bool = False
    """Nobody knows how its things come to be, so all exist that were not deleted."""

    @property
    def parameter(self) -> str:
        """The path parameter that names a thing."""
        return _parameter(self.template)


@dataclass(slots=True)
class Creator:
    """How an operation creates things: where their key is, in the request or in the response."""

    collection: Collection
    path: str
    in_response: bool


class Collections:
    """Every collection that a document has.

    A collection is a template `/x/{id}` beside a `POST /x` whose body or response has the field
    `id` (by that parameter's name, or called `id`), or the path of a task. Whatever lies at or
    under it belongs to the thing that its parameter names.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._collections: dict[str, Collection] = {}
        self._creators: dict[str, Creator] = {}
        self._add_created()
        self._add_tasks()
        self._add_deleted()
        tasks = (one.behaviour.task for one in self._operations)
        self._cancels = {task.cancel for task in tasks if task is not None}
        self._members = dict(self._find_members())
        for template, collection in self._collections.items():
            members = [one for one in self._operations if template in _templates(one.path)]
            collection.shown = parameter_examples(document, members, collection.parameter)

    @property
    def _operations(self) -> list[Operation]:
        return list(self._document.operations.values())

    def _add(self, template: str, *, is_open: bool = False) -> Collection:
        return self._collections.setdefault(template, Collection(template, is_open=is_open))

    def _add_created(self) -> None:
        posts = {one.path: one for one in self._operations if one.method == "POST"}
        for operation in self._operations:
            for template in _templates(operation.path):
                post = posts.get(template.rpartition("/")[0])
                known = template in self._collections
                if post is not None and not known and post.behaviour.task is None:
                    self._add_creator(template, post)

    def _add_creator(self, template: str, post: Operation) -> None:
        name = _parameter(template)
        fields: dict[str, Any] = {}
        for raw in (post.body or {}).get("content", {}).values():
            fields |= self._document.properties(self._document.resolve(raw).get("schema", {}))
        if name in fields:
            self._creators[post.id] = Creator(self._add(template), name, in_response=False)
            return
        for example in responses(self._document, post):
            path = _id_path(name, example.value) if is_json(example.media_type or "") else None
            if path is not None:
                self._creators[post.id] = Creator(self._add(template), path, in_response=True)
                return

    def _add_tasks(self) -> None:
        for operation in self._operations:
            if (task := operation.behaviour.task) is None:
                continue
            fetch = self._document.operations.get(task.fetch)
            for template in _templates(fetch.path) if fetch else ():
                if _parameter(template) == next(iter(task.parameters)):
                    self._add(template)

    def _add_deleted(self) -> None:
        for operation in self._operations:
            if operation.method == "DELETE" and operation.path in _templates(operation.path):
                self._add(operation.path, is_open=True)

    def _find_members(self) -> Iterator[tuple[str, Collection]]:
        for operation in self._operations:
            for template in _templates(operation.path):
                if template in self._collections:
                    yield operation.id, self._collections[template]

    def check(self, call: Call, store: Store) -> None:
        """Refuse a call on what does not exist.

        Raises:
            Refused: 404.
        """
        collection = self._members.get(call.operation.id)
        if collection is None:
            return
        key = str(call.path[collection.parameter])
        if not _exists(collection, key, store):
            where = f"path parameter `{collection.parameter}`"
            raise Refused(404, f"{where}: {key[:100]!r} does not exist.", _NOT_FOUND)

    def created(self, operation: Operation, key: Any, store: Store) -> None:
        """Remember the id of a task, whose fetching operation this is."""
        if collection := self._members.get(operation.id):
            store.things.keep(collection.template, str(key), {})

    def apply(self, call: Call, value: Any, store: Store) -> Any:
        """Carry out a call that succeeds: create, change or delete.

        Returns:
            The response with what is known of the thing.
        """
        fields = cast("dict[str, Any]", call.body) if isinstance(call.body, dict) else {}
        if creator := self._creators.get(call.operation.id):
            return _create(creator, fields, value, store)
        if collection := self._members.get(call.operation.id):
            if call.operation.id in self._cancels:  # it stays, whatever the method is
                return _renamed(collection, call, value)
            return _change(collection, call, fields, value, store)
        return value


def _exists(collection: Collection, key: str, store: Store) -> bool:
    """Whether it was created, or is an example's, and was not deleted."""
    if store.things.is_known(collection.template, key):
        return True
    if store.things.is_deleted(collection.template, key):
        return False
    return collection.is_open or key in collection.shown


def _create(creator: Creator, fields: dict[str, Any], value: Any, store: Store) -> Any:
    key = find(creator.path, value) if creator.in_response else fields.get(creator.path)
    if key is None:
        return value
    if creator.in_response:
        # Some callers choose the id themselves.
        key = fields.get(creator.path.rpartition(".")[2]) or store.ids.like(key)
        put(creator.path, value, key)
    name = creator.collection.parameter
    store.things.keep(creator.collection.template, str(key), fields)
    return _filled(renamed(value, {name}, set(), key), name, fields)


def _renamed(collection: Collection, call: Call, value: Any) -> Any:
    name = collection.parameter
    return renamed(value, {name} - {"id"}, collection.shown, str(call.path[name]))


def _change(
    collection: Collection, call: Call, fields: dict[str, Any], value: Any, store: Store
) -> Any:
    name = collection.parameter
    key = str(call.path[name])
    is_whole = call.operation.path == collection.template
    value = _renamed(collection, call, value)
    if is_whole and call.operation.method == "DELETE":
        store.things.delete(collection.template, key)
        return value
    known = store.things.fields(collection.template, key)
    if is_whole and call.operation.method in ("PUT", "PATCH", "POST"):
        known |= fields
        store.things.keep(collection.template, key, known)
    return _filled(value, name, known)


def _id_path(name: str, value: Any) -> str | None:
    """Where a response has the id of what it created."""
    options = (f'"{name}"', f'data."{name}"', "id", "data.id", "_id")
    return next((path for path in options if find(path, value)), None)


@lru_cache(maxsize=8192)
def _templates(path: str) -> tuple[str, ...]:
    """The beginnings of a path that end in a parameter: `/a/{b}/c/{d}` has two."""
    pieces = path.split("/")
    ends = [index for index, piece in enumerate(pieces) if re.fullmatch(r"\{[^}]+\}", piece)]
    return tuple("/".join(pieces[: index + 1]) for index in ends)


def _parameter(template: str) -> str:
    return template.rpartition("/")[2][1:-1]


def _filled(value: Any, name: str, known: dict[str, Any]) -> Any:
    """A copy in which the object that has the id has the values that it was made with."""
    if isinstance(value, list):
        return [_filled(item, name, known) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    if name not in held:
        return {key: _filled(item, name, known) for key, item in held.items()}
    same_kind = {key for key, item in known.items() if type(item) is type(held.get(key))}
    return held | {key: known[key] for key in same_kind - {name}}
