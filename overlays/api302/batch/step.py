"""One step of a job, for any engine: send it, poll its task once, or save one of its files.

A step never waits for another: it returns what became of the job, and when the next one makes
sense. `Work` has the steps as coroutines that return what changes; `step` and `astep` put them
together for engines that keep the state of a job themselves.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from api302._errors import (
    Api302Error,
    ApiError,
    AuthenticationError,
    BudgetError,
    ConnectionError,
    DecodeError,
    InvalidArgument,
    NoChannelError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from api302._features.polling import is_passing
from api302._http.retry import backoff, retry_after
from api302._json import is_array, is_mapping
from api302._log import logger
from api302._types import Call

from . import loop
from .files import Target, Unwritable, Uploads
from .jobs import file_stem, vendor_of
from .journal import OPEN, Row

if TYPE_CHECKING:
    from api302 import AsyncClient
    from api302._http.response import Response
    from api302._types import TaskStatus

    Next = Callable[[Call], Awaitable[Response]]

Change = dict[str, Any]
"""Columns of the journal and what they become."""
Around = Callable[[], AbstractAsyncContextManager[None]]
"""Entered right before a call's bytes leave, and left when its response is here."""

POLL_TIMEOUT = 60.0
FIRST_POLL, LONGEST_POLL = 2.0, 15.0
"""Seconds between two polls, where the description suggests nothing; at most, unless it does."""
MOST_TRIES = 8
"""How often a refused call is sent again, or a file that does not come is fetched again."""
TASK_PATIENCE = 24 * 3600.0
"""Seconds after which a task that is still pending is given up."""
LONGEST_KEPT = 4000
"""Characters of a string in a response that is a file; longer ones are taken out of the journal."""
_ENDS_A_BATCH = (AuthenticationError, BudgetError, QuotaError)

_around: ContextVar[Around | None] = ContextVar("api302_around_sending", default=None)


@contextmanager
def announced(client: AsyncClient) -> Generator[None]:
    """Within `with`, each call of a job is announced right before its bytes leave."""

    async def announce(call: Call, next: Next) -> Response:
        around = _around.get()
        if around is None:
            return await next(call)
        async with around():
            return await next(call)

    middleware = client._client.middleware  # pyright: ignore[reportPrivateUsage]
    middleware.append(announce)
    try:
        yield
    finally:
        middleware.remove(announce)


class Stopped(Exception):
    """The whole batch cannot go on: no API key that is taken, no balance, or no room for files."""

    def __init__(self, error: Api302Error) -> None:
        super().__init__(str(error))
        self.error = error


