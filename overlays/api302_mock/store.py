"""What the mock remembers: ids, tasks, created things, files.

All of it within limits of bytes, the oldest goes first.
"""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

from api302_mock.ids import Ids

MiB = 1 << 20
SMALL = MiB
"""Bytes: a file below this stays in memory, others lie on disk."""
_OVERHEAD = 512

V = TypeVar("V")


class Bounded(Generic[V]):
    """A mapping that forgets its oldest values once they take more than a number of bytes.

    Args:
        limit: Bytes.
        forget: Called with each value that is forgotten.
    """

    def __init__(self, limit: int, forget: Callable[[V], None] | None = None) -> None:
        self._limit = limit
        self._forget = forget
        self._values: OrderedDict[Any, tuple[V, int]] = OrderedDict()
        self._size = 0

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Any) -> V | None:
        """The value, or None."""
        value, _ = self._values.get(key, (None, 0))
        return value

    def put(self, key: Any, value: V, size: int) -> None:
        """Remember a value of `size` bytes as the newest."""
        self.drop(key)
        self._values[key] = (value, size + _OVERHEAD)
        self._size += size + _OVERHEAD
        while self._size > self._limit and len(self._values) > 1:
            self.drop(next(iter(self._values)))

    def drop(self, key: Any) -> None:
        """Forget a value."""
        if key in self._values:
            value, size = self._values.pop(key)
            self._size -= size
            if self._forget is not None:
                self._forget(value)

    def clear(self) -> None:
        """Forget everything."""
        for key in list(self._values):
            self.drop(key)


@dataclass(slots=True)
class Task:
    """A task and how far it is."""

    id: Any
    fetch: str
    """Operation id of the call that gets its status."""
    submit: str | None = None
    """Operation id of the call that it began with; None for one that only an example names."""
    polls: int = 0
    """How often its status was asked for."""
    done: bool = False
    fails: bool = False
    """It ends as failed."""
    cancelled: bool = False
    webhook: str | None = None
    """The URL to call when it ends; None once it was called."""

    @property
    def is_failed(self) -> bool:
        """Whether its end is no success."""
        return self.fails or self.cancelled


class Files:
    """Uploaded files by name: small ones in memory, large ones on disk."""

    def __init__(self) -> None:
        self._small: Bounded[BinaryIO] = Bounded(64 * MiB)
        self._large: Bounded[BinaryIO] = Bounded(4096 * MiB, lambda file: file.close())

    def __contains__(self, name: str) -> bool:
        return name in self._small or name in self._large

    def get(self, name: str) -> BinaryIO | None:
        """The file, or None."""
        return self._small.get(name) or self._large.get(name)

    def keep(self, name: str, file: BinaryIO) -> None:
        """Keep a file under a name; an open one changes hands."""
        size = file.seek(0, io.SEEK_END)
        self._small.drop(name)
        self._large.drop(name)
        if size < SMALL:
            file.seek(0)
            self._small.put(name, io.BytesIO(file.read()), size)
            file.close()
        else:
            self._large.put(name, file, size)

    def close(self) -> None:
        """Forget all of them."""
        self._small.clear()
        self._large.clear()


class Things:
    """What was created, changed and deleted, each thing by its collection and key."""

    def __init__(self) -> None:
        # As JSON text: its size is known. An empty one marks what was deleted.
        self._fields: Bounded[bytes] = Bounded(64 * MiB)

    def is_known(self, collection: str, key: str) -> bool:
        """Whether it was created and not deleted."""
        return bool(self._fields.get((collection, key)))

    def is_deleted(self, collection: str, key: str) -> bool:
        """Whether it was deleted."""
        return self._fields.get((collection, key)) == b""

    def fields(self, collection: str, key: str) -> dict[str, Any]:
        """What it was created or changed with."""
        return json.loads(self._fields.get((collection, key)) or b"{}")

    def keep(self, collection: str, key: str, fields: dict[str, Any]) -> None:
        """Create it, or replace what is known of it."""
        content = json.dumps(fields).encode()
        self._fields.put((collection, key), content, len(content) + len(key))

    def delete(self, collection: str, key: str) -> None:
        """Remember that it is gone."""
        self._fields.put((collection, key), b"", len(key))


class Store:
    """Everything that one mock remembers between two resets."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.things = Things()
        self.files = Files()
        self._tasks: Bounded[Task] = Bounded(64 * MiB)

    def task(self, fetch: str, key: str) -> Task | None:
        """The task that a fetching operation knows by this id."""
        return self._tasks.get((fetch, key))

    def keep_task(self, task: Task) -> None:
        """Remember a task."""
        self._tasks.put((task.fetch, str(task.id)), task, len(str(task.id)))

    def close(self) -> None:
        """Drop the files, the large ones of which lie on disk."""
        self.files.close()


def read_blocks(file: BinaryIO, first: int, length: int) -> Iterator[bytes]:
    """A part of a file in blocks of at most 1 MiB. A file that is dropped meanwhile ends early."""
    while length > 0:
        try:
            file.seek(first)
            block = file.read(min(length, MiB))
        except ValueError:  # it was closed
            return
        if not block:
            return
        yield block
        first, length = first + len(block), length - len(block)
