"""The document in OpenAPI 3.1, which lacks a few fields of 3.2."""

from __future__ import annotations

from typing import Any

from generator.source import seq

from .losses import Loss, carry
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
        if not isinstance(node, dict) or "$ref" in node:
            return node
        if kind == "mediaType" and "itemSchema" in node and "schema" not in node:
            node = {"schema": {"type": "string"}, **node}  # the stream as a whole is text
        if kind == "response" and "description" not in node:
            node = {"description": node.get("summary", ""), **node}
        return carry("3.1", kind, node, place, _lacking(kind, node), losses)

    lowered = {**walk(document, change), "openapi": "3.1.0"}
    if groups := _groups(seq(document.get("tags"))):
        lowered["x-tagGroups"] = groups
    return lowered, sorted(losses)


def _lacking(kind: str, node: Json) -> tuple[str, ...]:
    """The fields that 3.1 lacks."""
    if kind == "link" and not isinstance(node.get("requestBody", ""), str):
        # swagger-parser, and openapi-generator with it, refuses anything but text here.
        return ("requestBody",)
    return _NEW_IN_32.get(kind, ())


def _groups(tags: list[Json]) -> list[Json]:
    """The tree of tags in the form that reference sites read."""
    children: dict[str, list[str]] = {}
    for tag in tags:
        if "parent" in tag:
            children.setdefault(tag["parent"], []).append(tag["name"])
    return [
        {"name": tag.get("summary", tag["name"]), "tags": children[tag["name"]]}
        for tag in tags
        if tag["name"] in children
    ]
