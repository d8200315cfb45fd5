"""Tasks: calls whose result comes later. How a task stands is read as `x-task-status` says; when to look again needs no clock."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from inspect import isawaitable
from typing import Any, Generic, TypeVar

from api302_client.behaviour import TaskStatus as StatusRule
from api302_client.behaviour import urls

from .. import _log
from .._calls.call import call, finish
from .._calls.failure import explain
from .._calls.prepare import operation_call
from .._calls.response import check, decode_error, raw
from .._calls.session import Session
from .._errors import (
    ConnectionError,
    DecodeError,
    InvalidArgument,
    RateLimitError,
    ServerError,
    TaskError,
    TaskFailed,
    TaskTimeout,
)
from .._http.retry import retry_after
from .._http.sync import iterate, run
from .._json import is_mapping, is_object
from .._types import NO_OPTIONS, Call, Given, Operation, Options, TaskStatus
from .files import AsyncOutput, Output, output

T = TypeVar("T")
VERSION = 1
DEFAULT_WAIT = 1800.0
LONGEST_LOOK = 60.0
_ADDRESS = re.compile(
    "https?://|data:", re.IGNORECASE
)  # some tasks give words where others give an address
TRANSIENT = (ConnectionError, ServerError, RateLimitError, DecodeError)
"""What may befall a look at a task without meaning anything for the task."""
_warned: set[tuple[str, str]] = set()


class TaskResult(Generic[T]):
    """What a task came to.

    Attributes:
        outputs: The results, to be saved or read.
        reply: The last reply; for a call made asynchronous on demand, the call's own reply.
        request_id: The id under which the submitting call is billed.
    """

    def __init__(self, outputs: list[Output], reply: T, request_id: str | None) -> None:
        self.outputs = outputs
        self.reply = reply
        self.request_id = request_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}(outputs={self.outputs!r}, reply={self.reply!r})"


class AsyncTaskResult(TaskResult[T]):
    """`TaskResult` with outputs that are awaited."""

    outputs: list[AsyncOutput]  # pyright: ignore[reportIncompatibleVariableOverride]


# --- sans-IO ------------------------------------------------------------------------------------------------------------------------------


def read_status(
    rule: StatusRule, data: Any, reply: Any = None, is_file: bool = False, name: str = ""
) -> TaskStatus[Any]:
    """The status of a task, by the rule of its fetching operation. An unknown state counts as pending, and is logged once."""
    reading = rule.read(data, is_file=is_file)
    if reading.basis == "file":
        return TaskStatus("succeeded", "file", 1.0, reply=reply)
    if reading.basis == "unknown" and rule.state and (name, str(reading.word)) not in _warned:
        _warned.add((name, str(reading.word)))
        _log.logger.warning("%s: unknown task state %r counts as pending", name, reading.word)
    message, code = "", None
    if reading.state == "failed":
        inner = rule.response.find(data) if rule.response else None
        known_code, known_message = explain(inner if is_object(inner) else data)
        message = reading.message or known_message or f"its state is {reading.word!r}"
        code = known_code if reading.code is None else reading.code
    return TaskStatus(
        reading.state, reading.word, reading.progress, reading.outputs, message, code, reply
    )


class Schedule:
    """When to look at a task: after the suggested interval, then less and less often, a little at random, and once more at the deadline."""

    def __init__(
        self,
        timeout: float,
        interval: float | None,
        suggested: float | None,
        fresh: bool,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        for name, value in (("timeout", timeout), ("interval", interval)):
            if value is not None and not (isinstance(value, (int, float)) and value >= 0):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidArgument(f"{name}: must be seconds, 0 or more, not {value!r}")
        self._clock, self._chance = clock, chance
        self._deadline = clock() + timeout
        self._fixed = interval
        self._step = suggested or 2.0
        self._longest = max(self._step, 15.0)
        self._next = (self._step if interval is None else interval) if fresh else 0.0
        self._last = False

    def pause(self, asked: float | None = None) -> float | None:
        """Seconds until the next look, at least those that the service `asked` for; None when the time is up."""
        if self._last:
            return None
        wanted = max(self._next, asked or 0.0)
        if self._fixed is None:
            self._next = self._step * (1 - 0.1 * self._chance())
            self._step = min(self._step * 1.2, self._longest)
        else:
            self._next = self._fixed
        left = self.left()
        self._last = wanted >= left
        return min(wanted, left)

    def suggest(self, seconds: float | None) -> None:
        """Take the service's own word for when to look next (`Retry-After` on a reply), unless the caller chose the interval."""
        if seconds is not None and self._fixed is None:
            self._next = min(seconds, self._longest)

    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self._deadline - self._clock(), 0.0)


