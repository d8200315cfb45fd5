"""The document in OpenAPI 3.1, which lacks a few fields of 3.2."""

from __future__ import annotations

from typing import Any

from generator.join import operations
from generator.source import seq

from .doubled import without_doubled
from .losses import Loss, carry
from .prose import plain, sentence
from .walk import Json, walk

# The fields that 3.2 added, by kind of object.
_NEW_IN_32: dict[str, tuple[str, ...]] = {
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


def to_31(document: Json) -> tuple[Json, list[Loss]]:
    """The OpenAPI 3.1 copy of a 3.2 document, and what only 3.2 has."""
    losses: list[Loss] = []

    def change(kind: str, node: Any, place: str) -> Any:
        if not isinstance(node, dict):
            return node
        if kind == "schema":
            return _without_default(node, place, losses)
        if "$ref" in node:
            return node
        if kind == "response" and "description" not in node:
            node = {"description": node.get("summary", ""), **node}
        return carry("3.1", kind, node, place, _lacking(kind, node), losses)

    lowered = without_doubled("3.1", walk(document, change), losses)
    lowered = {**lowered, "openapi": "3.1.0"}
    if "tags" in lowered:
        lowered |= _tag_groups(lowered)
    return lowered, sorted(losses)


def _without_default(schema: Json, place: str, losses: list[Loss]) -> Json:
    """A schema whose default is in `x-default` and in the description.

    A default states what the server does without the field. The clients that code generators make
    send it: a chat request of openapi-generator's clients would ask every model for a medium
    `reasoning_effort`. Defaults of lists and unions do not even compile.
    """
    if "default" not in schema:
        return schema
    schema = carry("3.1", "schema", schema, place, ("default",), losses)
    own = sentence(str(schema.get("description") or ""))
    value = plain(schema["x-default"])
    if "default" not in own.lower() or value not in own:
        schema["description"] = f"{own} Default: {value}.".strip()
    return schema


def _lacking(kind: str, node: Json) -> tuple[str, ...]:
    """The fields that 3.1 lacks."""
    if kind == "link" and not isinstance(node.get("requestBody", ""), str):
        # swagger-parser, and openapi-generator with it, refuses anything but text here.
        return ("requestBody",)
    return _NEW_IN_32.get(kind, ())


def _tag_groups(document: Json) -> Json:
    """The tree of tags in the form that reference sites read, and the tags without mere groups.

    A group that no operation is in would be an empty section in tools that know no tree. What 3.2
    says of it is at its entry in `x-tagGroups`.
    """
    tags = seq(document["tags"])
    members: dict[str, list[str]] = {}
    for tag in tags:
        if "x-parent" in tag:
            members.setdefault(tag["x-parent"], []).append(tag["name"])
    if not members:
        return {}
    used = _used_tags(document)
    return {
        "tags": [tag for tag in tags if tag["name"] in used or tag["name"] not in members],
        "x-tagGroups": [
            _group(tag, members[tag["name"]]) for tag in tags if tag["name"] in members
        ],
    }


def _used_tags(document: Json) -> set[str]:
    contents = [operation for _, _, operation in operations(document)]
    return {name for operation in contents for name in seq(operation.get("tags"))}


def _group(tag: Json, members: list[str]) -> Json:
    """An entry of `x-tagGroups`, which has a name and tags; all else is an extension there too."""
    title = tag.get("x-displayName", tag["name"])
    own = {key: value for key, value in tag.items() if key != "x-displayName"}
    extensions = {key if key.startswith("x-") else f"x-{key}": own[key] for key in own}
    return {"name": title, "tags": members, **extensions}
