"""What changed between two documents: what oasdiff finds, and what it does not look at.

It passes over `x-` extensions, and it does not know that a tag and an operationId are a method's name in Python. A net of our own below
both tells what neither names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from ..emit.docstrings import price_text
from ..join import operations
from ..source import obj, seq
from . import oasdiff
from .report import ADDED, BREAKING, CHANGED, DOCUMENT, WORDS, Change, Told
from .versions import Json

# For the net. Evidence and samples are no part of the API, links are made from x-task, and the rest is compared by name.
PASSED = frozenset({"x-docs", "x-codeSamples", "links", "tags", "operationId"})
# The keywords whose keys are names of the API's own.
NAMING = frozenset(
    {
        "properties",
        "patternProperties",
        "$defs",
        "dependentSchemas",
        "responses",
        "content",
        "headers",
        "encoding",
        "mapping",
    }
)

# What an extension gives an operation, and the parts of it that decide which methods there are and what they return.
GIVES: dict[str, tuple[str, set[str]]] = {
    "x-task": ("the call is a task", {"when"}),
    "x-task-status": ("the reply tells a task's state", {"reply"}),
    "x-stream": ("the reply can be streamed", {"when", "accumulate", "reply"}),
    "x-success": ("a failure inside a 200 is told", set()),
    "x-pages": ("the pages can be iterated", {"parameter", "items"}),
    "x-upload": ("an upload of several steps is one call", {"method"}),
}
# What is said of the entries of an extension (of a mapping, its keys) of which there are fewer now for users, and more.
LISTS = {
    "x-file": ("{field} takes no file as {entry} any more", "{field} takes a file as {entry} too"),
    "x-aliases": ("no longer at {entry}", "also at {entry}"),
    "x-unknown": ("not described any more: {entry}", "described now: {entry}"),
}


def compare(old: Json, new: Json) -> tuple[list[Change], int]:
    """What changed, in the order of the new document; and the number of operations of which only the evidence was looked at anew.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    old, moved = _follow(old, new)
    before, after = _by_call(old), _by_call(new)
    seen = oasdiff.findings(old, new)
    components = _Components(old, new)
    changes = [
        Change(kind, DOCUMENT, "", "", rule, text)
        for kind, rule, text in [*seen.get("", ()), *_of_document(old, new)]
    ]
    evidence = 0
    for call in {**after, **before}:
        operation = after.get(call, before.get(call, {}))
        if call not in after:
            told = [(BREAKING, "operation-removed", f"removed ({operation.get('summary', '')})")]
        elif call not in before:
            told = [(ADDED, "operation-added", f"new: {operation.get('summary', '')}")]
        else:
            was = before[call]
            told = [
                *_of_names(was, operation, moved.get(call)),
                *_of_operation(was, operation, components, seen.get(call, [])),
            ]
            evidence += not told and was.get("x-docs") != operation.get("x-docs")
        home, name = _home(operation), str(operation.get("operationId", ""))
        changes += [Change(kind, home, name, call, rule, text) for kind, rule, text in told]
    return changes, evidence


def _of_document(old: Json, new: Json) -> Iterator[Told]:
    if old.get("servers") != new.get("servers"):
        yield CHANGED, "servers", "the servers changed"
    if any(_prose(old, key) != _prose(new, key) for key in ("info", "tags")):
        yield CHANGED, WORDS, "other words in `info` or `tags`"


def _of_operation(was: Json, now: Json, components: _Components, seen: list[Told]) -> list[Told]:
    """What changed of an operation that stayed: what oasdiff saw of it, and what it does not look at."""
    used = components.used(was, now)
    told = [
        *seen,
        *(
            (BREAKING, "component", f"`{name}` is gone, and its name in Python with it")
            for name in components.gone(was)
        ),
    ]
    differing = [
        *_differences(was, now),
        *(part for name in used for part in components.parts.get(name, ())),
    ]
    # Where nothing else says that the shape changed; and a range such as 4XX, which oasdiff does not see come or go.
    shapes = sorted(
        {
            "/".join(part.at)
            for part in differing
            if part.what == "shape" and (not told or part.at[-1].endswith("XX"))
        }
    )
    fresh = {part.at[-1] for part in differing if part.old is None}
    for part in differing:
        told += (
            [(kind, part.at[-1], text) for kind, text in _extension(part, fresh)]
            if part.what == "extension"
            else []
        )
    if shapes:
        more = f" and {len(shapes) - 1} more" if shapes[1:] else ""
        told.append((CHANGED, "shape", f"described another way in `{shapes[0]}`{more}"))
    return told or ([(CHANGED, WORDS, "other words or examples")] if differing else [])


def _by_call(document: Json) -> dict[str, Json]:
    return {
        f"{method.upper()} {path}": operation for path, method, operation in operations(document)
    }


def _prose(document: Json, key: str) -> Any:
    """Without the version, which the report decides, and what `publish` stamps."""
    value = document.get(key)
    return (
        {k: v for k, v in value.items() if k != "version" and not k.startswith("x-")}
        if isinstance(value, dict)
        else value
    )


def _follow(old: Json, new: Json) -> tuple[Json, dict[str, str]]:
    """The old document with each operation at the path where the new one has it, so that the two are compared; and the calls that moved."""
    before, after = _by_call(old), _by_call(new)
    now = {
        operation["operationId"]: call
        for call, operation in after.items()
        if "operationId" in operation
    }
    paths: Json = {path: dict(item) for path, item in old["paths"].items()}
    moved = {}
    for call, operation in before.items():
        there = now.get(operation.get("operationId"), call)
        if call not in after and there not in before:
            moved[there] = call
            (was_method, was_path), (method, path) = call.split(" ", 1), there.split(" ", 1)
            del paths[was_path][was_method.lower()]
            if was_path in seq(after[there].get("x-aliases")):  # which is told with the move
                operation = {**operation, "x-aliases": [*seq(operation.get("x-aliases")), was_path]}
            paths.setdefault(path, {})[method.lower()] = operation
    return {**old, "paths": paths}, moved


