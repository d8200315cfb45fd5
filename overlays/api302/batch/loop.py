"""An event loop in a thread of this process, for engines whose workers block."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from api302_client._fork import in_each_child

T = TypeVar("T")

_lock = threading.Lock()
_making = threading.RLock()


def making() -> threading.RLock:  # pyright: ignore[reportInvalidTypeForm]
    """What is held while something is made that a process has once."""
    return _making


def call(function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
    """Run a coroutine function in this process's loop, and wait for what it returns."""
    with _lock:
        loop = _loop(os.getpid())
    return asyncio.run_coroutine_threadsafe(function(*arguments), loop).result()


@cache
def _loop(_: int) -> asyncio.AbstractEventLoop:
    """The loop of a process: after a fork, the child makes its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="api302 batch", daemon=True).start()
    return loop


def _after_fork() -> None:
    """The locks may be held by threads that the child does not have."""
    global _lock, _making
    _lock, _making = threading.Lock(), threading.RLock()


in_each_child(_after_fork)
