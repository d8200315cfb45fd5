"""The base of the generated namespaces: two classes whose methods make the calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Unpack

from ._calls.call import call
from ._calls.response import names_task
from ._calls.session import Session
from ._errors import InvalidArgument
from ._http.sync import run
from ._pending import by_keywords
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


MOST_SHOWN = 60
"""Calls that the repr of a namespace lists."""

__all__ = ["AsyncResource", "Resource", "deprecated"]


def _stream_call(session: Session, endpoint: Endpoint, options: Options, given: Given) -> Call:
    from ._calls.prepare import operation_call

    op = Operation.of(endpoint)
    return operation_call(session.settings, op, options, stream=True, **given)


def _events(given: Given) -> Given:
    return {"accept": "text/event-stream, */*;q=0.5", **given}


def _refuse_foreign(foreign: Mapping[str, Any] | None) -> None:
    """Raise InvalidArgument for an argument that the same method takes with other models alone."""
    if given := [name for name, value in (foreign or {}).items() if value not in (None, False)]:
        names = ", ".join(given)
        raise InvalidArgument(
            f"{names}: is not taken with this model; leave it out, or choose one of the models that"
            " the method's help names"
        )


def _is_streamed(stream: Any) -> bool:
    if stream not in (None, False, True):
        raise InvalidArgument(f"stream: must be True or False, not {stream!r}")
    return bool(stream)


def _switched(endpoint: Endpoint, given: Given) -> Given:
    """The arguments of a call that asks for its stream."""
    rule = Operation.of(endpoint).behaviour.stream
    assert rule is not None
    assert rule.when is not None
    others: Any = {name: value for name, value in given.items() if value is not None}
    place = "body" if rule.when.place == "body" else "query"
    others[place] = {**others.get(place, {}), rule.when.name: rule.when.value}
    return others


def _formatted(
    endpoint: Endpoint, format: Any, given: Given
) -> tuple[Given, Callable[[Any], Any] | None]:
    """The arguments of a stream, and what becomes of its response, where a class is given."""
    if format is None or isinstance(format, dict):
        return given, None
    from ._features.structured import asked

    wanted = asked(Operation.of(endpoint), format)
    return (wanted.put(given), wanted.read) if wanted else (given, None)


def _checked_methods(cls: type) -> None:
    """Let the methods of a namespace say what to do where they are called otherwise."""
    for name, method in list(vars(cls).items()):
        if (name.startswith("_") and name != "__call__") or not hasattr(method, "__code__"):
            continue
        message = getattr(method, "__deprecated__", None)
        own = method if message is None else method.__wrapped__
        checked = by_keywords(own)
        setattr(cls, name, checked if message is None else deprecated(message)(checked))


class _Namespace:
    """What both kinds of namespaces show of themselves: their calls."""

    def __dir__(self) -> list[str]:
        return [name for name, _ in _members(type(self))]

    def __repr__(self) -> str:
        lines = [f"  {name:28} {about}".rstrip() for name, about in _members(type(self))]
        title = (type(self).__doc__ or type(self).__name__).partition("\n")[0].rstrip(".")
        more = [f"  … {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
        return "\n".join([f"{title}:", *lines[:MOST_SHOWN], *more])


def _members(kind: type) -> list[tuple[str, str]]:
    """The calls and namespaces in a namespace, each with the first line of what is said of it."""
    found: dict[str, str] = {}
    for cls in kind.__mro__:
        for name, value in vars(cls).items():
            if not name.startswith("_") and name not in found:
                found[name] = (getattr(value, "__doc__", None) or "").strip().partition("\n")[0]
    return list(found.items())


class Resource(_Namespace):
    """Namespaces available on a `Client`: their methods make the calls."""

    def __init__(self, client: Session) -> None:
        self._client = client

    def __init_subclass__(cls) -> None:
        if cls.__module__.startswith("api302_resources"):
            _checked_methods(cls)

    def _call(
        self,
        endpoint: Endpoint,
        *,
        options: Options,
        stream: bool | None = None,
        foreign: Mapping[str, Any] | None = None,
        **given: Unpack[Given],
    ) -> Any:
        _refuse_foreign(foreign)
        if _is_streamed(stream):
            return self._stream(endpoint, options=options, **_switched(endpoint, given)).opened()
        op = Operation.of(endpoint)
        response = run(call(self._client, op, options, **given))
        if not names_task(op, response):
            return response
        from ._features.tasks import followed

        return run(followed(self._client, op, options, given, response))

    def _parse(
        self, endpoint: Endpoint, *, format: Any, options: Options, **given: Unpack[Given]
    ) -> Any:
        from ._features.structured import Asked

        asked = Asked(Operation.of(endpoint), format)
        return asked.read(self._call(endpoint, options=options, **asked.put(given)))

    def _submit(self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]) -> Task[Any]:
        from ._features.tasks import Task, submit

        return Task(run(submit(self._client, Operation.of(endpoint), options, given)))

    def _stream(
        self,
        endpoint: Endpoint,
        *,
        options: Options,
        format: Any = None,
        **given: Unpack[Given],
    ) -> Stream[Any]:
        from ._features.streams import Stream

        given, read = _formatted(endpoint, format, given)
        ready = _stream_call(self._client, endpoint, options, _events(given))
        return Stream(self._client, ready, read)

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


class AsyncResource(_Namespace):
    """Namespaces available on an `AsyncClient`: the same as `Resource`, awaited."""

    def __init__(self, client: Session) -> None:
        self._client = client

    def __init_subclass__(cls) -> None:
        if cls.__module__.startswith("api302_resources"):
            _checked_methods(cls)

    async def _call(
        self,
        endpoint: Endpoint,
        *,
        options: Options,
        stream: bool | None = None,
        foreign: Mapping[str, Any] | None = None,
        **given: Unpack[Given],
    ) -> Any:
        _refuse_foreign(foreign)
        if _is_streamed(stream):
            made = self._stream(endpoint, options=options, **_switched(endpoint, given))
            return await made.opened()
        op = Operation.of(endpoint)
        response = await call(self._client, op, options, **given)
        if not names_task(op, response):
            return response
        from ._features.tasks import followed

        return await followed(self._client, op, options, given, response)

    async def _parse(
        self, endpoint: Endpoint, *, format: Any, options: Options, **given: Unpack[Given]
    ) -> Any:
        from ._features.structured import Asked

        asked = Asked(Operation.of(endpoint), format)
        return asked.read(await self._call(endpoint, options=options, **asked.put(given)))

    async def _submit(
        self, endpoint: Endpoint, *, options: Options, **given: Unpack[Given]
    ) -> AsyncTask[Any]:
        from ._features.tasks import AsyncTask, submit

        return AsyncTask(await submit(self._client, Operation.of(endpoint), options, given))

    def _stream(
        self,
        endpoint: Endpoint,
        *,
        options: Options,
        format: Any = None,
        **given: Unpack[Given],
    ) -> AsyncStream[Any]:
        from ._features.streams import AsyncStream

        given, read = _formatted(endpoint, format, given)
        ready = _stream_call(self._client, endpoint, options, _events(given))
        return AsyncStream(self._client, ready, read)

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
