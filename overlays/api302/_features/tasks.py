"""Tasks: calls whose result comes later, and how they are followed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from api302 import _log
from api302._calls.call import call, finish
from api302._calls.prepare import operation_call, whole_url
from api302._calls.response import check, raw, unusable, with_files, without_content
from api302._calls.session import Session
from api302._errors import Api302Error, InvalidArgument, TaskError, TaskFailed, TaskTimeout
from api302._http.retry import retry_after
from api302._http.sync import iterate, run
from api302._json import is_mapping
from api302._types import NO_OPTIONS, Call, Given, Operation, Options, TaskStatus
from api302_client._model import shown
from api302_client.behaviour import Result, urls
from api302_client.behaviour import TaskStatus as StatusRule

from .files import AsyncOutput, Output, output
from .polling import Schedule, is_passing, read_status
from .progress import shown_progress

T = TypeVar("T", covariant=True)
VERSION = 1
_OF_A_RESULT = ("outputs", "save", "read", "url", "data", "text")
"""What people look for in a task and is in its result: in its outputs or its response."""
DEFAULT_WAIT = 1800.0
LONGEST_POLL = 60.0
"""Seconds that one poll may take at most."""
LONGEST_CANCEL = 10.0
"""Seconds that cancelling a task may take, where something else is on its way already."""
SHORTEST_POLL = 1.0
"""Seconds that one poll may take at least, also at the deadline."""


class TaskResult(Generic[T]):
    """The result of a task that succeeded.

    Attributes:
        outputs: The files it made, to be saved or read.
        response: The last response; for a call made asynchronous on demand, the call's own
        response.
        request_id: The id under which the submitting call is billed.
        task: The task.
    """

    def __init__(
        self,
        outputs: list[Output],
        response: T,
        request_id: str | None,
        task: Task[T] | AsyncTask[T],
    ) -> None:
        self.outputs = outputs
        self.response = response
        self.request_id = request_id
        self.task = task

    @property
    def id(self) -> str:
        """The service's id of the task."""
        return self.task.id

    def __reduce__(self) -> Any:
        raise TypeError(
            "the result of a task belongs to a client and is not pickled; pass result.response and"
            " result.outputs, which are, or result.task.to_dict() for client.resume()"
        )

    def __repr__(self) -> str:
        fields = f"id={self.id!r}, outputs={self.outputs!r}, response={shown(self.response)}"
        return f"{type(self).__name__}({fields})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the files, as images and players."""
        from api302_client.display import bundle

        return bundle(repr(self), self.outputs)


class AsyncTaskResult(TaskResult[T]):
    """`TaskResult` with outputs that are awaited."""

    outputs: list[AsyncOutput]  # pyright: ignore[reportIncompatibleVariableOverride]


