"""The document in older versions of OpenAPI. What an older version cannot say travels in an `x-` field and is listed as a loss.

3.1 lacks a few fields of 3.2. 3.0 has a schema language of its own: what it says in other words is rewritten, and is no loss.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ..document.objects import CHILDREN, COMPONENT_KINDS
from ..document.references import escape
from ..source import seq

Json = dict[str, Any]

# What stands under which key of which kind of object: as the house rules know it, and above what they look at.
PARTS: dict[str, dict[str, tuple[str, str]]] = {
    **CHILDREN,
    "document": {
        "info": ("one", "info"),
        "servers": ("list", "server"),
        "tags": ("list", "tag"),
        "paths": ("map", "pathItem"),
        "components": ("one", "components"),
    },
    "info": {"license": ("one", "license")},
    "components": {
        key: ("map", kind)
        for key, kind in (COMPONENT_KINDS | {"securitySchemes": "securityScheme"}).items()
    },
}

# What each version added, by kind of object. Schemas are apart: 3.1 replaced their language.
NEW_IN_32: dict[str, tuple[str, ...]] = {
    "document": ("$self",),
    "tag": ("summary", "parent", "kind"),
    "server": ("name",),
    "components": ("mediaTypes",),
    "pathItem": ("query", "additionalOperations"),
    "response": ("summary",),
    "mediaType": ("itemSchema", "prefixEncoding", "itemEncoding"),
    "encoding": ("encoding", "prefixEncoding", "itemEncoding"),
    "example": ("dataValue", "serializedValue"),
    "securityScheme": ("deprecated", "oauth2MetadataUrl"),
}
NEW_IN_31: dict[str, tuple[str, ...]] = {
    "document": ("webhooks", "jsonSchemaDialect"),
    "info": ("summary",),
    "license": ("identifier",),
    "components": ("pathItems",),
}
# 3.0 has `default`, too. But it says what the server does, and the clients that code generators make of 3.0 send it: a chat request of
# openapi-generator's Java client would ask every model for a medium `reasoning_effort`. Defaults of lists and unions do not even compile.
SCHEMA_30 = frozenset(
    "$ref type title description enum format multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength "
    "pattern maxItems minItems uniqueItems maxProperties minProperties required properties items additionalProperties allOf oneOf anyOf "
    "not nullable discriminator readOnly writeOnly xml externalDocs example deprecated".split()
)
# A tag's title has a name that reference sites read.
CARRIED = {("tag", "summary"): "x-displayName"}


@dataclass(frozen=True, order=True)
class Loss:
    """Something that a version has no word for."""

    version: str
    what: str
    """Kind of object and field, such as `mediaType.itemSchema`."""
    carried: str
    """The field that carries it."""
    place: str
    """JSON pointer of the object in the next newer version, which says it."""


def to_31(document: Json) -> tuple[Json, list[Loss]]:
    """The OpenAPI 3.1 copy of a 3.2 document, and what only 3.2 says."""
    losses: list[Loss] = []

    def change(kind: str, node: Any, place: str) -> Any:
        if not isinstance(node, dict) or "$ref" in node:
            return node
        if kind == "mediaType" and "itemSchema" in node and "schema" not in node:
            node = {"schema": {"type": "string"}, **node}  # the stream as a whole is text
        if kind == "response" and "description" not in node:
            node = {"description": node.get("summary", ""), **node}
        fields = NEW_IN_32.get(kind, ())
        if kind == "link" and not isinstance(node.get("requestBody", ""), str):
            fields = (
                "requestBody",
            )  # swagger-parser, and openapi-generator with it, takes nothing but text here
        return _carry("3.1", kind, node, place, fields, losses)

    lowered = {**walk(document, change), "openapi": "3.1.0"}
    # The tree of tags, in the form that reference sites read.
    tags = seq(document.get("tags"))
    groups = [
        {"name": tag.get("summary", tag["name"]), "tags": children}
        for tag in tags
        if (children := [child["name"] for child in tags if child.get("parent") == tag["name"]])
    ]
    if groups:
        lowered["x-tagGroups"] = groups
    return lowered, sorted(losses)


def to_30(document: Json) -> tuple[Json, list[Loss]]:
    """The OpenAPI 3.0.3 copy of a 3.1 document, and what only 3.1 says."""
    losses: list[Loss] = []

    def change(kind: str, node: Any, place: str) -> Any:
        if kind == "schema":
            return _schema(node, place, losses)
        if not isinstance(node, dict):
            return node
        fields = (
            ("summary", "description") if "$ref" in node else NEW_IN_31.get(kind, ())
        )  # beside a reference, 3.0 ignores everything
        return _carry("3.0", kind, node, place, fields, losses)

    return {**walk(document, change), "openapi": "3.0.3"}, sorted(losses)


Change = Callable[[str, Any, str], Any]


def walk(node: Any, change: Change, kind: str = "document", place: str = "#") -> Any:
    """A copy in which every object, the innermost first, is what `change(kind, object, JSON pointer)` gives."""
    if not isinstance(node, dict):
        return change(kind, node, place)
    copy = dict(node)
    for key, value in node.items():
        shape, child = PARTS.get(kind, {}).get(
            key.removeprefix("x-"), ("", "")
        )  # what was carried is lowered too
        if shape == "one":
            copy[key] = walk(value, change, child, f"{place}/{key}")
        elif shape == "map" and isinstance(value, dict):
            copy[key] = {
                name: walk(inner, change, child, f"{place}/{key}/{escape(name)}")
                for name, inner in value.items()
            }
        elif shape == "list" and isinstance(value, list):
            copy[key] = [
                walk(inner, change, child, f"{place}/{key}/{number}")
                for number, inner in enumerate(value)
            ]
    return change(kind, copy, place)


def _carry(
    version: str, kind: str, node: Json, place: str, fields: Collection[str], losses: list[Loss]
) -> Json:
    """The object with the fields that the version does not know renamed to `x-` ones."""
    carried = {key: CARRIED.get((kind, key), f"x-{key}") for key in node if key in fields}
    losses += [Loss(version, f"{kind}.{key}", name, place) for key, name in carried.items()]
    return {carried.get(key, key): value for key, value in node.items()}


# -- schemas of 3.0 --------------------------------------------------------------------------------------------------------------------

_NEVER: Json = {"not": {}}
"""The schema `false`."""


def _schema(schema: Any, place: str, losses: list[Loss]) -> Any:
    """A schema, its parts already lowered, in the language of 3.0."""
    if isinstance(schema, bool):
        return {} if schema else _NEVER
    schema = dict(schema)
    if schema.get("additionalProperties") in ({}, _NEVER):
        schema["additionalProperties"] = schema["additionalProperties"] == {}
    if "$ref" in schema and len(schema) > 1:  # 3.0 ignores what stands beside a reference
        schema["allOf"] = [*schema.get("allOf", ()), {"$ref": schema.pop("$ref")}]
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    _types(schema)
    _variants(schema)
    if schema.get("nullable") and not schema.keys() & {"type", "enum"}:
        # Strictly, 3.0.3 lets `nullable` work beside a `type` only; the tools that people use read it beside a reference or a union too.
        losses.append(Loss("3.0", "schema.null", "nullable", place))
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        value = schema.get(bound)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            other = schema.get(limit, value)
            keep = (
                other > value if limit == "minimum" else other < value
            )  # the closed bound is the tighter one
            schema[limit], schema[bound] = (other, False) if keep else (value, True)
    if examples := seq(schema.get("examples")):
        schema.setdefault("example", examples[0])
        if examples == [schema["example"]]:
            del schema["examples"]
    if schema.get("contentEncoding") == "base64":
        schema["format"] = "byte"
    if "prefixItems" in schema:  # 3.0 knows no order of items: each may be any of them
        rest = schema.get("items", _NEVER)
        if "items" in schema:
            schema = _carry("3.0", "schema", schema, place, ("items",), losses)
        schema["items"] = {"anyOf": [*schema["prefixItems"], *([rest] if rest != _NEVER else [])]}
    if schema.get("type") == "array":
        schema.setdefault("items", {})
    unknown = {key for key in schema if key not in SCHEMA_30 and not key.startswith("x-")}
    return _carry("3.0", "schema", schema, place, unknown, losses)


def _types(schema: Json) -> None:
    """One type a schema, and `nullable` for null."""
    kinds = schema.get("type")
    if kinds is None:
        return
    kinds = kinds if isinstance(kinds, list) else [kinds]
    plain = [kind for kind in kinds if kind != "null"]
    if len(plain) != len(kinds):
        schema["nullable"] = True
    if len(plain) == 1:
        schema["type"] = plain[0]
        return
    del schema["type"]
    if not plain:
        schema.setdefault("enum", [None])
        return
    arrays = {"items": schema.pop("items", {})} if "array" in plain else {}
    union = {"anyOf": [{"type": kind, **(arrays if kind == "array" else {})} for kind in plain]}
    if "anyOf" in schema:
        union = {"allOf": [*schema.get("allOf", ()), union]}
    schema.update(union)


def _variants(schema: Json) -> None:
    """A union with null is `nullable`; what is left of a union of two is no union any more."""
    for key in ("anyOf", "oneOf"):
        variants = seq(schema.get(key))
        rest = [variant for variant in variants if variant not in _NULLS]
        if len(rest) == len(variants) or not rest:
            continue
        schema["nullable"] = True
        if len(rest) > 1:
            schema[key] = rest
            continue
        del schema[key]
        only = rest[0]
        if "$ref" in only or only.keys() & schema.keys() - {"description", "nullable"}:
            schema["allOf"] = [*schema.get("allOf", ()), only]
        else:
            schema.update({name: value for name, value in only.items() if name not in schema})


_NULLS = ({"nullable": True, "enum": [None]}, {"enum": [None]})
"""What `type: 'null'` and `const: null` have become."""
