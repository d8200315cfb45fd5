"""The base of the generated namespaces: two classes whose methods make the calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Unpack

from ._calls.call import call
from ._calls.session import Session
from ._http.sync import run
from ._types import Given, Operation, Options

if TYPE_CHECKING:
    # Type checkers know this name, and have its types with them (PEP 702).
    from typing_extensions import deprecated

    from ._calls.files import FileInput
    from ._features.paging import AsyncPages, Pages
    from ._features.streams import AsyncByteStream, AsyncStream, ByteStream, Stream
    from ._features.tasks import AsyncTask, Task
    from ._types import Call, Endpoint, Uploaded
else:

    def deprecated(message: str) -> Callable[[Any], Any]:
        """Mark a method as deprecated: each call of it warns.

        As `warnings.deprecated`, which Python has from 3.13.
        """
        import inspect

        def mark(method: Any) -> Any:
            @wraps(method)
            def warned(*args: Any, **kwargs: Any) -> Any:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                return method(*args, **kwargs)

            warned.__deprecated__ = message
            if inspect.iscoroutinefunction(method) and hasattr(inspect, "markcoroutinefunction"):
                inspect.markcoroutinefunction(warned)  # from Python 3.12
            return warned

        return mark


__all__ = ["AsyncResource", "Resource", "deprecated"]


def _stream_call(session: Session, endpoint: Endpoint, options: Options, given: Given) -> Call:
    from ._calls.prepare import operation_call

    op = Operation.of(endpoint)
    return operation_call(session.settings, op, options, stream=True, **given)


def _events(given: Given) -> Given:
    return {"accept": "text/event-stream, */*;q=0.5", **given}


class Resource:
    """Namespaces available on a `Client`: their methods make the calls."""

    def __init__(self, client: Session) -> None:
        self._client = client

    def _call(self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]) -> Any:
        return run(call(self._client, Operation.of(endpoint), options, **given))

    def _submit(self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]) -> Task[Any]:
        from ._features.tasks import Task, submit

        return Task(run(submit(self._client, Operation.of(endpoint), options, given)))

    def _stream(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> Stream[Any]:
        from ._features.streams import Stream

        return Stream(self._client, _stream_call(self._client, endpoint, options, _events(given)))

    def _stream_bytes(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> ByteStream:
        from ._features.streams import ByteStream

        return ByteStream(self._client, _stream_call(self._client, endpoint, options, given))

    def _iterate(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> Pages[Any]:
        from ._features.paging import Pages

        return Pages(self._client, Operation.of(endpoint), options, given)

    def _upload(
        self, endpoint: Endpoint, *, file: FileInput, options: Options, **given: Unpack[Given]
    ) -> Uploaded:
        from ._features.uploads import upload

        return run(upload(self._client, Operation.of(endpoint), file, options, given))


class AsyncResource:
    """Namespaces available on an `AsyncClient`: the same as `Resource`, awaited."""

    def __init__(self, client: Session) -> None:
        self._client = client

    async def _call(self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]) -> Any:
        return await call(self._client, Operation.of(endpoint), options, **given)

    async def _submit(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> AsyncTask[Any]:
        from ._features.tasks import AsyncTask, submit

        return AsyncTask(await submit(self._client, Operation.of(endpoint), options, given))

    def _stream(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> AsyncStream[Any]:
        from ._features.streams import AsyncStream

        return AsyncStream(
            self._client, _stream_call(self._client, endpoint, options, _events(given))
        )

    def _stream_bytes(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> AsyncByteStream:
        from ._features.streams import AsyncByteStream

        return AsyncByteStream(self._client, _stream_call(self._client, endpoint, options, given))

    def _iterate(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> AsyncPages[Any]:
        from ._features.paging import AsyncPages

        return AsyncPages(self._client, Operation.of(endpoint), options, given)

    async def _upload(
        self, endpoint: Endpoint, *, file: FileInput, options: Options, **given: Unpack[Given]
    ) -> Uploaded:
        from ._features.uploads import upload

        return await upload(self._client, Operation.of(endpoint), file, options, given)
