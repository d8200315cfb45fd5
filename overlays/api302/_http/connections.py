"""Whose connections a call uses. Does not import the HTTP library before the first call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .._errors import Api302Error

if TYPE_CHECKING:
    from .transport import Io


class Connections:
    """The connections, made at the first call and shared by the clients that `with_options` returns."""

    def __init__(self, is_async: bool, http: Any, proxy: str | None) -> None:
        self.is_async = is_async
        self._settings = http, proxy
        self._lock = threading.Lock()
        self._io: Io | None = None
        self._closed = False

    def io(self) -> Io:
        """The connections for the event loop that runs. Raises Api302Error if the client is closed."""
        if self._closed:
            raise Api302Error(
                "the client is closed; make a new one, or keep the calls inside its `with` block"
            )
        if self._io is None or not self._io.is_usable():
            with self._lock:
                if self._io is None or not self._io.is_usable():
                    from .transport import AsyncIo, SyncIo

                    self._io = (AsyncIo if self.is_async else SyncIo)(*self._settings)
        return self._io

    async def close(self) -> None:
        """Close the connections; a caller's own client stays open."""
        io, self._io, self._closed = self._io, None, True
        if io:
            await io.close()
