"""Waiting for what another thread or process does, on a machine that has other work as well."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from inspect import signature

import pytest

PATIENCE = 300.0
"""Seconds after which it will not happen any more. No test is quicker or slower for it."""


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it does not come to this: {what}"
        time.sleep(0.01)


async def auntil(holds: Callable[[], object], what: str) -> None:
    """Wait until it holds, while the tasks of this loop go on."""
    import anyio

    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it does not come to this: {what}"
        await anyio.sleep(0.01)


def happened(event: threading.Event) -> None:
    """Wait for an event."""
    assert event.wait(PATIENCE), "it was waited for in vain"


@contextmanager
def libraries_that_wait(seconds: float) -> Iterator[None]:
    """Change how long the HTTP libraries wait where nothing else is said."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("httpx", "httpx2"):
            with suppress(ImportError):
                usual = signature(import_module(name).Client).parameters["timeout"].default
                for kind in ("connect", "read", "write", "pool"):
                    patch.setattr(usual, kind, seconds)
        yield


_reserved: list[socket.socket] = []


def reserved_port() -> int:
    """A port that refuses connections until a server of the test's own listens there.

    A port that was free a moment ago is soon given to another process. A socket that is bound and
    does not listen keeps this one, and lets servers have it, which set SO_REUSEADDR.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    if sys.platform == "linux":
        _reserved.append(holder)
    else:  # other systems let no server have it
        holder.close()
    return port
