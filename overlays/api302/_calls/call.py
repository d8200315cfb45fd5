"""A whole call, as a coroutine that serves both clients (see `_http.sync`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack
from urllib.parse import parse_qs

from api302._errors import InvalidArgument
from api302._types import Call, Given, Operation, Options, RawResponse

from .exchange import exchange
from .files import parts
from .inner_files import has_inner_files
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
    if not path.startswith("/"):
        raise InvalidArgument(
            f"path: must start with a slash, such as /v1/models, not {path!r};"
            " for a URL use client.download()"
        )
    opened: list[Any] = []
    body: dict[str, Any] = {} if json is None else {"json": json}
    if data is not None:
        body["data" if isinstance(data, Mapping) else "content"] = data
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


def _params(own: str, query: Mapping[str, Any] | None) -> dict[str, Any]:
    from api302_client._request import query_params

    return {**parse_qs(own, keep_blank_values=True), **query_params(query or {})}
