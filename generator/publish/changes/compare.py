"""What changed between two documents: what oasdiff finds, and what it does not look at.

oasdiff ignores `x-` extensions, and it does not know that a tag and an operationId are a method's
name in Python. What neither reports is still seen: all else that differs is `shape` or `words`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from generator.join import operations
from generator.publish.versions.walk import Json
from generator.source import obj, seq

from . import oasdiff
from .extensions import Part, meaning
from .report import ADDED, BREAKING, CHANGED, DOCUMENT, WORDS, Change, Finding

# Evidence and samples are no part of the API, links are made from x-task, and names have their own
# comparison.
IGNORED = frozenset({"x-docs", "x-codeSamples", "links", "tags", "operationId"})
# Keywords whose keys are the API's own names.
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


def compare(old: Json, new: Json) -> tuple[list[Change], int]:
    """What changed, in the order of the new document; and how many operations have new evidence.

    Raises:
        ToolMissing: Go is not installed.
        BuildError: oasdiff cannot read a document.
    """
    old, moved = _at_new_paths(old, new)
    before, after = _by_call(old), _by_call(new)
    found = oasdiff.findings(old, new)
    components = _Components(old, new)
    of_document = [*found.get("", ()), *_of_document(old, new)]
    changes = [Change(f.kind, DOCUMENT, "", "", f.rule, f.text) for f in of_document]
    evidence = 0
    for call in {**after, **before}:
        was, now = before.get(call), after.get(call)
        if was is None or now is None:
            findings = [_come_or_gone(was, now)]
        else:
            findings = [
                *_of_names(was, now, moved.get(call)),
                *_of_operation(was, now, components, found.get(call, [])),
            ]
            evidence += not findings and was.get("x-docs") != now.get("x-docs")
        changes += _changes_of(call, now or was or {}, findings)
    return changes, evidence


def _changes_of(call: str, operation: Json, findings: list[Finding]) -> list[Change]:
    home, name = _home(operation), str(operation.get("operationId", ""))
    return [Change(f.kind, home, name, call, f.rule, f.text) for f in findings]


def _come_or_gone(was: Json | None, now: Json | None) -> Finding:
    if now is None:
        return Finding(BREAKING, "operation-removed", f"removed ({obj(was).get('summary', '')})")
    return Finding(ADDED, "operation-added", f"new: {now.get('summary', '')}")


# -- the document --------------------------------------------------------------------------------


def _of_document(old: Json, new: Json) -> Iterator[Finding]:
    if old.get("servers") != new.get("servers"):
        yield Finding(CHANGED, "servers", "the servers changed")
    if any(_prose(old, key) != _prose(new, key) for key in ("info", "tags")):
        yield Finding(CHANGED, WORDS, "other words in `info` or `tags`")


def _prose(document: Json, key: str) -> Any:
    """A part without the version, which the report decides, and without what `publish` stamps."""
    value = document.get(key)
    if not isinstance(value, dict):
        return value
    own = {name: part for name, part in value.items() if not name.startswith("x-")}
    own.pop("version", None)
    return own


def _by_call(document: Json) -> dict[str, Json]:
    return {f"{method.upper()} {path}": content for path, method, content in operations(document)}


def _at_new_paths(old: Json, new: Json) -> tuple[Json, dict[str, str]]:
    """The old document with each operation at its path in the new one; and the moved calls.

    Operations are followed by operationId, so that one that moved is compared with itself.
    """
    before, after = _by_call(old), _by_call(new)
    by_id = {content["operationId"]: c for c, content in after.items() if "operationId" in content}
    paths: Json = {path: dict(item) for path, item in old["paths"].items()}
    moved = {}
    for call, operation in before.items():
        target = by_id.get(operation.get("operationId"), call)
        if call in after or target in before:
            continue
        moved[target] = call
        (was_method, was_path), (method, path) = call.split(" ", 1), target.split(" ", 1)
        del paths[was_path][was_method.lower()]
        if was_path in seq(after[target].get("x-aliases")):  # reported with the move
            aliases = [*seq(operation.get("x-aliases")), was_path]
            operation = {**operation, "x-aliases": aliases}
        paths.setdefault(path, {})[method.lower()] = operation
    return {**old, "paths": paths}, moved


# -- an operation --------------------------------------------------------------------------------


def _of_names(was: Json, now: Json, old_call: str | None) -> Iterator[Finding]:
    """What changed in the names under which an operation is called."""
    if old_call:
        continues = old_call.split(" ", 1)[1] in seq(now.get("x-aliases"))
        text = f"was `{old_call}`{', which continues to work' * continues}"
        yield Finding(CHANGED if continues else BREAKING, "path", text)
    old_name, new_name = _python_name(was), _python_name(now)
    if old_name != new_name:
        yield Finding(BREAKING, "name", f"`{old_name}` is now `{new_name}`")


def _home(operation: Json) -> str:
    """Section and vendor."""
    return str(next(iter(seq(operation.get("tags"))), ""))


def _python_name(operation: Json) -> str:
    home = _home(operation)
    action = str(operation.get("operationId")).removeprefix(home.rpartition(".")[2] + "_")
    return f"client.{home}.{action}"


def _of_operation(
    was: Json, now: Json, components: _Components, findings: list[Finding]
) -> list[Finding]:
    """What changed in an operation that both documents have: oasdiff's findings and our own."""
    findings = [*findings, *map(_class_gone, components.gone(was))]
    parts = [*_differences(was, now), *components.differences(was, now)]
    shape = _of_shape([part for part in parts if part.what == "shape"], bool(findings))
    new_fields = frozenset(part.at[-1] for part in parts if part.old is None)
    for part in parts:
        if part.what == "extension":
            findings += meaning(part, new_fields)
    findings += shape
    if parts and not findings:
        return [Finding(CHANGED, WORDS, "other words or examples")]
    return findings


