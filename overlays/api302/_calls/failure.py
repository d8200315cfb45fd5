"""What a failed response means: the provider's code where it is known, and the HTTP status
otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from api302._errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionError,
    DecodeError,
    EnvelopeError,
    NoChannelError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    RequestTooLargeError,
    ServerError,
)
from api302._http.decoding import ABSENT, json_of
from api302._http.retry import retry_after
from api302._json import is_array, is_object
from api302._secret import Redactor
from api302._types import Operation

if TYPE_CHECKING:
    from api302._http.response import Response
    from api302_client.behaviour import Behaviour

MESSAGES = (
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
    "status_msg",
)
"""Where a failure's message is, English first."""
CODES = ("err_code", "error_code", "code", "status_code")
SHOWN = 200
"""Bytes of a body that a message shows."""


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
    """The class of a failure: by the code where it is known, or else by the status, or a code in an
    envelope that is like one.
    """
    if found := BY_CODE.get(str(code)):
        return found
    if status < 300:
        if not (isinstance(code, int) and 400 <= code < 600):
            return EnvelopeError
        status = code
    return BY_STATUS.get(status) or (ServerError if status >= 500 else ApiError)


def decode(content: bytes) -> Any:
    """JSON, or text where it is not JSON."""
    data = json_of(content, "application/json")
    return content.decode("utf-8", errors="replace") if data is ABSENT else data


# --- whether a good status holds a failure --------------------------------------------------------


class Found(NamedTuple):
    """A failure in a response with a good status."""

    code: Any = None
    message: str | None = None
    refused: bool = False
    """It is the bare envelope and nothing else, so that the call surely was not accepted."""


def failure_in(op: Operation | None, data: Any) -> Found | None:
    """The failure that a response with a good status reports, or None.

    `data` is its JSON, or ABSENT.

    A known state of a task comes first: a task that failed is no failure of the call that gets it.
    """
    if not is_object(data):
        return Found(refused=True) if _envelope(data) else None
    return _failure_in_object(op.behaviour if op else None, data)


def _failure_in_object(rules: Behaviour | None, data: dict[str, Any]) -> Found | None:
    envelope = _envelope(data)
    if rules and rules.status and rules.status.known_state(data):
        return None
    if rules and rules.success and (failure := rules.success.failure(data)):
        return Found(failure.code, failure.message, envelope is not None and _is_bare(data))
    if not envelope or _is_about_a_task(rules, data, envelope):
        return None
    return Found(refused=_is_bare(data))


def _is_about_a_task(rules: Behaviour | None, data: Any, envelope: dict[str, Any] | str) -> bool:
    """Whether an error belongs to a task in a state that its rule does not list, and not to the
    call.
    """
    if rules is None or rules.status is None or rules.status.state is None:
        return False
    is_ours = is_object(envelope) and bool(envelope.get("err_code"))
    return not is_ours and rules.status.state.find(data) is not None


def _envelope(data: Any) -> dict[str, Any] | str | None:
    """What stands under `error`, if it is 302.AI's envelope, OpenAI's, or a text that is all there
    is.
    """
    if is_array(data) and len(data) == 1:  # as Gemini wraps it
        data = data[0]
        if not (is_object(data) and _is_bare(data)):
            return None
    return _error_of(data) if is_object(data) else None


def _error_of(data: dict[str, Any]) -> dict[str, Any] | str | None:
    error = data.get("error")
    if is_object(error):
        said = error.get("err_code") or error.get("message")
        return error if said and not isinstance(said, (dict, list)) else None
    return error if isinstance(error, str) and error.strip() and _is_bare(data) else None


def _is_bare(data: Any) -> bool:
    """Whether an object holds nothing but its `error`."""
    others = (value for name, value in data.items() if name != "error")
    return "error" in data and all(value in (None, "", [], {}) for value in others)


