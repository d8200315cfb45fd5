"""The network: the one module that imports httpx2, and is itself imported by the first call.

`SyncIo` and `AsyncIo` have the same methods, all coroutines; those of `SyncIo` never suspend (see
`sync`).
A caller's own client may be of httpx2 or of httpx: nothing is asked of it but what both have.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, TypeVar
from weakref import WeakSet, WeakValueDictionary

import httpx2

from api302 import __version__
from api302._errors import Api302Error, ConnectionError, InvalidArgument, TimeoutError
from api302._secret import Secret, without_credentials
from api302._types import AsyncHttpClient, HttpClient, Timeout

from . import logs
from .deadline import not_in_time, within
from .decoding import ACCEPTED
from .limiter import POOL, POOLS, Limiter
from .proxies import mounts
from .response import Leftover, Received, Response, inside

T = TypeVar("T")
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
LONGEST = 2_000_000.0
"""Seconds; what is longer, some 23 days, does not fit into the system's timers and counts as no
limit.
"""
TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""Environment variables that say which certificates are trusted, and where TLS notes its keys."""
LONGEST_NAP = 0.1
"""Seconds between two looks at what finalizers left, while a call waits for a connection."""
Limits = tuple[float | None, float | None, float | None, float | None]


def timeouts(value: Timeout) -> Limits:
    """Seconds to connect, read, write and get a connection: at most 5 to connect, None for no
    limit.
    """
    if isinstance(value, (int, float)):
        seconds = _seconds(value)
        return min(5.0, value), seconds, seconds, seconds
    return (
        _seconds(value.connect),
        _seconds(value.read),
        _seconds(value.write),
        _seconds(value.pool),
    )


def _seconds(value: float | None) -> float | None:
    return None if value is None or value > LONGEST else value


# --- our errors instead of the library's ----------------------------------------------------------


def _kinds(error: BaseException) -> frozenset[str]:
    """The names of an error's classes, if it is one of httpx2 or httpx.

    Neither is imported for that.
    """
    classes = type(error).__mro__
    known = any(kind.__module__.partition(".")[0] in ("httpx2", "httpx") for kind in classes)
    return frozenset(kind.__name__ for kind in classes) if known else frozenset()


@contextmanager
def translated(what: str) -> Generator[None]:
    """Our errors instead of the library's, whose frames are dropped: they hold headers."""
    try:
        yield
    except UnicodeError as error:
        raise ConnectionError(f"{what}: the URL has no valid host name", sent=False) from error
    except Exception as error:
        if kinds := _kinds(error):
            _raise(what, error, kinds)
        raise


def _raise(what: str, error: Exception, kinds: frozenset[str]) -> NoReturn:
    cause, said = without_frames(error), str(error) or type(error).__name__
    if "TimeoutException" in kinds:
        raise _timeout(what, kinds) from cause
    if kinds & NEVER_SENT:
        raise ConnectionError(
            f"{what}: no connection to {_host(error)} ({said})",
            sent=False,
            unreached="UnsupportedProtocol" not in kinds,
        ) from cause
    if "DecodingError" in kinds:
        raise ConnectionError(f"{what}: the response's compression is broken") from cause
    if "LocalProtocolError" in kinds:
        raise ConnectionError(f"{what}: the request cannot be sent as HTTP") from cause
    if "TransportError" in kinds:
        raise ConnectionError(f"{what}: {said}") from cause
    raise Api302Error(f"{what}: {said}") from cause


def _timeout(what: str, kinds: frozenset[str]) -> TimeoutError:
    if kinds & NEVER_SENT:
        return TimeoutError(
            f"{what}: no connection within the timeout; nothing was sent",
            sent=False,
            unreached="PoolTimeout" not in kinds,
        )
    doubt = "" if what.startswith("GET ") else "; it may have been accepted all the same"
    return TimeoutError(f"{what}: no sign of life within the timeout{doubt}", sent=True)


