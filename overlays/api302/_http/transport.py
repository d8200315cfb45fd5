"""The network: the one module that imports httpx2, and is itself imported by the first call.

`SyncIo` and `AsyncIo` have the same methods, all coroutines; those of `SyncIo` never suspend (see `sync`).
A caller's own client may be of httpx2 or of httpx: nothing is asked of it but what both have.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

import httpx2

from .. import __version__
from .._errors import Api302Error, ConnectionError, InvalidArgument, TimeoutError
from .._types import AsyncHttpClient, HttpClient, Response, Timeout
from .body import AsyncBody, Bodies, Body
from .deadline import not_in_time, within

T = TypeVar("T")
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
Limits = tuple[float | None, float | None, float | None, float | None]


def timeouts(value: Timeout) -> Limits:
    """Seconds to connect, read, write and get a connection: at most 5 to connect, None for no limit."""
    if isinstance(value, (int, float)):
        seconds = None if value == float("inf") else value
        return min(5.0, value), seconds, seconds, seconds
    return value.connect, value.read, value.write, value.pool


def _kinds(error: BaseException) -> frozenset[str]:
    """The names of an error's classes, if it is one of httpx2 or httpx. Neither is imported for that."""
    classes = type(error).__mro__
    known = any(kind.__module__.partition(".")[0] in ("httpx2", "httpx") for kind in classes)
    return frozenset(kind.__name__ for kind in classes) if known else frozenset()


@contextmanager
def translated(what: str) -> Generator[None]:
    """Our errors instead of the library's."""
    try:
        yield
    except UnicodeError as error:
        raise ConnectionError(f"{what}: the URL has no valid host name", sent=False) from error
    except Exception as error:
        if kinds := _kinds(error):
            _raise(what, error, kinds)
        raise


def _raise(what: str, error: Exception, kinds: frozenset[str]) -> NoReturn:
    if "TimeoutException" in kinds:
        sent = not kinds & NEVER_SENT
        why = (
            "no sign of life within the timeout"
            if sent
            else "no connection within the timeout; nothing was sent"
        )
        doubt = (
            "; it may have been accepted all the same"
            if sent and not what.startswith("GET ")
            else ""
        )
        raise TimeoutError(f"{what}: {why}{doubt}", sent=sent) from error
    if "DecodingError" in kinds:
        raise ConnectionError(f"{what}: the response's compression is broken", sent=True) from error
    if "LocalProtocolError" in kinds:
        raise ConnectionError(f"{what}: the request cannot be sent as HTTP", sent=True) from error
    if kinds & NEVER_SENT:
        request: Any = getattr(error, "request", None)
        host = request.url.copy_with(username=None, password=None, path="/", query=None)
        raise ConnectionError(
            f"{what}: no connection to {host} ({error or type(error).__name__})", sent=False
        ) from error
    if "TransportError" in kinds:
        raise ConnectionError(f"{what}: {error or type(error).__name__}", sent=True) from error
    if kinds & {"InvalidURL", "StreamError"}:
        raise Api302Error(f"{what}: {error}") from error
    raise error


def _built(http: Any, kwargs: Mapping[str, Any], timeout: Timeout) -> Any:
    try:
        return http.build_request(**kwargs, timeout=timeouts(timeout))
    except (TypeError, ValueError) as error:
        import json

        for name, value in kwargs["json"].items() if isinstance(kwargs.get("json"), dict) else ():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as why:
                raise InvalidArgument(
                    f"{name}: cannot be sent as JSON ({why}); give plain JSON values"
                ) from error
        raise InvalidArgument(f"the request cannot be built: {error}") from error
    except Exception as error:
        if "InvalidURL" in _kinds(error):
            raise InvalidArgument(f"url: {error}") from error
        raise


def _made(kind: Callable[..., T], proxy: str | None) -> T:
    headers = {"user-agent": f"api302/{__version__}"}
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
    try:
        return kind(headers=headers, limits=limits, timeout=timeouts(600.0), proxy=proxy)
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        where = "proxy" if proxy else "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
        raise InvalidArgument(f"{where}: no connection can be made through it: {error}") from error


