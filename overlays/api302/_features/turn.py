"""One task at a time, for tasks that share an iterator: what one waits for is for all of them."""

from __future__ import annotations

from typing import Any


class Turn:
    """Taken within `with`, by one task of an event loop; the others wait until it is over."""

    def __init__(self) -> None:
        self.is_taken = False
        self._waiting: list[Any] = []

    def __enter__(self) -> None:
        self.is_taken = True

    def __exit__(self, *_: object) -> None:
        self.is_taken = False
        while self._waiting:
            self._waiting.pop().set()

    async def over(self) -> None:
        """Wait for the task whose turn it is."""
        from anyio import Event

        self._waiting.append(event := Event())
        await event.wait()
