"""What a failed response means: the provider's code where it is known, and the HTTP status otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    EnvelopeError,
    NoChannelError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RequestTooLargeError,
    ServerError,
)
from .._http.retry import retry_after
from .._json import is_array, is_object

ENGLISH_FIRST = (
    "message_en",
    "message",
    "msg",
    "readableMessage",
    "error_message",
    "description",
    "detail",
    "details",
    "message_cn",
    "message_jp",
)


def _by_code(*pairs: tuple[type[ApiError], str]) -> dict[str, type[ApiError]]:
    return {code: kind for kind, codes in pairs for code in codes.split()}


BY_CODE = _by_code(
    (AuthenticationError, "-10001 -10005 Unauthorized invalid_api_key authentication_error"),
    (QuotaError, "-10004 -10006 -10007 -10012 -10018 InsufficientBalance insufficient_quota"),
    (PermissionDeniedError, "-10002 -10013 -10014"),
    (NotFoundError, "-10010"),
    (BadRequestError, "-10009 -10011 -10015 -10016 -10600 InvalidParameter MissingParameter"),
    (RequestTooLargeError, "-10017"),
    (RateLimitError, "RateLimitExceeded rate_limit_exceeded rate_limit_error"),
    (ServerError, "-10003 -1024 -10504 InternalError"),
    (NoChannelError, "-10008"),
)
"""What the provider's codes mean, and the words that calls of other shapes use for the same."""
BY_STATUS: dict[int, type[ApiError]] = {
    **{
        400: BadRequestError,
        401: AuthenticationError,
        402: QuotaError,
        403: PermissionDeniedError,
        404: NotFoundError,
    },
    **{413: RequestTooLargeError, 422: BadRequestError, 429: RateLimitError},
}


def kind_of(status: int, code: Any) -> type[ApiError]:
    """The class of a failure: by the code where it is known, or else by the status, or a code in an envelope that is like one."""
    if found := BY_CODE.get(str(code)):
        return found
    if status < 300:
        if not (isinstance(code, int) and 400 <= code < 600):
            return EnvelopeError
        status = code
    return BY_STATUS.get(status) or (ServerError if status >= 500 else ApiError)


def decode(content: bytes) -> Any:
    """JSON, or text where it is none."""
    text = content.decode("utf-8", errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def explain(body: Any) -> tuple[Any, str]:
    """Code and message, English first, of any of the envelopes that come through."""
    if not is_object(body):
        text = " ".join(str(body or "").split())
        return None, "" if text.startswith("<") else text[:500]
    level = body
    levels = [
        found
        for found in (level.get(name) for name in ("error", "base_resp", "output"))
        if is_object(found)
    ] + [level]
    code = next(
        (
            found
            for d in levels
            for name in ("err_code", "error_code", "code", "status_code")
            if (found := d.get(name)) is not None
        ),
        None,
    )
    texts = (d.get(name) for d in levels for name in (*ENGLISH_FIRST, "status_msg"))
    message = next((text for text in texts if isinstance(text, str) and text), "")
    if not message and isinstance(level.get("error"), str):
        message = level["error"]
    if not message and is_array(level.get("detail")):
        message = json.dumps(level["detail"], ensure_ascii=False)[:500]
    return next(
        (d.get("type") for d in levels if d.get("type")), None
    ) if code is None else code, message


def api_error(
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    call: str,
    code: Any = None,
    message: Any = None,
) -> ApiError:
    """The error for a reply that is a failure; header names in lower case. `code` and `message` if known better than by `explain`."""
    body = decode(content)
    found_code, found_message = explain(body)
    code = found_code if code is None else code
    kind = kind_of(status, code)
    text = str(message or found_message or _nothing_said(status, headers))
    facts = {
        "status_code": status,
        "code": code,
        "request_id": headers.get("request-id"),
        "retry_after": retry_after(headers),
    }
    return kind(text, call=call, headers=headers, content=content, body=body, **facts)


def _nothing_said(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        return f"The service redirects to {headers.get('location', 'nowhere')!r}; only GET calls follow. Check base_url."
    from http import HTTPStatus

    return (
        HTTPStatus(status).phrase
        if status in HTTPStatus._value2member_map_
        else "The service gave no reason."
    )
