"""What the client raises. Every class is importable from `api302`.

    Api302Error
    ├── InvalidArgument           an argument is wrong and nothing was sent; also a ValueError
    ├── BudgetError               the call could exceed the budget and was not sent
    ├── ConnectionError           no response, or only a part; also a builtin ConnectionError
    │   └── TimeoutError          … in time; also a builtin TimeoutError
    ├── ApiError                  the service answered with a failure
    │   ├── BadRequestError       400, 422; -10011, -10009, -10015
    │   ├── AuthenticationError   401; -10001 key missing, -10005 key expired
    │   ├── QuotaError            402; -10004 balance, -10006, -10007, -10012, -10018 a quota
    │   ├── PermissionDeniedError 403; -10002, -10013, -10014
    │   ├── NotFoundError         404; -10010
    │   ├── RequestTooLargeError  413; -10017
    │   ├── RateLimitError        429
    │   ├── ServerError           5xx; -10003, -1024, -10504
    │   │   └── NoChannelError    -10008 no channel currently serves this model
    │   └── EnvelopeError         a good status whose body reports another failure
    ├── DecodeError               a good response that cannot be used; its bytes are in `content`
    ├── StreamError               a stream that failed or was cut short; keeps the partial output
    ├── OutputError               the output is cut off, or is not of the class that was asked for
    └── TaskError                 about a task; carries its handle
        ├── TaskFailed            the service gave the task up
        └── TaskTimeout           the task was not done in time; also a builtin TimeoutError

The provider's code decides where it is known, and the HTTP status otherwise. All of them pickle,
and none holds the API key.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

LONGEST_MESSAGE = 2000


class Api302Error(Exception):
    """Base of all errors of this package. What was received of a response is never forgotten.

    Attributes:
        status_code: The HTTP status, where a response began; else None.
        code: The provider's or vendor's code, if any.
        body: The response's body as JSON, or as text where it is not JSON; None without a response.
        content: The bytes of the body, as far as they were received, decompressed.
        headers: The response's headers, names in lower case.
        request_id: The id under which the call may have been billed, if it is known.
        call: Method and path.
        window: When the call was begun and when it failed, in Unix seconds, as `client.settle`
            takes it; None for what was no call.
    """

    window: tuple[float, float] | None = None
    status_code: int | None = None
    code: str | int | None = None
    body: Any = None
    content: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})
    request_id: str | None = None
    call: str = ""

    def __init__(self, message: str, **attributes: Any) -> None:
        short = message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"
        super().__init__(
            short.encode(errors="replace").decode()
        )  # half a surrogate pair could not be printed
        self.__dict__.update(attributes)

    @property
    def message(self) -> str:
        """What went wrong, without the facts that `str()` adds."""
        return str(self.args[0]) if self.args else ""


class InvalidArgument(Api302Error, ValueError):
    """An argument is wrong. Nothing was sent. The text names the argument and what to do."""


class BudgetError(Api302Error):
    """A call could exceed the budget, or nobody knows what it costs. Nothing was sent.

    Attributes:
        left: PTC that are left of the budget.
        estimate: The `Estimate` of the call.
    """

    left: float = 0.0
    estimate: Any = None


class ConnectionError(Api302Error, builtins.ConnectionError):
    """No response came, or not the whole of it: then status, headers and the bytes received are
    here.

    Attributes:
        sent: False if the request surely never reached the service, so that nothing was begun or
            billed.
        unreached: True if the host could not be connected to: refused, not found, no TLS.
    """

    sent: bool = True
    unreached: bool = False

    def __str__(self) -> str:
        if self.status_code is None:
            return self.message
        known = f", request id {self.request_id}" if self.request_id else ""
        size = len(self.content)
        return f"{self.message} [HTTP {self.status_code}{known}, {size} bytes in .content]"


class RealtimeClosed(ConnectionError):
    """The connection of a realtime session is over; what the session knew is gone with it.

    `sent` is False if nothing was sent in it but its settings.

    Attributes:
        close_code: Why, as a WebSocket says it: 1000 for a regular end, 1006 for a connection that
            broke.
        reason: What the service said.
    """

    close_code: int = 1006
    reason: str = ""


class TimeoutError(ConnectionError, builtins.TimeoutError):
    """No response came in time.

    With `sent` true, the service may have done, and billed, the work all the same.
    """


class ApiError(Api302Error):
    """The service answered with a failure."""

    hint: ClassVar[str] = ""
    retry_after: float | None = None
    """Seconds after which the service wants to be called again, if it said so."""

    def __str__(self) -> str:
        facts = [self.call, f"HTTP {self.status_code}"]
        facts += [f"code {self.code}"] if self.code is not None else []
        facts += [f"request id {self.request_id}"] if self.request_id else []
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.message}{hint} [{', '.join(filter(None, facts))}]"


class BadRequestError(ApiError):
    """The request was refused as wrong (400, 422)."""


class AuthenticationError(ApiError):
    """The API key is missing, wrong or expired (401)."""

    hint = "Check the API key in AI302_API_KEY or Client(api_key=…)."


class QuotaError(ApiError):
    """The balance is too low, or a quota is used up (402)."""


class PermissionDeniedError(ApiError):
    """The API key may not do this (403)."""


class NotFoundError(ApiError):
    """The resource does not exist (404)."""


class RequestTooLargeError(ApiError):
    """The request or its file is too large (413)."""


class RateLimitError(ApiError):
    """Too many requests (429). `retry_after` says when to call again, if the service said so."""


class ServerError(ApiError):
    """The service, or the vendor behind it, failed (5xx)."""


class NoChannelError(ServerError):
    """No channel currently serves this model (-10008). The request was not accepted."""


class EnvelopeError(ApiError):
    """A response with a good HTTP status whose body reports a failure, with a code that has no
    class of its own.
    """


class DecodeError(Api302Error):
    """A response with a good status that cannot be used.

    It may have been billed: `content` has its bytes.
    """


class StreamError(Api302Error):
    """A stream reported an error, or ended before its end. What came is kept.

    Attributes:
        code: The code in the error event, if it was one.
        body: The error event, if it was one.
        events: The events that came, typed.
        text: The text that came.
        partial: The response that the events received make, as far as they go; None where they make
            none.
        request_id: The id under which the call is billed.
    """

    code: str | int | None = None
    body: Any = None
    events: list[Any] = []  # noqa: RUF012 - never changed, replaced on each object
    text: str = ""
    partial: Any = None
    request_id: str | None = None


class OutputError(Api302Error):
    """The output that `parse` asked for is cut off, or is not of the class. It is kept, and paid.

    Attributes:
        reason: `cut` or `invalid`.
        response: The response.
        text: The output as text.
        request_id: The id under which the call is billed.
    """

    reason: str = ""
    response: Any = None
    text: str = ""


class TaskError(Api302Error):
    """About a task.

    Attributes:
        task: The `Task` or `AsyncTask` (not after unpickling: a handle belongs to a client).
        task_dict: What `client.resume()` takes, in this process or another.
        status: The last `TaskStatus`, with the response; None where none is known.
        code: The vendor's code, if it gave one.
        status_code: The HTTP status of that response.
        request_id: The id under which the submitting call is billed.
        pending: Where several tasks were waited for, those that go on.
    """

    task: Any = None
    task_dict: Mapping[str, Any] = {}
    status: Any = None
    pending: list[Any] = []  # noqa: RUF012 - never changed, replaced on each object

    def __str__(self) -> str:
        kept = json.dumps(dict(self.task_dict), ensure_ascii=False)
        facts = [f"task {self.task_dict.get('id')}"]
        facts += [f"code {self.code}"] if self.code is not None else []
        facts += [f"HTTP {self.status_code}"] if self.status_code is not None else []
        facts += [f"request id {self.request_id}"] if self.request_id else []
        return f"{self.message} [{', '.join(facts)}; client.resume({kept})]"

    def __reduce__(self) -> tuple[Any, ...]:
        hidden = ("task", "pending")  # handles of a client
        kept = {name: value for name, value in self.__dict__.items() if name not in hidden}
        return type(self), self.args, kept


class TaskFailed(TaskError):
    """The service gave the task up."""


class TaskTimeout(TaskError, builtins.TimeoutError):
    """The task was not done in time. It goes on, and can be waited for again.

    Attributes:
        retry_after: Seconds after which the service wants to be polled again, where that was later
            than the end of the time.
    """

    retry_after: float | None = None
