"""What the calls of one client share: its settings, its connections and its observers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .._http.connections import Connections
from .._secret import Secret
from .._types import Call, Timeout

if TYPE_CHECKING:
    from .._http.transport import Io

Observer = Callable[[Call, int, Mapping[str, str], bytes], None]
"""Receives each exchange: the call, status, headers, body."""


class Settings(NamedTuple):
    """How a client makes its calls, unless a call says otherwise."""

    api_key: Secret
    base_url: str
    timeout: Timeout
    retries: int
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<Settings {self.base_url}>"  # a header may hold a secret


class Session:
    """Settings, connections and observers of a client. `with_options` makes another on the same connections."""

    __slots__ = ("connections", "observers", "settings")

    def __init__(
        self, settings: Settings, connections: Connections, observers: list[Observer] | None = None
    ) -> None:
        self.settings = settings
        self.connections = connections
        self.observers: list[Observer] = [] if observers is None else observers

    def __repr__(self) -> str:
        return f"<Session {self.settings.base_url}>"

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
