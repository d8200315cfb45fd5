"""One tree of schemas.

What a schema says is read here, once; `emit` renders it as types of arguments, of responses, and as
TypedDicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from generator.source import obj, seq

from .references import reference

if TYPE_CHECKING:
    from .document import Document

COMPONENTS = "#/components/schemas/"
_SHAPE = frozenset(
    {"$ref", "type", "properties", "enum", "const", "items", "allOf", "anyOf", "oneOf"}
)
_CONSTRAINTS = frozenset({"required", "not", "dependentRequired"})


class Fields(NamedTuple):
    """The fields of an object: their schemas by name on the wire, and which are required."""

    schemas: dict[str, Schema]
    required: set[str]


class Schema:
    """A schema of the document and, through its attributes, those inside it.

    `document.schema(…)` gives the one of a node.

    Attributes:
        node: As it stands in the document; empty for `true` and for what is no schema.
        where: The place, for messages: `KlingTask.status`, `kling_speech, response 200`.
        name: Of a component; else empty.
    """

    def __init__(self, document: Document, node: Any, where: str, name: str = "") -> None:
        self.document = document
        self.origin = (
            node  # kept alive, since the document finds schemas by the identity of their nodes
        )
        self.node: dict[str, Any] = obj(node)
        self.where = where
        self.name = name

    def __repr__(self) -> str:
        return f"<Schema {self.where}>"

    def _inner(self, node: Any, where: str = "") -> Schema:
        return self.document.schema(node, where or self.where)

    # What it refers to

    @cached_property
    def ref(self) -> str:
        """Its `$ref`, or an empty string."""
        return reference(self.node) or ""

    @cached_property
    def target_name(self) -> str:
        """The name of the component that it refers to, or an empty string."""
        return self.ref.rpartition("/")[2]

    @cached_property
    def referred(self) -> Schema:
        """The component that it refers to, which may refer to another.

        Raises DocumentError if there is none.
        """
        value = self.document.resolve(self.node, self.where)
        if self.ref.startswith(COMPONENTS) and self.target_name in self.document.schemas:
            return self.document.schemas[self.target_name]
        return self._inner(value)

    @cached_property
    def target(self) -> Schema:
        """Itself, or what its chain of references leads to."""
        return self.referred.target if self.ref else self

    @property
    def but_null(self) -> Schema:
        """What a value is that is not null: its target, or the one alternative beside null."""
        others = [part for part in self.target.any_of if part.types != ["null"]]
        return others[0].but_null if len(others) == 1 else self.target

    # What it says of the value

    @property
    def types(self) -> list[str]:
        """The JSON types that it names."""
        types = self.node.get("type")
        return [types] if isinstance(types, str) else list(seq(types))

    @property
    def is_constant(self) -> bool:
        return "const" in self.node

    @property
    def values(self) -> list[Any] | None:
        """The values of its enum, or its constant."""
        if self.is_constant:
            return [self.node["const"]]
        return list(self.node["enum"]) if "enum" in self.node else None

    @property
    def has_shape(self) -> bool:
        """Whether it says what a value is made of, and not only what an object requires."""
        return not _SHAPE.isdisjoint(self.node)

    @property
    def only_constrains(self) -> bool:
        """Whether, as a variant, it says which fields go together and not what they are."""
        return not self.has_shape and not _CONSTRAINTS.isdisjoint(self.node)

    @cached_property
    def items(self) -> Schema | None:
        """The schema of each item, if it says one."""
        return self._inner(self.node["items"]) if "items" in self.node else None

    @cached_property
    def places(self) -> list[Schema]:
        """The schemas of the items that have a place of their own (`prefixItems`)."""
        return [self._inner(node) for node in seq(self.node.get("prefixItems"))]

    @cached_property
    def additional(self) -> Schema | None:
        """The schema of the values of fields that have no name, if it says one."""
        node = self.node.get("additionalProperties")
        return self._inner(node) if isinstance(node, dict) else None

    @cached_property
    def properties(self) -> dict[str, Schema]:
        """The schemas of its own fields by name on the wire."""
        properties = obj(self.node.get("properties"))
        return {
            wire: self._inner(node, f"{self.name or self.where}.{wire}")
            for wire, node in properties.items()
        }

    @property
    def required(self) -> list[str]:
        return [name for name in seq(self.node.get("required")) if isinstance(name, str)]

    @cached_property
    def all_of(self) -> list[Schema]:
        return [self._inner(node) for node in seq(self.node.get("allOf"))]

    @cached_property
    def one_of(self) -> list[Schema]:
        return [self._inner(node) for node in seq(self.node.get("oneOf"))]

    @cached_property
    def any_of(self) -> list[Schema]:
        return [self._inner(node) for node in seq(self.node.get("anyOf"))]

    @property
    def shaped_parts(self) -> list[Schema]:
        """The parts of its allOf that say what the value is made of."""
        return [part for part in self.all_of if part.has_shape]

    # What it is

    @cached_property
    def has_fields(self) -> bool:
        """Whether it is an object with fields of its own.

        An allOf of one reference is only another name.
        """
        if self.properties:
            return True
        parts = self.shaped_parts
        if len(parts) == 1 and parts[0].ref:
            return False
        return any(part.target.has_fields for part in parts)

    @property
    def is_open_object(self) -> bool:
        """An object of which no field is described: a mapping, not a class."""
        others = ("allOf", "anyOf", "oneOf", "$ref", "enum", "const")
        return (
            self.types == ["object"]
            and not self.properties
            and not any(key in self.node for key in others)
        )

    @property
    def is_nullable(self) -> bool:
        return "null" in self.types

    @property
    def is_bytes(self) -> bool:
        """A string that stands for bytes."""
        is_binary = "contentMediaType" in self.node or self.node.get("format") == "binary"
        return "string" in self.types and is_binary and "contentSchema" not in self.node

    @property
    def is_text(self) -> bool:
        """A string of which nothing says that it is anything else than text."""
        return (
            self.node.get("type") == "string"
            and "contentMediaType" not in self.node
            and "format" not in self.node
        )

    @cached_property
    def contents(self) -> list[Schema]:
        """The schemas of the JSON texts that its strings hold (`contentSchema`).

        They are its own, its variants' and its field `data`'s.
        """
        target = self.target
        own = (
            [target._inner(target.node["contentSchema"])] if "contentSchema" in target.node else []
        )
        parts = [*target.one_of, *target.any_of, *target.all_of]
        parts += [target.properties["data"]] if "data" in target.properties else []
        return [*own, *(schema for part in parts for schema in part.contents)]

    # Files

    @property
    def is_file(self) -> bool:
        """A string that takes the content of a file, and not only its URL."""
        forms = seq(self.node.get("x-file"))
        return any(form != "url" for form in forms) or (
            not forms and (self.node.get("format") == "binary" or self.is_bytes)
        )

    @cached_property
    def file_forms(self) -> list[str]:
        """The forms in which it, its items or its alternatives take a file; none if they do not."""
        forms = list(seq(self.node.get("x-file"))) or (["part"] if self.is_file else [])
        for inner in [*([self.items] if self.items else []), *self.any_of, *self.one_of]:
            forms += inner.file_forms
        return list(dict.fromkeys(forms))

    @cached_property
    def file_max(self) -> int | None:
        """The bytes that a file for it, or for one of its items, may have; None if unknown."""
        own = self.node.get("x-file-max")
        inner = [*([self.items] if self.items else []), *self.any_of, *self.one_of]
        known = [own, *(schema.file_max for schema in inner)]
        return max((size for size in known if isinstance(size, int)), default=None)

    # Its words

    @property
    def description(self) -> str:
        """What it says of itself, or else of what it refers to."""
        return str(self._word("description") or "").strip()

    @property
    def default(self) -> Any:
        """What the server does without the value; None if nothing says it."""
        return self._word("default")

    def _word(self, key: str) -> Any:
        return self.node[key] if key in self.node else self.target.node.get(key)

    # All fields of an object

    def fields(self, seen: tuple[Schema, ...] = ()) -> Fields:
        """Its fields, with those of its allOf; what only some variants have is optional."""
        if self in seen:
            return Fields({}, set())
        seen = (*seen, self)
        merged = Fields({}, set(self.required))
        for part in self.all_of:
            inner = part.target.fields(seen)
            merged.schemas.update(inner.schemas)
            merged.required.update(inner.required)
        schemas = merged.schemas
        for part in [*self.one_of, *self.any_of]:
            schemas = part.target.fields(seen).schemas | schemas
        return Fields(schemas | self.properties, merged.required)

    def inner(self) -> Iterator[Schema]:
        """What a value of it is made of, besides fields: its items and its alternatives."""
        if self.items:
            yield self.items
        yield from (*self.any_of, *self.one_of, *self.all_of)

    def holds_object(self, seen: tuple[Schema, ...] = ()) -> bool:
        """Whether it is or holds an object: then its name is the best type, else its content is."""
        if self in seen or "object" in self.types or "properties" in self.node:
            return True
        return any(part.target.holds_object((*seen, self)) for part in self.inner() if part.node)
