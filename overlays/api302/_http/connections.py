"""Whose connections a call uses: those of this process and of the event loop that runs.

Does not import the HTTP library before the first call.
"""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from api302._errors import Api302Error
from api302._secret import Secret
from api302_client._fork import in_each_child

if TYPE_CHECKING:
    from .transport import Io

_living: WeakSet[Connections] = WeakSet()
_kept: list[Any] = []
"""Connections that this process never closes: its parent's, since that would speak to the service
in the parent's name, and its own that have open streams when it ends.
"""


class Connections:
    """The connections, made at the first call and shared by the clients that `with_options`
    returns.
    """

    def __init__(
        self, is_async: bool, http: Any, proxy: Secret | None, transport: str | None = None
    ) -> None:
        self.is_async = is_async
        self._http, self._proxy, self._transport = http, proxy, transport
        self._lock = threading.Lock()
        self._ios: dict[Any, Io] = {}
        self._closed = False
        self._forked = False
        self.sessions: WeakSet[Any] = WeakSet()
        """Realtime sessions that are open: they have a connection each."""
        _living.add(self)

    def io(self) -> Io:
        """The connections for the process and the event loop that run.

        Raises Api302Error if the client is closed.
        """
        self.refuse_closed()
        io = self._ios.get(self._where())
        return io if io is not None and not self._is_over(io) else self._new()

    def refuse_closed(self) -> None:
        """Raise Api302Error if the client is closed."""
        if self._closed:
            raise Api302Error(
                "the client is closed; make a new one, or keep the calls inside its `with` block"
            )

    @property
    def proxy(self) -> Secret | None:
        """The URL of the proxy that the client was given."""
        return self._proxy

    def _where(self) -> Any:
        """The event loop that the connections belong to; a caller's own client is one for all."""
        if not self.is_async or self._http is not None:
            return None
        from .transport import here

        return here()

    def _is_over(self, io: Any) -> bool:
        return self.is_async and self._http is None and io.is_over

    def _new(self) -> Io:
        if self._forked and self._http is not None:
            raise Api302Error(
                "http_client: it was used before this process was forked, and its connections are"
                " the parent's; make the client after the fork, or leave out http_client"
            )
        from .transport import AsyncIo, SyncIo

        with self._lock:
            where = self._where()
            io = self._ios.get(where)
            if io is not None and not self._is_over(io):
                return io
            for loop, one in list(self._ios.items()):
                if isinstance(one, AsyncIo) and self._is_over(one):
                    one.drop()
                    del self._ios[loop]
            new = (
                AsyncIo(self._http, self._proxy, self._transport)
                if self.is_async
                else SyncIo(self._http, self._proxy)
            )
            self._ios[where] = new
            return new

    async def close(self) -> None:
        """Close the connections, of every event loop; a caller's own client stays open."""
        self._closed = True
        for one in list(self.sessions):
            await one.end()
        ios, self._ios = self._ios, {}
        for io in ios.values():
            await io.close()

    def leave_to_parent(self) -> None:
        """This process was just forked: the connections are the parent's, and the lock may be held
        by nobody.
        """
        self._lock = threading.Lock()
        self._forked = self._forked or bool(self._ios)
        for io in self._ios.values():
            io.leave_to_parent()
            _keep_for_ever(io)
        self._ios = {}

    def leave_to_system(self) -> None:
        """This process ends, and streams may be open: the system closes them. Their finalizers
        would run so late that the library's own imports fail, and say so on the terminal.
        """
        if not self.is_async:
            for io in self._ios.values():
                if io.opened:
                    _keep_for_ever(io)


def _keep_for_ever(io: Any) -> None:
    """Keep it past the end of this process's modules, so that no finalizer reaches it."""
    _kept.append(io)
    with suppress(ImportError):
        from ctypes import py_object, pythonapi

        pythonapi.Py_IncRef(py_object(io))


def _after_fork() -> None:
    for connections in list(_living):
        connections.leave_to_parent()


def _at_exit() -> None:
    for connections in list(_living):
        connections.leave_to_system()


atexit.register(_at_exit)
in_each_child(_after_fork)
