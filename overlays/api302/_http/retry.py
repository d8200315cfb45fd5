"""Whether and when a call that failed is made again.

Pure decisions: no clock of their own, no sleep.

A call is repeated if it surely was not accepted: the connection was never made, or the service
refused (429, -10008).
One that is free, by what the document says, is repeated as well after a timeout, a broken
connection or a 5xx.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_WAIT = 60.0
"""Seconds. A service that wants a longer pause gets no retry: the error says how long."""


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds that the response asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a
    date. Names in lower case.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    if "retry-after" in headers:
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now())
        except (ValueError, TypeError, OverflowError):
            return None
    return None


def backoff(
    attempt: int,
    first: float = 0.5,
    longest: float = 8.0,
    chance: Callable[[], float] = random.random,
) -> float:
    """Seconds before repeat number `attempt` (0 is the first): doubling, less up to a quarter by
    chance.
    """
    return min(first * 2.0 ** min(attempt, 30), longest) * (1 - 0.25 * chance())


def delay(
    error: Exception,
    repeatable: bool,
    attempt: int,
    retries: int,
    chance: Callable[[], float] = random.random,
    *,
    refused: bool = True,
    patience: float = LONGEST_WAIT,
) -> float | None:
    """Seconds to wait before the call is made again, or None if it is not.

    Args:
        error: Why it failed.
        repeatable: The call may be made again when its outcome is unknown.
        attempt: How often it was repeated so far.
        retries: How often it may be.
        chance: From 0 to 1, at random.
        refused: An error that says that the call was not accepted can be believed.
        patience: Seconds that the caller would wait; who is asked to wait longer is told so.
    """
    if attempt >= retries or not may_repeat(error, repeatable, refused):
        return None
    asked = getattr(error, "retry_after", None)
    if asked is None:
        return backoff(attempt, chance=chance)
    return asked + 0.1 * chance() if asked <= min(LONGEST_WAIT, patience) else None


def may_repeat(error: Exception, repeatable: bool, refused: bool = True) -> bool:
    """Whether making the call again cannot do, or bill, a thing twice, and may help."""
    from api302._errors import (
        ApiError,
        ConnectionError,
        NoChannelError,
        QuotaError,
        RateLimitError,
        ServerError,
    )

    if isinstance(error, ConnectionError):
        return not error.sent or repeatable
    if isinstance(error, (RateLimitError, NoChannelError)):
        return refused or repeatable
    if isinstance(error, QuotaError):
        return False
    passing = isinstance(error, ServerError) or getattr(error, "status_code", None) in (408, 425)
    return isinstance(error, ApiError) and repeatable and passing
