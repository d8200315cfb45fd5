"""How a task's status is read from a response, and when to poll again.

Neither needs a network or a clock of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from api302 import _log
from api302._calls.failure import explain
from api302._errors import (
    ApiError,
    ConnectionError,
    DecodeError,
    InvalidArgument,
    RateLimitError,
    ServerError,
)
from api302._json import is_object
from api302._types import TaskStatus
from api302_client.behaviour import Reading
from api302_client.behaviour import TaskStatus as StatusRule

LEAST_PAUSE = 0.5
"""Seconds between two polls at least, whatever the service suggests."""
LONGEST_PAUSE = 15.0
"""Seconds between two polls at most, unless the description suggests more."""
FIRST_PAUSE = 2.0
"""Seconds before the first poll of a task for which the description suggests nothing."""
_PASSING = (408, 425)
MOST_LOGGED = 1000
"""Unknown states that are logged at most: a service may send any number of them."""
_logged: set[tuple[str, str]] = set()


def read_status(
    rule: StatusRule, data: Any, response: Any = None, is_file: bool = False, name: str = ""
) -> TaskStatus[Any]:
    """The status of a task, by the rule of its fetching operation.

    A state that the rule does not list counts as what the whole description uses the word for, as
    succeeded if
    output URLs are there, or else as pending; it is logged once.
    """
    from api302_client.ends import ENDS

    reading = rule.read(data, is_file=is_file, ends=ENDS)
    if reading.basis == "file":
        return TaskStatus("succeeded", "file", 1.0, response=response)
    if reading.word is not None and reading.basis in ("ends", "outputs", "unknown"):
        _log_once(name, reading)
    message, code = "", None
    if reading.state == "failed":
        inner = rule.response.find(data) if rule.response else None
        known_code, known_message = explain(inner if is_object(inner) else data)
        message = reading.message or known_message or f"its state is {reading.word!r}"
        code = known_code if reading.code is None else reading.code
    outputs = reading.outputs
    return TaskStatus(
        reading.state, reading.word, reading.progress, outputs, message, code, response
    )


def _log_once(name: str, reading: Reading) -> None:
    word = f"{reading.word!r:.80}"
    if (name, word) in _logged or len(_logged) >= MOST_LOGGED:
        return
    _logged.add((name, word))
    _log.logger.warning("%s: unknown task state %s counts as %s", name, word, reading.state)


def is_passing(error: Exception) -> bool:
    """Whether an error of a poll says nothing about the task, so that polling goes on."""
    if isinstance(error, (ConnectionError, ServerError, RateLimitError, DecodeError)):
        return True
    return isinstance(error, ApiError) and error.status_code in _PASSING


class Schedule:
    """When to poll: after the suggested interval, then less and less often, and once more at the
    deadline.

    A little at random, so that tasks that were begun together are not polled together.
    """

    def __init__(
        self,
        timeout: float | None,
        interval: float | None,
        suggested: float | None,
        fresh: bool,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        for name, value in (("timeout", timeout), ("interval", interval)):
            is_seconds = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (is_seconds and value >= 0):
                raise InvalidArgument(f"{name}: must be seconds, 0 or more, not {value!r}")
        self._clock, self._chance = clock, chance
        self._deadline = float("inf") if timeout is None else clock() + timeout
        self._fixed = interval
        self._step = suggested or FIRST_PAUSE
        self._longest = max(self._step, LONGEST_PAUSE)
        self._next = (self._step if interval is None else interval) if fresh else 0.0
        self._last = False

    def pause(self, asked: float | None = None) -> float | None:
        """Seconds until the next poll, at least what the service `asked`; None at the end."""
        if self._last:
            return None
        wanted = max(self._next, asked or 0.0)
        if self._fixed is None:
            self._next = self._step * (1 - 0.1 * self._chance())
            self._step = min(self._step * 1.2, self._longest)
        else:
            self._next = self._fixed
        left = self.left()
        self._last = wanted >= left
        return min(wanted, left)

    def suggest(self, seconds: float | None) -> None:
        """Take the service's own word for when to poll next (`Retry-After`), unless the caller
        chose the interval.

        Services that say 0 mean "soon": the least pause holds.
        """
        if seconds is not None and self._fixed is None:
            wanted = min(max(seconds, LEAST_PAUSE), self._longest)
            self._next = wanted * (1 + 0.1 * self._chance())

    def is_beyond(self, seconds: float | None, suggested: bool = False) -> bool:
        """Whether the service wants to be polled again only after the deadline.

        What it suggests beside a status counts unless the caller chose the interval.
        """
        if seconds is None or (suggested and self._fixed is not None):
            return False
        return seconds > self.left()

    def is_over(self, grace: float) -> bool:
        """Whether the deadline was so many seconds ago."""
        return self._clock() - self._deadline > grace

    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self._deadline - self._clock(), 0.0)
