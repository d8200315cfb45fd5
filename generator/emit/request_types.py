"""Schemas as types of arguments: what a caller may give."""

from __future__ import annotations

from collections.abc import Mapping

from generator.document import Schema

from .annotation import (
    ANY,
    FILE,
    MODEL_BASE,
    Annotation,
    generic,
    imported,
    literal,
    received,
    scalar,
    union,
)
from .response_types import SCALARS, Class

PARAMS = "api302_client.params"


class RequestTypes:
    """Renders schemas as annotations of arguments.

    Args:
        modules: In which module of `params` the TypedDict of each request schema is.
        classes: The classes of responses by schema; where a schema has one, its TypedDict is
            imported under another name.
    """

    def __init__(self, modules: Mapping[str, str], classes: Mapping[str, Class]) -> None:
        self.modules = modules
        self.classes = classes
        self.generic = {name for name, cls in classes.items() if cls.is_generic}

    def annotation(self, schema: Schema, file: bool = False) -> Annotation:
        """The type of a value that goes into a request.

        `file`: the strings in it stand for files.
        """
        file = file or schema.is_file
        if schema.ref:
            return self._reference(schema, file)
        if variants := schema.any_of or schema.one_of:
            return union(self.annotation(member, file) for member in variants)
        if schema.all_of:
            return self.annotation(schema.all_of[0], file)
        if schema.values is not None:
            return union(literal(value) for value in schema.values)
        return union(self._plain(name, schema, file) for name in schema.types)

    def _reference(self, schema: Schema, file: bool) -> Annotation:
        name, target = schema.target_name, schema.target
        if not target.holds_object() or target.is_open_object:
            return self.annotation(target, file)
        given = self._typed(name)
        if returned := str(target.node.get("x-returned", "")):
            given |= received(f"{returned}[Any]" if returned in self.generic else returned)
            given |= imported("OwnObject", MODEL_BASE)
        return given

    def _typed(self, name: str) -> Annotation:
        """The TypedDict of a schema."""
        module = f"{PARAMS}.{self.modules[name]}"
        if name not in self.classes:
            return imported(name, module)
        alias = f"{name}Param"
        return Annotation((alias,), (), frozenset({(module, f"{name} as {alias}")}))

    def _plain(self, name: str, schema: Schema, file: bool) -> Annotation:
        if name == "array":
            items = self.annotation(schema.items, file) if schema.items else ANY
            # Sets, generators and arrays are lists as well; of files a list is sent as it is.
            kind = "Sequence" if "FileInput" in items.parts else "Iterable"
            return generic(kind, "collections.abc", items)
        if name == "object":
            values = schema.additional if not schema.properties else None
            inner = self.annotation(values) if values else ANY
            return generic("Mapping", "collections.abc", scalar("str"), inner)
        return FILE if file and name == "string" else scalar(SCALARS[name])
