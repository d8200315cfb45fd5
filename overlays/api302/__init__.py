"""api302: the 302.AI API in Python. See `Client` and `AsyncClient`.

    Client().chat.completions.create(model="gpt-4o", messages=[…])

Names are imported when they are first used, so that `import api302` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import catalog, directory, functions, testing, types, webhooks
    from . import otel as otel  # not in `__all__`: it needs an extra
    from ._calls.files import FileInput
    from ._client import AsyncClient, Client
    from ._errors import (
        Api302Error,
        ApiError,
        AuthenticationError,
        BadRequestError,
        BudgetError,
        ConnectionError,
        DecodeError,
        EnvelopeError,
        InvalidArgument,
        NoChannelError,
        NotFoundError,
        OutputError,
        PermissionDeniedError,
        QuotaError,
        RateLimitError,
        RealtimeClosed,
        RequestTooLargeError,
        ServerError,
        StreamError,
        TaskError,
        TaskFailed,
        TaskTimeout,
        TimeoutError,
    )
    from ._features.budget import AsyncBudget, Budget
    from ._features.files import AsyncOutput, Output
    from ._features.paging import AsyncPages, Page, Pages
    from ._features.progress import Progress
    from ._features.streams import AsyncByteStream, AsyncStream, ByteStream, Stream
    from ._features.tasks import AsyncTask, AsyncTaskResult, Task, TaskResult
    from ._http.response import Response
    from ._types import Call, Cost, Estimate, RawResponse, Settlement, TaskStatus, Uploaded

_WHERE = {
    "_client": "AsyncClient Client",
    "_calls.files": "FileInput",
    "_errors": "Api302Error ApiError AuthenticationError BadRequestError BudgetError"
    " ConnectionError DecodeError EnvelopeError InvalidArgument NoChannelError NotFoundError"
    " OutputError PermissionDeniedError QuotaError RateLimitError RealtimeClosed"
    " RequestTooLargeError ServerError StreamError TaskError TaskFailed TaskTimeout TimeoutError",
    "_features.budget": "AsyncBudget Budget",
    "_features.files": "AsyncOutput Output",
    "_features.paging": "AsyncPages Page Pages",
    "_features.progress": "Progress",
    "_features.streams": "AsyncByteStream AsyncStream ByteStream Stream",
    "_features.tasks": "AsyncTask AsyncTaskResult Task TaskResult",
    "_http.response": "Response",
    "_types": "Call Cost Estimate RawResponse Settlement TaskStatus Uploaded",
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names.split()}

__all__ = [
    "Api302Error",
    "ApiError",
    "AsyncBudget",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncOutput",
    "AsyncPages",
    "AsyncStream",
    "AsyncTask",
    "AsyncTaskResult",
    "AuthenticationError",
    "BadRequestError",
    "Budget",
    "BudgetError",
    "ByteStream",
    "Call",
    "Client",
    "ConnectionError",
    "Cost",
    "DecodeError",
    "EnvelopeError",
    "Estimate",
    "FileInput",
    "InvalidArgument",
    "NoChannelError",
    "NotFoundError",
    "Output",
    "OutputError",
    "Page",
    "Pages",
    "PermissionDeniedError",
    "Progress",
    "QuotaError",
    "RateLimitError",
    "RawResponse",
    "RealtimeClosed",
    "RequestTooLargeError",
    "Response",
    "ServerError",
    "Settlement",
    "Stream",
    "StreamError",
    "Task",
    "TaskError",
    "TaskFailed",
    "TaskResult",
    "TaskStatus",
    "TaskTimeout",
    "TimeoutError",
    "Uploaded",
    "catalog",
    "directory",
    "functions",
    "testing",
    "types",
    "webhooks",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in ("catalog", "directory", "functions", "otel", "testing", "types", "webhooks"):
        return import_module(f"api302.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'api302' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"api302.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