def places(fetch: Operation, parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters of a call that follows another, by place: what its path names, else the query, or the body of a POST that has one."""
    rest = "body" if fetch.media_types else "query"
    found: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
    for name, value in parameters.items():
        found["path" if f"{{{name}}}" in fetch.path.replace("{+", "{") else rest][name] = value
    return found


def _hint(reply: Any) -> float | None:
    """Seconds after which a reply asks to be called again."""
    http = getattr(reply, "http", None)
    return retry_after(http.headers) if http else None


# --- written once for both clients --------------------------------------------------------------------------------------------------------


class Handle:
    """A task and how it is followed, as coroutines."""

    def __init__(
        self, session: Session, op: Operation, parameters: Mapping[str, Any], reply: Any = None
    ) -> None:
        rule = op.behaviour.task
        assert rule is not None
        self.session, self.op, self.parameters, self.reply = session, op, dict(parameters), reply
        self.rule = rule
        self.fetch = Operation.by_id(rule.fetch)
        self.status_rule = self.fetch.behaviour.status or StatusRule()
        first = self.parameters[next(iter(rule.parameters))]
        self.id = "" if first is None else str(first)
        self.done = self._done_at_once()
        self.billed: str | None = None
        """The submitting call's request id, as another process noted it."""

    @property
    def request_id(self) -> str | None:
        """The id under which the submitting call is billed."""
        return getattr(self.reply, "request_id", None) or self.billed

    def to_dict(self) -> dict[str, Any]:
        about = {
            "operation": self.op.id,
            "id": self.id,
            "parameters": self.parameters,
            "request_id": self.request_id,
        }
        return {"kind": "api302.task", "version": VERSION, **about}

    def _done_at_once(self) -> TaskStatus[Any] | None:
        """The status in the submitting call's reply, if that is of the class that the fetching call gives and says that all is done."""
        rule = self.status_rule
        described = self.fetch.responses.get("200", {}).get("application/json")
        if rule.response or rule.result or type(self.reply).__name__ != described:
            return None
        status = read_status(rule, raw(self.reply), self.reply, name=self.fetch.id)
        is_done = status.state == "succeeded" and (status.outputs or not rule.outputs)
        return status if is_done else None

    async def _ask(
        self,
        op: Operation,
        timeout: float | None,
        retries: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> tuple[Call, Any]:
        where = places(op, self.parameters if parameters is None else parameters)
        body = where["body"] if op.media_types else None
        ready = operation_call(
            self.session.settings,
            op,
            (*NO_OPTIONS[:3], timeout),
            path=where["path"],
            query=where["query"],
            body=body,
            retries=retries,
        )
        return ready, await finish(self.session, ready)

    async def look(
        self, timeout: float | None = None, retries: int | None = None
    ) -> TaskStatus[Any]:
        """Ask once."""
        if self.done:
            return self.done
        from api302_client._model import Binary

        asked, reply = await self._ask(self.fetch, timeout, retries)
        rule = self.status_rule
        status = read_status(rule, raw(reply), reply, isinstance(reply, Binary), self.fetch.id)
        if status.state != "succeeded":
            return status
        if rule.result:  # the finished task has but an id: another call gives the URLs
            given = rule.result.find(raw(reply))
            another = Operation.by_id(rule.result.fetch)
            _, answer = await self._ask(another, timeout, retries, given)
            status = status._replace(outputs=urls(rule.result.outputs, raw(answer)))
        if rule.response and (value := rule.response.find(raw(reply))) is not None:
            from api302_client._reply import parse

            headers = {
                **(reply.http.headers if reply.http else {}),
                "content-type": "application/json",
            }
            content = json.dumps(value, ensure_ascii=False).encode()
            status = status._replace(reply=parse(self.op.responses, 200, headers, content))
            check(self.session, asked, self.op, value, headers, content)
        return status

    async def events(
        self, timeout: float, interval: float | None, handle: Any
    ) -> AsyncGenerator[TaskStatus[Any], None]:
        """Each change, up to the end; a look that failed for a passing reason is made again, until the deadline."""
        if self.done:
            yield self.done
            return
        schedule = Schedule(
            timeout,
            interval,
            self.status_rule.interval,
            fresh=self.reply is not None,
        )
        schedule.suggest(_hint(self.reply))
        trouble: Exception | None = None
        last: TaskStatus[Any] | None = None
        while True:
            pause = schedule.pause(getattr(trouble, "retry_after", None))
            if pause is None:
                raise TaskTimeout(
                    f"not done within {timeout:g} s (last: {trouble or last})", **self.facts(handle)
                ) from trouble
            await self.session.io.sleep(pause)
            try:
                status = await self.look(max(min(LONGEST_LOOK, schedule.left()), 1.0), retries=0)
            except TRANSIENT as error:
                trouble = error
                _log.logger.info(
                    "task %s: %s while asking how it stands; asking again",
                    self.id,
                    type(error).__name__,
                )
                continue
            trouble = None
            schedule.suggest(_hint(status.reply))
            if last is None or last[:3] != status[:3]:
                yield status
            last = status
            if status.state != "pending":
                return

    async def wait(
        self,
        timeout: float,
        interval: float | None,
        on_progress: Callable[[Any], Any] | None,
        handle: Any,
    ) -> Any:
        """The result."""
        status: TaskStatus[Any] | None = None
        source = self.events(timeout, interval, handle)
        try:
            async for status in source:
                if on_progress is not None and isawaitable(waiting := on_progress(status)):
                    await waiting
        except TaskError:
            raise
        except BaseException as error:  # an interrupt as well: the task goes on, and whoever reads the traceback can have it back
            error.add_note(
                f"The task goes on; wait for it again with client.resume({json.dumps(self.to_dict(), ensure_ascii=False)}).wait()"
            )
            raise
        finally:
            await source.aclose()
        assert status is not None
        if status.state == "failed":
            raise TaskFailed(
                f"failed: {status.message}", code=status.code, status=status, **self.facts(handle)
            )
        made = [output(self.session, url=url) for url in status.outputs]
        if status.raw_state == "file" and hasattr(status.reply, "media_type"):
            made.append(
                output(
                    self.session, content=status.reply.content, media_type=status.reply.media_type
                )
            )  # type: ignore[union-attr]
        kind: Any = AsyncTaskResult if self.session.connections.is_async else TaskResult
        return kind(made, status.reply, self.request_id)

    async def cancel(self, handle: Any) -> Any:
        if self.rule.cancel is None:
            raise TaskError(
                f"{self.op.id}: the API has no call that cancels it", **self.facts(handle)
            )
        return (await self._ask(Operation.by_id(self.rule.cancel), None))[1]

    def facts(self, handle: Any) -> dict[str, Any]:
        return {"task": handle, "task_dict": self.to_dict()}


async def submit(session: Session, op: Operation, options: Options, given: Given) -> Handle:
    """Make a call that starts a task."""
    rule = op.behaviour.task
    assert rule is not None
    reply = await call(session, op, options, **given)
    found = rule.find(raw(reply))
    handle = Handle(session, op, found, reply)
    missing = [where for name, where in rule.parameters.items() if found[name] in (None, "")]
    if missing and not handle.done:
        raise decode_error(
            session,
            op.id,
            getattr(reply, "http", None),
            f"names no task (it has no {', '.join(missing)})",
        )
    return handle


def resumed(session: Session, data: Any) -> Handle:
    """The task that a dict of `to_dict()` names. Raises InvalidArgument, naming the field."""
    if not is_mapping(data) or data.get("kind") != "api302.task":
        raise InvalidArgument(
            "task: is not what task.to_dict() gave (`kind` must be 'api302.task')"
        )
    given = data
    if given.get("version") != VERSION:
        found = given.get("version")
        raise InvalidArgument(
            f"task: `version` is {found!r}, and this version of api302 reads {VERSION}; resume it with the api302 that made it"
        )
    try:
        op = Operation.by_id(given.get("operation", ""))
    except (KeyError, AttributeError, ImportError):
        raise InvalidArgument(
            f"task: `operation` {given.get('operation')!r} is unknown to this version of api302; update it"
        ) from None
    parameters = given.get("parameters")
    rule = op.behaviour.task
    if rule is None:
        raise InvalidArgument(f"task: `operation` {op.id!r} starts no task")
    if not is_mapping(parameters) or any(
        parameters.get(name) in (None, "") for name in rule.parameters
    ):
        raise InvalidArgument(f"task: `parameters` must have {', '.join(rule.parameters)}")
    handle = Handle(session, op, parameters)
    handle.billed = given.get("request_id")
    return handle


# --- what users hold ----------------------------------------------------------------------------------------------------------------------


class _Task(Generic[T]):
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def id(self) -> str:
        """The service's id of it."""
        return self._handle.id

    @property
    def reply(self) -> Any:
        """The reply to the submitting call; None for a task that was resumed."""
        return self._handle.reply

    @property
    def request_id(self) -> str | None:
        """The id under which the submitting call is billed."""
        return self._handle.request_id

    def to_dict(self) -> dict[str, Any]:
        """What another process gives to `client.resume()`: plain JSON, without the key."""
        return self._handle.to_dict()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._handle.op.id}, id={self.id!r})"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a task belongs to a client and is not pickled; pass task.to_dict(), and client.resume() it"
        )


