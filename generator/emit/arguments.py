"""The keyword arguments of a method: path, query, header and body fields under Python names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from generator.document import Body, Media, Operation, Parameter, Schema
from generator.document.media import has_fields
from generator.document.names import argument_name

from .annotation import FILE, Annotation, scalar
from .request_types import RequestTypes

# Of two fields of one name, the one in the earlier place keeps it.
PLACES = ("path", "body", "query", "header")


class NameProblem(ValueError):
    """Names that the generated code cannot hold; `fix` says what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True)
class Argument:
    """One keyword argument and the field that it is on the wire."""

    name: str
    wire: str
    place: str
    required: bool
    annotation: Annotation
    description: str = ""
    default: str | None = None
    """What the server does without it, as JSON."""
    files: tuple[str, ...] = ()
    file_max: int | None = None
    """The forms in which it takes a file."""
    not_empty: bool = False
    """Whether an empty text is a mistake."""
    schemas: tuple[Schema, ...] = field(default=(), repr=False)
    """What each media type and each form of the body says of it."""


@dataclass(frozen=True)
class Shape:
    """One of the objects that a request body may be.

    Attributes:
        name: Of its schema.
        title: What it says of itself, or its name.
        required: The fields that it requires, by name on the wire.
        optional: The others that it has.
    """

    name: str
    title: str
    required: list[str]
    optional: list[str]

    @property
    def fields(self) -> set[str]:
        return {*self.required, *self.optional}


@dataclass
class BodyArguments:
    """The arguments that a request body becomes; of several shapes, joined."""

    fields: list[Argument] = field(default_factory=list)
    is_unknown: bool = False
    """Nobody knows what fields it has."""
    shapes: list[Shape] = field(default_factory=list)
    """Where shapes exclude each other: what each has."""


class Arguments(NamedTuple):
    """Everything that an operation takes, the required first; `body` has those of the body."""

    all: list[Argument]
    body: BodyArguments


def read(operation: Operation, types: RequestTypes) -> Arguments:
    """What an operation takes. Raises NameProblem."""
    body = (
        BodyArguments(is_unknown=True) if _is_unknown(operation) else _body(operation.body, types)
    )
    parameters = [_parameter(parameter, types) for parameter in operation.parameters]
    unnamed = sorted([*parameters, *body.fields], key=lambda argument: PLACES.index(argument.place))
    if body.is_unknown:
        unnamed = [argument for argument in unnamed if argument.place == "path"]
    named = _named(unnamed)
    body.fields = [argument for argument in named if argument.place == "body"]
    return Arguments(sorted(named, key=lambda argument: not argument.required), body)


def _is_unknown(operation: Operation) -> bool:
    """Whether nobody knows the fields of the request.

    A body that is a bare file has none to know.
    """
    media = operation.body.media.values() if operation.body else ()
    return operation.unknown("request") and not (media and all(map(_is_whole, media)))


def _named(unnamed: list[Argument]) -> list[Argument]:
    """Each argument with a Python name that no other has."""
    by_name: dict[str, Argument] = {}
    for argument in unnamed:
        name = argument_name(
            argument.wire.lower() if argument.place == "header" else argument.wire or "body"
        )
        if name in by_name and by_name[name].place != argument.place:
            name = f"{name.rstrip('_')}_{argument.place}"
        if name in by_name:
            message = (
                f"the {argument.place} field `{argument.wire}` and `{by_name[name].wire}` both "
                f"become the argument `{name}`"
            )
            fix = (
                "describe only one of the two; callers can send the other in extra_body or "
                "extra_query"
            )
            raise NameProblem(message, fix)
        by_name[name] = replace(argument, name=name)
    return list(by_name.values())


def _parameter(parameter: Parameter, types: RequestTypes) -> Argument:
    made = _field(parameter.wire, parameter.schema, parameter.place, parameter.required, types)
    return replace(made, description=parameter.description)


def _field(wire: str, schema: Schema, place: str, required: bool, types: RequestTypes) -> Argument:
    return Argument(
        name="",
        wire=wire,
        place=place,
        required=required,
        annotation=types.annotation(schema).without_none(),
        description=schema.description,
        default=None if schema.default is None else json.dumps(schema.default, ensure_ascii=False),
        files=tuple(schema.file_forms),
        file_max=schema.file_max,
        not_empty=schema.target.node.get("minLength", 0) > 0,
        schemas=(schema,),
    )


# -- the body


def _is_whole(media: Media) -> bool:
    """Whether a body is no object: a text or a file, sent as it is."""
    return not has_fields(media.type) and media.schema.target.node.get("type", "string") == "string"


