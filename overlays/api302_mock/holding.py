"""Holds both sides of a real exchange against the description: what it lacks or contradicts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request

from api302_client.behaviour import read
from api302_client.media import essence, is_json
from api302_mock.body import parse_json
from api302_mock.document import Document, Operation
from api302_mock.errors import Refused
from api302_mock.examples import EVENT_STREAM
from api302_mock.keys import Keys
from api302_mock.streams import event_data
from api302_mock.validation import check, problem

_MOST = 20
"""Events of a stream that are told of."""


async def request_problem(
    document: Document, operation: Operation, request: Request, path: dict[str, str]
) -> str | None:
    """The first thing of a request that the description refuses or does not name.

    The API key is the service's affair.
    """
    try:
        call = await check(document, Keys(document), operation, request, path, strict=True)
    except Refused as refused:
        return None if refused.status == 401 else refused.message
    call.close()
    return None


def response_problems(
    document: Document,
    operation: Operation,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
) -> Iterator[str]:
    """What of a response the description does not have: its status, its media type, a value, a
    field.
    """
    known = _described(operation, status)
    if known is None:
        yield f"status {status} is not described"
        return
    bodies: dict[str, Any] = {
        essence(name): document.resolve(media) for name, media in known.get("content", {}).items()
    }
    if not content or not bodies:
        return
    given = essence(headers.get("content-type", ""))
    media = bodies.get(given) or _alike(bodies, given)
    if media is None:
        yield f"the response is {given or 'of no media type'}, not {' or '.join(bodies)}"
    elif given == EVENT_STREAM:
        yield from _stream_problems(document, operation, media, content)
    elif is_json(given):
        yield from _json_problems(document, media.get("schema", True), content, "response")


def _described(operation: Operation, status: int) -> dict[str, Any] | None:
    """The response of a status; else that of its class, else the default."""
    names = (str(status), f"{status // 100}XX", "default")
    return next((operation.responses[one] for one in names if one in operation.responses), None)


def _alike(described: Mapping[str, Any], given: str) -> Any:
    """The body that a media type may stand for: any JSON for JSON, anything for `*/*`."""
    for name, media in described.items():
        if (is_json(name) and is_json(given)) or name in ("*/*", "application/octet-stream"):
            return media
        if name.endswith("/*") and given.startswith(name[:-1]):
            return media
    return None


def _json_problems(
    document: Document, schema: Any, content: str | bytes, where: str
) -> Iterator[str]:
    try:
        value = parse_json(content)
    except ValueError as error:
        yield f"{where}: it is not JSON: {error}"
        return
    found = problem(document, schema, value, where)
    found = found or problem(document, schema, value, where, strict=True)
    if found:
        yield found


def _stream_problems(
    document: Document, operation: Operation, media: Mapping[str, Any], content: bytes
) -> Iterator[str]:
    """The first things that events have otherwise."""
    stream = read(operation.raw).stream
    sentinel = stream.sentinel if stream else None
    schemas = list(_contents(document, media.get("itemSchema", True)))
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    told = 0
    for number, event in enumerate(re.split(r"\n\n+", text), 1):
        data = event_data(event)
        if not data or data == sentinel or not schemas:
            continue
        problems = [
            list(_json_problems(document, schema, data, f"event {number}")) for schema in schemas
        ]
        if all(problems) and told < _MOST:
            told += 1
            yield min(problems, key=lambda one: len(one[0]))[0]


def _contents(document: Document, schema: Any) -> Iterator[Any]:
    """The schemas of the JSON that an event's data is."""
    for part in document.branches(document.properties(schema).get("data", True)):
        if "contentSchema" in part:
            yield part["contentSchema"]
