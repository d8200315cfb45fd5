"""The document in OpenAPI 3.0, whose schema language is its own.

What 3.0 expresses in another way is rewritten, which is not a loss.
"""

from __future__ import annotations

from typing import Any

from generator.source import obj, seq

from .losses import Loss, carry
from .reduced import reduced
from .walk import SCALARS, SCHEMAS, UNIONS, Json, walk

# The fields that 3.1 added, by kind of object. Schemas are apart: 3.1 replaced their language.
_NEW_IN_31: dict[str, tuple[str, ...]] = {
    "document": ("webhooks", "jsonSchemaDialect"),
    "info": ("summary",),
    "license": ("identifier",),
    "components": ("pathItems",),
}
# 3.0 has `default`, too; see openapi_31 for why it is carried.
_KEYWORDS = frozenset(
    {
        *("$ref", "type", "title", "description", "enum", "format", "multipleOf", "pattern"),
        *("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength"),
        *("maxItems", "minItems", "uniqueItems", "items", "maxProperties", "minProperties"),
        *("required", "properties", "additionalProperties", "allOf", "oneOf", "anyOf", "not"),
        *("nullable", "discriminator", "readOnly", "writeOnly", "xml", "externalDocs"),
        *("example", "deprecated"),
    }
)
_NEVER: Json = {"not": {}}
"""The schema `false`."""
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_NULLS = ({"type": "string", "nullable": True, "enum": [None]}, {"enum": [None]})
"""What `type: 'null'` and `const: null` have become."""


def to_30(document: Json) -> tuple[Json, list[Loss]]:
    """The OpenAPI 3.0.3 copy of a 3.1 document, and what only 3.1 has."""
    losses: list[Loss] = []
    document = reduced(document, losses)
    types = _types_of_components(document)
    scalars = _unions_of_scalars(document)

    def change(kind: str, node: Any, place: str) -> Any:
        if kind == "schema":
            return _schema(node, place, (types, scalars), losses)
        if not isinstance(node, dict):
            return node
        # 3.0 ignores everything beside a reference.
        lacking = ("summary", "description") if "$ref" in node else _NEW_IN_31.get(kind, ())
        if kind == "license" and "identifier" in node:
            node = {"url": f"https://spdx.org/licenses/{node['identifier']}.html", **node}
        return carry("3.0", kind, node, place, lacking, losses)

    return {**walk(document, change), "openapi": "3.0.3"}, sorted(losses)


def _types_of_components(document: Json) -> dict[str, str]:
    """The type of each schema that has one, by reference."""
    schemas = obj(obj(document.get("components")).get("schemas"))
    types = {name: obj(schema).get("type") for name, schema in schemas.items()}
    return {f"#/components/schemas/{n}": one for n, one in types.items() if isinstance(one, str)}


def _unions_of_scalars(document: Json) -> set[str]:
    """References to the components that are unions of scalars."""
    schemas = obj(obj(document.get("components")).get("schemas"))
    found = set()
    for name, schema in schemas.items():
        members = [one for union in UNIONS for one in seq(obj(schema).get(union))]
        if members and all(obj(one).get("type") in SCALARS for one in members):
            found.add(f"{SCHEMAS}{name}")
    return found


def _schema(
    schema: Any, place: str, known: tuple[dict[str, str], set[str]], losses: list[Loss]
) -> Any:
    """A schema, whose parts are already lowered, in the language of 3.0.

    Args:
        schema: The schema.
        place: Its JSON pointer.
        known: The types of components, and the unions of scalars among them.
        losses: Gets an entry for each.
    """
    types, scalars = known
    if isinstance(schema, bool):
        return {} if schema else _NEVER
    schema = dict(schema)
    _additional_properties(schema)
    _beside_reference(schema)
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    _types(schema)
    for union in UNIONS:
        _union_with_null(schema, union, scalars)
    if not _typed_null(schema, types):
        losses.append(Loss("3.0", "schema.null", "nullable", place))
    _bound(schema, "exclusiveMinimum", "minimum", max)
    _bound(schema, "exclusiveMaximum", "maximum", min)
    _examples(schema)
    if schema.get("contentEncoding") == "base64":
        schema["format"] = "byte"
    schema = _items(schema, place, losses)
    if names := _ogen_names(schema):
        schema["x-ogen-properties"] = names
    lacking = {key for key in schema.keys() - _KEYWORDS if not key.startswith("x-")}
    return carry("3.0", "schema", schema, place, lacking, losses)


def _ogen_names(schema: Json) -> Json:
    """The names that `x-go-name` gives to fields, where ogen looks: at the object."""
    return {
        name: {"name": one["x-go-name"]}
        for name, one in obj(schema.get("properties")).items()
        if "x-go-name" in obj(one)
    }


