"""The schemas of a page:

references written out, extensions of Apifox applied, known faults corrected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from generator.docs import PageError
from generator.source import obj, seq

from . import Page, Schema
from .untrusted import clean, is_field, one_line, quoted
from .values import fit, is_number, is_type, key, type_name

LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")

_STRAY = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
# Fields that are numbers wherever they stand, though pages call them integers.
_NUMBERS = {
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "guidance_scale",
    "cfg_scale",
}
_DEEPEST = 12
_MOST_SCHEMAS = 10_000
_MOST_VALUES = 500
_LARGEST_LIMIT = 10**7
_LONGEST_VALUE = 300

Open = tuple[str, ...]
"""The references that lead to where a schema stands."""


class Schemas:
    """Reads the schemas of one page's OpenAPI document."""

    def __init__(self, page: Page, document: dict[str, Any]) -> None:
        self.page, self.document, self.count = page, document, 0

    def resolve(self, node: Any) -> dict[str, Any]:
        """The object itself, or what its reference leads to."""
        return self._follow(node, ())[0]

    def _follow(self, node: Any, above: Open) -> tuple[dict[str, Any], Open]:
        """An object, and the references that lead to it; an empty one where that is a circle."""
        while isinstance(reference := obj(node).get("$ref"), str):
            if reference in above:
                self.page.refuse(f"what is inside {quoted(reference)}, which holds itself")
                return {}, above
            above = (*above, reference)
            node = self._target(reference)
        return obj(node), above

    def _target(self, reference: str) -> Any:
        """What a reference names; its parts may be written as in a URL."""
        node: Any = self.document
        for part in reference[:500].removeprefix("#/").split("/"):
            node = obj(node).get(unquote(part).replace("~1", "/").replace("~0", "~"))
        return node

    def read(self, node: Any, name: str = "", above: Open = (), depth: int = 0) -> Schema:
        """A schema without references, extensions and known faults; empty where the page does not
        say.
        """
        node, above = self._follow(node, above)
        self.count += 1
        if self.count > _MOST_SCHEMAS:
            raise PageError(self.page.source, f"it has more than {_MOST_SCHEMAS} schemas")
        if depth > _DEEPEST:
            return {}
        schema = _limits(node)
        if isinstance(description := node.get("description"), str) and description:
            schema["description"] = clean(description)
        schema |= _noted(node) | self._type(node, name)
        for word, kind in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
            if parts := seq(node.get(word)):
                schema[kind] = [self.read(part, name, above, depth + 1) for part in parts]
        if "items" in node:
            schema["items"] = self.read(node["items"], name, above, depth + 1)
        schema |= self._object(node, schema, above, depth)
        return schema | self._values(node, schema, name)

    def _type(self, node: dict[str, Any], name: str) -> Schema:
        """`type`, `nullable` and the format of a file."""
        schema: Schema = {}
        if node.get("type") == "null":
            self.page.fault(f"type 'null': {_shown(name)}")
        elif _is_nullable(node):
            schema["nullable"] = True
        kinds = self._kinds(node, name)
        if kinds == ["file"] or node.get("format") == "binary":
            kinds, schema["format"] = ["string"], "binary"
        if kinds and all(map(is_type, kinds)):
            schema["type"] = kinds[0] if len(kinds) == 1 else kinds
        return schema

    def _kinds(self, node: dict[str, Any], name: str) -> list[str]:
        """The types of a schema but null."""
        kinds = [kind for kind in _type_names(node) if kind != "null"]
        if kinds == ["integer"] and name in _NUMBERS:
            self.page.fault(f"integer, though a number: {name}")
            return ["number"]
        return kinds

    def _object(self, node: dict[str, Any], schema: Schema, above: Open, depth: int) -> Schema:
        """`properties` and `required`."""
        given, required = self._fields(node)
        fields = {name: field for name, field in given.items() if self._is_field(name)}
        if not fields:
            return {}
        properties = {
            name: self.read(field, name, above, depth + 1) for name, field in fields.items()
        }
        wrong = [name for name in required if name not in fields and not _STRAY.fullmatch(name)]
        if wrong:
            self.page.fault(f"required, but not described: {one_line(', '.join(wrong))}")
        return {
            "type": schema.get("type", "object"),
            "properties": properties,
            "required": [name for name in dict.fromkeys(required) if name in fields],
        }

    def _fields(self, node: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The fields of an object and those required:

        its own, and those of the schemas merged into it.
        """
        fields = dict(obj(node.get("properties")))
        required = list(_texts(node.get("required")))
        for merged in obj(node.get("x-apifox-refs")).values():
            theirs, needed = self._merged(obj(merged))
            fields |= {name: field for name, field in theirs.items() if name not in fields}
            required += needed
        return fields, required

    def _merged(self, merged: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The fields of a schema that Apifox merges into another, and those required.

        `x-apifox-overrides` replaces a field, or removes it where it says null. A `required` beside
        it replaces the schema's own.
        """
        target = self.resolve(merged)
        changed = obj(merged.get("x-apifox-overrides"))
        fields = {**obj(target.get("properties")), **changed}
        listed = merged.get("required", target.get("required"))
        removed = {name for name, field in changed.items() if field is None}
        kept = {name: field for name, field in fields.items() if name not in removed}
        return kept, [name for name in _texts(listed) if name not in removed]

    def _is_field(self, name: str) -> bool:
        if _STRAY.fullmatch(name):
            self.page.fault(f"stray property: {name}")
            return False
        if not is_field(name):
            self.page.refuse(
                f"the field {quoted(name)}, whose name is not printable text of one line"
            )
            return False
        return True

    def _values(self, node: dict[str, Any], schema: Schema, name: str) -> Schema:
        """`enum` and `default`, in the type of the schema."""
        made = self._enum(node, schema, name)
        default = fit(node.get("default"), schema)
        if isinstance(default, str) and not is_plain(default):
            self.page.refuse(f"the default of {_shown(name)}, which is not one line of text")
        elif default not in (None, "", []):
            made["default"] = default
        return made

    def _enum(self, node: dict[str, Any], schema: Schema, name: str) -> Schema:
        fitting = (fit(value, schema) for value in filter(is_plain, seq(node.get("enum"))))
        values = list({key(value): value for value in fitting}.values())
        if len(values) > _MOST_VALUES:
            more = f"there are more than {_MOST_VALUES}"
            self.page.refuse(f"the values of {_shown(name)}, of which {more}")
            return {}
        if None in values or len(set(map(type_name, values))) != 1:
            return {}
        return {"type": schema.get("type", type_name(values[0])), "enum": values}


def _type_names(node: dict[str, Any]) -> list[str]:
    given = node.get("type")
    names = given if isinstance(given, list) else [given]
    return list(dict.fromkeys(str(name) for name in names if name is not None))


def _is_nullable(node: dict[str, Any]) -> bool:
    """Whether null is a value. In OpenAPI 3.0 it is also beside an enum that does not list it."""
    listed = seq(node.get("enum"))
    return node.get("nullable") is True or "null" in _type_names(node) or None in listed


def _limits(node: dict[str, Any]) -> Schema:
    """The limits of a schema that can be true of a value."""
    limits = {name: node[name] for name in LIMITS if is_number(node.get(name))}
    for kind in ("Length", "Items"):
        for name in (f"min{kind}", f"max{kind}"):
            if not (isinstance(limits.get(name), int) and 0 <= limits[name] < _LARGEST_LIMIT):
                limits.pop(name, None)
    for least, most in (LIMITS[0:2], LIMITS[2:4], LIMITS[4:6]):
        if {least, most} <= limits.keys() and limits[least] > limits[most]:
            del limits[least], limits[most]
    return limits


def _noted(node: dict[str, Any]) -> Schema:
    """What a schema says beside its type that tells one version of a page from another."""
    noted: Schema = {
        name: node[name] for name in ("format", "pattern") if _is_short_text(node.get(name))
    }
    return noted | ({"deprecated": True} if node.get("deprecated") is True else {})


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and is_plain(value)


def is_plain(value: Any) -> bool:
    """Whether a value is one line of text, a number or a boolean, as those of an enum are."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_VALUE and value.isprintable()
    return isinstance(value, (int, float))


def _texts(values: Any) -> Iterable[str]:
    return (value for value in seq(values) if isinstance(value, str))


def _shown(name: str) -> str:
    return one_line(name, 100) or "body"
