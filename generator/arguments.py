"""The keyword arguments of a method: what an operation takes by path, query, header and body, under Python names."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .annotations import FILE, Annotation, Schemas, file_forms, has_shape, scalar
from .lower import is_json, python_name
from .source import obj, seq

# Of two fields of one name, the one in the earlier place keeps it.
PLACES = ("path", "body", "query", "header")
# Arguments that are ours on every method; an API field of such a name gets a trailing underscore.
OWN = ("extra_headers", "extra_query", "extra_body", "timeout", "accept", "self")


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
    """The forms in which it takes a file."""
    not_empty: bool = False
    """Whether an empty text is a mistake."""


@dataclass
class Body:
    """The fields of a request body; of several shapes, joined."""

    fields: list[Argument] = field(default_factory=list)
    unknown: bool = False
    """Nobody knows what fields it has."""
    shapes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    """Where shapes exclude each other: what each is, the fields that it alone requires, and those it may have, by name on the wire."""
    variants: list[tuple[str, set[str], set[str]]] = field(default_factory=list)
    """The same shapes by the names of their schemas, each with all fields that it requires and all that it has."""


def identifier(wire: str) -> str:
    """A name on the wire as the name of an argument, changed as little as that needs."""
    return python_name(unicodedata.normalize("NFKC", wire), OWN)


def arguments(
    operation: dict[str, Any], parameters: list[dict[str, Any]], schemas: Schemas
) -> tuple[list[Argument], Body]:
    """Everything that an operation takes, the required first. `parameters` includes those of the path item. Raises NameProblem."""
    body = (
        Body(unknown=True) if _has_unknown_fields(operation, schemas) else _body(operation, schemas)
    )
    unnamed = [*(_parameter(parameter, schemas) for parameter in parameters), *body.fields]
    unnamed.sort(key=lambda argument: PLACES.index(argument.place))
    if body.unknown:
        unnamed = [argument for argument in unnamed if argument.place == "path"]
    named = _named(unnamed)
    body.fields = [argument for argument in named if argument.place == "body"]
    return sorted(named, key=lambda argument: not argument.required), body


def _has_unknown_fields(operation: dict[str, Any], schemas: Schemas) -> bool:
    """Whether nobody knows the fields of the request. A body that is a bare file has none to know."""
    contents = obj(schemas.deref(operation.get("requestBody")).get("content"))
    whole = contents and all(
        _is_whole(kind, schemas.deref(obj(obj(media).get("schema"))))
        for kind, media in contents.items()
    )
    return "request" in obj(operation.get("x-unknown")) and not whole


def _named(unnamed: list[Argument]) -> list[Argument]:
    """Each argument with a Python name that no other has."""
    by_name: dict[str, Argument] = {}
    for argument in unnamed:
        name = identifier(
            argument.wire.lower() if argument.place == "header" else argument.wire or "body"
        )
        if name in by_name and by_name[name].place != argument.place:
            name = f"{name.rstrip('_')}_{argument.place}"
        if name in by_name:
            message = f"the {argument.place} field `{argument.wire}` and `{by_name[name].wire}` both become the argument `{name}`"
            raise NameProblem(
                message,
                "describe only one of the two; callers can send the other in extra_body or extra_query",
            )
        by_name[name] = replace(argument, name=name)
    return list(by_name.values())


def _parameter(parameter: dict[str, Any], schemas: Schemas) -> Argument:
    schema = obj(parameter.get("schema"))
    described = {
        **obj(schemas.deref(schema)),
        **{key: value for key, value in parameter.items() if key == "description"},
    }
    return _field(
        parameter["name"],
        {**schema, **_texts(described)},
        parameter["in"],
        parameter.get("required", False),
        schemas,
    )


def _texts(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("description", "default") if key in schema}


def _field(
    wire: str, schema: dict[str, Any], place: str, required: bool, schemas: Schemas
) -> Argument:
    texts = _texts(schemas.deref(schema)) | _texts(schema)
    return Argument(
        name="",
        wire=wire,
        place=place,
        required=required,
        annotation=schemas.request(schema).without_none(),
        description=str(texts.get("description") or "").strip(),
        default=None
        if texts.get("default") is None
        else json.dumps(texts["default"], ensure_ascii=False),
        files=tuple(file_forms(schema)),
        not_empty=schemas.deref(schema).get("minLength", 0) > 0,
    )


def _body(operation: dict[str, Any], schemas: Schemas) -> Body:
    """The fields of all media types and variants: required if all require it, of the types that any of them takes."""
    joined: dict[str, Argument] = {}
    objects: list[dict[str, Argument]] = []
    body = Body()
    shown: set[str] = set()
    request = schemas.deref(operation.get("requestBody"))
    contents = {
        media_type: obj(obj(media).get("schema"))
        for media_type, media in obj(request.get("content")).items()
    }
    with_fields = [
        schema
        for media_type, schema in contents.items()
        if not _is_whole(media_type, schemas.deref(schema))
    ]
    if contents and not with_fields:
        body.fields = [
            _whole(*next(iter(contents.items())), bool(request.get("required")), schemas)
        ]
        return body
    for (
        media
    ) in with_fields:  # where a body with fields will do, a bare file is no other way of calling
        variants = list(_variants(media, schemas))
        for name, schema in variants:
            properties, required = _properties(schema, schemas)
            fields = {
                wire: _field(wire, obj(value), "body", wire in required, schemas)
                for wire, value in properties.items()
            }
            objects.append(fields)
            for wire, argument in fields.items():
                joined[wire] = _join(joined[wire], argument) if wire in joined else argument
            if len(variants) > 1 and name not in shown:
                shown.add(name)
                takes = [wire for wire in fields if wire not in required]
                body.variants.append((name, required, set(fields)))
                body.shapes.append(
                    (
                        _shape_name(name, schema),
                        [wire for wire in fields if wire in required],
                        takes,
                    )
                )
    required_by_all = {
        wire
        for wire in joined
        if all(wire in fields and fields[wire].required for fields in objects)
    }
    body.fields = [
        replace(argument, required=wire in required_by_all) for wire, argument in joined.items()
    ]
    _drop_common(body)
    return body


def _is_whole(media_type: str, schema: dict[str, Any]) -> bool:
    """Whether a body is no object: a text or a file, sent as it is."""
    is_form = media_type in ("multipart/form-data", "application/x-www-form-urlencoded")
    return not is_json(media_type) and not is_form and schema.get("type", "string") == "string"


def _whole(media_type: str, schema: dict[str, Any], required: bool, schemas: Schemas) -> Argument:
    """The one argument of a body that is no object. Its name on the wire is empty."""
    about = schemas.deref(schema)
    is_text = media_type.startswith("text/") or media_type.endswith("xml")
    what = f"The whole body, {media_type}."
    return Argument(
        name="",
        wire="",
        place="body",
        required=required,
        annotation=scalar("str") if is_text else FILE,
        description=str(_texts(about).get("description") or what),
        files=() if is_text else ("part",),
        not_empty=about.get("minLength", 0) > 0,
    )


def _drop_common(body: Body) -> None:
    """Leave in each shape what not every shape says the same of."""
    common = [
        set.intersection(*(set(shape[number]) for shape in body.shapes))
        if body.shapes
        else set[str]()
        for number in (1, 2)
    ]
    body.shapes = [
        (
            name,
            [wire for wire in required if wire not in common[0]],
            [wire for wire in takes if wire not in common[1]],
        )
        for name, required, takes in body.shapes
    ]


def _shape_name(name: str, schema: dict[str, Any]) -> str:
    text = str(schema.get("description") or "").strip().partition(". ")[0].rstrip(".")
    return text or name


def _join(one: Argument, other: Argument) -> Argument:
    return replace(
        one,
        annotation=one.annotation | other.annotation,
        description=one.description or other.description,
        default=one.default if one.default is not None else other.default,
        files=tuple(dict.fromkeys(one.files + other.files)),
        not_empty=one.not_empty and other.not_empty,
    )


def _variants(
    schema: dict[str, Any], schemas: Schemas, name: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The object schemas that a body may have, with their names."""
    name = str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else name
    target = schemas.deref(schema)
    members = [obj(member) for member in [*seq(target.get("oneOf")), *seq(target.get("anyOf"))]]
    members = [member for member in members if has_shape(schemas.deref(member))]
    if not members:
        yield name, target
    for member in members:
        for inner, variant in _variants(member, schemas, name):
            yield (
                inner,
                {"allOf": [target, variant], **_texts(variant)}
                if "properties" in target
                else variant,
            )


def _properties(schema: dict[str, Any], schemas: Schemas) -> tuple[dict[str, Any], set[str]]:
    """Properties and required names of an object, those of its `allOf` included."""
    properties: dict[str, Any] = {}
    required = set(seq(schema.get("required")))
    for member in seq(schema.get("allOf")):
        more, needed = _properties(schemas.deref(member), schemas)
        properties |= more
        required |= needed
    if schema.get("type", "object") != "object":
        raise NameProblem(
            "the request body is not an object, so that it has no fields to make arguments of",
            "make it an object with fields",
        )
    return properties | obj(schema.get("properties")), required