def _host(error: Any) -> str:
    try:
        url = error.request.url
        return str(url.copy_with(username=None, password=None, path="/", query=None))
    except Exception:  # an error that was made without its request
        return "the host"


def without_frames(error: BaseException) -> BaseException:
    """An error of the library without the frames it came from, and so for what it came from."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _built(http: Any, kwargs: Mapping[str, Any], timeout: Timeout) -> Any:
    if getattr(http, "is_closed", False) is True:
        raise InvalidArgument("http_client: is closed; keep it open as long as the client")
    headers = {"accept-encoding": ACCEPTED, **kwargs["headers"]}
    try:
        return http.build_request(**{**kwargs, "headers": headers}, timeout=timeouts(timeout))
    except (TypeError, ValueError, RecursionError) as error:
        from .misfit import misfit

        field, why = misfit(kwargs.get("json"))
        cause = without_frames(error)
        if why:
            raise InvalidArgument(f"{field}: cannot be sent as JSON; {why}") from cause
        raise InvalidArgument(f"the request cannot be built: {error}") from cause
    except Exception as error:
        if "InvalidURL" in _kinds(error):
            raise InvalidArgument(f"url: {error}") from without_frames(error)
        raise


# --- clients of the library -----------------------------------------------------------------------


def _made(is_async: bool, proxy: Secret | None, verify: Any) -> Any:
    """A client of the library, with the proxies of the environment unless one is given."""
    kind = httpx2.AsyncClient if is_async else httpx2.Client
    limits = httpx2.Limits(max_connections=POOL, max_keepalive_connections=POOL)
    options: dict[str, Any] = {
        "headers": {"user-agent": f"api302/{__version__}"},
        "limits": limits,
        "timeout": timeouts(600.0),
        "verify": verify,
    }
    try:
        return kind(proxy=proxy, **options)
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        wrong: Exception = error
    try:
        if proxy is None:
            return kind(trust_env=False, mounts=_mounts(is_async, limits, verify), **options)
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        wrong = error
    where = "proxy" if proxy else "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
    raise InvalidArgument(
        f"{where}: no connection can be made through it: {without_credentials(str(wrong))}"
    )


def _certificates() -> Any:
    """What TLS trusts: what the environment says, or the authorities that all know."""
    try:
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:  # errors of TLS are among these
        names = [name for name in TRUST if os.environ.get(name)]
        if not names:
            raise
        raise InvalidArgument(
            f"{' or '.join(names)}: cannot be used ({error}); name what is there, or unset it"
        ) from error


def _mounts(is_async: bool, limits: httpx2.Limits, verify: Any) -> Mapping[str, Any]:
    kind = httpx2.AsyncHTTPTransport if is_async else httpx2.HTTPTransport

    def is_readable(pattern: str) -> bool:
        try:
            httpx2.Client(trust_env=False, verify=verify, mounts={pattern: None}).close()
        except (ValueError, httpx2.InvalidURL):
            return False
        return True

    return mounts(lambda url: kind(proxy=Secret(url), limits=limits, verify=verify), is_readable)


def _room(http: Any) -> int:
    """How many connections a caller's client makes at most, as far as it can be seen."""
    pool = getattr(getattr(http, "_transport", None), "_pool", None)
    most = getattr(pool, "_max_connections", None)
    return min(most, POOL * POOLS) if isinstance(most, int) and most > 0 else POOL


