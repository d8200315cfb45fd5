"""Which of several connection pools a call uses, and the queue in front of them.

The pools of httpx go through all their connections and all their waiting calls for every call,
which takes
minutes for some thousand calls at once. So each pool gets only as many calls as it has connections,
and who
comes later waits here, in order of arrival.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

POOL = 20
"""Connections of one pool."""
POOLS = 50
"""Pools of one client, made when they are needed."""


Ticket = tuple[Any, list[int]]
"""What a waiting call waits for, and where its pool's number will be."""


class Limiter:
    """Gives each call the number of a pool that has room.

    `event` makes what a waiting call waits for.
    """

    def __init__(self, pools: int, size: int, event: Callable[[], Any]) -> None:
        self._free = [size] * pools
        self._event = event
        self._waiting: deque[Ticket] = deque()
        self._lock = threading.RLock()  # the garbage collector may close a response at any point

    def take(self) -> int | Ticket:
        """The pool to use; or, where all are full, what to wait for and where the pool's number
        will be.
        """
        with self._lock:
            if not self._waiting:
                for number, free in enumerate(self._free):
                    if free:
                        self._free[number] = free - 1
                        return number
            ticket: Ticket = (self._event(), [])
            self._waiting.append(ticket)
            return ticket

    def give_back(self, number: int) -> None:
        """A call with this pool has ended: the next one gets its place."""
        with self._lock:
            if self._waiting:
                event, place = self._waiting.popleft()
                place.append(number)
                event.set()
            else:
                self._free[number] += 1

    def leave(self, ticket: Ticket) -> None:
        """A call waits no longer. A place that it was just given goes to the next."""
        with self._lock:
            if not ticket[1]:
                self._waiting.remove(ticket)
                return
        self.give_back(ticket[1][0])

    def is_first(self, event: Any) -> bool:
        """Whether the call that waits for `event` is the next one."""
        with self._lock:
            return bool(self._waiting) and self._waiting[0][0] is event
