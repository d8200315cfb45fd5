"""The items of all pages of a listing, as `x-pages` describes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from .._calls.call import call
from .._calls.response import typed
from .._calls.session import Session
from .._types import Given, Operation, Options


async def items(
    session: Session, op: Operation, options: Options, given: Given
) -> AsyncGenerator[Any, None]:
    """The items of all pages. A page without items is the last."""
    rule = op.pages or {}
    counter = rule["parameter"]
    headers, query, *rest = options
    extra = dict(query or {})
    page = int(extra.pop(counter, rule.get("first", 1)))
    last: Any = None
    while True:
        asked: Given = {**given, "query": {**(given.get("query") or {}), counter: page}}
        found = typed(rule["items"], await call(session, op, (headers, extra, *rest), **asked))
        if not found or found == last:  # a service without pages returns the first one for ever
            return
        for item in found:
            yield item
        page, last = page + 1, found
