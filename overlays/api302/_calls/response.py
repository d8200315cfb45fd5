"""From a response to what the caller gets: the operation's type, or the error that its envelope tells of."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .._errors import DecodeError
from .._types import Call, Operation, Response
from .exchange import response_error, without_key
from .failure import decode
from .session import Session

if TYPE_CHECKING:
    from api302_client._model import HttpInfo

seen: ContextVar[list[Response] | None] = ContextVar("api302_seen", default=None)
"""Where `with_raw_response` finds the last response."""


def parse_response(session: Session, call: Call, response: Response) -> Any:
    """Parse a response that was read into the operation's type. Raises DecodeError, or the error of its envelope."""
    from api302_client._reply import parse
    from api302_client.errors import DecodeError as NotJson

    if (slot := seen.get()) is not None:
        slot.append(response)
    status, headers, content = response.status_code, response.headers, response.content
    try:
        parsed = parse(call.op.responses if call.op else {}, status, headers, content)
    except NotJson:
        why = "is not the JSON that it says it is"
        raise decode_error(session, call.what, response, why) from None
    if call.op:
        check(session, call, call.op, parsed, status, headers, content)
    return parsed


def check(
    session: Session,
    call: Call,
    op: Operation,
    parsed: Any,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
) -> None:
    """Raise if the response's envelope, as `x-success` describes it, reports a failure.

    A known state of a task comes first: a task that failed is no failure of the call that gets it.
    """
    rules, data = op.behaviour, raw(parsed)
    if rules.success is None or (rules.status and rules.status.known_state(data)):
        return
    if failure := rules.success.failure(data):
        facts = {"code": failure.code, "message": failure.message}
        raise response_error(session.settings, call, status, headers, content, **facts)


def decode_error(
    session: Session, what: str, response: Response | HttpInfo | None, why: str
) -> DecodeError:
    """The error for a good response that cannot be used; it keeps the bytes."""
    key = session.settings.api_key
    headers = without_key(key, response.headers if response else {})
    content = response.content.replace(key.encode(), b"[key]") if response else b""
    return DecodeError(
        f"{what}: the response {why}; its {len(content)} bytes are in .content",
        call=what,
        content=content,
        body=decode(content),
        status_code=response.status_code if response else None,
        headers=headers,
        request_id=headers.get("request-id"),
    )


def raw(parsed: Any) -> Any:
    """The JSON of a response as received, not a copy."""
    data = getattr(parsed, "_raw", None)
    return parsed if data is None else data
