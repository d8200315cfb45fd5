"""One at a time, for those who share an iterator: what one waits for is for all of them."""

from __future__ import annotations

import threading
from typing import Any


class Turn:
    """Taken within `async with`, by one task of an event loop; the others wait until it is over."""

    def __init__(self) -> None:
        self.is_taken = False
        self._waiting: list[Any] = []

    async def __aenter__(self) -> None:
        while self.is_taken:
            await self.over()
        self.is_taken = True

    async def __aexit__(self, *_: object) -> None:
        self.is_taken = False
        while self._waiting:
            self._waiting.pop().set()

    async def over(self) -> None:
        """Wait for the task whose turn it is."""
        from anyio import Event

        self._waiting.append(event := Event())
        await event.wait()


class ThreadTurn:
    """The same for threads, as coroutines that never suspend."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
