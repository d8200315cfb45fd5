"""Work that is done beside other work, in a process of its own."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin with some work, and return what waits for its result.

    Where a process cannot be forked, which shares all that is in memory, it is done when it is
    waited for. The same if it fails: so an error is raised here, as it would be without.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return work
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(work, sender), daemon=True)
    process.start()
    sender.close()

    def result() -> T:
        try:
            found: T = receiver.recv()
        except EOFError:
            return work()
        process.join()
        return found

    return result


def _send(work: Callable[[], Any], sender: Any) -> None:
    try:
        sender.send(work())
    except Exception:
        sender.close()  # it is done again by who waits
