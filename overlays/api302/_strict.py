"""The arguments of a call in the strict form of JSON Schema that OpenAI's models keep to."""

from __future__ import annotations

from typing import Any

from ._json import is_array, is_object

Json = dict[str, Any]

_KEPT = frozenset(
    "type enum const description title pattern minimum maximum exclusiveMinimum exclusiveMaximum"
    " multipleOf minItems maxItems $ref".split()
)
"""What a strict schema may say, besides what it is made of."""
_REFUSED = ("not", "prefixItems", "allOf")


class _NotStrict(Exception):
    """A part of a schema cannot be written in the strict form; the message says which."""


def strict_schema(schema: Json) -> tuple[Json | None, str]:
    """A schema in the strict form, or None and the reason why it cannot be written so.

    Every object has all its fields required and takes no others; an optional one may be null.
    """
    if schema.get("additionalProperties") is not False:
        return None, "the fields are not documented"
    try:
        made = _object({**schema, "description": ""}, "arguments")
        shared = schema.get("$defs", {})
        if shared:
            made["$defs"] = {name: _strict(one, name) for name, one in shared.items()}
    except _NotStrict as error:
        return None, str(error)
    made.pop("description", None)
    return made, ""


def _strict(schema: Any, where: str) -> Json:
    schema = _checked(schema, where)
    made = {key: value for key, value in schema.items() if key in _KEPT}
    if "default" in schema:
        about = f"{made.get('description', '')} Server default: {schema['default']}."
        made["description"] = about.strip()
    if variants := _variants(schema):
        made["anyOf"] = [_strict(one, where) for one in variants if not _only_requires(one)]
    return _reference(made) if "$ref" in made else _of_type(schema, made, where)


def _checked(schema: Any, where: str) -> Json:
    """A schema that may be strict. Raises _NotStrict for one that surely cannot be."""
    if not is_object(schema) or not schema:
        raise _NotStrict(f"{where} may be anything")
    for key in _REFUSED:
        if key in schema:
            raise _NotStrict(f"{where} has {key}")
    if "properties" in schema and _variants(schema):
        raise _NotStrict(f"{where} has fields and variants")
    return schema


def _variants(schema: Json) -> list[Any]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _reference(schema: Json) -> Json:
    """A reference may have nothing beside it: with a description it is a union of one."""
    reference, about = {"$ref": schema["$ref"]}, _about(schema)
    return {**about, "anyOf": [reference]} if about else reference


def _about(schema: Json) -> Json:
    return {"description": schema["description"]} if "description" in schema else {}


def _only_requires(schema: Any) -> bool:
    """Whether a variant says no more than which fields go together."""
    return is_object(schema) and set(schema) <= {"required", "title", "description"}


def _of_type(schema: Json, made: Json, where: str) -> Json:
    """The schema with what its type is made of."""
    types = schema.get("type")
    listed: list[Any] = types if is_array(types) else [types]
    if "object" in listed or "properties" in schema:
        made |= _object(schema, where)
    if "array" in listed:
        made["items"] = _strict(schema.get("items"), f"an item of {where}")
    if not made.keys() & {"type", "enum", "const", "$ref", "anyOf"}:
        raise _NotStrict(f"{where} may be anything")
    return made


def _object(schema: Json, where: str) -> Json:
    """An object with all its fields required, and no others."""
    properties: Json = schema.get("properties", {})
    if not properties and where != "arguments":
        raise _NotStrict(f"the fields of {where} are not described")
    if is_object(schema.get("additionalProperties")):
        raise _NotStrict(f"{where} has fields of any name")
    required = schema.get("required", ())
    made = {name: _strict(one, name) for name, one in properties.items()}
    shown = {name: one if name in required else _or_null(one) for name, one in made.items()}
    kind = schema.get("type", "object")
    return {
        "type": kind,
        "properties": shown,
        "required": list(shown),
        "additionalProperties": False,
    }


def _or_null(schema: Json) -> Json:
    """The schema of a value that may be left out."""
    if "type" not in schema or schema.keys() & {"anyOf", "$ref", "const"}:
        return _union_with_null(schema)
    types = schema["type"] if is_array(schema["type"]) else [schema["type"]]
    made = {**schema, "type": _and(types, "null")}
    if "enum" in schema:
        made["enum"] = _and(schema["enum"], None)
    return made


def _and(values: list[Any], last: str | None) -> list[Any]:
    """The values, and a last one that may be among them."""
    return [*(one for one in values if one != last), last]


def _union_with_null(schema: Json) -> Json:
    about = _about(schema)
    inner = {key: value for key, value in schema.items() if key not in about}
    variants = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
    return {**about, "anyOf": [*variants, {"type": "null"}]}
