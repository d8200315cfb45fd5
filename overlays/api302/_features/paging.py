"""The items of all pages of a listing, as `x-pages` describes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from api302._calls.call import call
from api302._calls.response import raw
from api302._calls.session import Session
from api302._json import is_object
from api302._types import Given, Operation, Options
from api302_client.behaviour import compiled


async def items(
    session: Session, op: Operation, options: Options, given: Given
) -> AsyncGenerator[Any, None]:
    """The items of all pages. A page without items is the last."""
    rule = op.behaviour.pages
    assert rule is not None
    headers, query, body, timeout = options
    extra = dict(query or {})
    page = int(extra.pop(rule.parameter, rule.first))
    last: Any = None
    while True:
        asked: Given = {**given, "query": {**(given.get("query") or {}), rule.parameter: page}}
        found = typed(rule.items, await call(session, op, (headers, extra, body, timeout), **asked))
        if not found or found == last:  # a service without pages returns the first one for ever
            return
        for item in found:
            yield item
        page, last = page + 1, found


def typed(path: str, parsed: Any) -> Any:
    """What a path finds in a response: along the fields of its classes where it is plain, else as
    plain JSON.
    """
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
