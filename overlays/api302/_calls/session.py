"""What the calls of one client share: its settings, its connections and its middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api302._errors import InvalidArgument
from api302._http.connections import Connections
from api302._secret import Redactor, Secret

from .settings import Settings, valid_key

if TYPE_CHECKING:
    from api302._http.transport import Io


Middleware = Callable[..., Any]
"""`f(call, next)`: sees a `Call` before it is sent, and gives the `Response` of `next(call)`, or
another. For an `AsyncClient`, a coroutine function, whose `next` is awaited.
"""


class Session:
    """Settings, connections and middleware of a client.

    `with_options` makes another on the same connections.
    """

    __slots__ = ("connections", "middleware", "output", "redactor", "settings")

    def __init__(
        self,
        settings: Settings,
        connections: Connections,
        middleware: list[Middleware],
        output: Callable[..., Any],
    ) -> None:
        self.settings: Settings = settings
        self.connections: Connections = connections
        self.middleware: list[Middleware] = middleware
        """The first is the outermost. Shared by all clients of these connections."""
        self.output: Callable[..., Any] = output
        """Makes what a caller gets for a file of a response: a layer above this one has it."""
        self.redactor: Redactor = Redactor(*settings.secrets())

    def __repr__(self) -> str:
        return f"base_url={self.settings.base_url!r}"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a client holds the API key and open connections and is not pickled;"
            " make one in each process, and pass task.to_dict()"
        )

    def with_settings(self, settings: Settings) -> Session:
        """The same connections and middleware under other settings."""
        return Session(settings, self.connections, self.middleware, self.output)

    @property
    def io(self) -> Io:
        """The connections that a call uses now."""
        return self.connections.io()

    async def key(self) -> Secret:
        """The API key for the next exchange.

        Raises InvalidArgument if the function that gives it gives something else.
        """
        source = self.settings.api_key
        if isinstance(source, Secret):
            return source
        given: Any = source()
        if hasattr(given, "__await__"):
            if not self.connections.is_async:
                given.close()
                raise InvalidArgument("api_key: Client takes a function that is not a coroutine's")
            given = await given
        if not isinstance(given, str):
            kind = type(given).__name__
            raise InvalidArgument(f"api_key: its function must return the key, not {kind}")
        key = valid_key(Secret(given))
        self.redactor.learn(key)
        return key
