"""What the calls of one client share: its settings, its connections and its observers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from api302 import _log
from api302._http.connections import Connections
from api302._secret import Redactor
from api302._types import Call

from .settings import Settings

if TYPE_CHECKING:
    from api302._http.transport import Io


class Exchange(NamedTuple):
    """A call and its response, for an observer."""

    call: Call
    status: int
    headers: Mapping[str, str]
    content: bytes
    redactor: Redactor
    """Takes the secrets of this client out of what is kept."""


Observer = Callable[[Exchange], None]


class Session:
    """Settings, connections and observers of a client.

    `with_options` makes another on the same connections.
    """

    __slots__ = ("connections", "observers", "redactor", "settings")

    def __init__(
        self, settings: Settings, connections: Connections, observers: list[Observer] | None = None
    ) -> None:
        self.settings = settings
        self.connections = connections
        self.observers: list[Observer] = [] if observers is None else observers
        self.redactor = Redactor(*settings.secrets())

    def __repr__(self) -> str:
        return f"base_url={self.settings.base_url!r}"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a client holds the API key and open connections and is not pickled;"
            " make one in each process, and pass task.to_dict()"
        )

    def with_settings(self, settings: Settings) -> Session:
        """The same connections and observers under other settings."""
        return Session(settings, self.connections, self.observers)

    @property
    def io(self) -> Io:
        """The connections that a call uses now."""
        return self.connections.io()

    def observe(self, call: Call, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Tell the observers of an exchange.

        One that fails is logged: it must not cost the response.
        """
        for observer in tuple(self.observers):
            try:
                observer(Exchange(call, status, headers, content, self.redactor))
            except Exception as error:
                why = self.redactor.text(f"{type(error).__name__}: {error}")
                _log.logger.warning("%s: an observer failed (%s)", call.what, why)
