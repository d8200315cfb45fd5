"""A limit on what calls cost: the call that could exceed it is refused before it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api302 import _log
from api302._calls.session import Session
from api302._errors import (
    Api302Error,
    BudgetError,
    ConnectionError,
    InvalidArgument,
    NotFoundError,
)
from api302._http.sync import run
from api302._types import Call, Estimate

from .cost import LATE_RECORDS, cost_of
from .estimate import estimated, of_session
from .naming import session_at, session_endpoint

if TYPE_CHECKING:
    from typing import Self

    from api302._http.response import Response

    Next = Callable[[Call], Response]
    AsyncNext = Callable[[Call], Coroutine[Any, Any, Response]]

_SLACK = 1e-9
"""PTC that sums of fractions may be off."""


@dataclass
class Booking:
    """What is set aside for a call, until its cost is known.

    Attributes:
        call: Method and path.
        estimate: What it was expected to cost.
        reserved: PTC set aside: the highest estimate; 0 for a call without one.
        request_id: Under which it is billed; None while it is under way, or if no response came.
        cost: PTC that it cost; None while that is not known.
    """

    call: str
    estimate: Estimate
    reserved: float
    request_id: str | None = None
    cost: float | None = None


class _Budget:
    """What both kinds of budget have in common."""

    currency = "PTC"

    def __init__(
        self, session: Session, ask: Callable[..., Any], limit: Any, currency: Any, unknown: Any
    ) -> None:
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit >= 0:
            raise InvalidArgument(f"limit: must be PTC, 0 or more, not {limit!r}")
        if currency != "PTC":
            raise InvalidArgument(f"currency: must be PTC, not {currency!r}; 1 PTC is 1 USD")
        if unknown not in ("refuse", "allow"):
            raise InvalidArgument(f'unknown: must be "refuse" or "allow", not {unknown!r}')
        self.limit: float = float(limit)
        self.bookings: list[Booking] = []
        self._session = session
        self._ask_cost = ask
        self._allows_unknown = unknown == "allow"
        self._lock = threading.Lock()
        self._guard: Any = None

    def __repr__(self) -> str:
        spent, reserved = self.spent, self.reserved
        return f"<Budget: {spent:g} spent, {reserved:g} reserved of {self.limit:g} PTC>"

    @property
    def spent(self) -> float:
        """PTC that calls cost, as far as that is known."""
        return sum(one.cost or 0.0 for one in tuple(self.bookings))

    @property
    def reserved(self) -> float:
        """PTC set aside for calls whose cost is not known yet."""
        return sum(one.reserved for one in self.unsettled)

    @property
    def left(self) -> float:
        """PTC that may still be spent."""
        return max(0.0, self.limit - self.spent - self.reserved)

    @property
    def unsettled(self) -> list[Booking]:
        """The calls whose cost is not known."""
        return [one for one in tuple(self.bookings) if one.cost is None]

    def _begin(self, guard: Any) -> None:
        if self._guard is not None:
            raise InvalidArgument("budget: is in use already; make another with client.budget()")
        self._guard = guard
        self._session.middleware.insert(0, guard)

    def _end(self) -> None:
        self._session.middleware.remove(self._guard)
        self._guard = None

    # A call comes, and goes

    async def _book(self, call: Call) -> Booking | None:
        """Reserve what a call may cost; None for a free one. Raises BudgetError."""
        if _is_free(call):
            return None
        estimate = _estimate(call)
        if estimate.high is None and not self._allows_unknown:
            hint = '; client.budget(…, unknown="allow") lets it through'
            raise self._refusal(call, estimate, "its cost is not known beforehand", hint)
        booking = Booking(call.what, estimate, estimate.high or 0.0)
        if not self._reserve(booking):
            await self._settle(())
            if not self._reserve(booking):
                raise self._refusal(call, estimate, f"it may cost {booking.reserved:g} PTC")
        return booking

    def _reserve(self, booking: Booking) -> bool:
        with self._lock:
            has_room = self.spent + self.reserved + booking.reserved <= self.limit + _SLACK
            if has_room:
                self.bookings.append(booking)
            return has_room

    def _refusal(self, call: Call, estimate: Estimate, why: str, hint: str = "") -> BudgetError:
        left = self.left
        return BudgetError(
            f"{call.what}: was not sent: {why}, and {left:g} of {self.limit:g} PTC are left"
            f" ({estimate.basis}){hint}",
            call=call.what,
            left=left,
            estimate=estimate,
        )

    @staticmethod
    def _answered(booking: Booking | None, response: Response) -> None:
        """A call with a failing status was not accepted, and cost nothing."""
        if booking is None:
            return
        if response.status_code >= 400:
            booking.cost = 0.0
        booking.request_id = response.headers.get("request-id")

    @staticmethod
    def _failed(booking: Booking | None, error: BaseException) -> None:
        """What surely was not sent cost nothing; of the rest nobody knows."""
        refused = isinstance(error, BudgetError)
        unsent = isinstance(error, ConnectionError) and not error.sent
        if booking is not None and (refused or unsent):
            booking.cost = 0.0

    # What calls cost

    async def _settle(self, pauses: tuple[float, ...]) -> None:
        """Ask for the cost of the calls that are done, again after each pause."""
        for pause in (*pauses, None):
            for booking in self._done():
                await self._ask(booking)
            if pause is None or not self._done():
                return
            await self._session.io.sleep(pause)

    def _done(self) -> list[Booking]:
        return [one for one in self.unsettled if one.request_id]

    async def _ask(self, booking: Booking) -> None:
        try:
            cost = await cost_of(self._session, self._ask_cost, booking.request_id, ())
            booking.cost = cost.amount
        except NotFoundError:
            return  # a new call takes a moment to show
        except Api302Error as error:
            _log.logger.warning("%s: its cost is not known (%s)", booking.call, error)


class Budget(_Budget):
    """What the calls of a client may cost within `with`, in all its threads.

    Before a call is sent, its highest estimate is reserved; the call that could exceed the limit
    raises BudgetError and is not sent. What a call cost takes the place of its estimate as soon as
    the account's records say so: when there is no room for another call, and at the end.

    Attributes:
        limit: PTC.
        currency: `PTC`; 1 PTC is 1 USD.
        bookings: Every call that was let through.
    """

    def settle(self) -> None:
        """Ask for the cost of the calls that are done; some records take seconds to show."""
        run(self._settle(LATE_RECORDS))

    def __enter__(self) -> Self:
        def guard(call: Call, next: Next) -> Response:
            booking = run(self._book(call))
            try:
                response = next(call)
            except BaseException as error:
                self._failed(booking, error)
                raise
            self._answered(booking, response)
            return response

        self._begin(guard)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self.settle()


class AsyncBudget(_Budget):
    """`Budget` for `AsyncClient`: `async with`, for all tasks that use the client."""

    async def settle(self) -> None:
        """Ask for the cost of the calls that are done. See `Budget.settle`."""
        await self._settle(LATE_RECORDS)

    async def __aenter__(self) -> Self:
        async def guard(call: Call, next: AsyncNext) -> Response:
            booking = await self._book(call)
            try:
                response = await next(call)
            except BaseException as error:
                self._failed(booking, error)
                raise
            self._answered(booking, response)
            return response

        self._begin(guard)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()
        await self.settle()


def _is_free(call: Call) -> bool:
    """Whether a call surely costs nothing: files, states of tasks, and what is documented as 0."""
    if call.op is None:
        return call.options.bare or not call.options.check
    rule = call.op.behaviour
    return rule.status is not None or rule.is_free or rule.repeatable is not None


def _estimate(call: Call) -> Estimate:
    if call.op is None:
        place = session_at(call.kwargs["url"])
        if place:
            return of_session(session_endpoint(place), call.query)
        return Estimate(None, None, "PTC", "client.request() makes calls that are not described")
    return estimated(call.op, call.values)