class Work:
    """The steps of jobs, with what they need. Within `announced(client)`."""

    def __init__(
        self,
        client: AsyncClient,
        target: Target,
        uploads: Uploads,
        interval: float | None = None,
    ) -> None:
        self.client: AsyncClient = client
        self.target: Target = target
        self.uploads: Uploads = uploads
        self._interval = interval
        self._sending = client.with_options(max_retries=0)
        self._polling = client.with_options(max_retries=0, timeout=POLL_TIMEOUT)

    # --- sending ----------------------------------------------------------------------------------

    async def send(self, row: Row, around: Around) -> Change:
        """Make the call of a job, its exchanges within `around()`.

        Raises Stopped if no other job would fare better.
        """
        sent = False

        @asynccontextmanager
        async def sending() -> AsyncGenerator[None]:
            nonlocal sent
            async with around():
                sent = True
                yield

        try:
            arguments = await self._uploaded(row)
            token = _around.set(sending)
            try:
                result = await self._sending.call(row["call"], arguments)
            finally:
                _around.reset(token)
        except Api302Error as error:
            return refused(row, error, sent)
        return await self._answered(row, result)

    async def _uploaded(self, row: Row) -> Mapping[str, Any]:
        try:
            return await self.uploads.replaced(row["call"], json.loads(row["arguments"]))
        except OSError as error:
            raise InvalidArgument(f"{error.filename}: cannot be read: {error.strerror}") from None

    async def _answered(self, row: Row, result: Any) -> Change:
        request_id = getattr(result, "request_id", None)
        change: Change = {"request_id": request_id, "until": None, "due": None, "error": None}
        if hasattr(result, "to_dict") and hasattr(result, "status"):  # a task
            pause = self._pause(row, result.interval, getattr(result, "response", None))
            task = json.dumps(result.to_dict(), ensure_ascii=False)
            due = time.time() + pause
            return {**change, "state": "accepted", "task": task, "due": due, "polls": 0}
        return {**change, **await self._ended(row, result)}

    async def _ended(self, row: Row, result: Any, urls: tuple[str, ...] = ()) -> Change:
        """What becomes of a job with its response: done, or saved if it has no more files."""
        contents, more = _outputs(result)
        urls = tuple(dict.fromkeys((*urls, *more)))
        count = len(contents) + len(urls)
        files: list[str] = []
        for content in contents:
            try:
                files.append(await self._write(content, _numbered(row["key"], len(files), count)))
            except Exception as error:  # it is paid for, and stays in the journal
                logger.warning("%s: a file is not saved yet (%s)", row["key"], error)
                break
        urls = (*map(_as_data, contents[len(files) :]), *urls)
        return {
            "state": "done" if urls else "saved",
            "response": _kept(result),
            "outputs": json.dumps(urls),
            "files": json.dumps(files, ensure_ascii=False),
            "tries": 0,
            "due": None,
        }

    async def _write(self, content: Content, stem: str) -> str:
        return await self.target.write(content.content, content.media_type, stem)

    # --- polling ----------------------------------------------------------------------------------

    async def poll(self, row: Row) -> Change:
        """Get the status of a job's task, once."""
        task = self._polling.resume(json.loads(row["task"]))
        try:
            status = await task.status()
        except Api302Error as error:
            return self._not_polled(row, task.interval, error)
        if status.state == "succeeded":
            return await self._ended(row, status.response, tuple(status.outputs))
        if status.state == "failed":
            return {"state": "failed", "due": None, "error": _failed_task(status)}
        return self._pending(row, task.interval, status)

    def _pending(self, row: Row, interval: float | None, status: TaskStatus[Any]) -> Change:
        now = time.time()
        if now - (row["sent_at"] or now) > TASK_PATIENCE:
            said = f"was still {status} after {TASK_PATIENCE / 3600:g} hours"
            return {"state": "failed", "due": None, "error": error_text("TaskTimeout", said)}
        pause = self._pause(row, interval, status.response)
        return {"polls": row["polls"] + 1, "due": now + pause}

    def _not_polled(self, row: Row, interval: float | None, error: Api302Error) -> Change:
        if not is_passing(error):
            return {"state": "failed", "due": None, "error": described(error)}
        asked = getattr(error, "retry_after", None) or 0.0
        pause = max(self._pause(row, interval, None), asked)
        return {"polls": row["polls"] + 1, "due": time.time() + pause}

    def _pause(self, row: Row, suggested: float | None, response: Any) -> float:
        """Seconds until the next poll: what was asked for, or less and less often."""
        if self._interval is not None:
            return self._interval
        http = getattr(response, "http", None)
        asked = retry_after(http.headers) if http else None
        first = suggested or FIRST_POLL
        pause = min(first * 1.2 ** min(row["polls"], 30), max(first, LONGEST_POLL))
        return max(asked or 0.0, pause * (1 - 0.1 * random.random()))

    # --- saving -----------------------------------------------------------------------------------

    async def save(self, row: Row) -> Change:
        """Download the next of a job's files.

        Raises Stopped if files cannot be written.
        """
        urls: list[str] = json.loads(row["outputs"] or "[]")
        files: list[str] = json.loads(row["files"] or "[]")
        if not urls:
            return {"state": "saved", "due": None}
        stem = _numbered(row["key"], len(files), len(files) + len(urls))
        try:
            if content := _of_data(urls[0]):
                files.append(await self._write(content, stem))
            else:
                files.append(await self.target.fetch(self.client, urls[0], stem))
        except Unwritable as error:
            raise Stopped(error) from None
        except Api302Error as error:
            return self._not_saved(row, error)
        left = urls[1:]
        return {
            "state": "done" if left else "saved",
            "outputs": json.dumps(left),
            "files": json.dumps(files, ensure_ascii=False),
            "tries": 0,
            "due": None,
        }

    def _not_saved(self, row: Row, error: Api302Error) -> Change:
        tries = row["tries"] + 1
        due = time.time() + backoff(tries, longest=60.0)
        if tries >= MOST_TRIES:
            return {"state": "failed", "due": None, "error": described(error)}
        if isinstance(error, ApiError) and row["task"] and tries == 2:
            # The URL may have expired: the task's status has a new one.
            return {"state": "accepted", "tries": tries, "due": due}
        return {"tries": tries, "due": due}


# --- what errors mean -----------------------------------------------------------------------------


