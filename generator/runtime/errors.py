"""What the raw client raises. (The `api302` package has its own, richer tree.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiStatusError(Exception):
    """The API answered with a status that is not 2xx.

    Attributes:
        status_code: The HTTP status.
        parsed: The body, as the description types it for this status, or as text where it is no
            JSON.
        content: The body as received.
        headers: The response headers, names in lower case.
        message: What the body says went wrong, if it could be found; never the key.
    """

    def __init__(
        self,
        status_code: int,
        parsed: Any,
        content: bytes,
        headers: Mapping[str, str],
        message: str = "",
    ) -> None:
        super().__init__(f"HTTP {status_code}: {message}" if message else f"HTTP {status_code}")
        self.status_code = status_code
        self.parsed = parsed
        self.content = content
        self.headers = headers
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.status_code,
            self.parsed,
            self.content,
            dict(self.headers),
            self.message,
        )


class DecodeError(ValueError):
    """A response with a good status says that it is JSON and is not.

    Nothing is lost: the body is here.

    Attributes:
        content: The body as received.
        status: The HTTP status.
    """

    def __init__(self, content: bytes, status: int) -> None:
        super().__init__(
            f"the response (HTTP {status}, {len(content)} bytes) is declared JSON but does not "
            "parse; its bytes are in .content"
        )
        self.content = content
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.content, self.status)
