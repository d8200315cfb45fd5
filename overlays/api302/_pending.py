"""How the methods of namespaces are called: by keywords alone, and awaited where they are async."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from functools import wraps
from typing import Any, NoReturn

from ._errors import InvalidArgument

_COROUTINE = 0x80
"""The flag of code that makes a coroutine: `inspect.CO_COROUTINE`, without that slow module."""


class Pending(Coroutine[Any, Any, Any]):
    """A call of an async client that was not awaited yet: a coroutine that says so.

    Whatever else is done with it raises an error with the fix, in place of one that says that a
    coroutine has no such attribute.
    """

    __slots__ = ("_coroutine", "_name")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        self._coroutine, self._name = coroutine, name

    def send(self, value: Any) -> Any:
        """As of any coroutine."""
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """As of any coroutine."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """As of any coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("cr_", "__")):
            return getattr(self._coroutine, name)
        raise AttributeError(f"{name}: {self._fix()}")

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(self._fix())

    __iter__ = __aiter__ = __getitem__ = __enter__ = __aenter__ = _refuse

    def _fix(self) -> str:
        return f"the call was not awaited; write `await client.….{self._name}(…)`"

    def __repr__(self) -> str:
        return f"<{self._name}(…), which was not awaited yet>"


def by_keywords(method: Any) -> Callable[..., Any]:
    """A method that says what to do where its arguments are given by position."""
    name, is_async = method.__name__, bool(method.__code__.co_flags & _COROUTINE)

    @wraps(method)
    def called(self: Any, *positional: Any, **arguments: Any) -> Any:
        if positional:
            raise _by_position(method, positional)
        made = method(self, **arguments)
        return Pending(made, name) if is_async else made

    if is_async and sys.version_info >= (3, 12):
        from inspect import markcoroutinefunction

        markcoroutinefunction(called)
    return called


def _by_position(method: Any, positional: tuple[Any, ...]) -> InvalidArgument:
    code = method.__code__
    start = code.co_argcount
    names = code.co_varnames[start : start + code.co_kwonlyargcount]
    shown = ", ".join(f"{name}=…" for name in names[: len(positional)])
    return InvalidArgument(
        f"{', '.join(names[: len(positional)])}: arguments are given by name; write "
        f"{method.__name__}({shown})"
    )
