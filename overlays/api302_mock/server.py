"""The mock on a real socket, in a thread of the caller's process."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, Unpack

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.config import WS_PROTOCOLS

from api302_mock.app import MockApp, create_app
from api302_mock.control import Seen, Settings, SettingsFields
from api302_mock.fileserver import PREFIX
from api302_mock.webhooks import Delivery
from api302_mock.wishes import WishFields

_IN_USE = (errno.EADDRINUSE, getattr(errno, "WSAEACCES", errno.EADDRINUSE))
Lifespan = Literal["on", "off"]
"""Whether the app is told when the server starts and stops."""
WEBSOCKETS: Literal["websockets-sansio"] = "websockets-sansio"
"""What serves WebSockets; uvicorn has it since 0.35."""


class App(Protocol):
    """An ASGI app that can be closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        ...

    def close(self) -> None:
        """Drop what it holds."""
        ...


class Serving:
    """An app on a real socket, in a thread. Close it, or use it as a context manager.

    Attributes:
        url: Its URL, without a slash at the end: what a client takes as `base_url`.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self, app: App, host: str = "127.0.0.1", port: int = 0, lifespan: Lifespan = "off"
    ) -> None:
        self._app = app
        self._socket = bound(host, port)
        self.url = url_of(self._socket)
        self._server = uvicorn.Server(config(app, lifespan=lifespan))
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name="api302_mock",
            daemon=True,
        )
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"The mock did not start at {self.url}.")
            time.sleep(0.005)

    def close(self) -> None:
        """Stop serving, wait until it has stopped, and drop what the app holds."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()
        self._app.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class MockServer(Serving):
    """A running mock. Close it, or use it as a context manager.

    Attributes:
        url: Its URL, without a slash at the end: what a client takes as `base_url`.
        app: The app.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, app: MockApp, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = app
        super().__init__(app, host, port)

    @property
    def settings(self) -> Settings:
        """The settings, such as `server.settings.polls = 0`.

        A reset restores those of the start.
        """
        return self.app.settings

    @property
    def requests(self) -> list[Seen]:
        """The requests since the last reset, those for files included, oldest first."""
        return self.app.requests

    @property
    def leaked_keys(self) -> list[Seen]:
        """The requests for files that carried an API key.

        A client must send it to the API alone.
        """
        return [seen for seen in self.requests if seen.path.startswith(PREFIX) and seen.keys]

    @property
    def webhooks(self) -> list[Delivery]:
        """The webhooks that were called since the last reset, or were not and why, oldest first."""
        return self.app.webhooks.deliveries

    def next(self, **wish: Unpack[WishFields]) -> None:
        """Schedule how the next response is to be: `code=429, times=2`, `text="Hello"`,
        `fault="reset"`.

        Args:
            wish: As :class:`api302_mock.wishes.WishFields` says.

        Raises:
            ValueError: A name or value is not one that the mock knows.
        """
        self.app.next(**wish)

    def cut(self) -> int:
        """Break the open WebSockets off, as a network does. Returns how many there were."""
        return self.app.cut()

    def reset(self) -> None:
        """Forget everything and restore the settings: see :meth:`MockApp.reset`."""
        self.app.reset()


def start(
    document: str | Path | Mapping[str, Any] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    **settings: Unpack[SettingsFields],
) -> MockServer:
    """Serve the mock from a thread.

    Args:
        document: As for :func:`create_app`.
        host: The IP address or name to listen on.
        port: The port, 0 for a free one.
        settings: The fields of :class:`api302_mock.control.Settings`: `polls=0`, `delay=0`,
            `strict=True`.

    Raises:
        OSError: The port is taken, or the document cannot be read.
        ValueError: The document is not one.
    """
    return MockServer(create_app(document, **settings), host, port)


def bound(host: str, port: int) -> socket.socket:
    """A listening socket, before the server starts: its port is known, and surely ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named since asyncio turns Nagle's algorithm off (40 ms a response) only
    # where it sees TCP.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # By SO_REUSEADDR Windows gives one port to two programs.
    shared = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    listening.setsockopt(socket.SOL_SOCKET, shared, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno in _IN_USE:
            raise OSError(error.errno, f"port {port} of {host} is in use") from None
        raise
    listening.listen(128)
    return listening


def url_of(listening: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listening.getsockname()[:2]
    names = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return f"http://{names.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def has_websockets() -> bool:
    """Whether the libraries that are installed can serve WebSockets."""
    return find_spec("websockets") is not None and WEBSOCKETS in WS_PROTOCOLS


def config(app: App, log_level: str = "error", lifespan: Lifespan = "off") -> uvicorn.Config:
    """How uvicorn serves the mock: without its own headers.

    WebSockets need `websockets`, which the extra `realtime` has, and uvicorn 0.35 or newer.
    """
    return uvicorn.Config(
        app,
        lifespan=lifespan,
        ws=WEBSOCKETS if has_websockets() else "none",
        log_level=log_level,
        access_log=log_level == "info",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