def _class_gone(name: str) -> Finding:
    text = f"`{name}` is gone, and its name in Python with it"
    return Finding(BREAKING, "component", text)


def _of_shape(parts: list[Part], explained: bool) -> list[Finding]:
    """A finding for what nothing else explains, and for ranges of statuses such as 4XX.

    oasdiff does not see a range of statuses come or go.
    """
    if explained:
        parts = [part for part in parts if part.at[-1].endswith("XX")]
    places = sorted({"/".join(part.at) for part in parts})
    if not places:
        return []
    more = f" and {len(places) - 1} more" if places[1:] else ""
    return [Finding(CHANGED, "shape", f"described differently in `{places[0]}`{more}")]


# -- the parts that differ -----------------------------------------------------------------------


def _differences(
    old: Any, new: Any, at: tuple[str, ...] = (), named: bool = False
) -> Iterator[Part]:
    """The smallest parts that differ.

    Args:
        at: The keys that lead to the two values.
        named: The keys are the API's own names, so that a field `x-y` or `title` is no keyword.
    """
    if old == new:
        return
    if at == ("parameters",) or _are_lists_of_one_length(old, new):
        old, new, named = _keyed(seq(old)), _keyed(seq(new)), True
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield Part("shape", at, old, new)
        return
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        if was == now:
            continue
        if named:
            yield from _differences(was, now, (*at, key))
        elif key not in IGNORED:
            yield from _of_keyword(key, was, now, at)


def _of_keyword(key: str, old: Any, new: Any, at: tuple[str, ...]) -> Iterator[Part]:
    if key.startswith("x-"):
        yield Part("extension", (*at, key), old, new)
    elif key in oasdiff.PROSE:
        yield Part("prose", (*at, key), old, new)
    else:
        yield from _differences(old, new, (*at, key), key in NAMING)


def _are_lists_of_one_length(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and len(old) == len(new)


def _keyed(items: list[Any]) -> Json:
    """A list by the names of its items if they have names, as parameters do, else by position."""
    return {str(obj(item).get("name", number)): item for number, item in enumerate(items)}


class _Components:
    """The components of two documents, by `kind/name`."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = _components(old), _components(new)
        self.parts = {
            name: list(_differences(was, self.new[name]))
            for name, was in self.old.items()
            if name in self.new
        }
        """What differs in those that both documents have."""

    def differences(self, was: Json, now: Json) -> Iterator[Part]:
        """What differs in the components that an operation used or uses."""
        for name in sorted(_reached(was, self.old) | _reached(now, self.new)):
            yield from self.parts.get(name, ())

    def gone(self, was: Json) -> list[str]:
        """The names of the schemas that an operation used and that are gone."""
        gone = _reached(was, self.old) - self.new.keys()
        return sorted(n.removeprefix("schemas/") for n in gone if n.startswith("schemas/"))


def _components(document: Json) -> Json:
    components = obj(document.get("components"))
    return {f"{kind}/{name}": part for kind, of in components.items() for name, part in of.items()}


def _reached(operation: Json, components: Json) -> set[str]:
    """The components that an operation uses, directly or through others."""
    reached: set[str] = set()
    waiting: list[Any] = [operation]
    while waiting:
        text = json.dumps(waiting.pop())
        names = set(re.findall(r'"#/components/([^"]+)"', text)) - reached
        reached |= names
        waiting += [components.get(name) for name in names]
    return reached
