"""The objects of an OpenAPI document by their kind: the parts of each kind, and a walk over all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from generator.join import METHODS
from generator.source import obj, seq

from .references import escape

# What stands under which key of which kind of object: a kind, [kind] in a list, {kind} in a mapping
# by name.
_MAP, _LIST, _ONE = "map", "list", "one"
_PARAMETER = {
    "schema": (_ONE, "schema"),
    "content": (_MAP, "mediaType"),
    "examples": (_MAP, "example"),
}
_SCHEMA_IN = (
    *("items", "additionalProperties", "not", "contains", "if", "then", "else", "propertyNames"),
    *("contentSchema", "unevaluatedItems", "unevaluatedProperties"),
)
CHILDREN: dict[str, dict[str, tuple[str, str]]] = {
    "pathItem": dict.fromkeys(METHODS, (_ONE, "operation")),
    "operation": {
        "parameters": (_LIST, "parameter"),
        "requestBody": (_ONE, "requestBody"),
        "responses": (_MAP, "response"),
    },
    "parameter": _PARAMETER,
    "header": _PARAMETER,
    "requestBody": {"content": (_MAP, "mediaType")},
    "response": {
        "content": (_MAP, "mediaType"),
        "headers": (_MAP, "header"),
        "links": (_MAP, "link"),
    },
    "mediaType": {
        "schema": (_ONE, "schema"),
        "itemSchema": (_ONE, "schema"),
        "examples": (_MAP, "example"),
        "encoding": (_MAP, "encoding"),
    },
    "encoding": {"headers": (_MAP, "header")},
    "schema": {
        **dict.fromkeys(_SCHEMA_IN, (_ONE, "schema")),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), (_LIST, "schema")),
        **dict.fromkeys(
            ("properties", "patternProperties", "$defs", "dependentSchemas"), (_MAP, "schema")
        ),
    },
}
COMPONENT_KINDS = {
    "schemas": "schema",
    "responses": "response",
    "parameters": "parameter",
    "examples": "example",
    "requestBodies": "requestBody",
    "headers": "header",
}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An OpenAPI object: its kind, where it is held, and the parent's key under which it stands."""

    kind: str
    role: str
    pointer: str
    parent: Any
    key: str | int
    value: Any
    above: Node | None

    @property
    def is_component(self) -> bool:
        """Whether it is a named component itself."""
        return self.above is None

    @property
    def top(self) -> Node:
        """The component or path item that it stands in, or is."""
        node = self
        while node.above is not None:
            node = node.above
        return node


def nodes(document: dict[str, Any]) -> Iterator[Node]:
    """Every object below the paths and the components, in the order of the document."""
    paths = obj(document.get("paths"))
    for path, item in paths.items():
        yield from _inside(
            Node("pathItem", "paths", f"/paths/{escape(path)}", paths, path, item, None)
        )
    for role, kind in COMPONENT_KINDS.items():
        components = obj(obj(document.get("components")).get(role))
        for name, value in components.items():
            pointer = f"/components/{role}/{escape(name)}"
            yield from _inside(Node(kind, role, pointer, components, name, value, None))


def _inside(node: Node) -> Iterator[Node]:
    """An object and all inside it."""
    yield node
    parts = CHILDREN.get(node.kind, {}) if isinstance(node.value, dict) else {}
    for role, (form, kind) in parts.items():
        if role in node.value:
            pointer = f"{node.pointer}/{role}"
            for key, value, holder, step in _children(form, node, role):
                yield from _inside(Node(kind, role, f"{pointer}{step}", holder, key, value, node))


def _children(form: str, node: Node, role: str) -> Iterator[tuple[str | int, Any, Any, str]]:
    """Key, value and holder of what stands under a role, and the last step of its pointer."""
    inner = node.value[role]
    if form == _ONE:
        yield role, inner, node.value, ""
    elif form == _MAP:
        yield from ((name, value, inner, f"/{escape(name)}") for name, value in obj(inner).items())
    else:
        yield from ((place, value, inner, f"/{place}") for place, value in enumerate(seq(inner)))
