"""A deadline for work of a sync client, whose reads block for as long as a server drips."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from .._errors import TimeoutError
from .sync import run

T = TypeVar("T")


def not_in_time(what: str, seconds: float) -> TimeoutError:
    """The error of work that was not done in time."""
    return TimeoutError(f"{what}: no whole response within {seconds:g} s", sent=True)


def within(seconds: float, work: Callable[[], Coroutine[Any, Any, T]], what: str) -> T:
    """The result of work that is done in a thread of its own, which is left to itself when the time is up.

    Raises:
        TimeoutError: the time is up.
    """
    outcome: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def do() -> None:
        try:
            outcome.put((True, run(work())))
        except BaseException as error:
            outcome.put((False, error))

    context = copy_context()
    threading.Thread(target=context.run, args=(do,), daemon=True, name="api302-poll").start()
    try:
        is_done, result = outcome.get(timeout=seconds)
    except Empty:
        raise not_in_time(what, seconds) from None
    if is_done:
        return result
    raise result
