"""Commits of many jobs at once: one thread writes what has come in meanwhile in one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .journal import Journal


class _Note(NamedTuple):
    """A change, and whoever waits until it is on disk."""

    number: int
    change: Mapping[str, Any]
    waiting: asyncio.Future[None] | None


class Commits:
    """Writes changes into a journal, in the order in which they come.

    A journal that cannot be written fails every change from then on: a batch without a journal
    does not go on.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._notes: deque[_Note] = deque()
        self._work = threading.Event()
        self._failure: BaseException | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="api302 journal", daemon=True)
        self._thread.start()

    def put(self, number: int, change: Mapping[str, Any]) -> None:
        """Note what became of a job, soon."""
        self._add(_Note(number, change, None))

    async def durable(self, number: int, change: Mapping[str, Any]) -> None:
        """Note what became of a job, and return when it is on disk."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._add(_Note(number, change, waiting))
        await waiting

    async def flush(self) -> None:
        """Return when all that was noted is on disk."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._add(_Note(0, {}, waiting))
        await waiting

    async def close(self) -> None:
        """Write what is left, and stop."""
        try:
            await self.flush()
        finally:
            self._closing = True
            self._work.set()
            await asyncio.to_thread(self._thread.join)

    def _add(self, note: _Note) -> None:
        if self._failure is not None:
            raise self._failure
        self._notes.append(note)
        self._work.set()

    def _run(self) -> None:
        while not self._closing:
            self._work.wait()
            self._work.clear()
            while self._notes:
                self._write([self._notes.popleft() for _ in range(len(self._notes))])

    def _write(self, notes: list[_Note]) -> None:
        try:
            self._journal.write((note.number, note.change) for note in notes if note.change)
        except BaseException as error:
            self._failure = error
        waiting = [note.waiting for note in notes if note.waiting is not None]
        if waiting:
            self._loop.call_soon_threadsafe(self._tell, waiting)

    def _tell(self, waiting: Iterable[asyncio.Future[None]]) -> None:
        for future in waiting:
            if future.done():
                continue
            if self._failure is None:
                future.set_result(None)
            else:
                future.set_exception(self._failure)
