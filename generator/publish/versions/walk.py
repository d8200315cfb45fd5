"""A copy of an OpenAPI document in which every object is changed by its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from generator.document.objects import CHILDREN, COMPONENT_KINDS
from generator.document.references import escape

Json = dict[str, Any]
SCHEMAS = "#/components/schemas/"
UNIONS = ("anyOf", "oneOf")
SCALARS = frozenset({"string", "number", "integer", "boolean"})
Change = Callable[[str, Any, str], Any]
"""Takes an object's kind, the object with its parts already changed, and its JSON pointer."""

# The parts of each kind of object: those that the house rules know, and what stands above them.
_PARTS: dict[str, dict[str, tuple[str, str]]] = {
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


def walk(node: Any, change: Change, kind: str = "document", place: str = "#") -> Any:
    """A copy in which every object, the innermost first, is what `change` returns for it.

    Args:
        node: The object, of any JSON type.
        kind: Its kind, such as `schema` or `mediaType`.
        place: Its JSON pointer.
    """
    if not isinstance(node, dict):
        return change(kind, node, place)
    copy = dict(node)
    for key, value in node.items():
        # What was carried in an `x-` field is changed as what it was. A text is no such part.
        part = _PARTS.get(kind, {}).get(key.removeprefix("x-"))
        if part and not isinstance(value, str):
            copy[key] = _part(value, change, part, f"{place}/{key}")
    return change(kind, copy, place)


def _part(value: Any, change: Change, part: tuple[str, str], place: str) -> Any:
    form, kind = part
    if form == "one":
        return walk(value, change, kind, place)
    if form == "map" and isinstance(value, dict):
        return {n: walk(one, change, kind, f"{place}/{escape(n)}") for n, one in value.items()}
    if form == "list" and isinstance(value, list):
        return [walk(one, change, kind, f"{place}/{n}") for n, one in enumerate(value)]
    return value


def union_of(schema: Json) -> str:
    """The keyword of a schema's union; empty if it has none."""
    return next((key for key in UNIONS if key in schema), "")
