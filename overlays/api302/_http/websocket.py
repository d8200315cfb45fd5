"""A WebSocket, by the library `websockets`, which is imported when one is opened.

The two kinds have the same coroutines; those of the blocking kind never wait (see `sync`). What the
library does by itself and an API key or a paid call must not bear is off: it follows no redirect
and logs no header. Messages that nobody reads yet wait in a bounded queue; when it is full, nothing
more is taken from the network, so that the service has to wait.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import os
import socket
import struct
import sys
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any, NamedTuple, cast

from api302._errors import Api302Error, ConnectionError, InvalidArgument, TimeoutError
from api302._secret import Secret, without_credentials

LARGEST = 64 << 20
"""Bytes of a message that is received."""
OPENING = 30.0
"""Seconds for a connection and its handshake at most."""
CLOSING = 3.0
"""Seconds that the service has to confirm the end."""
SILENCE = 20.0
"""Seconds without a message after which the service is asked for a sign of life, and seconds that
it has to give it.
"""
ABNORMAL = 1006
"""The code of a connection that ended without one (RFC 6455)."""
_SILENT = logging.Logger("api302.websocket", logging.CRITICAL + 1)
"""The library logs the headers of the handshake, and so the API key."""


class Opening(NamedTuple):
    """How a WebSocket is opened."""

    url: str
    """From ws:// or wss:// on."""
    headers: Mapping[str, str]
    timeout: float
    """Seconds for the handshake, and for the service to take a message."""
    proxy: Secret | None
    """Unless given, those of the environment."""
    queue: int
    """Messages that may wait to be read."""


class Refused(Exception):
    """The service responded to the handshake, but not with 101."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The connection is over: with the code and reason of the service, or because it broke."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code)  # the reason may have a secret in it
        self.code, self.reason = code, reason


async def opened(is_async: bool, how: Opening, what: str) -> SyncSocket | AsyncSocket:
    """An open WebSocket.

    Args:
        is_async: Which kind.
        how: Where to, and how.
        what: The call, for errors.

    Raises:
        Refused: The service responded, but not with 101.
        ConnectionError, TimeoutError: It did not. Nothing was sent but the handshake.
        Api302Error: websockets is not installed.
        InvalidArgument: The proxy cannot be used.
    """
    try:
        failures: Any = import_module("websockets.exceptions")
    except ImportError:
        text = "a realtime call needs websockets: pip install api302[realtime]"
        raise Api302Error(text) from None
    kind = AsyncSocket if is_async else SyncSocket
    try:
        return await kind.open(how)
    except (ImportError, failures.InvalidURI, failures.InvalidProxy) as error:
        # A proxy may need a library that is missing.
        raise InvalidArgument(f"proxy: {without_credentials(str(cast('Any', error)))}") from None
    except builtins.TimeoutError:
        seconds = min(how.timeout, OPENING)
        text = f"{what}: no connection within {seconds:g} s"
        raise TimeoutError(text, sent=False) from None
    except (OSError, EOFError, failures.WebSocketException) as error:
        why = without_credentials(str(error)) or type(error).__name__
        is_unreached = isinstance(error, OSError)
        text = f"{what}: could not connect: {why}"
        # The library's frames hold what the service sent, which may repeat the API key.
        cause = error if is_unreached else error.with_traceback(None)
        cause.__context__ = None
        raise ConnectionError(text, sent=False, unreached=is_unreached) from cause


def _arguments(connect: Any, how: Opening, connection: type[Any]) -> dict[str, Any]:
    """The arguments of a `connect` of the library, as far as its version has them."""
    wanted = {
        "additional_headers": dict(how.headers),
        "compression": None,  # most of it is sound, which it costs time to compress
        "open_timeout": min(how.timeout, OPENING),
        "close_timeout": CLOSING,
        "ping_interval": None,  # it would take a reader that is slow for a dead service
        "max_size": LARGEST,
        "max_queue": how.queue,
        "logger": _SILENT,
        "create_connection": connection,
        "proxy": str(how.proxy) if how.proxy else True,
    }
    known = signature(connect).parameters
    return {name: value for name, value in wanted.items() if name in known}


def _refused(response: Any) -> Refused:
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return Refused(response.status_code, headers, bytes(response.body or b""))


def _closed(error: Any) -> Closed:
    """What an error of the library says of the end."""
    frame = error.rcvd
    if frame is None:
        return Closed(ABNORMAL, "the connection broke")
    return Closed(frame.code, frame.reason)


class _Socket:
    """What both kinds have in common."""

    def __init__(self, websocket: Any, timeout: float, cut: Callable[[], object]) -> None:
        self._websocket = websocket
        self._timeout = timeout
        # The library's thread or event loop holds a connection for ever that nobody closed.
        weakref.finalize(self, _in_process, os.getpid(), cut).atexit = False

    @property
    def ending(self) -> Closed | None:
        """Why the connection is over; None while it is open."""
        protocol = self._websocket.protocol
        return _closed(protocol.close_exc) if protocol.state.name == "CLOSED" else None

    async def receive(self, seconds: float | None) -> str | bytes:
        """The next message.

        A service that says nothing is asked for a sign of life now and then.

        Args:
            seconds: How long to wait; None for as long as the service lives.

        Raises:
            builtins.TimeoutError: None came in time.
            Closed: The connection is over.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = SILENCE if until is None else min(SILENCE, until - time.monotonic())
            try:
                return await self._next(max(left, 0.0))
            except builtins.TimeoutError:
                if until is not None and time.monotonic() >= until:
                    raise
            if not await self._is_alive():
                await self.abandon()
                raise Closed(ABNORMAL, f"no sign of life for {SILENCE:g} s")

    async def _next(self, seconds: float) -> str | bytes:
        raise NotImplementedError

    async def _is_alive(self) -> bool:
        raise NotImplementedError

    async def abandon(self) -> None:
        """Let go of the connection at once."""
        raise NotImplementedError


