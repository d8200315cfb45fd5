"""Schemas as types of responses: Python type expressions, and the classes that they need.

From an expression (`list[KlingTask] | str | None`) follow the annotations *and* how a response is
structured at run time. Enums stay open (`Literal["a", "b"] | str`), constants do not, so that a
type checker tells a union's members apart. A schema gets a class when it has fields and a response
can hold it. Schemas of requests get none: bodies are mappings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from generator.document import Document, DocumentError, Schema
from generator.document.names import (
    RESERVED_FIELDS,
    TYPE_NAMES,
    is_reserved_class,
    python_name,
    unique,
)

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
PARSED = "Parsed"
"""The type variable of a response whose output is of a class of the caller's."""
OUTPUT = "OutputT"
"""The type variable of a response that gives files: their class, which depends on the client."""
IN_LINE = "Name it under components.schemas and refer to it."


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a response class."""

    wire: str
    name: str
    type: str
    required: bool
    """Whether it is always sent and never null."""
    description: str


@dataclass(frozen=True, slots=True)
class Class:
    """A response class."""

    name: str
    description: str
    fields: list[Field]
    text: str = ""
    """The kind of response, where it has a property `text`."""
    refusal: str = ""
    """Where the model's refusal is, of a response whose output is of a class of the caller's."""
    is_generic: bool = False
    """Whether it knows the type of that output."""
    gives_files: bool = False
    """Whether it is the response of a call that gives files."""
    names: dict[str, str] = field(default_factory=dict)
    """Further names of its attributes."""
    items: Field | None = None
    """The field that `for` goes through."""

    @property
    def wire(self) -> dict[str, str]:
        """Names on the wire, where they differ from the attribute's."""
        return {field.name: field.wire for field in self.fields if field.name != field.wire}

    @property
    def typing(self) -> list[str]:
        """What its module imports from `typing`."""
        used = names_in(field.type for field in self.fields) & {"Any", "Literal"}
        return sorted({*used, *(["Generic"] if self.is_generic else [])})

    @property
    def base(self) -> list[str]:
        """What its module imports from `_model`."""
        shown = {"text_of": self.text, "found": self.refusal}
        used = {name for name, has in shown.items() if has} | set(self.variables)
        return sorted({"ABSENT", "Model", "model"} | used)

    @property
    def bases(self) -> list[str]:
        """What it is derived from."""
        model = f"Model[{OUTPUT}]" if self.gives_files else "Model"
        return [model, f"Generic[{', '.join(self.variables)}]"] if self.is_generic else [model]

    @property
    def variables(self) -> list[str]:
        """Its type variables."""
        known = {PARSED: self.is_generic, OUTPUT: self.gives_files}
        return [name for name, has in known.items() if has]

    @property
    def item(self) -> str:
        """The type of the items that `for` goes through."""
        kind = self.items.type.removesuffix(" | None") if self.items else ""
        return kind.removeprefix("list[").removesuffix("]")

    def type_of(self, name: str) -> str:
        """The type of a property that another name leads to."""
        return "str" if name == "text" else f"{PARSED} | None"

    @property
    def models(self) -> list[str]:
        """The other classes that its fields hold."""
        return sorted(names_in(field.type for field in self.fields) - TYPE_NAMES - {self.name})


def expression(*schemas: Schema) -> str:
    """The type expression of a value that follows one of the schemas.

    Raises DocumentError for what has no type, naming the place.
    """
    return " | ".join(
        _ordered(member for schema in schemas for member in _alternatives(schema, ()))
    )


def _members(schema: Schema, open_refs: tuple[str, ...]) -> list[str]:
    return _ordered(_alternatives(schema, open_refs))


def _ordered(members: Iterable[str]) -> list[str]:
    """The alternatives of a type without repetition, None last."""
    found = dict.fromkeys(members)
    if "Any" in found:
        return ["Any"]
    if "None" in found:
        del found["None"]
        found["None"] = None
    return list(found)


def _alternatives(schema: Schema, open_refs: tuple[str, ...]) -> Iterator[str]:
    """The members of a schema's type. `open_refs`: the references that are being followed."""
    if schema.ref:
        yield from _reference(schema, open_refs)
    elif schema.values is not None:
        yield from _literal(schema.values, is_open=not schema.is_constant)
    elif schema.has_fields:
        raise DocumentError(f"{schema.where}: an object with properties stands in line. {IN_LINE}")
    elif parts := _parts(schema):
        for part in parts:
            yield from _members(part, open_refs)
    else:
        for kind in schema.types or ["any"]:
            yield _plain(kind, schema, open_refs)


