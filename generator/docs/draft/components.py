"""The schemas of a draft: a page's schemas in our form, objects with fields as named components."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal

import jsonschema_rs

from generator.docs import DocsError
from generator.docs.pages import Schema, note
from generator.docs.pages.schemas import is_plain
from generator.docs.pages.values import infer, type_name
from generator.document.names import class_name
from generator.source import obj, seq

from .house_yaml import TODO
from .names import camel, words

Use = Literal["request", "form", "response"]
"""What a schema is for."""

_REFERENCE = "#/components/schemas/"
_LONGEST_NAME = 80
_MOST_COMPONENTS = 1000
_KEYWORDS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
}
_SAMPLES: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "object": {}}
_LARGEST_SAMPLE = 1000


class Components:
    """The components of a fragment, with names that the specification does not have yet.

    Args:
        known: The specification's own schemas by name.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self.made: dict[str, Any] = {}
        """The new components by name."""
        self.left: list[str] = []
        """What is left out of the operation that is being drafted."""
        self._known = known
        self._taken = {name.lower() for name in known}

    def any_object(self) -> dict[str, Any]:
        """An object of which nothing is known."""
        if "JsonObject" in self._known:
            return {"$ref": f"{_REFERENCE}JsonObject"}
        return {"type": "object", "additionalProperties": True}

    def add(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Name a schema; returns the reference to it. The name gets a number where it is taken."""
        if len(self.made) == _MOST_COMPONENTS:
            raise DocsError(f"there are more than {_MOST_COMPONENTS} objects; draft by hand")
        name = self._free(name)
        self._taken.add(name.lower())
        self.made[name] = schema
        return {"$ref": f"{_REFERENCE}{name}"}

    def _free(self, name: str) -> str:
        name = class_name(name[:_LONGEST_NAME])
        number = 1
        while (
            free := class_name(f"{name}{number}") if number > 1 else name
        ).lower() in self._taken:
            number += 1
        return free

    def write(self, theirs: Schema, name: str, use: Use) -> dict[str, Any]:
        """A schema of the page in our form. `name` is the component's, if there is one to make."""
        if fields := fields_of(theirs):
            made = self._object(theirs, fields, name, use)
        elif theirs.get("anyOf"):
            variants = enumerate(theirs["anyOf"], 1)
            return {"anyOf": [self.write(one, f"{name}{number}", use) for number, one in variants]}
        elif theirs.get("format") == "binary" and use == "form":
            media = "application/octet-stream"
            return {"type": "string", "contentMediaType": media, "x-file": ["part"]}
        else:
            made = self._plain(theirs, name, use)
        return _nullable(made) if theirs.get("nullable") else made

    def parameter(self, theirs: Schema) -> dict[str, Any]:
        """The schema of a parameter: of a plain type alone, whatever fields the page gives it."""
        made = self._plain(theirs, "", "request")
        return _nullable(made) if theirs.get("nullable") else made

    def _plain(self, theirs: Schema, name: str, use: Use) -> dict[str, Any]:
        """A schema that is not an object with fields, with the keywords of its types alone."""
        given = theirs.get("type", [])
        kinds = [given] if isinstance(given, str) else given
        made = _with_keywords(theirs, kinds)
        if "array" in kinds or ("items" in theirs and not kinds):
            made["items"] = self.write(obj(theirs.get("items")), f"{name}Item", use)
        if use != "response" and "default" in theirs and self.fits(made, theirs["default"]):
            made["default"] = theirs["default"]
        return made

    def _object(
        self, theirs: Schema, fields: dict[str, Schema], name: str, use: Use
    ) -> dict[str, Any]:
        """A named object of these fields."""
        made: dict[str, Any] = {"type": "object"}
        reference = self.add(name, made)  # takes its place before what is inside
        name = reference["$ref"].removeprefix(_REFERENCE)
        if fields.pop("self", None) is not None:
            note(self.left, "the field self")
        inside = {key: self._field(key, field, name, use) for key, field in fields.items()}
        required = [key for key in _required(theirs) if key in inside]
        if required and use != "response":  # of responses it was filled in from one example
            made["required"] = required
        made["properties"] = inside
        return reference

    def _field(self, key: str, theirs: Schema, owner: str, use: Use) -> dict[str, Any]:
        """A field of an object, with words for a person to write anew."""
        field = self.write(theirs, owner + (camel(key) or "Part"), use)
        return field if "$ref" in field else {**field, "description": f"{words(key)}. {TODO}"}

    def fits(self, schema: dict[str, Any], value: Any) -> bool:
        """Whether a value fits a schema of the fragment."""
        document = {**schema, "components": {"schemas": self._reached(schema)}}
        try:
            return jsonschema_rs.Draft202012Validator(document).is_valid(value)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError):
            return False

    def used(self, paths: dict[str, Any]) -> dict[str, Any]:
        """The new components that paths refer to, in the order in which they were made."""
        reached = self._reached(paths)
        return {name: schema for name, schema in self.made.items() if name in reached}

    def _reached(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The components that a schema refers to, and those that they refer to."""
        reached: dict[str, Any] = {}
        waiting = list(_references(schema))
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached[name] = self.made.get(name, self._known.get(name, {}))
                waiting += _references(reached[name])
        return reached


def fields_of(theirs: Schema) -> dict[str, Schema]:
    """The fields of an object, with those of the schemas that it is made of."""
    parts = (theirs, *theirs.get("allOf", ()))
    return {key: field for part in parts for key, field in obj(part.get("properties")).items()}


def _required(theirs: Schema) -> list[str]:
    """The fields that an object requires, with those of the schemas that it is made of."""
    parts = (theirs, *theirs.get("allOf", ()))
    return list(dict.fromkeys(name for part in parts for name in seq(part.get("required"))))


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    """A schema that takes null as well."""
    kind = made.get("type")
    if "$ref" in made or "enum" in made:
        variant = {key: value for key, value in made.items() if key != "default"}
        default = {"default": made["default"]} if "default" in made else {}
        return {"anyOf": [variant, {"type": "null"}], **default}
    if not kind:
        return made  # anything, null too
    return {**made, "type": [*(kind if isinstance(kind, list) else [kind]), "null"]}


def _references(schema: Any) -> Iterator[str]:
    """The names of the components that a schema refers to."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            yield reference.removeprefix(_REFERENCE)
        for inner in schema.values():
            yield from _references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)


