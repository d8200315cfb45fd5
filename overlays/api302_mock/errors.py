"""What a refused request gets: 302.AI's error envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api302_mock.wire import Response

# 302.AI's own code for each status, as far as public code shows them (402 and up from its meaning).
_ERR_CODES: dict[int, int | str] = {
    401: -10001,
    402: -10004,
    403: -10013,
    404: -10010,
    405: -10009,
    413: -10017,
    # No number is known for too many calls: -10012 is a quota that is used up. Newer calls have
    # this word.
    429: "RateLimitExceeded",
    503: -10008,
    504: -1024,
}
_INVALID_REQUEST = -10011
_FAILED = -10003


class Refused(Exception):
    """A request that gets an error response.

    Args:
        status: HTTP status.
        message: What is wrong, and where.
        err_code: 302.AI's code; by default the usual one of the status.
        headers: More response headers.
        body: The whole JSON body, in place of the envelope.
    """

    def __init__(
        self,
        status: int,
        message: str,
        err_code: int | None = None,
        headers: dict[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.err_code = err_code
        self.headers = headers or {}
        self.body = body


def error_detail(
    message: str, status: int = 500, err_code: int | str | None = None
) -> dict[str, object]:
    """The object that stands under `error` in 302.AI's envelope."""
    usual = _ERR_CODES.get(status, _FAILED if status >= 500 else _INVALID_REQUEST)
    return {
        "err_code": usual if err_code is None else err_code,
        "message": message,
        "message_cn": f"模拟服务：{message}",
        "message_jp": f"モック：{message}",
        "type": "api_error",
    }


def error_response(refused: Refused, retry_after: float | None = None) -> Response:
    """The response for a refused request.

    Args:
        refused: What is wrong.
        retry_after: Seconds for the `Retry-After` header; 429 and 503 say 1 without it.
    """
    detail = error_detail(refused.message, refused.status, refused.err_code)
    body = refused.body if refused.body is not None else {"error": detail}
    response = Response.of_json(body, refused.status)
    response.headers |= {name.lower(): value for name, value in refused.headers.items()}
    if retry_after is not None or refused.status in (429, 503):
        response.headers["retry-after"] = f"{1 if retry_after is None else retry_after:g}"
    return response