class _Base:
    """What both have: the pools, the queue in front of them, and what finalizers left."""

    is_async: bool
    event: Callable[[], Any]

    def __init__(self, http: Any, proxy: Secret | None) -> None:
        logs.install()
        self._own = http is None
        self._proxy = proxy
        self._verify: Any = _certificates() if self._own else None
        self._clients: list[Any] = [self._new() if self._own else http]
        self.limiter: Limiter = Limiter(*self._rooms(http), self.event)
        self.is_closed: bool = False
        """Our own connections were closed."""
        self.inherited: bool = False
        """These connections are of another process, which was forked: they must not be touched."""
        self.opened: dict[object, Any] = {}
        """Responses that are open, and their iterators: so that no garbage collector ends these
        within the library.
        """
        self.leftovers: deque[Leftover] = deque()
        """Responses that nobody has any more, to be closed by the next call."""

    @property
    def _http(self) -> Any:
        return self._clients[0]

    def _rooms(self, http: Any) -> tuple[int, int]:
        """How many pools there are, and how many connections each has."""
        return (POOLS, POOL) if self._own else (1, _room(http))

    def _new(self) -> Any:
        return _made(self.is_async, self._proxy, self._verify)

    def leave_to_parent(self) -> None:
        """The process was forked: forget the connections, without touching them."""
        self.inherited = True

    def _client(self, pool: int) -> Any:
        while len(self._clients) <= pool:
            self._clients.append(self._new())
        return self._clients[pool]


class SyncIo(_Base):
    """What a sync client does with the network, the clock and the disk."""

    is_async = False
    event: Callable[[], Any] = threading.Event

    def __init__(self, http: HttpClient | None, proxy: Secret | None) -> None:
        super().__init__(http, proxy)
        self._latest: WeakValueDictionary[int, Response] = WeakValueDictionary()
        """The last response of each thread."""

    def is_here(self) -> bool:
        """Whether these connections can be used where the program is now."""
        return True

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        """Send a request and return the open response."""
        pool = self._place(timeouts(timeout)[3], what)
        try:
            http = self._client(pool)
            request = _built(http, kwargs, timeout)
            inside.depth += 1
            try:
                with translated(what):
                    raw = http.send(request, stream=True, follow_redirects=False)
                response = self._latest[threading.get_ident()] = Received(raw, self, pool)
                return response
            finally:
                inside.depth -= 1
        except BaseException:
            self.limiter.give_back(pool)
            raise

    def _place(self, seconds: float | None, what: str) -> int:
        """The pool for a call. Waits for one that has room."""
        if self.leftovers:
            self._drain()
        place = self.limiter.take()
        if isinstance(place, int):
            return place
        event, found = place
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            while not event.wait(LONGEST_NAP):
                self._drain()
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{what}: no free connection within the timeout; nothing was sent",
                        sent=False,
                    )
        except BaseException:
            self.limiter.leave(place)
            raise
        return found[0]

    def _drain(self) -> None:
        while self.leftovers:
            try:
                left = self.leftovers.popleft()
            except IndexError:  # another thread took it
                return
            inside.depth += 1
            try:
                with suppress(Exception):
                    left.raw.close()
            finally:
                inside.depth -= 1
                self.opened.pop(left.token, None)
                self.limiter.give_back(left.pool)
            left.tell()

    async def read(self, response: Response, what: str, most: int | None = None) -> bytes:
        """Read the body, at most so many bytes, and let go of the connection.

        What fails is kept beside it.
        """
        pieces: list[bytes] = []
        size, problem = 0, None
        try:
            with translated(what):
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if most is not None and size > most:
                        break
        except ConnectionError as error:
            problem = error
        finally:
            with suppress(Exception):
                response.close()
        response.keep(b"".join(pieces)[:most], problem)
        return response.content

    async def begin(self, response: Response, what: str) -> bytes:
        """The first piece of a body, which is still to be read."""
        with translated(what):
            first = next(response.iter_bytes(), b"")
        response.put_back([first])
        return first

    async def release(self, response: Response) -> None:
        """Let go of a response."""
        with suppress(Exception):
            response.close()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
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
        return within(seconds, work, what, self._stop)

    def _stop(self, thread: int) -> None:
        """End what a thread reads that nobody waits for any more."""
        if response := self._latest.get(thread):
            shut(response)

    async def close(self) -> None:
        """Close our own connections."""
        if self.inherited:
            return
        self._drain()
        if self._own:
            self.is_closed = True
            for http in self._clients:
                http.close()

    def __del__(self) -> None:
        """So that a client that nobody closed causes no ResourceWarning."""
        with suppress(Exception):
            if self._own and not self.inherited:
                for http in self._clients:
                    http.close()