def explain(body: Any) -> tuple[Any, str]:
    """Code and message, English first, of any of the envelopes that come through."""
    if is_array(body) and body:
        body = body[0]
    if not is_object(body):
        return None, _plain(body)
    inner = [body.get(name) for name in ("error", "base_resp", "output")]
    levels = [*filter(is_object, inner), body]
    code = _first(levels, CODES, lambda value: isinstance(value, (str, int)))
    if code is None:
        code = _first(levels, ("type",), lambda value: bool(value) and isinstance(value, str))
    message = _first(levels, MESSAGES, lambda value: bool(value) and isinstance(value, str))
    return code, message or _other_message(body)


def _plain(body: Any) -> str:
    """A message that is text, unless it is a page for people."""
    text = " ".join(str(body or "").split())
    return "" if text.startswith("<") else text[:500]


def _first(
    levels: list[dict[str, Any]], names: tuple[str, ...], fits: Callable[[Any], bool]
) -> Any:
    for level in levels:
        for name in names:
            if fits(level.get(name)):
                return level[name]
    return None


def _other_message(body: dict[str, Any]) -> str:
    if isinstance(body.get("error"), str):
        return body["error"]
    detail = body.get("detail")
    return json.dumps(detail, ensure_ascii=False)[:500] if is_array(detail) else ""


# --- errors ---------------------------------------------------------------------------------------


def api_error(
    redactor: Redactor,
    call: str,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    code: Any = None,
    message: Any = None,
) -> ApiError:
    """The error for a response that is a failure; `code` and `message` if known better than by
    `explain`.
    """
    facts = received(redactor, call, status, headers, content)
    found_code, found_message = explain(facts["body"])
    code = found_code if code is None else code
    text = str(message or found_message or _nothing_said(status, facts["headers"]))
    return kind_of(status, code)(
        redactor.text(text),
        code=redactor.text(code) if isinstance(code, str) else code,
        retry_after=retry_after(headers),
        **facts,
    )


def decode_error(
    redactor: Redactor,
    call: str,
    why: str,
    status: int | None,
    headers: Mapping[str, str],
    content: bytes,
) -> DecodeError:
    """The error for a good response that cannot be used. It shows how the body begins."""
    facts = received(redactor, call, status, headers, content)
    start = facts["content"][:SHOWN].decode("utf-8", "replace")
    known = f", request id {facts['request_id']}" if facts["request_id"] else ""
    advice = "; check base_url" if is_html(content) else ""
    begins = f", which begin {start!r}" if content else ""
    return DecodeError(
        f"{call}: the response {why}{advice} [HTTP {status}{known}];"
        f" its {len(content)} bytes are in .content{begins}",
        **facts,
    )


def broken_off(
    redactor: Redactor, call: str, error: ConnectionError, response: Response
) -> ConnectionError:
    """The error for a body that did not come whole, with what was received of the response."""
    facts = received(redactor, call, response.status_code, response.headers, response.content)
    made = type(error)(redactor.text(error.message), sent=True, **facts)
    made.__cause__ = error.__cause__
    return made


def received(
    redactor: Redactor,
    call: str,
    status: int | None,
    headers: Mapping[str, str],
    content: bytes,
) -> dict[str, Any]:
    """What an error keeps of a response, without secrets."""
    kept = redactor.content(content)
    shown = redactor.headers(headers)
    return {
        "call": call,
        "status_code": status,
        "headers": shown,
        "request_id": shown.get("request-id"),
        "content": kept,
        "body": decode(kept),
    }


def is_html(content: bytes) -> bool:
    """Whether a body is a page for people."""
    start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<!-- "))


def _nothing_said(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        target = headers.get("location", "nowhere")
        return f"The service redirects to {target!r}; only GET calls follow. Check base_url."
    from http import HTTPStatus

    return (
        HTTPStatus(status).phrase
        if status in HTTPStatus._value2member_map_
        else "The service gave no reason."
    )
