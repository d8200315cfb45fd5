"""What a schema says of a value and its fields, as Markdown lists with the names of the JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generator.document import Schema
from generator.emit.docstrings import size_text
from generator.publish.markdown import code, inline

_DEEPEST = 6
_FILES = {
    "part": "a part of the form",
    "url": "a URL",
    "base64": "base64 text",
    "data_url": "a data URL",
}
_SIZES = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)
_OTHER_BOUNDS = (
    ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
)


class Lists:
    """Writes the fields of schemas, and remembers the named ones that the text refers to."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        """The schemas that the texts so far name, by name."""

    def fields(self, schema: Schema, depth: int = 0) -> Iterator[str]:
        """A line for each field, the required first, and lines below it for the fields in it."""
        found = schema.target.fields()
        ordered = sorted(found.schemas, key=lambda name: name not in found.required)
        for name in ordered:
            yield from self.field(name, found.schemas[name], name in found.required, depth)

    def field(
        self, name: str, schema: Schema, is_required: bool, depth: int = 0, place: str = ""
    ) -> Iterator[str]:
        """The line of a field or parameter, and lines for the fields in it.

        Args:
            name: As on the wire.
            schema: Of its values.
            is_required: Whether it must be sent.
            depth: How many fields it stands in.
            place: Where it is sent, if that is not the body.
        """
        notes = [note for note in (place, "required" if is_required else "") if note]
        marks = f" ({', '.join(notes)})" if notes else ""
        yield f"{'  ' * depth}- {code(name)}{marks}: {self.about(schema)}"
        if depth < _DEEPEST:
            for inner in _inline_objects(schema):
                yield from self.fields(inner, depth + 1)

    def about(self, schema: Schema) -> str:
        """What a value is, its bounds, its default, and what it is for."""
        target = schema.target
        parts = [self.kind(schema), *_bounds(target)]
        if forms := schema.file_forms:
            parts.append(f"a file as {' or '.join(_FILES[form] for form in forms)}")
        if target.file_max:
            parts.append(f"at most {size_text(target.file_max)}")
        if schema.default is not None:
            parts.append(f"default {_value(schema.default)}")
        description = inline(schema.description)
        return f"{', '.join(parts)}.{f' {description}' if description else ''}"

    def kind(self, schema: Schema) -> str:
        """What kind of value it is."""
        if schema.ref and schema.target.holds_object():
            self.named.setdefault(schema.target_name, schema.target)
            return code(schema.target_name)
        target = schema.target
        if target.values is not None:
            words = ", ".join(map(_value, target.values))
            return words if len(target.values) == 1 else f"one of {words}"
        if parts := [*target.any_of, *target.one_of, *target.shaped_parts]:
            return self._union(target, parts)
        return self._types(target)

    def _union(self, target: Schema, parts: list[Schema]) -> str:
        kinds = [self.kind(part) for part in parts if part.has_shape or part.types]
        own = [self._types(target)] if target.types and target.properties else []
        return " or ".join(dict.fromkeys([*own, *kinds])) or "any value"

    def _types(self, target: Schema) -> str:
        kinds = [self._type(target, one) for one in target.types]
        return " or ".join(kinds) or ("object" if target.properties else "any value")

    def _type(self, target: Schema, type_: str) -> str:
        if type_ == "array":
            return f"list of {self.kind(target.items)}" if target.items else "list"
        if type_ == "object" and target.additional is not None and not target.properties:
            return f"object whose values are {self.kind(target.additional)}"
        if type_ == "string" and target.node.get("format") in ("uri", "date", "date-time"):
            return f"string ({target.node['format']})"
        return type_


def _inline_objects(schema: Schema) -> Iterator[Schema]:
    """The objects without a name in a value: it itself, its items, or its alternatives."""
    if schema.ref and schema.target.holds_object():
        return
    target = schema.target
    if target.properties:
        yield target
        return
    for inner in target.inner():
        yield from _inline_objects(inner)


def _bounds(target: Schema) -> Iterator[str]:
    node = target.node
    for least, most, unit in _SIZES:
        if least in node and most in node:
            yield f"{node[least]} to {node[most]}{unit}"
        elif least in node:
            is_one = unit and node[least] == 1
            yield "not empty" if is_one else f"at least {node[least]}{unit}"
        elif most in node:
            yield f"at most {node[most]}{unit}"
    for key, text in _OTHER_BOUNDS:
        if key in node:
            yield text.format(node[key])
    if "pattern" in node:
        yield f"pattern {code(str(node['pattern']))}"


def _value(value: Any) -> str:
    """A value as JSON; a text bare, as lists of words are easier to read so."""
    if isinstance(value, str) and value:
        return code(value)
    return code(json.dumps(value, ensure_ascii=False))
