"""What a batch may cost: each job's estimate is reserved before it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from api302._errors import Api302Error, InvalidArgument
from api302._types import Estimate

from .journal import Journal

if TYPE_CHECKING:
    from api302 import AsyncClient

SAMPLE = 200
"""Jobs whose estimates stand for all, where there is no budget."""
_SLACK = 1e-9
_AGAIN = 60.0
"""Seconds after which a cost that was not on record is asked for again."""
_ASKED, _AT_ONCE = 200, 10
"""Jobs whose cost is asked for when the budget is short, and how many at once."""


class Money:
    """A budget, and what is spent and reserved of it."""

    def __init__(self, client: AsyncClient, journal: Journal, limit: float | None) -> None:
        self._client, self._journal = client, journal
        self.limit: float | None = limit
        self.cost: float
        self.reserved: float
        self.cost, self.reserved = journal.money()
        self._asking = asyncio.Lock()
        self._asked: dict[int, float] = {}
        """When each job's cost was asked for last."""

    def has_room(self, estimate: float) -> bool:
        """Reserve what a job may cost, if there is room."""
        if self.limit is not None and self.taken + estimate > self.limit + _SLACK:
            return False
        self.reserved += estimate
        return True

    @property
    def taken(self) -> float:
        """PTC that are spent or reserved."""
        return self.cost + self.reserved

    def refresh(self) -> None:
        """Read from the journal what others spent and reserved. Blocks."""
        self.cost, self.reserved = self._journal.money()

    @property
    def left(self) -> float:
        """PTC that are neither spent nor reserved."""
        return max(0.0, (self.limit or 0.0) - self.taken)

    def give_back(self, estimate: float) -> None:
        """A job was not accepted, and cost nothing."""
        self.reserved = max(0.0, self.reserved - estimate)

    async def admits(self, estimate: float) -> bool:
        """As `has_room`, once the cost of what is done was asked for."""
        async with self._asking:
            if not self.has_room(estimate):
                await self.settle()
                return self.has_room(estimate)
        return True

    async def settle(self) -> None:
        """Ask what jobs cost whose estimates are still reserved."""
        now = time.monotonic()
        found_rows = await asyncio.to_thread(self._journal.unsettled, _ASKED)
        rows = [row for row in found_rows if self._asked.get(row["number"], 0.0) < now - _AGAIN]
        self._asked |= dict.fromkeys((row["number"] for row in rows), now)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(row: dict[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
            async with slots:
                cost = await self._cost(row["request_id"])
            if cost is None:
                return None
            self.cost += cost
            self.give_back(row["reserved"])
            return row["number"], {"cost": cost}

        found = await asyncio.gather(*map(ask, rows))
        known = [one for one in found if one is not None]
        await asyncio.to_thread(self._journal.write, known)

    async def _cost(self, request_id: str) -> float | None:
        try:
            return (await self._client.cost(request_id)).amount
        except Api302Error:  # not on record yet, most of all
            return None


def checked_budget(budget: float | None) -> float | None:
    """Raises InvalidArgument."""
    is_number = isinstance(budget, (int, float)) and not isinstance(budget, bool)
    if budget is not None and not (is_number and budget >= 0):
        raise InvalidArgument(f"budget: must be PTC, 0 or more, not {budget!r}")
    return budget


def estimate_of(client: Any, call: str, arguments: Mapping[str, Any]) -> Estimate:
    """What a job will cost; without a basis, an estimate that says so."""
    try:
        return client.estimate(call, **arguments)
    except (Api302Error, TypeError) as error:
        return Estimate(None, None, "PTC", str(error))