class SyncIo:
    """What a sync client does with the network, the clock and the disk."""

    def __init__(self, http: HttpClient | None, proxy: str | None) -> None:
        self._own = http is None
        self._http: Any = http or _made(httpx2.Client, proxy)
        self._bodies = Bodies()

    def is_usable(self) -> bool:
        return True

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        self._close_left()
        request = _built(self._http, kwargs, timeout)
        with translated(what):
            return self._http.send(request, stream=True, follow_redirects=False)

    async def read(self, response: Response, what: str) -> bytes:
        with translated(what):
            return response.read()

    async def release(self, response: Response) -> None:
        response.close()

    def body(self, response: Response, what: str) -> Body:
        """The body of an open response, to be read piece by piece."""
        return Body(response, what, self._bodies)

    def _close_left(self) -> None:
        for body in self._bodies.left():
            with suppress(Exception):
                body.close()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def thread(self, job: Callable[..., T], *args: Any, may_go_on: bool = False) -> T:
        """Work on the disk, which would hold up an event loop.

        Args:
            job: A function of `args`.
            args: What it is called with.
            may_go_on: Who is cancelled need not wait for it.
        """
        return job(*args)

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what must be done even by who was cancelled."""
        return await work()

    async def within(
        self, seconds: float, work: Callable[[], Coroutine[Any, Any, T]], what: str
    ) -> T:
        """The result of work on the network, within so many seconds in all.

        A timeout of the HTTP library starts anew with each byte that arrives. Raises TimeoutError.
        """
        return within(seconds, work, what)

    async def close(self) -> None:
        self._close_left()
        if self._own:
            self._http.close()

    def __del__(self) -> None:
        """So that a client that nobody closed causes no ResourceWarning."""
        with suppress(Exception):
            if self._own:
                self._http.close()


def _running_loop() -> Any:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class AsyncIo:
    """The same for an async client, on asyncio or trio."""

    def __init__(self, http: AsyncHttpClient | None, proxy: str | None) -> None:
        self._own = http is None
        self._http: Any = http or _made(httpx2.AsyncClient, proxy)
        self._bodies = Bodies()
        self._loop = _running_loop()

    def is_usable(self) -> bool:
        """Whether these connections are of the event loop that runs: `asyncio.run` makes a new one each time.

        A caller's own client is the caller's affair.
        """
        return not self._own or self._loop is _running_loop()

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        from api302_client._request import for_async

        await self._close_left()
        request = _built(self._http, for_async(dict(kwargs)), timeout)
        with translated(what):
            return await self._http.send(request, stream=True, follow_redirects=False)

    async def read(self, response: Response, what: str) -> bytes:
        with translated(what):
            return await response.aread()

    async def release(self, response: Response) -> None:
        await response.aclose()

    def body(self, response: Response, what: str) -> AsyncBody:
        """The body of an open response, to be read piece by piece."""
        return AsyncBody(response, what, self._bodies)

    async def _close_left(self) -> None:
        for body in self._bodies.left():
            with suppress(Exception):
                await body.release()

    async def sleep(self, seconds: float) -> None:
        from anyio import sleep

        await sleep(seconds)

    async def thread(self, job: Callable[..., T], *args: Any, may_go_on: bool = False) -> T:
        from anyio.to_thread import run_sync

        return await run_sync(partial(job, *args), abandon_on_cancel=may_go_on)

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        from anyio import CancelScope

        with CancelScope(shield=True):
            return await work()

    async def within(
        self, seconds: float, work: Callable[[], Coroutine[Any, Any, T]], what: str
    ) -> T:
        from builtins import TimeoutError as TimeIsOver

        from anyio import fail_after

        try:
            with fail_after(seconds):
                return await work()
        except TimeIsOver as error:
            if isinstance(error, TimeoutError):
                raise
            raise not_in_time(what, seconds) from None

    async def close(self) -> None:
        await self._close_left()
        if self._own:
            await self._http.aclose()


Io = SyncIo | AsyncIo


def shut(response: Response) -> None:
    """End a read that another thread is blocked in."""
    import socket

    try:
        stream = response.extensions["network_stream"]
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    except (KeyError, AttributeError, OSError):
        pass