def here() -> Any:
    """The event loop that runs, of asyncio or of trio; None outside of one."""
    if asyncio := sys.modules.get("asyncio"):
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            pass
    if trio := sys.modules.get("trio"):
        with suppress(RuntimeError):
            return trio.lowlevel.current_trio_token()
    return None


def _is_asyncio(loop: Any) -> bool:
    """Whether an event loop is of asyncio; that of trio is a token."""
    return hasattr(loop, "shutdown_asyncgens")


def _has_ended(loop: Any) -> bool:
    """Whether an event loop has ended."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    if loop is None or loop is here():
        return False
    try:
        loop.run_sync_soon(bool, idempotent=True)  # trio has no other way to ask
    except Exception as error:
        return type(error).__name__ == "RunFinishedError"
    return False


def _aiohttp(loop: Any, proxy: Secret | None) -> Any:
    """The kind of client that is over aiohttp, where it is installed and can be used.

    It is not for trio. Proxies are left to httpx2, which knows all kinds of them.
    """
    from urllib.request import getproxies

    if proxy is not None or not _is_asyncio(loop):
        return None
    if getproxies().keys() & {"http", "https", "all"}:
        return None
    try:
        from .aiohttp import Client
    except ImportError:
        return None
    return Client


def _event() -> Any:
    from anyio import Event

    return Event()


class AsyncIo(_Base):
    """The same for an async client, on asyncio or trio. It is of one event loop."""

    is_async = True
    event: Callable[[], Any] = staticmethod(_event)

    def __init__(
        self, http: AsyncHttpClient | None, proxy: Secret | None, transport: str | None = None
    ) -> None:
        self.loop: Any = here()
        self._aiohttp = _aiohttp(self.loop, proxy) if transport != "httpx2" else None
        super().__init__(http, proxy)
        self._keeper: AsyncGenerator[None, None] | None = None
        self._streams: WeakSet[Any] = WeakSet()
        self._closed = False

    def _rooms(self, http: Any) -> tuple[int, int]:
        if self._own and self._aiohttp:
            return 1, POOLS * POOL
        return super()._rooms(http)

    def _new(self) -> Any:
        if self._aiohttp:
            return self._aiohttp(self._verify, POOLS * POOL)
        made = super()._new()
        if _is_asyncio(self.loop):
            from . import early

            early.install(made)
        return made

    def leave_to_parent(self) -> None:
        """See `_Base.leave_to_parent`."""
        super().leave_to_parent()
        if self._own and self._aiohttp:
            self._clients[0].detach()

    def is_here(self) -> bool:
        """Whether the event loop that runs is the one of these connections."""
        return not self._own or self.loop is here()

    @property
    def is_over(self) -> bool:
        """Whether the event loop of these connections has ended."""
        return self._closed or _has_ended(self.loop)

    async def send(self, kwargs: Mapping[str, Any], timeout: Timeout, what: str) -> Response:
        """Send a request and return the open response."""
        from api302_client._request import for_async

        if self._keeper is None and self._own:
            await self._keep()
        pool = await self._place(timeouts(timeout)[3], what)
        try:
            http = self._client(pool)
            request = _built(http, for_async(dict(kwargs)), timeout)
            with translated(what):
                raw = await http.send(request, stream=True, follow_redirects=False)
            self._note(raw)
            return Received(raw, self, pool)
        except BaseException:
            self.limiter.give_back(pool)
            raise

    def _note(self, raw: Any) -> None:
        with suppress(AttributeError, TypeError):
            if (stream := raw.extensions.get("network_stream")) is not None:
                self._streams.add(stream)

    async def _keep(self) -> None:
        """Have the connections closed with their loop: asyncio ends its asynchronous generators
        before it closes.
        """
        if not _is_asyncio(self.loop):  # trio
            return
        self._keeper = self._until_the_loop_ends()
        await anext(self._keeper)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._close()

    async def _place(self, seconds: float | None, what: str) -> int:
        if self.leftovers:
            await self._drain()
        place = self.limiter.take()
        if isinstance(place, int):
            return place
        event, found = place
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            await self._wait(event, deadline, what)
        except BaseException:
            self.limiter.leave(place)
            raise
        return found[0]

    async def _wait(self, event: Any, deadline: float | None, what: str) -> None:
        from anyio import move_on_after

        while not event.is_set():
            # Only the first in the queue looks often for what finalizers left; thousands would be
            # busy with it.
            with move_on_after(LONGEST_NAP if self.limiter.is_first(event) else 1.0):
                await event.wait()
            await self._drain()
            if deadline is not None and time.monotonic() > deadline and not event.is_set():
                raise TimeoutError(
                    f"{what}: no free connection within the timeout; nothing was sent", sent=False
                )

    async def _drain(self) -> None:
        while self.leftovers:
            left = self.leftovers.popleft()
            try:
                with suppress(Exception):
                    await left.raw.aclose()
            finally:
                self.opened.pop(left.token, None)
                self.limiter.give_back(left.pool)
            left.tell()

    async def read(self, response: Response, what: str, most: int | None = None) -> bytes:
        """Read the body, at most so many bytes, and let go of the connection.

        What fails is kept beside it.
        """
        pieces: list[bytes] = []
        size, problem = 0, None
        try:
            with translated(what):
                async for piece in response.aiter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if most is not None and size > most:
                        break
        except ConnectionError as error:
            problem = error
        finally:
            with suppress(Exception):
                await response.aclose()
        response.keep(b"".join(pieces)[:most], problem)
        return response.content

    async def begin(self, response: Response, what: str) -> bytes:
        """The first piece of a body, which is still to be read."""
        pieces = response.aiter_bytes()
        with translated(what):
            first = await anext(pieces, b"")
        response.put_back([first])
        return first

    async def release(self, response: Response) -> None:
        """Let go of a response."""
        with suppress(Exception):
            await response.aclose()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        from anyio import sleep

        await sleep(seconds)

    async def thread(self, job: Callable[..., T], *args: Any, may_go_on: bool = False) -> T:
        """Do it in a thread, so that the event loop goes on."""
        from anyio.to_thread import run_sync

        return await run_sync(partial(job, *args), abandon_on_cancel=may_go_on)

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what must be done even by who was cancelled."""
        from anyio import CancelScope

        result: Any = None
        with CancelScope(shield=True):
            result = await work()
        return result

    async def within(
        self, seconds: float, work: Callable[[], Coroutine[Any, Any, T]], what: str
    ) -> T:
        """The result of work on the network, within so many seconds in all."""
        from anyio import fail_after

        try:
            with fail_after(seconds):
                return await work()
        except builtins.TimeoutError as error:
            if isinstance(error, TimeoutError):
                raise
            raise not_in_time(what, seconds) from None

    async def close(self) -> None:
        """Close our own connections, from whichever loop."""
        if self.inherited:
            return
        if self.is_here():
            await (self._keeper.aclose() if self._keeper else self._close())
        elif getattr(self.loop, "is_running", bool)():
            import asyncio

            closing = asyncio.run_coroutine_threadsafe(self._close(), self.loop)
            await self.thread(closing.result, 5.0)
        else:
            self.drop()

    async def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.is_closed: bool = self._own
        await self._drain()
        if self._own:
            for http in self._clients:
                await http.aclose()

    def drop(self) -> None:
        """Let go of the sockets without their loop, which runs no more."""
        self._closed = True
        if not self._own:
            return
        self.is_closed = True
        if self._aiohttp:
            self._clients[0].drop()
        for stream in list(self._streams):
            with suppress(Exception):
                sock = stream.get_extra_info("socket")
                getattr(sock, "_sock", sock).close()


Io = SyncIo | AsyncIo


def shut(response: Response) -> None:
    """End a read that another thread is blocked in."""
    import socket

    try:
        stream = response.extensions["network_stream"]
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
    except (KeyError, AttributeError, OSError):
        pass
