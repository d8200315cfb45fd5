"""What is logged, to `logging.getLogger("api302")`: never a query, a body or a header that is not
on the list.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

logger = logging.getLogger("api302")
SHOWN = (
    "content-type",
    "content-length",
    "date",
    "request-id",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)


def exchange(what: str, status: int, headers: Mapping[str, str], seconds: float) -> None:
    """DEBUG: a call was answered."""
    if logger.isEnabledFor(logging.DEBUG):
        shown = {name: headers[name] for name in SHOWN if name in headers}
        logger.debug("%s -> %d in %.0f ms %s", what, status, seconds * 1000, shown)


def retry(what: str, error: Exception, pause: float, attempt: int, retries: int) -> None:
    """INFO: a call is made again."""
    logger.info(
        "%s: %s; repeat %d of %d in %.1f s", what, type(error).__name__, attempt, retries, pause
    )