def places(fetch: Operation, parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters of a call that follows another, by place.

    What its path names goes there, the rest into the query, or the body of a POST that has one.
    """
    rest = "body" if fetch.media_types else "query"
    found: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
    for name, value in parameters.items():
        found["path" if f"{{{name}}}" in fetch.path.replace("{+", "{") else rest][name] = value
    return found


def _suggested(response: Any) -> float | None:
    """Seconds after which a response asks to be polled again."""
    http = getattr(response, "http", None)
    return retry_after(http.headers) if http else None


# --- written once for both clients ----------------------------------------------------------------


class Handle:
    """A task and how it is followed, as coroutines."""

    def __init__(
        self, session: Session, op: Operation, parameters: Mapping[str, Any], response: Any = None
    ) -> None:
        rule = op.behaviour.task
        assert rule is not None
        self.session: Session = session
        self.op: Operation = op
        self.parameters: dict[str, Any] = dict(parameters)
        self.response = response
        self.rule = rule
        self.fetch: Operation = Operation.by_id(rule.fetch)
        self.status_rule: StatusRule = self.fetch.behaviour.status or StatusRule()
        first = self.parameters[next(iter(rule.parameters))]
        self.id: str = "" if first is None else str(first)
        self.done: TaskStatus[Any] | None = self._done_at_once()
        self.ended: TaskStatus[Any] | None = None
        """The last status, once a poll has found that the task has ended."""
        self.billed: str | None = None
        """The submitting call's request id, as another process noted it."""

    @property
    def request_id(self) -> str | None:
        """The id under which the submitting call is billed."""
        return getattr(self.response, "request_id", None) or self.billed

    def to_dict(self) -> dict[str, Any]:
        """What `resumed` takes, in this process or another."""
        about = {
            "operation": self.op.id,
            "id": self.id,
            "parameters": self.parameters,
            "request_id": self.request_id,
        }
        return {"kind": "api302.task", "version": VERSION, **about}

    def _done_at_once(self) -> TaskStatus[Any] | None:
        """The status in the submitting call's response, if it says that the task is done."""
        if self.status_rule.result or (status := self._own_status()) is None:
            return None
        is_done = status.state == "succeeded" and (status.outputs or not self.status_rule.outputs)
        return status if is_done else None

    def is_unfinished(self) -> bool:
        """Whether the submitting call's response says, in a listed word, that the task goes on."""
        rule = self.status_rule
        return bool(self._own_status()) and rule.known_state(raw(self.response)) == "pending"

    def _own_status(self) -> TaskStatus[Any] | None:
        """The status in the submitting call's response, if that has the fetching call's class."""
        rule = self.status_rule
        described = self.fetch.responses.get("200", {}).get("application/json")
        if rule.response or type(self.response).__name__ != described:
            return None
        return read_status(rule, raw(self.response), self.response, name=self.fetch.id)

    def _call(
        self,
        op: Operation,
        timeout: float | None,
        retries: int | None,
        parameters: Mapping[str, Any],
    ) -> Call:
        where = places(op, parameters)
        return operation_call(
            self.session.settings,
            op,
            (*NO_OPTIONS[:3], timeout),
            path=where["path"],
            query=where["query"],
            body=where["body"] if op.media_types else None,
            retries=retries,
        )

    async def _ask(
        self, op: Operation, timeout: float | None, retries: int | None = None
    ) -> tuple[Call, Any]:
        ready = self._call(op, timeout, retries, self.parameters)
        return ready, await finish(self.session, ready)

    async def poll(
        self, timeout: float | None = None, retries: int | None = None
    ) -> TaskStatus[Any]:
        """Get the status, once."""
        if self.done:
            return self.done
        from api302_client._model import Binary

        asked, response = await self._ask(self.fetch, timeout, retries)
        rule, data = self.status_rule, raw(response)
        status = read_status(rule, data, response, isinstance(response, Binary), self.fetch.id)
        if status.state != "succeeded":
            return status
        if rule.result:
            outputs = await self._elsewhere(rule.result, data, timeout, retries)
            status = status._replace(outputs=outputs)
        inner = rule.response.find(data) if rule.response else None
        return status if inner is None else self._with_own_response(status, asked, inner)

    async def _elsewhere(
        self, result: Result, data: Any, timeout: float | None, retries: int | None
    ) -> tuple[str, ...]:
        """The URLs of a finished task that has but an id: another call returns them, or is one."""
        call = self._call(Operation.by_id(result.fetch), timeout, retries, result.find(data))
        if not result.outputs:  # its response is the file itself, which whoever wants it gets
            return (whole_url(self.session.settings, call),)
        return urls(result.outputs, raw(await finish(self.session, call)))

    def _with_own_response(
        self, status: TaskStatus[Any], asked: Call, inner: Any
    ) -> TaskStatus[Any]:
        """The status with the submitting operation's own response, which the fetched one wraps."""
        from api302_client._response import parse

        http: Any = getattr(status.response, "http", None)
        headers: dict[str, str] = {**(http.headers if http else {})}
        headers["content-type"] = "application/json"
        content = json.dumps(inner).encode()
        response = without_content(parse(self.op.responses, 200, headers, content))
        response = with_files(self.session, self.op, response)
        check(self.session, asked, self.op, inner, headers, content)
        return status._replace(response=response)

    async def events(
        self, timeout: float | None, interval: float | None, handle: Any
    ) -> AsyncGenerator[TaskStatus[Any], None]:
        """Each change of the status, up to the end.

        A poll that fails for a passing reason is repeated, until the deadline.
        """
        if known := self.done or self.ended:
            yield known
            return
        watch = Watch(self, timeout, interval)
        while (pause := watch.pause()) is not None:
            await self.session.io.sleep(pause)
            status = await watch.poll()
            if status is not None:
                yield status
            if self.ended:
                return
        raise watch.over(handle)

    async def poll_in_time(self, left: float) -> TaskStatus[Any]:
        """Poll, within the time that is left, however slowly the response arrives."""
        seconds = max(min(LONGEST_POLL, left), SHORTEST_POLL)
        what = f"{self.fetch.method} {self.fetch.path}"
        return await self.session.io.within(seconds, lambda: self.poll(seconds, retries=0), what)

    async def wait(
        self,
        timeout: float | None,
        interval: float | None,
        on_progress: Callable[[Any], Any] | None,
        handle: Any,
        cancel: bool = False,
    ) -> Any:
        """The result."""
        if cancel:
            self.check_cancel()
        status: TaskStatus[Any] | None = None
        source = self.events(timeout, interval, handle)
        try:
            async for status in source:
                if on_progress is not None and isawaitable(waiting := on_progress(status)):
                    await waiting
        except BaseException as error:
            await self.interrupted(error, cancel, handle)
            raise
        finally:
            await source.aclose()
        assert status is not None
        return self.result(status, handle)

    async def interrupted(self, error: BaseException, cancel: bool, handle: Any) -> None:
        """Let who reads an error have the task back: a timeout, an interrupt, a cancelled await.

        With `cancel` the task is cancelled.
        """
        if cancel and not isinstance(error, GeneratorExit):
            error.add_note(await self._cancel())
        elif not isinstance(error, TaskError):
            kept = json.dumps(self.to_dict(), ensure_ascii=False)
            error.add_note(f"The task goes on; wait for it again with client.resume({kept}).wait()")
        if not isinstance(error, TaskError):
            with suppress(AttributeError):
                error.task, error.task_dict = handle, self.to_dict()  # type: ignore[attr-defined]

    async def _cancel(self) -> str:
        """`_cancelled`, also where this is cancelled, or the client was closed."""
        try:
            io = self.session.io
        except Api302Error as closed:
            return f"The task was not cancelled ({closed})"
        return await io.shielded(self._cancelled)

    async def _cancelled(self) -> str:
        """Cancel the task, and say what came of it: nothing here hides why it is cancelled."""
        call = Operation.by_id(str(self.rule.cancel))
        work = partial(self._ask, call, LONGEST_CANCEL, 0)
        try:
            await self.session.io.within(LONGEST_CANCEL, work, f"{call.method} {call.path}")
        except Exception as error:
            return f"Task {self.id} could not be cancelled: {error}"
        return f"Task {self.id} was cancelled."

    def check_cancel(self) -> None:
        """Raise InvalidArgument where the API has no call that cancels the task."""
        if self.rule.cancel is None:
            raise InvalidArgument(
                f"cancel: the API has no call that cancels {self.op.id}; leave it out"
            )

    def result(self, status: TaskStatus[Any], handle: Any) -> Any:
        """The result of a task that has ended. Raises TaskFailed."""
        if status.state == "failed":
            failed = TaskFailed(f"failed: {status.message}", **self.facts(handle, status))
            self.session.redactor.error(failed)
            raise failed
        kind: Any = AsyncTaskResult if self.session.connections.is_async else TaskResult
        return kind(self._outputs(status), status.response, self.request_id, handle)

    def _outputs(self, status: TaskStatus[Any]) -> list[Any]:
        """The files: by the status, or else those of the response."""
        made = [output(self.session, url=url) for url in status.outputs]
        return made or list(getattr(status.response, "outputs", None) or ())

    async def cancel(self, handle: Any) -> Any:
        """Cancel the task, and return the response."""
        if self.rule.cancel is None:
            message = f"{self.op.id}: the API has no call that cancels it"
            raise TaskError(message, **self.facts(handle))
        return (await self._ask(Operation.by_id(self.rule.cancel), None))[1]

    def facts(self, handle: Any, status: TaskStatus[Any] | None = None) -> dict[str, Any]:
        """What an error about the task carries, with the last status, if any is known."""
        facts = {"task": handle, "task_dict": self.to_dict(), "request_id": self.request_id}
        facts["call"] = f"{self.op.method} {self.op.path}"
        if status is None:
            return facts
        http = getattr(status.response, "http", None)
        facts |= {"status": status, "code": status.code, "body": raw(status.response)}
        return facts | ({"status_code": http.status_code} if http else {})


class Watch:
    """How one task is followed to its end: when to poll, and what came of it."""

    def __init__(self, handle: Handle, timeout: float | None, interval: float | None) -> None:
        suggested, fresh = handle.status_rule.interval, handle.response is not None
        self.handle = handle
        self.error: Exception | None = None
        """Why the status cannot be had, where that does not pass."""
        self._timeout = timeout
        self._schedule = Schedule(timeout, interval, suggested, fresh)
        self._schedule.suggest(_suggested(handle.response))
        self._trouble: Exception | None = None
        self._last: TaskStatus[Any] | None = None
        self._beyond: float | None = None
        """Seconds after which the service wants to be polled again, if that is too late."""

    @property
    def share(self) -> float:
        """The progress from 0 to 1, as far as the service reports it."""
        return (self._last.progress or 0.0) if self._last else 0.0

    @property
    def is_too_late(self) -> bool:
        """Whether its turn to be polled came long after the time was over."""
        return bool(self._timeout) and self._schedule.is_over(SHORTEST_POLL)

    def pause(self) -> float | None:
        """Seconds until the next poll; None where the time is over, or will be before it."""
        asked: float | None = getattr(self._trouble, "retry_after", None)
        told = _suggested(self._last.response) if self._last and not self._trouble else None
        if self._schedule.is_beyond(asked) or self._schedule.is_beyond(told, suggested=True):
            self._beyond = asked if told is None else told
            return None
        return self._schedule.pause(asked)

    async def poll(self) -> TaskStatus[Any] | None:
        """Get the status: what is new of it, or None.

        Raises what makes no sense to wait for; what passes is tried again.
        """
        handle = self.handle
        try:
            status = await handle.poll_in_time(self._schedule.left())
        except Exception as error:
            if not is_passing(error):
                self.error = error
                raise
            self._trouble = error
            name = type(error).__name__
            _log.logger.info("task %s: %s; polling again", handle.id, name)
            return None
        self._trouble, before = None, self._last
        self._last = status
        self._schedule.suggest(_suggested(status.response))
        if status.state != "pending":
            handle.ended = status
        return status if before is None or before[:3] != status[:3] else None

    def over(self, task: Any) -> TaskTimeout:
        """The error of a task that was not done in time."""
        why = f"not done within {self._timeout:g} s"
        if self._beyond is not None:
            why += f", as the service wants to be polled again in {self._beyond:g} s only"
        facts = self.handle.facts(task, self._last)
        error = TaskTimeout(f"{why} (last: {self._trouble or self._last})", **facts)
        error.retry_after = self._beyond
        error.__cause__ = self._trouble
        return error


async def followed(
    session: Session, op: Operation, options: Options, given: Given, response: Any
) -> Any:
    """The response of a call that waits for its result, which names a task that may not be done.

    Then the task is followed, unless a task was asked for. Raises TaskFailed or TaskTimeout.
    """
    rule = op.behaviour.task
    assert rule is not None
    sent: dict[str, Any] = {}
    for values in (given.get("query"), given.get("body"), options[1], options[2]):
        sent |= values or {}
    hook = rule.webhook and sent.get(rule.webhook.name)
    if hook or (rule.when and rule.when.is_on(sent.get(rule.when.name))):
        return response
    handle = Handle(session, op, rule.find(raw(response)), response)
    if not handle.is_unfinished():
        return response
    kind: Any = AsyncTask if session.connections.is_async else Task
    result = await handle.wait(DEFAULT_WAIT, None, None, kind(handle))
    return _billed_as(result.response, handle.request_id)


def _billed_as(response: Any, request_id: str | None) -> Any:
    """A response with the id under which the call that began its task is billed."""
    http = getattr(response, "http", None)
    if http is None or request_id is None:
        return response
    from api302_client._model import attach

    return attach(response, http._replace(headers={**http.headers, "request-id": request_id}))


async def submit(session: Session, op: Operation, options: Options, given: Given) -> Handle:
    """Make a call that starts a task."""
    rule = op.behaviour.task
    assert rule is not None
    response = await call(session, op, options, **given)
    found = rule.find(raw(response))
    handle = Handle(session, op, found, response)
    missing = [where for name, where in rule.parameters.items() if found[name] in (None, "")]
    if missing and not handle.done:
        raise unusable(
            session,
            op.id,
            response,
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
            f"task: `version` is {found!r}, and this version of api302 reads {VERSION}; "
            "resume it with the api302 that made it"
        )
    try:
        op = Operation.by_id(given.get("operation", ""))
    except (KeyError, AttributeError, ImportError):
        raise InvalidArgument(
            f"task: `operation` {given.get('operation')!r} is unknown to this version of api302; "
            "update it"
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


# --- what users hold ------------------------------------------------------------------------------


class _Task(Generic[T]):
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def handle(self) -> Handle:
        """How it is followed, for what waits for several."""
        return self._handle

    @property
    def id(self) -> str:
        """The service's id of it."""
        return self._handle.id

    @property
    def response(self) -> Any:
        """The response to the submitting call; None for a task that was resumed."""
        return self._handle.response

    @property
    def request_id(self) -> str | None:
        """The id under which the submitting call is billed."""
        return self._handle.request_id

    @property
    def interval(self) -> float | None:
        """Seconds between two polls that the description suggests; None if it suggests none."""
        return self._handle.status_rule.interval

    if not TYPE_CHECKING:  # a type checker knows what there is

        def __getattr__(self, name: str) -> Any:
            fix = "; `wait()` gives the result, with `outputs` and `response`"
            end = fix if name in _OF_A_RESULT else ""
            told = f"{type(self).__name__!r} object has no attribute {name!r}{end}"
            raise AttributeError(told, name=name, obj=self)  # Python adds a near name

    def to_dict(self) -> dict[str, Any]:
        """What another process gives to `client.resume()`: plain JSON, without the key."""
        return self._handle.to_dict()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._handle.op.id}, id={self.id!r})"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a task belongs to a client and is not pickled; pass task.to_dict(),"
            " and client.resume() it"
        )


