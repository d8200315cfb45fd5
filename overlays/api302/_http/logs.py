"""What the HTTP library logs of our requests: without secrets, queries and headers.

At INFO it logs whole URLs, whose query may be an API key or a signature, and at DEBUG the headers
of responses, which may repeat one. What a program sends by the library itself is left as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from api302._secret import Redactor

current: ContextVar[Redactor | None] = ContextVar("api302_logs", default=None)
"""What takes the secrets out while a request of ours is sent or read; None: it is not ours."""
_QUERY = re.compile(r"(://[^\s?#\"']*)[?#][^\s\"']*")
_HEADERS = re.compile(r"\[\(b['\"].*", re.DOTALL)
_OF_BODIES = (logging.getLogger("httpcore.http11"), logging.getLogger("httpcore2.http11"))
_PARTS = ("connection", "http11", "http2", "proxy", "socks")


class _Filter(logging.Filter):
    """On the loggers of the library: a filter of one alone sees no records of those below it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take out what is not for logs. All records are kept."""
        redactor = current.get()
        if redactor is not None:
            text = _HEADERS.sub("[headers]", record.getMessage())
            record.msg, record.args = redactor.text(_QUERY.sub(r"\1?…", text)), ()
        return True


_filter = _Filter()


def install() -> None:
    """Have the libraries' loggers pass through here, that of a caller's own httpx client too."""
    for version in ("", "2"):
        parts = (f"httpcore{version}.{part}" for part in _PARTS)
        for name in (f"httpx{version}", *parts):
            logging.getLogger(name).addFilter(_filter)


def are_detailed() -> bool:
    """Whether the library logs more than a line for a request."""
    return any(logger.isEnabledFor(logging.DEBUG) for logger in _OF_BODIES)


@contextmanager
def redacted(redactor: Redactor) -> Generator[None]:
    """Within it, what the library logs has no secrets."""
    before = current.get()
    current.set(redactor)
    try:
        yield
    finally:
        current.set(before)  # a token could not be given back by another task's context
