"""A whole call, as a coroutine that serves both clients (see `_http.sync`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack
from urllib.parse import parse_qs

from api302._errors import InvalidArgument
from api302._json import is_mapping
from api302._types import Call, Given, Operation, Options, RawResponse

from .exchange import exchange
from .files import parts
from .inner_files import has_inner_files
from .local_files import is_bytes
from .prepare import operation_call, raw_call
from .response import parse_response
from .session import Session


async def call(session: Session, op: Operation, options: Options, **given: Unpack[Given]) -> Any:
    """Make a call of the API and return its parsed response."""
    if op.files:
        from .outputs import fetched

        given["body"] = await fetched(session, op, given.get("body"))
    ready = partial(operation_call, session.settings, op, options, **given)
    reads = op.files or has_inner_files(given.get("body"), op.behaviour.inner_files)
    return await finish(session, await session.io.thread(ready) if reads else ready())


async def finish(session: Session, ready: Call) -> Any:
    """Send a call and return its parsed response."""
    try:
        response = await exchange(session, ready)
    finally:
        ready.release()
    return parse_response(session, ready, response)


async def request(
    session: Session,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    files: Mapping[str, Any] | None,
    timeout: float | None,
    json: Any,
    data: Any,
) -> RawResponse[Any]:
    """Make a call that the document does not describe."""
    _check(method, path, query=query, files=files)
    opened: list[Any] = []
    body: dict[str, Any] = {} if json is None else {"json": json}
    if data is not None:
        body["data" if isinstance(data, Mapping) else "content"] = _content(data)
    path, _, own = path.partition("?")
    if params := _params(own, query):
        body["params"] = params
    try:
        if files:
            body["files"] = await session.io.thread(parts, files, opened)
        ready = raw_call(session.settings, method, path, headers=headers, timeout=timeout, **body)
        response = await exchange(session, ready._replace(opened=opened))
    finally:
        for file in opened:
            file.close()
    parsed = parse_response(session, ready, response)
    return RawResponse(parsed, response.status_code, dict(response.headers), response.content)


def _check(method: Any, path: Any, **mappings: Any) -> None:
    """Raise InvalidArgument for what is no method, no path, or no mapping."""
    if not isinstance(method, str) or not re.fullmatch(r"[A-Za-z-]+", method):
        raise InvalidArgument(f"method: must be one of HTTP's, such as GET, not {method!r:.80}")
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidArgument(
            f"path: must start with a slash, such as /v1/models, not {path!r:.80};"
            " for a URL use client.download()"
        )
    for name, value in mappings.items():
        if value is not None and not isinstance(value, Mapping):
            kind = type(value).__name__
            raise InvalidArgument(f"{name}: must be a mapping of names to values, not {kind}")


def _content(data: Any) -> Any:
    """The fields of a form, or a body. Raises InvalidArgument for what is neither."""
    if is_bytes(data):
        return bytes(data)
    is_read = any(hasattr(data, name) for name in ("read", "__next__", "__aiter__"))
    is_body = is_mapping(data) or isinstance(data, str)
    if is_body or is_read:
        return data
    kind: str = type(data).__name__
    raise InvalidArgument(f"data: must be the fields of a form, or a text or bytes, not {kind}")


def _params(own: str, query: Mapping[str, Any] | None) -> dict[str, Any]:
    from api302_client._request import query_params

    return {**parse_qs(own, keep_blank_values=True), **query_params(query or {})}
