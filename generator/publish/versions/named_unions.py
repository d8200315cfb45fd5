"""Unions of scalars as components with a name, in every published version.

A generator makes a class of a union. It names one that stands at a field after that field, and
takes the class for all other fields of the same types: the seed of one call then has the class of
another call's duration. A component has a name that says what it is.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from generator.source import obj, seq

from .walk import SCALARS, SCHEMAS, UNIONS, Json, union_of, walk

_NULL = {"type": "null"}
_USUAL_FORMATS = (None, "double")
"""The formats that a name need not tell."""


def with_named_unions(document: Json) -> Json:
    """A copy of a document whose unions of scalars are components.

    Unions of the same plain types are one component: `IntegerOrString`. One whose parts say more,
    such as the words they allow, has the name of its schema and field. Descriptions, limits and
    extensions stay at the field, and so does null, of which generators make an optional value. A
    parameter is text on its way and keeps its own union.

    Args:
        document: A document of OpenAPI 3.2 or 3.1. It may have named unions already.
    """
    components = obj(document.get("components"))
    own = obj(components.get("schemas"))
    named: Json = {}

    def change(kind: str, node: Any, place: str) -> Any:
        if kind != "schema" or not isinstance(node, dict) or "/" not in place:
            return node
        union = union_of(node) or "anyOf"
        members = _members(node, union)
        if not members:
            return node
        scalars = [member for member in members if member != _NULL]
        name = _free(_name(scalars, place), {union: scalars}, {**own, **named})
        named[name] = {union: scalars}
        reference = {"$ref": f"{SCHEMAS}{name}"}
        in_component = {union} if union in node else {"type", "format"}
        rest = {key: value for key, value in node.items() if key not in in_component}
        return {**({union: [reference, _NULL]} if _NULL in members else reference), **rest}

    schemas = {name: walk(schema, change, "schema", name) for name, schema in own.items()}
    if not named:
        return document
    return {**document, "components": {**components, "schemas": {**named, **schemas}}}


def _members(schema: Json, union: str) -> list[Json]:
    """The parts of a union of scalars, null last; none if it is anything else."""
    if all(key in schema for key in UNIONS):
        return []
    members = seq(schema.get(union)) or _of_types(schema)
    scalars = [one for one in members if obj(one).get("type") in SCALARS]
    nulls = [one for one in members if one == _NULL]
    if len(scalars) < 2 or len(scalars) + len(nulls) < len(members):
        return []
    return sorted(scalars, key=_word) + nulls


def _of_types(schema: Json) -> list[Json]:
    """The parts of a schema that lists several types; a format is that of numbers."""
    types = schema.get("type")
    if not isinstance(types, list):
        return []
    return [_of_type(one, schema.get("format")) for one in types]


def _of_type(name: str, format_: str | None) -> Json:
    takes_format = format_ is not None and name in ("integer", "number")
    return {"type": name, "format": format_} if takes_format else {"type": name}


def _name(members: list[Json], place: str) -> str:
    """What a union is called: after its types, or after its schema and field.

    Generators name what stands at a field after both alone.
    """
    if all(member.keys() <= {"type", "format"} for member in members):
        return "Or".join(map(_word, members))
    schema, *path = place.split("/")
    fields = [name for kind, name in pairwise(path) if kind == "properties"]
    item = "Item" if path[-1] == "items" else ""
    return schema + "".join(map(_camel, fields)) + item + "Value"


def _word(member: Json) -> str:
    """`Integer`, or its format, as `Int64`."""
    format_ = member.get("format")
    return _camel(member["type"] if format_ in _USUAL_FORMATS else format_)


def _camel(name: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", name))


def _free(name: str, union: Json, schemas: Json) -> str:
    """The name, with a number if another schema has it."""
    candidate, number = name, 2
    while schemas.get(candidate, union) != union:
        candidate, number = f"{name}{number}", number + 1
    return candidate
