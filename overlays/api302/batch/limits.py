"""Rate limits by vendor: requests and tokens a minute, and a pause after a 429.

The pure part is `Rate`: when the next request may go, as one number. A batch on one machine keeps
the numbers in memory; workers on several share them in the journal (`SharedLimits`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from api302._errors import InvalidArgument
from api302._json import is_array, is_mapping

from .journal import Journal, rates

ALL = "*"
"""The name of the limit for all vendors together."""
COOLING = 15.0
"""Seconds that a vendor rests after a 429 that does not say how long."""
LONGEST_COOLING = 300.0
_MOST_OUTPUT = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_BYTES_PER_TOKEN = 4


class Rate(NamedTuple):
    """So many units a minute, evenly: at most a second's worth at once."""

    per_minute: float

    def after(self, until: float, units: float, now: float) -> float:
        """The time from which on the next units may go, if these go now."""
        return max(until, now) + units * 60.0 / self.per_minute

    def wait(self, until: float, now: float) -> float:
        """Seconds until units may go; 0 for now."""
        at_once = max(0.0, 1.0 - 60.0 / self.per_minute)
        return max(0.0, until - now - at_once)


class Rates(NamedTuple):
    """The limits of a batch, by vendor; `*` is for all together."""

    requests: Mapping[str, Rate] = {}
    tokens: Mapping[str, Rate] = {}

    def of(self, vendor: str) -> Iterator[tuple[str, Rate, bool]]:
        """The limits that hold for a vendor: name, rate, and whether it counts tokens."""
        for kind, table in (("requests", self.requests), ("tokens", self.tokens)):
            for name in (vendor, ALL):
                if name in table:
                    yield f"{kind} {name}", table[name], kind == "tokens"

    @property
    def counts_tokens(self) -> bool:
        """Whether anything depends on how many tokens a request has."""
        return bool(self.tokens)


def rates_of(requests: Mapping[str, float] | float | None, tokens: Any = None) -> Rates:
    """Limits a minute, from one number for all vendors together, or numbers by vendor.

    Raises InvalidArgument.
    """
    return Rates(_table("requests_per_minute", requests), _table("tokens_per_minute", tokens))


def _table(name: str, given: Any) -> dict[str, Rate]:
    table = given if is_mapping(given) else {} if given is None else {ALL: given}
    for vendor, number in table.items():
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
        if not is_number or not number > 0:
            raise InvalidArgument(f"{name}: must be more than 0, not {vendor}: {number!r}")
    return {str(vendor): Rate(float(number)) for vendor, number in table.items()}