def refused(row: Row, error: Api302Error, sent: bool) -> Change:
    """What becomes of a job whose call failed: planned again, failed, or unknown.

    Raises Stopped if no other job would fare better.
    """
    if isinstance(error, _ENDS_A_BATCH):
        raise Stopped(error)
    if isinstance(error, (RateLimitError, NoChannelError)) or not _may_be_accepted(error, sent):
        return _again(row, error)
    if is_unknown(error):
        now = time.time()
        return {"state": "unknown", "until": now, "due": None, "error": described(error)} | (
            {"request_id": error.request_id} if error.request_id else {}
        )
    change: Change = {"state": "failed", "due": None, "error": described(error)}
    if isinstance(error, (ApiError, InvalidArgument)):
        change["cost"] = 0.0
    return change | {"request_id": error.request_id}


def _may_be_accepted(error: Api302Error, sent: bool) -> bool:
    """Whether it is no failure of the network before anything was sent."""
    return not isinstance(error, ConnectionError) or (sent and error.sent)


def is_unknown(error: Api302Error) -> bool:
    """Whether the service may have accepted, and billed, what it did not confirm."""
    return isinstance(error, (ConnectionError, ServerError)) or error.status_code == 408


def _again(row: Row, error: Api302Error) -> Change:
    """A job that surely was not accepted is sent again, so many times."""
    tries = row["tries"] + 1
    if tries > MOST_TRIES:
        return {"state": "failed", "due": None, "cost": 0.0, "error": described(error)}
    asked = getattr(error, "retry_after", None)
    pause = backoff(tries, longest=60.0) if asked is None else asked
    facts = {"state": "planned", "tries": tries, "due": time.time() + pause}
    return {**facts, "sent_at": None, "reserved": None, "error": described(error)}


def unanswered(row: Row, now: float | None = None) -> Change:
    """What becomes of a job that was sent, and whose process ended before the response came."""
    until = time.time() if now is None else now
    said = "was sent, and the process ended before the response came"
    return {
        "state": "unknown",
        "until": until,
        "due": None,
        "error": error_text("Unanswered", said),
    }


def described(error: Api302Error) -> str:
    """An error as JSON, with what the service said."""
    facts = {
        "status_code": error.status_code,
        "code": error.code,
        "request_id": error.request_id,
        "body": error.body if is_mapping(error.body) or is_array(error.body) else None,
    }
    if isinstance(error, DecodeError):  # it may have been billed: what came is kept
        facts["body"] = error.body if facts["body"] is None else facts["body"]
    return error_text(type(error).__name__, error.message, **facts)


def _failed_task(status: TaskStatus[Any]) -> str:
    return error_text("TaskFailed", status.message, code=status.code, raw_state=status.raw_state)


def once_more(row: Row) -> Change:
    """What becomes of a failed job that is tried again: what was paid for is not sent again.

    Where files could not be fetched, they are fetched again; where the status of a task could not
    be had, it is asked for again.
    """
    error = json.loads(row["error"] or "{}")
    fresh: Change = {"due": None, "error": None, "tries": 0}
    if row["task"] and error.get("type") not in ("TaskFailed", "TaskTimeout"):
        return {**fresh, "state": "accepted"}
    is_gone = error.get("status_code") in (403, 404, 410)
    if not is_gone and json.loads(row["outputs"] or "[]"):
        return {**fresh, "state": "done"}
    empty = dict.fromkeys(("sent_at", "reserved", "cost", "task", "outputs", "files"))
    return {**fresh, **empty, "state": "planned"}


def error_text(kind: str, message: str, **facts: Any) -> str:
    """An error as JSON."""
    known = {name: value for name, value in facts.items() if value is not None}
    made = {"type": kind, "message": message, **known}
    return json.dumps(made, ensure_ascii=False, default=str)


# --- what responses hold --------------------------------------------------------------------------


class Content(NamedTuple):
    """A file that is here already."""

    content: bytes
    media_type: str | None


def _outputs(result: Any) -> tuple[list[Content], tuple[str, ...]]:
    """The files of a response: those that are here, and the URLs of the others."""
    outputs: list[Any] = getattr(result, "outputs", None) or []
    contents = [Content(one.content, one.media_type) for one in outputs if one.content is not None]
    return contents, tuple(one.url for one in outputs if one.content is None and one.url)


def _as_data(content: Content) -> str:
    """A file as a data URL, which the journal keeps in the place of its URL."""
    return f"data:{content.media_type or ''};base64,{b64encode(content.content).decode()}"