class Task(_Task[T]):
    """A task in progress: `task.wait().outputs[0].save("panda.mp4")`.

    It goes on without this object: `to_dict()` lets any process `client.resume()` it.
    """

    def status(self) -> TaskStatus[T]:
        """Get its status, once. Raises ApiError or ConnectionError if it cannot be had."""
        return run(self._handle.poll())

    def events(
        self, timeout: float | None = DEFAULT_WAIT, interval: float | None = None
    ) -> Iterator[TaskStatus[T]]:
        """Its status each time it changes, the last one being `succeeded` or `failed`.

        Otherwise as `wait`.
        """
        return iterate(self._handle.events(timeout, interval, self))

    def wait(
        self,
        timeout: float | None = DEFAULT_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[TaskStatus[T]], object] | None = None,
        progress: bool = False,
        cancel: bool = False,
    ) -> TaskResult[T]:
        """Wait for the result.

        Args:
            timeout: Seconds in all, half an hour unless said otherwise, however slow responses
            are; None for no
                limit. The last poll, at the end of the time, may take a second more.
            interval: Seconds between two polls; otherwise what the description suggests, then less
            and less often.
            on_progress: Called with the TaskStatus whenever it changes. `print` will do.
            progress: Show a progress bar, in a terminal or a notebook: rich's, where it is
                installed.
            cancel: Cancel the task where the wait ends before it: the time is over, Ctrl-C, an
                error. Otherwise it goes on, and the error has it as `task` and says how to resume
                it.

        Raises:
            TaskFailed: The task failed.
            TaskTimeout: The time is over, or the service wants to be polled again later than that.
                The task goes on, and can be waited for again.
            InvalidArgument: `cancel`, where the API has no call for that.
            ApiError: The status cannot be had. What passes (network, 5xx, 408, 425, 429) is
            tolerated until the
                time is over.
        """
        with shown_progress(progress, on_progress) as hook:
            return run(self._handle.wait(timeout, interval, hook, self, cancel))

    def cancel(self) -> Any:
        """Cancel it, and return the response.

        Raises TaskError where the API has no call for that.
        """
        return run(self._handle.cancel(self))


class AsyncTask(_Task[T]):
    """`Task` for an `AsyncClient`: `await task.wait()`, `async for status in task.events()`."""

    async def status(self) -> TaskStatus[T]:
        """Get its status, once. Raises ApiError or ConnectionError if it cannot be had."""
        return await self._handle.poll()

    def events(
        self, timeout: float | None = DEFAULT_WAIT, interval: float | None = None
    ) -> AsyncGenerator[TaskStatus[T], None]:
        """Its status each time it changes. See `Task.events`."""
        return self._handle.events(timeout, interval, self)

    async def wait(
        self,
        timeout: float | None = DEFAULT_WAIT,
        *,
        interval: float | None = None,
        on_progress: Callable[[TaskStatus[T]], object | Awaitable[object]] | None = None,
        progress: bool = False,
        cancel: bool = False,
    ) -> AsyncTaskResult[T]:
        """Wait for the result. See `Task.wait`; `on_progress` may be a coroutine function."""
        with shown_progress(progress, on_progress) as hook:
            return await self._handle.wait(timeout, interval, hook, self, cancel)

    async def cancel(self) -> Any:
        """Cancel it, and return the response.

        Raises TaskError where the API has no call for that.
        """
        return await self._handle.cancel(self)
