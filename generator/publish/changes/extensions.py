"""What a changed `x-` extension means to those who use the API. oasdiff ignores extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from generator.emit.docstrings import price_text
from generator.publish.versions.open_responses import KNOWN
from generator.source import obj

from .report import ADDED, BREAKING, CHANGED, Finding


class Part(NamedTuple):
    """A part that differs between two documents; None stands for a part that is missing."""

    what: str
    """`extension`, `prose` or `shape`."""
    at: tuple[str, ...]
    old: Any
    new: Any


class _Ability(NamedTuple):
    """What an extension makes possible, and which of its parts decide a method's signature."""

    text: str
    decisive: frozenset[str]


_ABILITIES = {
    "x-task": _Ability("the call is a task", frozenset({"when"})),
    "x-task-status": _Ability("the response has a task's status", frozenset({"response"})),
    "x-stream": _Ability(
        "the response can be streamed", frozenset({"when", "accumulate", "response"})
    ),
    "x-structured": _Ability("the output can be of a given schema", frozenset({"argument"})),
    "x-success": _Ability("a failure inside a 200 is recognized", frozenset()),
    "x-pages": _Ability(
        "the pages can be iterated", frozenset({"parameter", "items", "in", "next", "counts"})
    ),
    "x-upload": _Ability("an upload of several steps is one call", frozenset({"method"})),
}
_READING_ALONE = frozenset({"x-success", "x-task-status"})
"""Extensions that say how to read a response: with and without them a call is made the same way."""


def meaning(part: Part, new_fields: frozenset[str]) -> Iterator[Finding]:
    """What a changed extension means.

    Args:
        part: The extension, with its old and new value.
        new_fields: The fields that the same edit added; a switch among them is used by nobody yet.
    """
    key = part.at[-1]
    if key in _READERS:
        changes = _READERS[key](part)
    elif key not in _ABILITIES:
        changes = iter([(CHANGED, f"`{key}` changed")])
    elif part.old is None or part.new is None:
        changes = _ability_gained_or_lost(part, new_fields)
    else:
        changes = _ability_changed(part)
    return (Finding(kind, key, text) for kind, text in changes)


_Changes = Iterator[tuple[str, str]]


def _price(part: Part) -> _Changes:
    old = price_text(_missing_in(part.new, part.old)).rstrip(".")
    new = price_text(_missing_in(part.old, part.new)).rstrip(".")
    if old and new:
        yield CHANGED, f"price: {old} → {new}"
    else:
        yield CHANGED, f"price: now {new}" if new else f"price: no longer {old}"


def _shortcut(part: Part) -> _Changes:
    if not part.old:
        yield ADDED, f"now also `client.{part.new}`"
    elif part.new:
        yield BREAKING, f"`client.{part.old}` is now `client.{part.new}`"
    else:
        yield BREAKING, f"`client.{part.old}` is gone"


def _file(part: Part) -> _Changes:
    field = ".".join(f"`{name}`" for name in _fields(part)) or "the body"
    yield from _entries(
        part,
        removed=(BREAKING, f"{field} takes no file as {{}} any more (`x-file`)"),
        added=(ADDED, f"{field} takes a file as {{}} too (`x-file`)"),
    )


def _aliases(part: Part) -> _Changes:
    yield from _entries(
        part,
        removed=(BREAKING, "no longer at {} (`x-aliases`)"),
        added=(ADDED, "also at {} (`x-aliases`)"),
    )


def _unknown(part: Part) -> _Changes:
    yield from _entries(
        part,
        removed=(ADDED, "described now: {} (`x-unknown`)"),
        added=(BREAKING, "not described any more: {} (`x-unknown`)"),
    )


def _known_values(part: Part) -> _Changes:
    """The enums of responses in a published document, which are open."""
    field = ".".join(f"`{name}`" for name in _fields(part)) or "the response"
    yield from _entries(
        part,
        removed=(CHANGED, f"{{}} is not a known value of {field} any more"),
        added=(ADDED, f"{{}} is a known value of {field} too"),
    )


def _fields(part: Part) -> list[str]:
    """The names of the fields that lead to an extension."""
    return [name for keyword, name in pairwise(part.at) if keyword == "properties"]


def _entries(part: Part, removed: tuple[str, str], added: tuple[str, str]) -> _Changes:
    """The entries of a list (of a mapping, its keys) that went and that came, what breaks first."""
    both = [
        (*removed, _missing_in(part.new, part.old)),
        (*added, _missing_in(part.old, part.new)),
    ]
    for kind, text, entries in sorted(both, key=lambda one: one[0] != BREAKING):
        if entries:
            yield kind, text.format(", ".join(map(str, entries)))


def _missing_in(one: Any, other: Any) -> list[Any]:
    """The items of `other` (of a mapping, its keys) that `one` lacks."""
    return [item for item in other or () if item not in (one or ())]


def _ability_gained_or_lost(part: Part, new_fields: frozenset[str]) -> _Changes:
    key, lost = part.at[-1], part.new is None
    switch = obj(part.new or part.old).get("when")
    if key in _READING_ALONE:
        kind = CHANGED
    elif lost or _changes_the_method(key, switch, new_fields):
        kind = BREAKING
    else:
        kind = ADDED
    yield kind, f"{_ABILITIES[key].text}{' no longer' if lost else ' now'} (`{key}`)"


def _changes_the_method(key: str, switch: Any, new_fields: frozenset[str]) -> bool:
    """Whether the method that exists already has another signature with the new extension.

    A task without a switch is what the method itself returns; and a switch is an argument no more.
    """
    return switch["name"] not in new_fields if switch else key == "x-task"


def _ability_changed(part: Part) -> _Changes:
    key, old, new = part.at[-1], part.old, part.new
    differing = {name for name in {**old, **new} if old.get(name) != new.get(name)}
    breaking = bool(differing & _ABILITIES[key].decisive)
    if key == "x-task" and "cancel" in old and "cancel" not in new:
        breaking = True
    names = ", ".join(sorted(differing))
    yield BREAKING if breaking else CHANGED, f"{_ABILITIES[key].text}: {names} changed (`{key}`)"


_READERS: dict[str, Callable[[Part], _Changes]] = {
    "x-price": _price,
    "x-shortcut": _shortcut,
    "x-file": _file,
    "x-aliases": _aliases,
    "x-unknown": _unknown,
    KNOWN: _known_values,
}