def _of_data(url: str) -> Content | None:
    """The file of such a data URL; None for any other URL."""
    found = re.match(r"data:([^;,]*);base64,", url)
    return Content(b64decode(url[found.end() :]), found[1] or None) if found else None


def _kept(result: Any) -> str | None:
    """A response as JSON, without the files in it, which are saved."""
    if isinstance(getattr(result, "content", None), bytes):
        return None
    data = result.to_dict() if hasattr(result, "to_dict") else result
    text = json.dumps(data, ensure_ascii=False, default=str)
    if len(text) > LONGEST_KEPT and getattr(result, "outputs", None):
        return json.dumps(_without_files(data), ensure_ascii=False, default=str)
    return text


def _without_files(data: Any) -> Any:
    if is_mapping(data):
        return {name: _without_files(value) for name, value in data.items()}
    if is_array(data):
        return [_without_files(value) for value in data]
    is_file = isinstance(data, str) and len(data) > LONGEST_KEPT and " " not in data
    return f"[a file of {len(data)} characters, saved]" if is_file else data


def _numbered(key: str, index: int, count: int) -> str:
    """The name of a job's file without its suffix; with a number where there are several."""
    return file_stem(key) if count == 1 else f"{file_stem(key)}-{index + 1}"


# --- for engines that keep the state --------------------------------------------------------------


def started(key: str, call: str, arguments: Mapping[str, Any], *, files: str = ".") -> Row:
    """The state of a job before its first step: plain JSON.

    Args:
        key: What its files are named by.
        call: An operation id.
        arguments: By name on the wire.
        files: The folder that its files go to, or a URL that fsspec knows.
    """
    content = json.dumps(arguments, ensure_ascii=False)
    about = {"key": key, "call": call, "vendor": vendor_of(call), "arguments": content}
    rest = dict.fromkeys(("sent_at", "until", "due", "task", "outputs", "error", "request_id"))
    counts = {"tries": 0, "polls": 0}
    return {**about, "state": "planned", **counts, **rest, "into": os.fspath(files)}


async def astep(state: Mapping[str, Any], client: AsyncClient) -> Row:
    """Take one step of a job, and return its state after it.

    `state["state"]` says how far it is: `planned`, `accepted` (a task), `done` (files are left) go
    on; `saved`, `failed` and `unknown` are ends. `due` is the time, in Unix seconds, before which
    the next step makes no sense: before it, nothing is done.

    A step from `planned` sends. An engine must not repeat it on its own: if its process ends
    meanwhile, nobody knows whether it was sent (`interrupted(state)` is the state then). All other
    steps may be repeated.

    Args:
        state: What `started` or the step before returned.
        client: Makes the calls. Its API key is not in the state.

    Raises:
        Api302Error: no other job would fare better: the API key is refused, the balance is used
            up, or files cannot be written. The state of the job is as before.
    """
    row = dict(state)
    if row["state"] not in OPEN or (row["due"] or 0) > time.time():
        return row
    with announced(client):
        work = Work(client, Target(row["into"]), Uploads(client, None))
        try:
            return {**row, **await _next(work, row)}
        except Stopped as stopped:
            raise stopped.error from None


async def _next(work: Work, row: Row) -> Change:
    if row["state"] == "planned":

        @asynccontextmanager
        async def around() -> AsyncGenerator[None]:
            row["sent_at"] = time.time()
            yield

        change = await work.send(row, around)
        return {"sent_at": row["sent_at"], **change}
    return await (work.poll(row) if row["state"] == "accepted" else work.save(row))


def interrupted(state: Mapping[str, Any], now: float | None = None) -> Row:
    """The state of a job whose step from `planned` was interrupted: unknown, never sent again on a
    guess.

    Args:
        state: Before that step.
        now: Unix seconds, for engines with a clock of their own; or else this machine's time.
    """
    return {**state, **unanswered(dict(state), now)}


def step(state: dict[str, Any]) -> dict[str, Any]:
    """As `astep`, blocking, with a client of the environment: AI302_API_KEY and AI302_BASE_URL.

    The client is made once a process.
    """
    with loop.making():
        client = _client(os.getpid(), *map(os.environ.get, ("AI302_API_KEY", "AI302_BASE_URL")))
    return loop.call(astep, state, client)


@cache
def _client(_: int, *__: str | None) -> AsyncClient:
    from api302 import AsyncClient

    return AsyncClient()