def _of_names(was: Json, now: Json, old_call: str | None) -> Iterator[Told]:
    """What changed of the names under which an operation is called."""
    if old_call:
        kept = old_call.split(" ", 1)[1] in seq(now.get("x-aliases"))
        yield CHANGED if kept else BREAKING, "path", f"was `{old_call}`{', which goes on' * kept}"
    old_name, new_name = _python_name(was), _python_name(now)
    if old_name != new_name:
        yield BREAKING, "name", f"`{old_name}` is now `{new_name}`"


def _home(operation: Json) -> str:
    """Section and vendor."""
    return str(next(iter(seq(operation.get("tags"))), ""))


def _python_name(operation: Json) -> str:
    home = _home(operation)
    return f"client.{home}.{str(operation.get('operationId')).removeprefix(home.rpartition('.')[2] + '_')}"


class _Part(NamedTuple):
    """A part that differs; None stands for what is not there."""

    what: str
    at: tuple[str, ...]
    old: Any
    new: Any


def _differences(
    old: Any, new: Any, at: tuple[str, ...] = (), named: bool = False
) -> Iterator[_Part]:
    """The smallest parts that differ; `named` when the keys are the API's own names, so that a field `x-y` or `title` is no keyword."""
    if old == new:
        return
    if at == ("parameters",) or (
        isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    ):
        old, new, named = _keyed(seq(old)), _keyed(seq(new)), True
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield _Part("shape", at, old, new)
        return
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        if was == now or (not named and key in PASSED):
            continue
        if not named and (key.startswith("x-") or key in oasdiff.PROSE):
            yield _Part("extension" if key.startswith("x-") else "prose", (*at, key), was, now)
        else:
            yield from _differences(was, now, (*at, key), not named and key in NAMING)


def _keyed(items: list[Any]) -> Json:
    """A list by the names of its items, if they have names (parameters do), else by place."""
    return {str(obj(item).get("name", number)): item for number, item in enumerate(items)}


class _Components:
    """The components of two documents, by `kind/name`."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = (
            {
                f"{kind}/{name}": part
                for kind, parts in obj(document.get("components")).items()
                for name, part in parts.items()
            }
            for document in (old, new)
        )
        self.parts = {
            name: list(_differences(was, self.new[name]))
            for name, was in self.old.items()
            if name in self.new
        }
        """What differs in those that both documents have."""

    def used(self, was: Json, now: Json) -> list[str]:
        """Those that an operation used or uses."""
        return sorted(_reached(was, self.old) | _reached(now, self.new))

    def gone(self, was: Json) -> list[str]:
        """The names of the schemas that an operation used and that are no longer there."""
        return sorted(
            name.removeprefix("schemas/")
            for name in _reached(was, self.old) - self.new.keys()
            if name.startswith("schemas/")
        )


def _reached(operation: Json, components: Json) -> set[str]:
    reached: set[str] = set()
    waiting: list[Any] = [operation]
    while waiting:
        names = set(re.findall(r'"#/components/([^"]+)"', json.dumps(waiting.pop()))) - reached
        reached |= names
        waiting += [components.get(name) for name in names]
    return reached


def _extension(part: _Part, fresh: set[str]) -> Iterator[tuple[str, str]]:
    """What a changed extension means; `fresh` names the fields that are new with it."""
    key, old, new = part.at[-1], part.old, part.new
    if key == "x-price":
        was, now = (
            price_text(prices).rstrip(".") for prices in (_without(old, new), _without(new, old))
        )
        yield (
            CHANGED,
            f"price: {was} → {now}"
            if was and now
            else f"price: now {now}"
            if now
            else f"price: no longer {was}",
        )
    elif key in LISTS:
        field = (
            ".".join(f"`{name}`" for keyword, name in pairwise(part.at) if keyword == "properties")
            or "the body"
        )
        worse, better = _without(old, new), _without(new, old)
        if key == "x-unknown":
            worse, better = better, worse
        for kind, listed, text in (
            (BREAKING, worse, LISTS[key][0]),
            (ADDED, better, LISTS[key][1]),
        ):
            if listed:
                yield kind, text.format(field=field, entry=", ".join(listed)) + f" (`{key}`)"
    elif key == "x-shortcut":
        gone = f"`client.{old}` is {f'now `client.{new}`' if new else 'gone'}"
        yield (BREAKING, gone) if old else (ADDED, f"now also `client.{new}`")
    elif key not in GIVES:
        yield CHANGED, f"`{key}` changed"
    elif old is None or new is None:
        switch = obj(new or old).get("when")
        # A task without a switch is what the method itself returns; a switch is no longer an argument that callers give.
        other = (
            new is None
            or (key == "x-task" and not switch)
            or (switch and switch["name"] not in fresh)
        )
        kind = CHANGED if key in ("x-success", "x-task-status") else BREAKING if other else ADDED
        yield kind, f"{GIVES[key][0]}{' no longer' if new is None else ' now'} (`{key}`)"
    else:
        parts = {name for name in {**old, **new} if old.get(name) != new.get(name)}
        broken = parts & GIVES[key][1] or (
            key == "x-task" and "cancel" in parts and "cancel" not in new
        )
        yield (
            BREAKING if broken else CHANGED,
            f"{GIVES[key][0]}: {', '.join(sorted(parts))} changed (`{key}`)",
        )


def _without(one: Any, other: Any) -> list[Any]:
    """The items of a list, or the keys of a mapping, that another has not."""
    return [item for item in one or () if item not in (other or ())]
