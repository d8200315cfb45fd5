"""The schemas of one body, of a page and of the specification, held against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from generator.docs.described import Described, Part, fields_of, options, types_of
from generator.docs.pages import Schema
from generator.docs.pages.untrusted import one_line, quoted
from generator.docs.pages.values import key
from generator.source import obj, seq

from .finding import Finding, Subject, required, type_text

_DEEPEST = 8
_MOST_LISTED = 20


@dataclass(frozen=True)
class _Place:
    """A place in a body, with all that the specification says of it."""

    described: Described
    path: str
    depth: int
    mine: list[Any]
    """Our schemas of this place."""

    @cached_property
    def variants(self) -> list[dict[str, Any]]:
        return [one for schema in self.mine for one in self.described.variants(schema)]

    @cached_property
    def types(self) -> set[str]:
        return types_of(self.variants)

    @cached_property
    def fields(self) -> dict[str, list[Any]]:
        return fields_of(self.variants)

    @cached_property
    def enums(self) -> list[dict[str, Any]]:
        """The variants that list values."""
        return [variant for variant in self.variants if "enum" in variant or "const" in variant]

    @property
    def is_free(self) -> bool:
        """Whether it takes values outside its enums as well."""
        others = (variant for variant in self.variants if variant not in self.enums)
        return any(other.get("type") in ("string", "integer", "number") for other in others)

    @cached_property
    def owner(self) -> dict[str, Any]:
        """The variant that has the fields."""
        with_fields = (variant for variant in self.variants if "properties" in variant)
        return next(with_fields, self.variants[0])

    @cached_property
    def always(self) -> set[str]:
        """The fields that every value has."""
        return set.intersection(*(self.described.required(schema) for schema in self.mine))

    @cached_property
    def somewhere(self) -> set[str]:
        """The fields that some variant requires."""
        return {name for variant in self.variants for name in seq(variant.get("required"))}

    def refuses(self, kind: str) -> bool:
        """Whether no value of a type is allowed."""
        types = self.types
        return bool(types) and kind not in types and not (kind == "integer" and "number" in types)

    @property
    def is_map(self) -> bool:
        """Whether it takes fields of any name, of one kind."""
        return any(isinstance(one.get("additionalProperties"), dict) for one in self.variants)

    @property
    def is_open_object(self) -> bool:
        """Whether it is an object of which no field is described."""
        return any(
            "additionalProperties" in one or types_of([one]) == {"object"} for one in self.variants
        )

    @property
    def name(self) -> str:
        """The place in a message."""
        return quoted(self.path or "body", 200)

    def inner(self, path: str, mine: list[Any]) -> _Place:
        """A place inside."""
        return _Place(self.described, path, self.depth + 1, mine)

    def field(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name


class SchemaComparison:
    """Holds the schemas of a page's request or response against ours."""

    def __init__(self, subject: Subject, part: Part) -> None:
        self.subject, self.part = subject, part
        self.whose = f"the {subject.who}'s {part}"

    def _finding(
        self, kind: str, field: str, message: str, fix: str, owner: Any, key: str | None = None
    ) -> Finding:
        return self.subject.finding(kind, field, message, fix, owner, key, self.part)

    def compare(self, path: str, theirs: Schema, mine: list[Any]) -> Iterator[Finding]:
        """What a schema of the page says that ours of the same place do not."""
        yield from self._schema(_Place(self.subject.described, path, 0, mine), theirs)

    def _schema(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        if not theirs or at.depth > _DEEPEST or not at.variants:
            return
        for inner in (*theirs.get("allOf", ()), *theirs.get("anyOf", ())):
            yield from self._schema(at.inner(at.path, at.mine), inner)
        if wrong := next(filter(at.refuses, _types(theirs)), None):
            yield self._type(at, wrong)
            return
        if theirs.get("nullable") and at.refuses("null"):
            yield self._type(at, "null")
        yield from self._enum(at, theirs)
        yield from self._default(at, theirs)
        yield from self._items(at, theirs)
        yield from self._fields(at, theirs)

    def _items(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        if "items" in theirs:
            items = [variant["items"] for variant in at.variants if "items" in variant]
            yield from self._schema(at.inner(f"{at.path}[]", items), theirs["items"])

    def _type(self, at: _Place, kind: str) -> Finding:
        ours = " or ".join(sorted(at.types))
        message = f"{self.whose} has {at.name} as {kind}, ours is {ours}"
        fix = "take the union (anyOf), or keep ours if the examples bear it out"
        return self._finding("type", at.path, message, fix, at.variants[0], "type")

    def _enum(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        if "enum" not in theirs:
            return
        if not at.enums:
            yield from self._first_enum(at, theirs)
            return
        ours = _by_key(value for variant in at.enums for value in options(variant))
        listed = _by_key([*theirs["enum"], *([None] if theirs.get("nullable") else [])])
        new = _without(_by_key(theirs["enum"]), ours)
        if new and not at.is_free:
            message = f"the page's {self.part} lists for {at.name} also {_listed(new)}"
            fix = "add it to the enum"
            yield self._finding("enum", at.path, message, fix, at.enums[0], "enum")
        gone = _without(ours, listed)
        if gone and self.subject.is_alone:
            message = f"the page's {self.part} no longer lists for {at.name}: {_listed(gone)}"
            fix = "remove it, unless callers use it"
            yield self._finding("enum-gone", at.path, message, fix, at.enums[0], "enum")

    def _first_enum(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        """Values where ours lists none: those of a response may be all that one page knows."""
        if self.part == "request":
            message = f"the page lists for {at.name} {_listed(theirs['enum'])}"
            fix = "add an enum, or name the values in the description if there are more"
            yield self._finding("enum", at.path, message, fix, at.variants[0], "type")

    def _default(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        if self.part != "request" or "default" not in theirs:
            return
        ours = [variant for variant in at.variants if "default" in variant]
        if any(variant["default"] == theirs["default"] for variant in ours):
            return
        message = f"the page's default of {at.name} is {_listed([theirs['default']])}"
        message += f", ours is {_listed([ours[0]['default']])}" if ours else ""
        fix = "correct or add `default`: it says what the server does"
        owner = (ours or at.variants)[0]
        yield self._finding("default", at.path, message, fix, owner, "default")

    def _fields(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        """The fields of an object."""
        properties = theirs.get("properties", {})
        if properties and not at.fields:
            yield from self._open_object(at, theirs)
            return
        for name, schema in properties.items():
            if name in at.fields:
                yield from self._required(at, theirs, name)
                yield from self._schema(at.inner(at.field(name), at.fields[name]), schema)
            elif not at.is_map:
                yield self._new_field(at, theirs, name, schema)
        yield from self._gone(at, properties)

    def _open_object(self, at: _Place, theirs: Schema) -> Iterator[Finding]:
        if at.depth and at.is_open_object and not at.is_map:
            names = one_line(", ".join(theirs["properties"]))
            message = f"{self.whose} has in {at.name}: {names}"
            fix = "name a schema for it, or leave it open if it differs by model"
            yield self._finding("open", at.path, message, fix, at.owner)

    def _new_field(self, at: _Place, theirs: Schema, name: str, schema: Schema) -> Finding:
        path = at.field(name)
        is_required = name in seq(theirs.get("required")) and self.part == "request"
        kind = f"{type_text(schema)}{', required' * is_required}"
        message = f"{self.whose} has {quoted(path, 200)} ({kind})"
        fix = "add it to `properties`, with words of our own"
        return self._finding("field", path, message, fix, at.owner, "properties")

    def _gone(self, at: _Place, properties: dict[str, Schema]) -> Iterator[Finding]:
        """The fields of a request that the page no longer has.

        What it leaves out of a response is not gone.
        """
        if not (properties and self.subject.is_alone and self.part == "request") or at.depth:
            return
        for name in [name for name in at.fields if name not in properties]:
            owner = next(one for one in at.variants if name in obj(one.get("properties")))
            message = f"the page's {self.part} no longer has `{name}`"
            fix = "remove it, or say in x-docs what shows it"
            yield self._finding("gone", name, message, fix, owner["properties"], name)

    def _required(self, at: _Place, theirs: Schema, name: str) -> Iterator[Finding]:
        """Whether a field that both have is required on both sides."""
        listed, path, is_ours = seq(theirs.get("required")), at.field(name), name in at.always
        if self.part == "response":
            if listed and is_ours and name not in listed:
                # The other way round shows nothing: such lists were filled in from one example.
                message = f"`{path}` is optional in the page's response"
                fix = "remove it from `required`; some responses lack it"
                yield self._finding("required", path, message, fix, at.owner, "required")
        elif listed:
            # A field that one of several variants requires may be required of a page's one variant.
            is_theirs = name in listed and (is_ours or name not in at.somewhere)
            yield from required(self.subject, at.owner, path, is_theirs, is_ours)
        elif is_ours:
            place = f"`{at.path or 'body'}`"
            reason = f"the page requires nothing of {place}, so its list was never filled in"
            self.subject.settle(f"`{path}` is required here; {reason}")


def _types(theirs: Schema) -> list[str]:
    kinds = theirs.get("type", [])
    return kinds if isinstance(kinds, list) else [kinds]


def _by_key(values: Any) -> dict[str, Any]:
    return {key(value): value for value in values}


def _without(values: dict[str, Any], others: dict[str, Any]) -> list[Any]:
    return [value for name, value in values.items() if name not in others]


def _listed(values: list[Any]) -> str:
    shown = ", ".join(quoted(value) for value in values[:_MOST_LISTED])
    return f"{shown} and {len(values) - _MOST_LISTED} more" if len(values) > _MOST_LISTED else shown