def widened(schema: Schema, value: Any) -> Schema:
    """A schema of a page that takes an example of it as well.

    It is the union of types, and only what is in the example is required.
    """
    given = schema.get("type")
    kinds: list[str] = [given] if isinstance(given, str) else seq(given)
    if value is None:
        return {**schema, "nullable": True} if kinds else schema
    if kinds and not _admits(kinds, type_name(value)):
        is_wider = kinds == ["integer"] and type_name(value) == "number"
        return {**schema, "type": "number"} if is_wider else {"anyOf": [schema, infer(value)]}
    if isinstance(value, dict):
        return _widened_object(schema, value)
    if isinstance(value, list):
        return _widened_list(schema, value)
    return _widened_enum(schema, value)


def _widened_list(schema: Schema, value: list[Any]) -> Schema:
    if not schema.get("items"):
        return schema
    return {**schema, "items": functools.reduce(widened, value, schema["items"])}


def _widened_enum(schema: Schema, value: Any) -> Schema:
    if value in schema.get("enum", [value]) or not is_plain(value):
        return schema
    return {**schema, "enum": [*schema["enum"], value]}


def _admits(kinds: list[str], kind: str) -> bool:
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _widened_object(schema: Schema, value: dict[str, Any]) -> Schema:
    if "properties" not in schema:
        return schema
    properties = {
        key: widened(inner, value[key]) if key in value else inner
        for key, inner in schema["properties"].items()
    }
    required = [key for key in seq(schema.get("required")) if key in value]
    return {**schema, "properties": properties, "required": required}


def sample(schema: Schema) -> Any:
    """A value for a schema of a page, where the page shows none.

    Raises ValueError if it would be large.
    """
    return _Sample().of(schema)


class _Sample:
    def __init__(self) -> None:
        self.count = 0

    def of(self, schema: Schema) -> Any:
        self.count += 1
        if self.count > _LARGEST_SAMPLE:
            raise ValueError(f"more than {_LARGEST_SAMPLE} values")
        for part in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
            return self.of(part)
        if "properties" in schema:
            fields = schema["properties"].items()
            return {key: self.of(inner) for key, inner in fields if key != "self"}
        given = [schema["default"]] if "default" in schema else seq(schema.get("enum"))
        return given[0] if given else self.plain(schema)

    def plain(self, schema: Schema) -> Any:
        kind = schema.get("type", "string")
        kind = kind if isinstance(kind, str) else kind[0]
        if kind == "array":
            count = max(1, schema.get("minItems", 1))
            return [self.of(obj(schema.get("items"))) for _ in range(count)]
        if kind in ("integer", "number"):
            return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
        if kind == "string":
            longest = min(schema.get("maxLength", 4), _LARGEST_SAMPLE)
            return "text"[:longest].ljust(min(schema.get("minLength", 0), _LARGEST_SAMPLE), "t")
        return _SAMPLES[kind]


def _with_keywords(theirs: Schema, kinds: list[str]) -> dict[str, Any]:
    """The type and enum of a schema, and what else says something of its types."""
    keywords = [keyword for kind in kinds for keyword in _KEYWORDS.get(kind, ())]
    return {key: theirs[key] for key in ("type", "enum", *keywords) if key in theirs}