class Task(_Task[T]):
    """A task in progress: `task.wait().outputs[0].save("panda.mp4")`.

    It goes on without this object: `to_dict()` lets any process `client.resume()` it.
    """

    def status(self) -> TaskStatus[T]:
        """Ask how it stands, once. Raises ApiError or ConnectionError if there is no telling."""
        return run(self._handle.look())

    def events(
        self, timeout: float = DEFAULT_WAIT, interval: float | None = None
    ) -> Iterator[TaskStatus[T]]:
        """Its status each time it changes, the last one being `succeeded` or `failed`. Otherwise as `wait`."""
        return iterate(self._handle.events(timeout, interval, self))

    def wait(
        self,
        timeout: float = DEFAULT_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[TaskStatus[T]], object] | None = None,
    ) -> TaskResult[T]:
        """Wait for the result.

        Args:
            timeout: Seconds in all, half an hour unless said otherwise, however often the state is asked for; `float("inf")` for no limit.
            interval: Seconds between two looks; otherwise what the documentation suggests, then less and less often.
            on_progress: Called with the TaskStatus whenever it changes. `print` will do.

        Raises:
            TaskFailed: The service gave it up.
            TaskTimeout: The time is over. The task goes on, and can be waited for again.
            ApiError: The state cannot be asked for; passing trouble (network, 5xx, 429) is tolerated until the time is over.
        """
        return run(self._handle.wait(timeout, interval, on_progress, self))

    def cancel(self) -> Any:
        """Cancel it, and give the reply. Raises TaskError where the API has no call for that."""
        return run(self._handle.cancel(self))


class AsyncTask(_Task[T]):
    """`Task` for an `AsyncClient`: `await task.wait()`, `async for status in task.events()`."""

    async def status(self) -> TaskStatus[T]:
        """Ask how it stands, once. Raises ApiError or ConnectionError if there is no telling."""
        return await self._handle.look()

    def events(
        self, timeout: float = DEFAULT_WAIT, interval: float | None = None
    ) -> AsyncGenerator[TaskStatus[T], None]:
        """Its status each time it changes. See `Task.events`."""
        return self._handle.events(timeout, interval, self)

    async def wait(
        self,
        timeout: float = DEFAULT_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[TaskStatus[T]], object | Awaitable[object]] | None = None,
    ) -> AsyncTaskResult[T]:
        """Wait for the result. See `Task.wait`; `on_progress` may be a coroutine function."""
        return await self._handle.wait(timeout, interval, on_progress, self)

    async def cancel(self) -> Any:
        """Cancel it, and give the reply. Raises TaskError where the API has no call for that."""
        return await self._handle.cancel(self)
