"""From a response to what the caller gets: the operation's type, or the error that its envelope tells of."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .._errors import DecodeError
from .._paths import among, compiled, find, is_object
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
        parsed = parse(call.op.module.RESPONSES if call.op else {}, status, headers, content)
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
    """Raise if the response's envelope, as `x-success` describes it, tells of a failure."""
    rule = op.success
    if not rule:
        return
    data = raw(parsed)
    value = find(rule["field"], data)
    if value is None or among(value, rule["values"]):
        return
    code = find(rule["code"], data) if "code" in rule else value
    message = find(rule.get("message"), data)
    raise response_error(
        session.settings, call, status, headers, content, code=code, message=message
    )


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


def typed(path: str, parsed: Any) -> Any:
    """What a path finds in a response: along the fields of its classes where it is plain, else as plain JSON."""
    found = parsed
    for step in path.removesuffix("[]").split(".") if path not in ("@", "[]") else []:
        names = {wire: name for name, wire in getattr(found, "__wire__", {}).items()}
        if is_object(found):
            found = compiled(step)(found)
        elif not hasattr(found, name := names.get(step, step)):
            return compiled(path)(raw(parsed))
        else:
            found = getattr(found, name)
    return found