def _additional_properties(schema: Json) -> None:
    additional = schema.get("additionalProperties")
    if additional in ({}, _NEVER):
        schema["additionalProperties"] = additional == {}


def _beside_reference(schema: Json) -> None:
    """3.0 ignores what stands beside a reference."""
    if "$ref" in schema and len(schema) > 1:
        schema["allOf"] = [*schema.get("allOf", ()), {"$ref": schema.pop("$ref")}]


def _types(schema: Json) -> None:
    """One type per schema, and `nullable` for null."""
    if "type" not in schema:
        return
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    plain = [type_ for type_ in types if type_ != "null"]
    if len(plain) != len(types):
        schema["nullable"] = True
    if len(plain) == 1:
        schema["type"] = plain[0]
        return
    del schema["type"]
    if plain:
        _several_types(schema, plain)
    else:
        schema.setdefault("enum", [None])


def _several_types(schema: Json, types: list[str]) -> None:
    items = {"items": schema.pop("items", {})} if "array" in types else {}
    members = [{"type": one, **(items if one == "array" else {})} for one in types]
    if "anyOf" in schema:
        schema["allOf"] = [*schema.get("allOf", ()), {"anyOf": members}]
    else:
        schema["anyOf"] = members


def _union_with_null(schema: Json, union: str, scalars: set[str]) -> None:
    """A union with null is `nullable`; and the rest of a union of two is not a union any more.

    But where the other is a union of scalars, which has no one type that could stand beside
    `nullable`.
    """
    members = seq(schema.get(union))
    rest = [member for member in members if member not in _NULLS]
    if len(rest) == len(members) or not rest:
        return
    schema["nullable"] = True
    only = rest[0]
    if len(rest) > 1 or only.get("$ref") in scalars:
        schema[union] = rest
        return
    del schema[union]
    if "$ref" in only or only.keys() & schema.keys() - {"description", "nullable"}:
        schema["allOf"] = [*schema.get("allOf", ()), only]
    else:
        schema.update({name: value for name, value in only.items() if name not in schema})


def _typed_null(schema: Json, types: dict[str, str]) -> bool:
    """Put a type beside `nullable`; in a union, null is a branch of its own.

    Strictly, in 3.0.3 `nullable` works beside a `type` alone, and a reference beside it still
    refuses null; the tools that people use let null pass there.

    Returns:
        Whether null is allowed as strictly as before.
    """
    if not schema.get("nullable") or "type" in schema:
        return True
    for union in UNIONS:
        if union in schema:
            return _null_in_union(schema, union)
    if "enum" in schema:
        schema["type"] = _type_of_values(schema["enum"])
        return True
    if "allOf" not in schema:
        del schema["nullable"]  # without a type null is allowed anyway
        return True
    targets = [types.get(str(member.get("$ref"))) for member in schema["allOf"]]
    schema["type"] = next((target for target in targets if target), "object")
    return False


def _type_of_values(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    return _JSON_TYPES[type(known[0])] if known else "string"


def _null_in_union(schema: Json, union: str) -> bool:
    """Null as a branch of its own, which openapi-generator takes for the union being nullable.

    Of `nullable` in another branch it takes no notice, and its Java classes then refuse null.
    """
    del schema["nullable"]
    schema[union] = [*schema[union], _NULLS[0]]
    return "allOf" not in schema


def _bound(schema: Json, exclusive: str, inclusive: str, tighter: Any) -> None:
    """In 3.0 an exclusive bound is a flag of the inclusive one; of two bounds the tighter is kept.

    Args:
        tighter: `max` for lower bounds, `min` for upper ones.
    """
    value = schema.get(exclusive)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    other = schema.get(inclusive, value)
    schema[inclusive] = tighter(other, value)
    schema[exclusive] = schema[inclusive] == value


def _examples(schema: Json) -> None:
    if examples := seq(schema.get("examples")):
        schema.setdefault("example", examples[0])
        if examples == [schema["example"]]:
            del schema["examples"]


def _items(schema: Json, place: str, losses: list[Loss]) -> Json:
    """3.0 knows no order of items: each may be any of them."""
    if "prefixItems" in schema:
        rest = schema.get("items", _NEVER)
        if "items" in schema:
            schema = carry("3.0", "schema", schema, place, ("items",), losses)
        members = [*schema["prefixItems"], *([rest] if rest != _NEVER else [])]
        schema["items"] = {"anyOf": members}
    if schema.get("type") == "array":
        schema.setdefault("items", {})
    return schema