def _whole(media: Media, required: bool) -> Argument:
    """The one argument of a body that is no object. Its name on the wire is empty."""
    is_text = media.type.startswith("text/") or media.type.endswith("xml")
    target = media.schema.target
    return Argument(
        name="",
        wire="",
        place="body",
        required=required,
        annotation=scalar("str") if is_text else FILE,
        description=str(target.node.get("description") or f"The whole body, {media.type}."),
        files=() if is_text else ("part",),
        not_empty=target.node.get("minLength", 0) > 0,
        schemas=(media.schema,),
    )


def _body(body: Body | None, types: RequestTypes) -> BodyArguments:
    """The fields of all media types and variants.

    A field is required if all require it, and has the types that any of them takes.
    """
    media = list(body.media.values()) if body else []
    # Where a body with fields will do, a bare file is no other way of calling.
    with_fields = [form for form in media if not _is_whole(form)]
    if body and not with_fields:
        return BodyArguments([_whole(media[0], body.required)])
    listed = [_read_variants(form.schema, types) for form in with_fields]
    objects = [fields for variants in listed for _, fields in variants]
    return BodyArguments(_joined(objects), shapes=_shapes(listed))


def _shapes(
    listed: list[list[tuple[_Variant, dict[str, Argument]]]],
) -> list[Shape]:
    """What each of the objects has that exclude each other, by media type; each name once."""
    shapes: dict[str, Shape] = {}
    for variants in listed:
        for variant, fields in variants if len(variants) > 1 else ():
            shapes.setdefault(variant.name, _shape(variant, fields))
    return list(shapes.values())


def _read_variants(
    schema: Schema, types: RequestTypes
) -> list[tuple[_Variant, dict[str, Argument]]]:
    """The objects that a body may be, each with its fields."""
    return [(variant, _fields(variant, types)) for variant in _variants(schema)]


def _joined(objects: list[dict[str, Argument]]) -> list[Argument]:
    """Each field of any of the objects once."""
    joined: dict[str, Argument] = {}
    for fields in objects:
        joined |= {wire: _join(joined.get(wire), argument) for wire, argument in fields.items()}
    required = {wire for wire in joined if _all_require(wire, objects)}
    return [replace(argument, required=wire in required) for wire, argument in joined.items()]


def _all_require(wire: str, objects: list[dict[str, Argument]]) -> bool:
    return all(wire in fields and fields[wire].required for fields in objects)


@dataclass(frozen=True)
class _Variant:
    """An object schema that a body may have, with what the schemas around it say of it."""

    name: str
    schema: Schema
    around: tuple[Schema, ...] = ()


def _variants(
    schema: Schema, name: str = "", around: tuple[Schema, ...] = ()
) -> Iterator[_Variant]:
    name, target = schema.target_name or name, schema.target
    members = [member for member in [*target.one_of, *target.any_of] if member.target.has_shape]
    if not members:
        yield _Variant(name, target, around)
    inside = (*around, target) if target.properties else around
    for member in members:
        yield from _variants(member, name, inside)


def _fields(variant: _Variant, types: RequestTypes) -> dict[str, Argument]:
    """The fields of a variant, as arguments by name on the wire."""
    properties: dict[str, Schema] = {}
    required: set[str] = set()
    for schema in (*variant.around, variant.schema):
        _collect(schema, properties, required)
    return {
        wire: _field(wire, schema, "body", wire in required, types)
        for wire, schema in properties.items()
    }


def _collect(schema: Schema, properties: dict[str, Schema], required: set[str]) -> None:
    """Add the properties and required names of an object, those of its `allOf` included."""
    for part in schema.all_of:
        _collect(part.target, properties, required)
    if schema.node.get("type", "object") != "object":
        message = "the request body is not an object, so that it has no fields to make arguments of"
        raise NameProblem(message, "make it an object with fields")
    properties.update(schema.properties)
    required.update(schema.required)


def _shape(variant: _Variant, fields: dict[str, Argument]) -> Shape:
    title = str(variant.schema.node.get("description") or "").strip().partition(". ")[0].rstrip(".")
    required = [wire for wire, argument in fields.items() if argument.required]
    return Shape(
        variant.name,
        title or variant.name,
        required,
        [wire for wire in fields if wire not in required],
    )


def _join(one: Argument | None, other: Argument) -> Argument:
    if one is None:
        return other
    return replace(
        one,
        annotation=one.annotation | other.annotation,
        description=one.description or other.description,
        default=one.default if one.default is not None else other.default,
        files=tuple(dict.fromkeys(one.files + other.files)),
        file_max=one.file_max or other.file_max,
        not_empty=one.not_empty and other.not_empty,
        schemas=one.schemas + other.schemas,
    )
