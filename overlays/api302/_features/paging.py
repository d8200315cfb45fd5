"""The items of all pages of a listing, as `x-pages` describes it."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from api302._calls.call import call
from api302._calls.response import raw
from api302._calls.session import Session
from api302._http.sync import run
from api302._json import is_array, is_object
from api302._types import Given, Operation, Options, Values
from api302_client.behaviour import Pages as Rule
from api302_client.behaviour import compiled

from .turn import Turn

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a listing."""

    items: list[T]
    response: Any = field(repr=False)
    """The whole response, parsed."""
    cursor: dict[str, Any] | None
    """The arguments that give the page after this one; None after the last. Plain data: keep it,
    and go on in another process with `iter_…(…, **cursor)`."""


class Walk:
    """The way from page to page. Each page is asked for once."""

    def __init__(self, session: Session, op: Operation, options: Options, given: Given) -> None:
        rule = op.behaviour.pages
        assert rule is not None
        self._session, self._op, self._rule, self._given = session, op, rule, given
        headers, query, body, timeout = options
        query, body = dict(query or {}), dict(body or {})
        asked = {**_in(given, rule), **{"query": query, "body": body}[rule.where]}
        for name in rule.moving:
            query.pop(name, None)
            body.pop(name, None)
        self._options: Options = (headers, query or None, body or None, timeout)
        self._step = asked.get(rule.size or "") or rule.step
        self.cursor: dict[str, Any] | None = _start(rule, asked)
        self._seen: set[str] = set()

    async def turn(self) -> Page[Any] | None:
        """The next page, None after the last. Where it fails, the next turn asks for it again."""
        if self.cursor is None:
            return None
        where = self._rule.where
        sent: Given = {**self._given}
        sent[where] = {**(self._given.get(where) or {}), **self.cursor}
        response = await call(self._session, self._op, self._options, **sent)
        found = typed(self._rule.items, response)
        items = list(found) if is_array(found) else []
        plain = raw(response)
        if self._is_known(plain, items):
            self.cursor = None
            return None
        self.cursor = self._after(plain, len(items))
        return Page(items, response, self.cursor)

    def _is_known(self, plain: Any, items: list[Any]) -> bool:
        """Whether a page is no further one: without items where pages are counted, or the one
        before once more, which a service without pages gives for ever.
        """
        if self._rule.parameter and not items:
            return True
        mark = json.dumps(compiled(self._rule.items)(plain), sort_keys=True, default=str)
        mark += json.dumps(self.cursor, default=str) if not self._rule.parameter else ""
        if mark in self._seen:
            return True
        self._seen = {mark} if self._rule.parameter else {*self._seen, mark}
        return False

    def _after(self, plain: Any, count: int) -> dict[str, Any] | None:
        """What asks for the page after one with so many items."""
        rule, cursor = self._rule, dict(self.cursor or {})
        if rule.more and compiled(rule.more)(plain) in (False, 0, "false"):
            return None
        following = {name: compiled(path)(plain) for name, path in rule.next.items()}
        following = {name: value for name, value in following.items() if value not in (None, "")}
        if rule.parameter:
            step = (self._step or count) if rule.counts == "items" else 1
            following[rule.parameter] = int(cursor[rule.parameter]) + int(step)
        return {**cursor, **following} if following else None


def _in(given: Given, rule: Rule) -> dict[str, Any]:
    """What the caller gave where the rule's parameters are."""
    values: Values = given.get(rule.where) or {}
    return {name: value for name, value in values.items() if value is not None}


def _start(rule: Rule, asked: dict[str, Any]) -> dict[str, Any]:
    """What asks for the first page: where the caller said to begin, or the rule."""
    start = {name: asked[name] for name in rule.moving if name in asked}
    if rule.parameter:
        start.setdefault(rule.parameter, rule.first)
    return start


class Pages(Iterator[T]):
    """The items of all pages, each page asked for when it is reached.

    `pages()` gives them page by page.

    Attributes:
        cursor: The arguments of the page that is asked for next, or that failed; None after the
            last. A loop that ended with an error goes on there when it is begun again.
    """

    def __init__(self, session: Session, op: Operation, options: Options, given: Given) -> None:
        self._walk, self._left = Walk(session, op, options, given), iter(())
        self._reading = threading.Lock()
        """Held by the thread that reads: or else another would ask for the same page."""

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The arguments of the page that is asked for next."""
        return self._walk.cursor

    def __next__(self) -> T:
        with self._reading:
            while True:
                for item in self._left:
                    return item
                page = run(self._walk.turn())
                if page is None:
                    raise StopIteration
                self._left = iter(page.items)

    def pages(self) -> Iterator[Page[T]]:
        """The pages that were not asked for yet."""
        while page := self._page():
            yield page

    def _page(self) -> Page[T] | None:
        with self._reading:
            return run(self._walk.turn())


class AsyncPages(AsyncIterator[T]):
    """`Pages` of an `AsyncClient`."""

    def __init__(self, session: Session, op: Operation, options: Options, given: Given) -> None:
        self._walk, self._left = Walk(session, op, options, given), iter(())
        self._turn = Turn()

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The arguments of the page that is asked for next."""
        return self._walk.cursor

    async def __anext__(self) -> T:
        while True:
            for item in self._left:
                return item
            if self._turn.is_taken:
                await self._turn.over()
                continue
            async with self._turn:
                page = await self._walk.turn()
                if page is None:
                    raise StopAsyncIteration
                self._left = iter(page.items)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The pages that were not asked for yet."""
        while page := await self._page():
            yield page

    async def _page(self) -> Page[T] | None:
        async with self._turn:
            return await self._walk.turn()


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