def _in_process(process: int, cut: Callable[[], object]) -> None:
    """Break a connection off that was let go of, but none of another process."""
    if os.getpid() == process:
        with suppress(OSError, RuntimeError):  # it is over, or its event loop is
            cut()


def _concurrent(name: str = "ConcurrencyError") -> type[BaseException]:
    """What the library raises for two that receive at once; RuntimeError in old versions."""
    return getattr(import_module("websockets.exceptions"), name, RuntimeError)


_TWO = "another thread or task is receiving already; only one may"


class SyncSocket(_Socket):
    """The blocking kind. One thread may send while another receives."""

    @classmethod
    async def open(cls, how: Opening) -> SyncSocket:
        """Connect. Raises Refused, and what the library raises."""
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import ClientConnection, connect

        class Connection(ClientConnection):
            def handshake(self, *args: Any, **kwargs: Any) -> None:
                try:
                    super().handshake(*args, **kwargs)
                except InvalidStatus as error:  # one of a redirect would be followed
                    raise _refused(error.response) from None

        # By versions, `connect` gives a connection or what makes one when it is entered.
        opening = cast("Any", connect)(how.url, **_arguments(connect, how, Connection))
        websocket: Any = opening.__enter__()
        _limit_sending(websocket.socket, how.timeout)
        cut = partial(websocket.socket.shutdown, socket.SHUT_RDWR)
        return cls(websocket, how.timeout, cut)

    async def send(self, text: str) -> None:
        """Send a message. Raises Closed, or builtins.TimeoutError if the service does not read."""
        from websockets.exceptions import ConnectionClosed

        started = time.monotonic()
        try:
            self._websocket.send(text)
        except (ConnectionClosed, OSError) as error:
            if time.monotonic() - started >= self._timeout:
                await self.abandon()
                raise builtins.TimeoutError from None
            raise _closed(error) if isinstance(error, ConnectionClosed) else error from None

    async def _next(self, seconds: float) -> str | bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            return self._websocket.recv(timeout=seconds)
        except ConnectionClosed as error:
            raise _closed(error) from None
        except _concurrent():
            raise InvalidArgument(_TWO) from None

    async def _is_alive(self) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            return self._websocket.ping().wait(SILENCE)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def close(self) -> None:
        """Say good-bye, and wait a little for the service to do so."""
        self._websocket.close()

    async def abandon(self) -> None:
        with suppress(OSError):
            self._websocket.socket.shutdown(socket.SHUT_RDWR)
        self._websocket.close_socket()

    def leave(self) -> None:
        """Let go of it without a word: the connection is another process's."""
        with suppress(OSError):
            self._websocket.socket.close()


def _limit_sending(connection: Any, seconds: float) -> None:
    """Let a send fail where the service does not read for so long."""
    if seconds == float("inf"):
        return
    whole = int(seconds * 1_000_000)
    value = struct.pack("ll", whole // 1_000_000, whole % 1_000_000)
    if sys.platform == "win32":
        value = struct.pack("L", whole // 1000)
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


class AsyncSocket(_Socket):
    """The kind for asyncio. It is of one event loop."""

    @classmethod
    async def open(cls, how: Opening) -> AsyncSocket:
        """Connect. Raises Refused, and what the library raises."""
        from websockets.asyncio.client import ClientConnection, connect
        from websockets.exceptions import InvalidStatus

        class Connection(ClientConnection):
            async def handshake(self, *args: Any, **kwargs: Any) -> None:
                try:
                    await super().handshake(*args, **kwargs)
                except InvalidStatus as error:  # one of a redirect would be followed
                    raise _refused(error.response) from None

        websocket = await connect(how.url, **_arguments(connect, how, Connection))
        loop = asyncio.get_running_loop()
        cut = partial(loop.call_soon_threadsafe, websocket.transport.abort)
        return cls(websocket, how.timeout, cut)

    async def send(self, text: str) -> None:
        """Send a message. Raises Closed, or builtins.TimeoutError if the service does not read."""
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(_or_none(self._timeout)):
                await self._websocket.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from None
        except builtins.TimeoutError:
            await self.abandon()
            raise

    async def _next(self, seconds: float) -> str | bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(seconds):
                return await self._websocket.recv()
        except ConnectionClosed as error:
            raise _closed(error) from None
        except _concurrent():
            raise InvalidArgument(_TWO) from None

    async def _is_alive(self) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(SILENCE):
                await (await self._websocket.ping())
        except builtins.TimeoutError:
            return False
        except ConnectionClosed as error:
            raise _closed(error) from None
        return True

    async def close(self) -> None:
        """Say good-bye, and wait a little for the service to do so."""
        try:
            await self._websocket.close()
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        self._websocket.transport.abort()

    def leave(self) -> None:
        """Let go of it without a word: the connection is another process's."""
        connection = self._websocket.transport.get_extra_info("socket")
        with suppress(OSError, AttributeError):
            socket.close(connection.fileno())


def _or_none(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds
