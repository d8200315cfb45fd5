"""The functions around each exchange: `f(call, next)`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from api302._errors import ConnectionError, InvalidArgument
from api302._http.response import Response
from api302._http.sync import run
from api302._types import Call

from .session import Middleware, Session

Observer = Callable[[Call, Response, bytes], object]
Send = Callable[[Session, Call], Coroutine[Any, Any, Response]]
Next = Callable[[Call], Coroutine[Any, Any, Response]]


async def through(session: Session, call: Call, send: Send) -> Response:
    """The response to a call, sent through the middleware."""

    received: list[Response] = []

    async def sent(last: Call) -> Response:
        _learn(session, call, last)
        response = await send(session, last)
        received.append(response)
        return response

    if not session.middleware:
        return await send(session, call)
    following: Next = sent
    wrap = _async_step if session.connections.is_async else _step
    for function in reversed(session.middleware):
        following = wrap(function, following)
    try:
        return await following(call)
    except Exception as error:
        for response in received:
            _not_forgotten(call, error, response)
        raise


def _not_forgotten(call: Call, error: Exception, response: Response) -> None:
    """Let an error of middleware say which response it took away; one that was accepted is not
    asked for again.
    """
    if response.status_code >= 400:
        return
    billed = f", request id {response.request_id}" if response.request_id else ""
    error.add_note(f"{call.what} was answered with HTTP {response.status_code}{billed}")
    if isinstance(error, ConnectionError):
        error.sent, error.unreached = True, False


def _learn(session: Session, call: Call, last: Call) -> None:
    """An API key that middleware put into a call is as secret as the client's own."""
    if last is not call:
        for name, value in last.headers.items():
            if value is not call.headers.get(name):
                session.redactor.learn(str(value).removeprefix("Bearer "))


def _step(function: Middleware, following: Next) -> Next:
    def next(call: Call) -> Response:
        return run(following(call))

    async def step(call: Call) -> Response:
        return _checked(function, function(call, next))

    return step


def _async_step(function: Middleware, following: Next) -> Next:
    async def next(call: Call) -> Response:
        return await following(call)

    async def step(call: Call) -> Response:
        given: Any = function(call, next)
        return _checked(function, await given if hasattr(given, "__await__") else given)

    return step


def _checked(function: Middleware, given: Any) -> Response:
    if isinstance(given, Response):
        return given
    if hasattr(given, "close") and hasattr(given, "__await__"):
        given.close()
    name = getattr(function, "__qualname__", repr(function))
    raise InvalidArgument(
        f"middleware: {name} returned {type(given).__name__}; return what next(call) returned,"
        " or an api302.Response"
    )


@contextmanager
def observed(session: Session, observer: Observer) -> Generator[None]:
    """Within `with`, show each exchange of the session's clients, once its body was read.

    Innermost, so that it sees what is sent. An observer that fails costs nothing.
    """
    function = _async_observing(observer) if session.connections.is_async else _observing(observer)
    session.middleware.append(function)
    try:
        yield
    finally:
        session.middleware.remove(function)


def _observing(observer: Observer) -> Middleware:
    def observe(call: Call, next: Callable[[Call], Response]) -> Response:
        response = next(call)
        response.when_read(lambda content: observer(call, response, content))
        return response

    return observe


def _async_observing(observer: Observer) -> Middleware:
    async def observe(call: Call, next: Next) -> Response:
        response = await next(call)
        response.when_read(lambda content: observer(call, response, content))
        return response

    return observe