def _parts(schema: Schema) -> list[Schema]:
    """Its variants, or the one part of its allOf that says a type."""
    if variants := [part for part in schema.one_of or schema.any_of if not part.only_constrains]:
        return variants
    if len(schema.shaped_parts) > 1:
        raise DocumentError(f"{schema.where}: an allOf of several types stands in line. {IN_LINE}")
    return schema.shaped_parts


def _reference(schema: Schema, open_refs: tuple[str, ...]) -> Iterator[str]:
    if (
        schema.ref in open_refs
    ):  # a union or a list that holds itself: Python 3.11 has no name for such a type
        yield "Any"
        return
    referred = schema.referred
    if referred.ref:  # another name for a schema
        yield from _reference(referred, open_refs)
    elif referred.name and referred.has_fields:
        yield referred.name
        if referred.is_nullable:
            yield "None"
    else:
        yield from _members(referred, (*open_refs, schema.ref))


def _plain(kind: str, schema: Schema, open_refs: tuple[str, ...]) -> str:
    if kind == "array":
        items = schema.places or ([schema.items] if schema.items else [])
        members = dict.fromkeys(member for item in items for member in _members(item, open_refs))
        return f"list[{'Any' if 'Any' in members or not members else ' | '.join(members)}]"
    if kind == "object":
        values = " | ".join(_members(schema.additional, open_refs)) if schema.additional else "Any"
        return f"dict[str, {values}]"
    return SCALARS.get(kind, "Any")


def _literal(values: Iterable[object], *, is_open: bool) -> Iterator[str]:
    """The type of an enum or a constant. Numbers with a fraction have no literal type."""
    values = list(values)
    literals = [value for value in values if isinstance(value, (str, int))]
    if literals:
        yield f"Literal[{', '.join(map(_rendered, literals))}]"
    for value in values:
        if is_open or not isinstance(value, (str, int)):
            yield _type_of(value)


def _rendered(value: str | int) -> str:
    """A value inside `Literal`; text in double quotes, as the formatter wants it."""
    if not isinstance(value, str):
        return repr(value)
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(map(_visible, text))}"'


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def _type_of(value: object) -> str:
    if value is None:
        return "None"
    return type(value).__name__ if isinstance(value, (str, bool, int, float)) else "Any"


def names_in(expressions: Iterable[str]) -> set[str]:
    """The names that type expressions use, literals left out."""
    return {
        name
        for text in expressions
        for name in re.findall(r"[A-Za-z_]\w*", re.sub(r'"(?:\\.|[^"\\])*"', "", text))
    }


def classes(document: Document, expressions: Iterable[str]) -> dict[str, Class]:
    """The classes that type expressions need, and those that these need, by name.

    Raises DocumentError for names that cannot be.
    """
    found: dict[str, Class] = {}
    todo = sorted(names_in(expressions) & document.schemas.keys())
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = _class(document.schemas[name])
            inner = names_in(field.type for field in found[name].fields)
            todo += sorted(inner & document.schemas.keys())
    return dict(sorted(found.items()))


def _class(schema: Schema) -> Class:
    if is_reserved_class(schema.name):
        message = "the generated code needs this name. Put the vendor's name in front."
        raise DocumentError(f"components.schemas.{schema.name}: {message}")
    members = schema.fields()
    fields: list[Field] = []
    taken: set[str] = set()
    reserved = RESERVED_FIELDS | schema.document.schemas.keys()
    for wire, inner in members.schemas.items():
        kinds = _members(inner, ())
        optional = wire not in members.required or "None" in kinds
        if optional and kinds != ["Any"]:
            kinds = [*(kind for kind in kinds if kind != "None"), "None"]
        python = unique(python_name(wire, reserved), taken)
        taken.add(python)
        text = prose(inner.node.get("description"))
        fields.append(Field(wire, python, " | ".join(kinds), not optional, text))
    return Class(schema.name, prose(schema.node.get("description")), fields)


def prose(text: object) -> str:
    """A text in one line."""
    return " ".join(str(text or "").split())
