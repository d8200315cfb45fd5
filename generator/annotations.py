"""Python types, as text, of what goes into a request, and what names they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .lower import ANNOTATION_NAMES, SCALARS
from .source import obj, seq

MODELS, MODEL_BASE, PARAMS = "api302_client.models", "api302_client._model", "api302_client.params"
_RETURNED = {
    "bytes": "Binary",
    "dict[str, Any]": "JsonObject",
    "list[Any]": "JsonList",
    "str": "Text",
}


@dataclass(frozen=True)
class Annotation:
    """A union of types, the values of its Literal apart, and the (module, name) pairs that must be imported to read it."""

    parts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    imports: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Annotation) -> Annotation:
        parts = tuple(dict.fromkeys(self.parts + other.parts))
        if "float" in parts:  # which admits int
            parts = tuple(part for part in parts if part != "int")
        return Annotation(
            parts, tuple(dict.fromkeys(self.values + other.values)), self.imports | other.imports
        )

    def __str__(self) -> str:
        if "Any" in self.parts:
            return "Any"
        literal = [f"Literal[{', '.join(self.values)}]"] if self.values else []
        last = ["None"] if "None" in self.parts else []
        return (
            " | ".join([*literal, *(part for part in self.parts if part != "None"), *last]) or "Any"
        )

    @property
    def optional(self) -> str:
        """With None, and None as the default."""
        return f"{self} = None" if str(self) == "Any" else f"{self | scalar('None')} = None"

    def without_none(self) -> Annotation:
        """For an argument: there None means not sent."""
        return Annotation(
            tuple(part for part in self.parts if part != "None"), self.values, self.imports
        )


ANY = Annotation(("Any",), (), frozenset({("typing", "Any")}))
FILE = Annotation(("FileInput",), (), frozenset({("api302", "FileInput")}))


def scalar(name: str) -> Annotation:
    """A type that needs no import."""
    return Annotation((name,))


def imported(name: str, module: str) -> Annotation:
    """A type that is imported by its name."""
    return Annotation((name,), (), frozenset({(module, name)}))


def generic(name: str, module: str, *arguments: Annotation) -> Annotation:
    """A type with arguments, such as `Sequence[str]`."""
    imports = frozenset({(module, name)}).union(*(argument.imports for argument in arguments))
    return Annotation((f"{name}[{', '.join(map(str, arguments))}]",), (), imports)


def literal(value: Any) -> Annotation:
    """One value; of a float, which no Literal can hold, its type."""
    if value is None:
        return scalar("None")
    if isinstance(value, float):
        return scalar("float")
    return Annotation((), (repr(value),), frozenset({("typing", "Literal")}))


def union(annotations: Iterator[Annotation]) -> Annotation:
    """The types of all of them."""
    joined = Annotation()
    for annotation in annotations:
        joined |= annotation
    return joined if joined.parts or joined.values else ANY


def returned(expressions: Iterator[str]) -> Annotation:
    """The type of a whole reply, from the type expressions that the raw client structures it by."""
    whole = (
        imported(_RETURNED[text], MODEL_BASE) if text in _RETURNED else received(text)
        for text in expressions
    )
    return union(whole)


def received(expression: str) -> Annotation:
    """The type of something inside a reply, from the type expression that the raw client structures it by."""
    bare = re.sub(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", "", expression)
    names = set(re.findall(r"[A-Za-z_]\w*", bare))
    typing = {("typing", name) for name in names & {"Any", "Literal"}}
    return Annotation(
        (expression,), (), frozenset(typing | {(MODELS, name) for name in names - ANNOTATION_NAMES})
    )


def types_of(schema: dict[str, Any]) -> list[str]:
    """The JSON types that a schema names."""
    types = schema.get("type")
    return [types] if isinstance(types, str) else list(seq(types))


def has_shape(schema: dict[str, Any]) -> bool:
    """Whether a schema says what a value is made of, and not only what an object requires."""
    return any(
        key in schema
        for key in (
            "$ref",
            "type",
            "properties",
            "enum",
            "const",
            "items",
            "allOf",
            "anyOf",
            "oneOf",
        )
    )


def is_open_object(schema: dict[str, Any]) -> bool:
    """An object of which no field is described: a mapping, not a class."""
    described = schema.get("properties") or any(
        key in schema for key in ("allOf", "anyOf", "oneOf", "$ref", "enum", "const")
    )
    return types_of(schema) == ["object"] and not described


def is_file(schema: dict[str, Any]) -> bool:
    """A string that takes the content of a file, and not only its address."""
    forms = seq(schema.get("x-file"))
    return any(form != "url" for form in forms) or (
        not forms and (schema.get("format") == "binary" or is_binary(schema))
    )


def is_binary(schema: dict[str, Any]) -> bool:
    """A string that stands for bytes."""
    return (
        "string" in types_of(schema)
        and ("contentMediaType" in schema or schema.get("format") == "binary")
        and "contentSchema" not in schema
    )


def file_forms(schema: dict[str, Any]) -> list[str]:
    """In which forms a field takes a file, if it takes one: of itself, of its items, or of its alternatives."""
    forms = list(seq(schema.get("x-file"))) or (["part"] if is_file(schema) else [])
    for inner in [obj(schema.get("items")), *seq(schema.get("anyOf")), *seq(schema.get("oneOf"))]:
        forms += file_forms(inner) if inner else []
    return list(dict.fromkeys(forms))


class Schemas:
    """The schemas of a joined document, and the types that stand for them in requests."""

    def __init__(
        self, document: dict[str, Any], modules: dict[str, str], replies: set[str]
    ) -> None:
        """`modules` says in which module of `params` each request schema is, `replies` names those that have a class for replies."""
        self.document = document
        self.modules = modules
        self.replies = replies

    def deref(self, node: Any) -> dict[str, Any]:
        """What a `$ref` points to, through chains of them."""
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            _, _, kind, name = node["$ref"].split("/")
            node = obj(self.document["components"].get(kind)).get(name)
        return obj(node)

    def request(self, schema: dict[str, Any], file: bool = False) -> Annotation:
        """The type of a value that goes into a request. `file`: the strings in it stand for files."""
        file = file or is_file(schema)
        if "$ref" in schema:
            name, target = schema["$ref"].rpartition("/")[2], self.deref(schema)
            if not self._has_fields(target) or is_open_object(target):
                return self.request(target, file)
            alias = f"{name}Param" if name in self.replies else name
            return Annotation(
                (alias,),
                (),
                frozenset(
                    {
                        (
                            f"{PARAMS}.{self.modules[name]}",
                            name if alias == name else f"{name} as {alias}",
                        )
                    }
                ),
            )
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return union(self.request(member, file) for member in schema[key])
        if "allOf" in schema:
            return self.request(schema["allOf"][0], file)
        if "const" in schema:
            return literal(schema["const"])
        if "enum" in schema:
            return union(literal(value) for value in schema["enum"])
        return union(self._request_type(name, schema, file) for name in types_of(schema))

    def _request_type(self, name: str, schema: dict[str, Any], file: bool) -> Annotation:
        if name == "array":
            return generic(
                "Sequence", "collections.abc", self.request(obj(schema.get("items")), file)
            )
        if name == "object":
            values = schema.get("additionalProperties")
            inner = (
                self.request(values)
                if isinstance(values, dict) and not schema.get("properties")
                else ANY
            )
            return generic("Mapping", "collections.abc", scalar("str"), inner)
        return FILE if file and name == "string" else scalar(SCALARS[name])

    def _has_fields(self, schema: dict[str, Any], seen: tuple[int, ...] = ()) -> bool:
        """Whether a component is an object, or holds one: then its name is the best type, else its content is."""
        if id(schema) in seen:
            return True
        seen = (*seen, id(schema))
        inner = [
            obj(schema.get("items")),
            *seq(schema.get("anyOf")),
            *seq(schema.get("oneOf")),
            *seq(schema.get("allOf")),
        ]
        return (
            "object" in types_of(schema)
            or "properties" in schema
            or any(self._has_fields(self.deref(member), seen) for member in inner if member)
        )
