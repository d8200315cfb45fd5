"""The network: the one module that imports httpx2, and is itself imported by the first call.

`SyncIo` and `AsyncIo` have the same methods, all coroutines; those of `SyncIo` never suspend (see `sync`).
A caller's own client may be of httpx2 or of httpx: nothing is asked of it but what both have.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

import httpx2

from .. import __version__
from .._errors import Api302Error, ConnectionError, InvalidArgument, TimeoutError
from .._types import AsyncHttpClient, HttpClient, Response, Timeout

T = TypeVar("T")
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
LINGER = 1.0
"""Seconds that a stream which has said its last word gets to end its body, so that the connection can be used again."""
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

    def is_usable(self) -> bool:
        return True

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        request = _built(self._http, kwargs, timeout)
        with translated(what):
            return self._http.send(request, stream=True, follow_redirects=False)

    async def read(self, response: Response, what: str) -> bytes:
        with translated(what):
            return response.read()

    async def release(self, response: Response) -> None:
        response.close()

    async def chunks(self, response: Response, what: str) -> AsyncGenerator[bytes, None]:
        with translated(what):
            for chunk in response.iter_bytes():
                yield chunk

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def thread(self, job: Callable[..., T], *args: Any) -> T:
        """Work on the disk, which would hold up an event loop."""
        return job(*args)

    async def close(self) -> None:
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
        self._loop = _running_loop()

    def is_usable(self) -> bool:
        """Whether these connections are of the event loop that runs: `asyncio.run` makes a new one each time.

        A caller's own client is the caller's affair.
        """
        return not self._own or self._loop is _running_loop()

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        from api302_client._request import for_async

        request = _built(self._http, for_async(dict(kwargs)), timeout)
        with translated(what):
            return await self._http.send(request, stream=True, follow_redirects=False)

    async def read(self, response: Response, what: str) -> bytes:
        with translated(what):
            return await response.aread()

    async def release(self, response: Response) -> None:
        await response.aclose()

    async def chunks(self, response: Response, what: str) -> AsyncGenerator[bytes, None]:
        with translated(what):
            async for chunk in response.aiter_bytes():
                yield chunk

    async def sleep(self, seconds: float) -> None:
        from anyio import sleep

        await sleep(seconds)

    async def thread(self, job: Callable[..., T], *args: Any) -> T:
        from anyio.to_thread import run_sync

        return await run_sync(partial(job, *args))

    async def close(self) -> None:
        if self._own:
            await self._http.aclose()


Io = SyncIo | AsyncIo


def lasting(response: Response, over: Callable[[], bool], what: str) -> Iterator[bytes]:
    """The pieces of a stream. Once it is `over`, what may follow gets `LINGER` seconds, whatever the read timeout."""
    source = response.iter_bytes()
    with translated(what):
        for chunk in source:
            yield chunk
            if over():
                break
        else:
            return
    # A blocked read can only be ended from outside: by shutting the socket down.
    watch = threading.Timer(LINGER, shut, (response,))
    watch.daemon = True
    watch.start()
    try:
        yield from source
    except Exception as error:
        if "TransportError" not in _kinds(error):
            raise
    finally:
        watch.cancel()


def shut(response: Response) -> None:
    """End a read that another thread is blocked in."""
    import socket

    try:
        stream = response.extensions["network_stream"]
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    except (KeyError, AttributeError, OSError):
        pass


async def lasting_async(
    response: Response, over: Callable[[], bool], what: str
) -> AsyncIterator[bytes]:
    """`lasting` for an async client."""
    from anyio import move_on_after

    source = response.aiter_bytes()
    with translated(what):
        async for chunk in source:
            yield chunk
            if over():
                break
        else:
            return
    rest: list[bytes] = []
    with move_on_after(LINGER):
        try:
            async for chunk in source:
                rest.append(chunk)
        except Exception as error:
            if "TransportError" not in _kinds(error):
                raise
    for chunk in rest:
        yield chunk
