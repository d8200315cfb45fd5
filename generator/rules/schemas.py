"""Schemas: what the generators would report without a name, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.document.media import is_json
from generator.document.objects import Node
from generator.source import Problem, obj, seq

from .context import Context, same
from .structure import resolves_to_string

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def _is_type(value: Any, name: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES.get(str(name), ())) or (
        name == "integer" and isinstance(value, float) and value.is_integer()
    )


def inline_objects(context: Context) -> Iterator[Problem]:
    """An object with properties is a named component."""
    for node in context.of_kind("schema"):
        if not node.is_component and "properties" in obj(node.value):
            yield context.at(
                node,
                f"there is an object with properties inside {_owner(node)}",
                "make it a named component and use $ref",
            )


def boolean_schemas(context: Context) -> Iterator[Problem]:
    """A schema is an object: the generators do not read `true` and `false`, but for
    `additionalProperties`.
    """
    for node in context.of_kind("schema"):
        if isinstance(node.value, bool) and node.role != "additionalProperties":
            yield context.at(
                node,
                f"there is a schema `{str(node.value).lower()}` in {_owner(node)}",
                "write {} for anything, or describe it",
            )


def open_objects(context: Context) -> Iterator[Problem]:
    """Objects stay open: the API takes and gives more than its pages say."""
    for node in context.of_kind("schema"):
        for key in ("additionalProperties", "unevaluatedProperties"):
            if obj(node.value).get(key) is False:
                yield context.at(
                    node, f"{_owner(node)} has `{key}: false`", "remove it; objects stay open", key
                )


def required_fields(context: Context) -> Iterator[Problem]:
    """A required field is described."""
    for node in context.of_kind("schema"):
        schema = obj(node.value)
        if "properties" not in schema:
            continue
        known = context.fields(node.pointer, schema)
        for name in seq(schema.get("required")):
            if isinstance(name, str) and name not in known:
                yield context.at(
                    node,
                    f"{_owner(node)} requires `{name}` and does not describe it",
                    "describe it, or correct the name",
                    "required",
                )


def enums(context: Context) -> Iterator[Problem]:
    """The values of an enum are of one type, and of the type that the schema says."""
    for node in context.of_kind("schema"):
        values = obj(node.value).get("enum")
        if not isinstance(values, list):
            continue
        kinds = {
            "number" if _is_type(value, "number") else type(value).__name__ for value in values
        }
        if len(kinds) > 1:
            fix = "split it: `anyOf: [{type: string, enum: [a, b]}, {type: 'null'}]`"
            yield context.at(
                node,
                f"the enum of {_owner(node)} mixes types ({', '.join(sorted(kinds))})",
                fix,
                "enum",
            )
            continue
        yield from _enum_values(context, node, values)


def _enum_values(context: Context, node: Node, values: list[Any]) -> Iterator[Problem]:
    types = obj(node.value).get("type")
    names = types if isinstance(types, list) else [types]
    for number, value in enumerate(values):
        if types is not None and not any(_is_type(value, name) for name in names):
            message = f"the enum value {value!r} of {_owner(node)} is not of the type {types}"
            fix = "quote it if it is text, or correct the type"
            yield context.problem(node.value, "enum", message, fix, [number])
        if any(same(value, other) for other in values[:number]):
            message = f"the enum of {_owner(node)} has {value!r} twice"
            yield context.problem(node.value, "enum", message, "remove one of the two", [number])


def defaults(context: Context) -> Iterator[Problem]:
    """A default fits its own schema."""
    for node in context.of_kind("schema"):
        if "default" in obj(node.value):
            for path, message in context.mismatches(node.pointer, None, node.value["default"]):
                fix = (
                    "correct the default or the schema; if text says what the default is, say it "
                    "in the description"
                )
                yield context.problem(
                    node.value,
                    "default",
                    f"the default of {_owner(node)} does not fit its schema: {message}",
                    fix,
                    path,
                )


def files(context: Context) -> Iterator[Problem]:
    """`x-file` stands on texts; a part can be sent in a multipart body only, and is bytes there."""
    json_bodies = _reached(context, json=True)
    for node in context.of_kind("schema"):
        forms = obj(node.value).get("x-file")
        if "x-file-max" in obj(node.value) and forms in (None, ["url"]):
            message = f"`x-file-max` on {_owner(node)}, which takes no content of a file"
            yield context.at(node, message, "remove it; nobody sees the size", "x-file-max")
        if not isinstance(forms, list):
            continue
        if not resolves_to_string(context, node):
            yield context.at(
                node,
                f"`x-file` on {_owner(node)}, which is not a text",
                "put it on a string, or on a list of strings",
                "x-file",
            )
        top = node
        while top.above is not None:
            top = top.above
        if "part" in forms and top.pointer in json_bodies:
            fix = "give the multipart body a schema of its own (…Form), or remove `part`"
            yield context.at(
                node, f"{_owner(node)} is a file part, but {top.key} is sent as JSON", fix, "x-file"
            )


def _reached(context: Context, json: bool) -> set[str]:
    """Pointers of the component schemas that are reached from request bodies of JSON (or of other
    media types).
    """
    reached: set[str] = set()
    waiting = [
        obj(media.value).get("schema")
        for operation in context.operations
        for _, name, media in context.media(operation, "request")
        if is_json(name) == json
    ]
    inside: dict[str, list[Any]] = {}
    for node in context.of_kind("schema"):
        if "$ref" in obj(node.value):
            top = node
            while top.above is not None:
                top = top.above
            inside.setdefault(top.pointer, []).append(node.value)
    while waiting:
        found = context.find(obj(waiting.pop()).get("$ref"))
        if found is not None and found.pointer not in reached:
            reached.add(found.pointer)
            waiting += inside.get(found.pointer, [])
    return reached


def _owner(node: Node) -> str:
    """How to name a schema in a message: the nearest component or operation, and the field."""
    field = f" (`{node.key}`)" if node.role == "properties" else ""
    top = node
    while top.above is not None:
        if not field and top.role == "properties":
            field = f" (`{top.key}`)"
        top = top.above
    return f"`{top.key}`{field}"
