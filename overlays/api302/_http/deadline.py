"""A deadline for work of a sync client, whose reads block for as long as a server drips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from api302._errors import TimeoutError

from .sync import run

T = TypeVar("T")
LONGEST_NAP = 0.2
"""Seconds: an interrupt may have to wait for so long, where it does not wake who waits."""


def not_in_time(what: str, seconds: float) -> TimeoutError:
    """The error of work that was not done in time."""
    return TimeoutError(f"{what}: no whole response within {seconds:g} s", sent=True)


def within(
    seconds: float,
    work: Callable[[], Coroutine[Any, Any, T]],
    what: str,
    stop: Callable[[int], None],
) -> T:
    """The result of work that is done in a thread of its own, which is left when the time is up.

    Args:
        seconds: The time.
        work: What is done.
        what: The call, for the error.
        stop: Is handed the thread that is left, so that it does not read on for ever.

    Raises:
        TimeoutError: the time is up.
    """
    from queue import Empty, SimpleQueue  # here, since most programs wait for nothing in threads

    outcome: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def do() -> None:
        try:
            outcome.put((True, run(work())))
        except BaseException as error:
            outcome.put((False, error))

    context = copy_context()
    thread = threading.Thread(target=context.run, args=(do,), daemon=True, name="api302-poll")
    thread.start()
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            is_done, result = outcome.get(timeout=min(left, LONGEST_NAP))
        except Empty:
            continue
        if is_done:
            return result
        raise result
    stop(thread.ident or 0)
    raise not_in_time(what, seconds)