class Limits:
    """Limits of one process."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates, self._clock = rates, clock
        self._until: dict[str, float] = {}
        self._cool: dict[str, float] = {}
        self._refusals: dict[str, int] = {}

    def take(self, vendor: str, tokens: float = 0.0) -> float:
        """Seconds until a request of a vendor may go; 0: it goes now, and is counted."""
        now = self._clock()
        wait = max(0.0, self._cool.get(vendor, 0.0) - now)
        limits = list(self._rates.of(vendor))
        for name, rate, _ in limits:
            wait = max(wait, rate.wait(self._until.get(name, 0.0), now))
        if wait > 0:
            return wait
        for name, rate, is_tokens in limits:
            units = tokens if is_tokens else 1.0
            self._until[name] = rate.after(self._until.get(name, 0.0), units, now)
        return 0.0

    def cool(self, vendor: str, seconds: float | None) -> float:
        """Let a vendor rest after a 429: as long as it says, or longer each time. The seconds."""
        count = self._refusals[vendor] = self._refusals.get(vendor, 0) + 1
        rest = cooling(seconds, count)
        self._cool[vendor] = max(self._cool.get(vendor, 0.0), self._clock() + rest)
        return rest

    def accepted(self, vendor: str, more_tokens: float = 0.0) -> None:
        """A request of the vendor was taken, and used so many tokens more than were counted."""
        self._refusals.pop(vendor, None)
        for name, rate, is_tokens in self._rates.of(vendor) if more_tokens else ():
            if is_tokens:
                now = self._clock()
                self._until[name] = rate.after(self._until.get(name, 0.0), more_tokens, now)


def cooling(asked: float | None, refusals: int) -> float:
    """Seconds that a vendor rests after so many 429 in a row."""
    if asked is not None:
        return min(max(asked, 0.1), LONGEST_COOLING)
    return min(COOLING * 2.0 ** min(refusals - 1, 10), LONGEST_COOLING)


class SharedLimits:
    """Limits that workers on several machines share, in the journal. Its methods block."""

    def __init__(
        self, rates: Rates, journal: Journal, clock: Callable[[], float] = time.time
    ) -> None:
        self._rates, self._journal, self._clock = rates, journal, clock

    def take(self, vendor: str, tokens: float = 0.0) -> float:
        """As `Limits.take`."""
        limits = list(self._rates.of(vendor))
        names = [f"cool {vendor}", *(name for name, _, _ in limits)]
        with self._journal.engine.begin() as connection:
            until = self._locked(connection, names)
            now = self._clock()
            wait = max(0.0, until[names[0]] - now)
            for name, rate, _ in limits:
                wait = max(wait, rate.wait(until[name], now))
            if wait > 0:
                return wait
            for name, rate, is_tokens in limits:
                units = tokens if is_tokens else 1.0
                self._set(connection, name, rate.after(until[name], units, now))
        return 0.0

    def cool(self, vendor: str, seconds: float | None) -> float:
        """As `Limits.cool`, with pauses of one length."""
        rest = cooling(seconds, 1)
        name = f"cool {vendor}"
        with self._journal.engine.begin() as connection:
            before = self._locked(connection, [name])[name]
            self._set(connection, name, max(before, self._clock() + rest))
        return rest

    def accepted(self, vendor: str, more_tokens: float = 0.0) -> None:
        """As `Limits.accepted`."""
        counted = [(name, rate) for name, rate, is_tokens in self._rates.of(vendor) if is_tokens]
        if not counted or not more_tokens:
            return
        with self._journal.engine.begin() as connection:
            until = self._locked(connection, [name for name, _ in counted])
            for name, rate in counted:
                after = rate.after(until[name], more_tokens, self._clock())
                self._set(connection, name, after)

    def _locked(self, connection: sa.Connection, names: list[str]) -> dict[str, float]:
        """The numbers, which no other process changes until the transaction ends."""
        found: dict[str, float] = {}
        for name in sorted(names):
            where = (rates.c.batch == self._journal.batch) & (rates.c.name == name)
            row = sa.select(rates.c.until).where(where).with_for_update()
            until = connection.scalar(row)
            if until is None:
                self._add(connection, name)
                until = connection.scalar(row)
            found[name] = float(until or 0.0)
        return found

    def _add(self, connection: sa.Connection, name: str) -> None:
        values = {"batch": self._journal.batch, "name": name, "until": 0.0}
        if connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert
        connection.execute(insert(rates).values(**values).on_conflict_do_nothing())

    def _set(self, connection: sa.Connection, name: str, until: float) -> None:
        where = (rates.c.batch == self._journal.batch) & (rates.c.name == name)
        connection.execute(rates.update().where(where).values(until=until))


def tokens_of(arguments: Mapping[str, Any]) -> float:
    """About how many tokens a request takes: those of its text, and of the longest response that
    it allows.
    """
    text = len(json.dumps(arguments, ensure_ascii=False, default=str).encode("utf-8", "replace"))
    asked = next((arguments[name] for name in _MOST_OUTPUT if name in arguments), 0)
    most = asked if isinstance(asked, (int, float)) else 0
    return text / _BYTES_PER_TOKEN + most


def used_tokens(response: Any) -> float | None:
    """How many tokens a response says that it took."""
    usage = response.get("usage") if is_mapping(response) else None
    total = usage.get("total_tokens") if is_mapping(usage) else None
    return float(total) if isinstance(total, (int, float)) and not is_array(total) else None
