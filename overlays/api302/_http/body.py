"""The body of an open response, read piece by piece, though others may close it meanwhile."""

from __future__ import annotations

import threading
from contextlib import suppress

from api302._errors import ConnectionError

from .response import Response

LINGER = 1.0
"""Seconds that a stream gets after its last event, so that its connection can be used again."""


class Body:
    """The body of a response to a sync client."""

    def __init__(self, response: Response, what: str) -> None:
        self.response = response
        self._what = what
        self._pieces = response.iter_bytes()
        self._busy = threading.Lock()
        self._watch: threading.Timer | None = None

    def read(self, is_over: bool = False) -> bytes | None:
        """The next piece, or None at the end.

        Args:
            is_over: What is needed has come. What follows gets `LINGER` seconds, whatever the read
            timeout.

        Raises:
            ConnectionError: the body broke off.
        """
        with self._busy:
            if is_over and self._watch is None:
                self._linger()
            try:
                return next(self._pieces, None)  # type: ignore[call-overload]
            except Exception:
                if self._watch is not None:
                    return None
                from .transport import translated

                with translated(self._what):
                    raise

    async def next(self, is_over: bool = False) -> bytes | None:
        """`read`, as a coroutine that never suspends."""
        return self.read(is_over)

    def _linger(self) -> None:
        """A read that blocks can only be ended from outside: by shutting the socket down."""
        from .transport import shut

        self._watch = threading.Timer(LINGER, shut, (self.response,))
        self._watch.daemon = True
        self._watch.start()

    def close(self) -> None:
        """Let go of the connection.

        A thread that is just reading wakes, with an error, and closes it itself.
        """
        if not self._busy.acquire(blocking=False):
            from .transport import shut

            shut(self.response)
            return
        try:
            if self._watch is not None:
                self._watch.cancel()
            self.response.close()
            self._pieces.close()  # type: ignore[attr-defined] # a generator
        finally:
            self._busy.release()

    async def release(self) -> None:
        """`close`, as a coroutine that never suspends."""
        self.close()


class AsyncBody:
    """The body of a response to an async client."""

    def __init__(self, response: Response, what: str) -> None:
        self.response = response
        self._what = what
        self._pieces = response.aiter_bytes()
        self._is_busy = False
        self._until: float | None = None

    async def next(self, is_over: bool = False) -> bytes | None:
        """See `Body.read`."""
        self._is_busy = True
        try:
            if is_over:
                return await self._lingering()
            return await anext(self._pieces, None)
        except Exception:
            if is_over:
                return None
            from .transport import translated

            with translated(self._what):
                raise
        finally:
            self._is_busy = False

    async def _lingering(self) -> bytes | None:
        from anyio import current_time, move_on_at

        if self._until is None:
            self._until = current_time() + LINGER
        with move_on_at(self._until):
            return await anext(self._pieces, None)
        return None

    async def release(self) -> None:
        """Let go of the connection. A task that is just reading gets an error."""
        with suppress(ConnectionError):
            if not self._is_busy:
                await self._pieces.aclose()  # type: ignore[attr-defined] # a generator
            await self.response.aclose()
