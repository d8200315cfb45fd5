"""How one body of code serves both clients: it is written once, as coroutines over an `Io`.

The synchronous kind of `Io` (see `transport`) never suspends. So the sync client runs a coroutine
to its end in one step, without an event loop and inside any.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise RuntimeError(
        "a synchronous call was suspended: it awaited something that only an event loop can give"
    )


def iterate(source: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items of an asynchronous generator that never suspends."""
    try:
        while True:
            try:
                item = run(source.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(source.aclose())
