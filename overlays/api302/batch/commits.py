"""Commits of many jobs at once: what came in meanwhile is written in one transaction.

Where the disk is quick, the event loop itself writes: to wait for another thread takes Python
longer than the write. Where it is not, or the journal is a database elsewhere, a thread does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from .journal import Journal, not_written
from .rescue import Rescue

QUICK = 0.003
"""Seconds that a write takes at most, on average, for the event loop to make it."""
_MEMORY = 0.05
"""The share of the last write in that average."""


class _Note(NamedTuple):
    """A change, and whoever waits until it is on disk."""

    number: int
    change: Mapping[str, Any]
    waiting: asyncio.Future[None] | None


class Commits:
    """Writes changes into a journal, in the order in which they come.

    A journal that cannot be written fails every change from then on: a batch without a journal
    does not go on. What became of calls is kept beside it then, for the next run.
    """

    def __init__(self, journal: Journal, rescue: Rescue) -> None:
        self._journal, self._rescue = journal, rescue
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "api302 journal")
        self._notes: list[_Note] = []
        self._is_due = self._is_writing = False
        self._seconds = 0.0 if journal.is_local else float("inf")
        self._failure: BaseException | None = None

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
        await self.durable(0, {})

    async def close(self) -> None:
        """Write what is left, and stop."""
        try:
            await self.flush()
        finally:
            self._thread.shutdown(wait=False)
            if self._failure is not None:
                for said in self._rescue.notes():
                    self._failure.add_note(said)

    def _add(self, note: _Note) -> None:
        if self._failure is not None:
            self._rescue.keep([(note.number, note.change)])
            raise self._failure
        self._notes.append(note)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Write what has come in, once what came before is written."""
        self._is_due = False
        if self._is_writing or not self._notes:
            return
        notes, self._notes = self._notes, []
        if self._seconds < QUICK:
            self._end(notes, self._write(notes))
            return
        self._is_writing = True
        writing = self._loop.run_in_executor(self._thread, self._write, notes)
        writing.add_done_callback(lambda done: self._end(notes, done.result()))

    def _write(self, notes: list[_Note]) -> BaseException | None:
        if self._failure is not None:  # or else what is kept would overwrite what came later
            return self._failure
        start = time.perf_counter()
        try:
            self._journal.write((note.number, note.change) for note in notes if note.change)
        except SQLAlchemyError as error:
            return not_written(self._journal.where, error)
        except BaseException as error:
            return error
        taken = time.perf_counter() - start
        self._seconds += (taken - self._seconds) * _MEMORY
        return None

    def _end(self, notes: list[_Note], failure: BaseException | None) -> None:
        self._is_writing = False
        self._failure = self._failure or failure
        if failure is not None:
            self._rescue.keep((note.number, note.change) for note in notes)
        for note in notes:
            if note.waiting is None or note.waiting.done():
                continue
            if self._failure is None:
                note.waiting.set_result(None)
            else:
                note.waiting.set_exception(self._failure)
        if self._notes:
            self._begin()
