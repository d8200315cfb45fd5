"""Waiting for several tasks: one poller for all, with one progress hook."""

from __future__ import annotations

import threading
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Sequence,
)
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from inspect import isawaitable
from typing import Any, NamedTuple, cast

from api302._calls.session import Session
from api302._errors import InvalidArgument, TaskTimeout
from api302._http.sync import run

from .progress import Progress, shown_progress
from .tasks import AsyncTask, Task, Watch

AT_ONCE = 16
"""Polls at the same time."""
LONGEST_NAP = 0.2
"""Seconds: an interrupt may have to wait for so long."""


class _Waiting(NamedTuple):
    """A task that is waited for, and when it is polled next."""

    due: float
    task: Any
    watch: Watch

    @property
    def has_ended(self) -> bool:
        """Whether its end is known, or that it cannot be had."""
        return self.watch.error is not None or self.task.handle.ended is not None


class Waits:
    """The tasks of one wait."""

    def __init__(
        self,
        session: Session,
        tasks: Iterable[Any],
        timeout: float | None,
        interval: float | None,
        on_progress: Callable[[Progress], Any] | None,
        cancel: bool,
    ) -> None:
        self._session = session
        self.tasks = _checked(session, tasks)
        self._timeout, self._on_progress, self._cancel = timeout, on_progress, cancel
        if cancel:
            for task in self.tasks:
                task.handle.check_cancel()
        self._watches = [Watch(task.handle, timeout, interval) for task in self.tasks]
        self._ended: list[Any] = []
        self.late: list[tuple[Any, TaskTimeout]] = []
        """The tasks that were not done in time, each with its error."""

    @contextmanager
    def shown(self, is_wanted: bool) -> Generator[None]:
        """A progress bar as long as the wait is read, where one is wanted."""
        with shown_progress(is_wanted, self._on_progress) as self._on_progress:
            yield

    async def ended(self) -> AsyncGenerator[tuple[Any, Exception | None], None]:
        """The tasks as they end, each with the error of a status that cannot be had.

        Those that are not done in time come in no order after them, with their TaskTimeout.
        """
        source = self._followed()
        try:
            async for found in source:
                yield found
        except GeneratorExit:
            raise
        except BaseException as error:
            await self.interrupted(error)
            raise
        finally:
            await source.aclose()  # trio leaves it to us
        for task, error in self.late:
            error.pending = [one for one, _ in self.late]
            await task.handle.interrupted(error, self._cancel, task)
        for late in self.late:
            yield late

    async def _followed(self) -> AsyncGenerator[tuple[Any, Exception | None], None]:
        waiting: list[_Waiting] = []
        for task, watch in zip(self.tasks, self._watches, strict=True):
            if known := task.handle.done or task.handle.ended:
                await self._report(task, known)
                yield task, None
            else:
                waiting += self._next(task, watch)
        while waiting:
            ready, waiting = await self._due(waiting)
            news = await self._polled(ready)
            for one, status in zip(ready, news, strict=True):
                has_ended = one.has_ended
                if has_ended or status is not None:
                    await self._report(one.task, status, has_ended)
                if has_ended:
                    yield one.task, one.watch.error
                else:
                    waiting += self._next(one.task, one.watch)

    async def _due(self, waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
        """Sleep until a poll is due: those that are due then, and the others."""
        first = min(one.due for one in waiting)
        await self._session.io.sleep(max(first - time.monotonic(), 0.0))
        now = time.monotonic()
        return (
            [one for one in waiting if one.due <= now],
            [one for one in waiting if one.due > now],
        )

    def _next(self, task: Any, watch: Watch) -> list[_Waiting]:
        """When the task is polled next; nowhere if its time is over."""
        pause = watch.pause()
        if pause is None:
            self.late.append((task, watch.over(task)))
            return []
        return [_Waiting(time.monotonic() + pause, task, watch)]

    async def _polled(self, ready: list[_Waiting]) -> list[Any]:
        """What is new of each."""
        news: list[Any] = [None] * len(ready)

        async def poll(number: int) -> None:
            if ready[number].watch.is_too_late:  # many before it took their time
                return
            try:
                news[number] = await ready[number].watch.poll()
            except Exception:
                if ready[number].watch.error is None:
                    raise

        jobs = [partial(poll, number) for number in range(len(ready))]
        is_async = self._session.connections.is_async
        await (_together(jobs) if is_async else _in_threads(jobs))
        return news

    async def _report(self, task: Any, status: Any, has_ended: bool = True) -> None:
        self._ended += [task] if has_ended else []
        if self._on_progress is None:
            return
        total, ended = len(self.tasks), len(self._ended)
        shares = [watch.share for watch in self._watches if not watch.handle.ended]
        share = min((ended + sum(shares)) / total, 1.0)
        news = Progress(task, status, ended, total, 1.0 if ended == total else share)
        if isawaitable(waiting := self._on_progress(news)):
            await waiting

    async def interrupted(self, error: BaseException) -> None:
        """Let who reads an error have those back that go on; or cancel them."""
        pending = [task for task in self.tasks if task not in self._ended]
        for task in pending:
            await task.handle.interrupted(error, self._cancel, task)
        with suppress(AttributeError):
            error.pending = pending  # type: ignore[attr-defined]


def _checked(session: Session, tasks: Any) -> Sequence[Any]:
    """The tasks, each once. Raises InvalidArgument for what is no task of such a client."""
    kind = AsyncTask if session.connections.is_async else Task
    if not isinstance(tasks, Iterable) or isinstance(tasks, (str, Awaitable)):
        name = type(tasks).__name__
        raise InvalidArgument(f"tasks: takes a list of tasks, not {name}; task.wait() is for one")
    found = list(cast("Iterable[Any]", tasks))
    for number, task in enumerate(found):
        if not isinstance(task, kind):
            name = type(task).__name__
            told = f"item {number} is {name}, not {kind.__name__}; {_fix(task)}"
            raise InvalidArgument(f"tasks: {told}")
    return list(dict.fromkeys(found))


def _fix(item: Any) -> str:
    """What to do with what is no task of the client."""
    if isinstance(item, Awaitable):
        return "await the call that makes the task"
    if isinstance(item, (Task, AsyncTask)):
        return "wait with the client that made it, or client.resume(task.to_dict()) it"
    return "client.resume(…) makes one of what task.to_dict() gave"


async def wait(waits: Waits, return_exceptions: bool) -> list[Any]:
    """The results, in the order of the tasks. Raises the first error, unless they are wanted."""
    found: dict[Any, Any] = {}
    source = waits.ended()
    try:
        async for task, error in source:
            try:
                if error is not None:
                    raise error
                found[task] = task.handle.result(task.handle.done or task.handle.ended, task)
            except Exception as failed:
                if return_exceptions:
                    found[task] = failed
                    continue
                if not isinstance(failed, TaskTimeout):
                    await waits.interrupted(failed)
                raise
    finally:
        await source.aclose()
    return [found[task] for task in waits.tasks]


async def as_completed(waits: Waits, progress: bool = False) -> AsyncGenerator[Any, None]:
    """The tasks as they end: `wait()` of each then gives its result at once, or raises its error.

    Raises TaskTimeout where the time is over.
    """
    source = waits.ended()
    with waits.shown(progress):
        try:
            async for task, error in source:
                if isinstance(error, TaskTimeout):
                    raise error
                yield task
        finally:
            await source.aclose()


# --- several at once ------------------------------------------------------------------------------

Job = Callable[[], Coroutine[Any, Any, None]]


async def _together(jobs: Sequence[Job]) -> None:
    """Run jobs in the event loop, some at a time."""
    if len(jobs) == 1:
        await jobs[0]()
        return
    from anyio import CapacityLimiter, create_task_group

    limiter = CapacityLimiter(AT_ONCE)

    async def one(job: Job) -> None:
        async with limiter:
            await job()

    async with create_task_group() as group:
        for job in jobs:
            group.start_soon(one, job)


async def _in_threads(jobs: Sequence[Job]) -> None:
    """Run jobs of a sync client, some at a time. An interrupt leaves those that are running."""
    if len(jobs) == 1:
        await jobs[0]()
        return
    errors: list[BaseException] = []

    def do(job: Job) -> None:
        try:
            run(job())
        except BaseException as error:
            errors.append(error)

    for start in range(0, len(jobs), AT_ONCE):
        threads = [
            threading.Thread(target=copy_context().run, args=(do, job), daemon=True)
            for job in jobs[start : start + AT_ONCE]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(LONGEST_NAP)
    if errors:
        raise errors[0]
