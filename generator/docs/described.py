"""The specification as a page is held against it:

operations by path and page number, schemas with all their variants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from generator import join
from generator.document import Operation
from generator.document.references import Found
from generator.realtime import assemble as assemble_events
from generator.rules.context import Context
from generator.source import Home, Spec, SpecError, obj, seq

from . import DocsError
from .pages import Call, page_number
from .pages.values import type_name

Part = Literal["request", "response"]
"""The bodies of an operation."""

_MOST_VARIANTS = 40
_UNIONS = ("allOf", "anyOf", "oneOf")


class Described:
    """A specification that was read whole, with what `docs` asks of it.

    Raises SpecError if it cannot be joined.
    """

    def __init__(self, folder: Path) -> None:
        self.spec = Spec.load(folder)
        document, problems = join.assemble(self.spec)
        events, others = assemble_events(self.spec)
        if problems or others:  # also a path that two files claim
            raise SpecError([*problems, *others])
        self.context = Context(self.spec, document, events)
        self.schemas: dict[str, Any] = obj(document["components"].get("schemas"))
        self.rows: dict[str, tuple[str, dict[str, Any]]] = {}
        """Ledger rows by page, each with its file."""
        for file, ledger in self.spec.ledgers().items():
            self.rows |= {page: (file, obj(row)) for page, row in ledger.items()}

    @property
    def operations(self) -> list[Operation]:
        """All operations."""
        return self.context.operations

    @cached_property
    def by_path(self) -> dict[tuple[str, str], list[Operation]]:
        """Operations by method and path, aliases included, whatever the parameters in braces are
        called.
        """
        known: dict[tuple[str, str], list[Operation]] = {}
        for operation in self.operations:
            for path in [operation.path, *map(str, seq(operation.node.get("x-aliases")))]:
                known.setdefault((operation.method, shape(path)), []).append(operation)
        return known

    @cached_property
    def numbers(self) -> dict[str, list[tuple[Operation, str]]]:
        """Operations by the page numbers in their x-docs, each with the ledger's page if that is
        said.
        """
        known: dict[str, list[tuple[Operation, str]]] = {}
        for operation in self.operations:
            for entry in map(obj, seq(operation.node.get("x-docs"))):
                url = str(entry.get("url") or "")
                if re.search("302|apifox", url) and (number := page_number(url)):
                    page = str(entry.get("page") or "")
                    known.setdefault(number, []).append((operation, page))
        return known

    @cached_property
    def decided(self) -> dict[tuple[str, str], str]:
        """What a person decided to leave as it is (`decided.yaml` beside openapi.yaml): the reason
        by operation and message.

        A page that says something else tomorrow has another message, and is to decide again. Raises
        DocsError if the file is malformed.
        """
        file = self.spec.root / "decided.yaml"
        if not file.is_file():
            return {}
        try:
            rows = yaml.safe_load(file.read_text(encoding="utf-8")) or []
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DocsError(f"{file}: this is not YAML: {error}") from error
        decided: dict[tuple[str, str], str] = {}
        for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
            operation, message, reason = map(obj(row).get, ("operation", "message", "reason"))
            if not (operation and message and reason):
                what = "operation, message (as `diff` prints it) and reason"
                raise DocsError(f"{file}: entry {number} needs {what}")
            decided[str(operation), " ".join(str(message).split())] = str(reason)
        return decided

    def find(self, call: Call) -> Operation | None:
        """The operation of a call's method and path, without /v1 or with it.

        Raises DocsError if several claim the path.
        """
        for path in [call.path, *call.others]:
            for spelling in spellings(path):
                claiming = self.by_path.get((call.method, spelling), [])
                homes = {operation.id: operation for operation in claiming}
                if len(homes) > 1:
                    raise self._claimed(f"{call.method.upper()} {path}", homes)
                if homes:
                    return next(iter(homes.values()))
        return None

    def _claimed(self, call: str, homes: dict[str, Operation]) -> DocsError:
        places = {name: self.place(operation) for name, operation in homes.items()}
        names = " and ".join(f"`{name}` ({file}:{line})" for name, (file, line) in places.items())
        return DocsError(f"{call} is claimed by {names}; keep it at one of them")

    def numbered(self, call: Call, number: str) -> Operation | None:
        """The one operation of a call's method that a page with this number is said to describe."""
        told = (operation for operation, _ in self.numbers.get(number, []))
        known = {operation.id: operation for operation in told if operation.method == call.method}
        return next(iter(known.values())) if len(known) == 1 else None

    def place(self, operation: Operation, *keys: str | int) -> tuple[str, int]:
        """File and line of an operation, or of a part of it."""
        path = ["paths", operation.path, operation.method, *keys]
        return self.spec.locate(self.context.document, path)

    def home(self, path: str) -> Home | None:
        """The longest prefix of a path in vendors.yaml.

        Raises DocsError if two vendors claim it.
        """
        homes = [home for home in self.spec.homes() if home.holds(path)]
        longest = max((len(home.prefix) for home in homes), default=0)
        best = [home for home in homes if len(home.prefix) == longest]
        names = sorted({f"{home.section}.{home.vendor}" for home in best})
        if len(names) > 1:
            fix = "give one of them a longer prefix, or the other none"
            raise DocsError(f"{path} is claimed by {' and '.join(names)} in vendors.yaml; {fix}")
        return best[0] if best else None

    def parameters(self, operation: Operation) -> list[dict[str, Any]]:
        """The parameter objects of an operation."""
        return self.context.parameters(operation)

    def bodies(self, operation: Operation, part: Part) -> Iterator[tuple[str, Found]]:
        """Media type and media type object of an operation's request, or of its 2xx responses."""
        return ((media, found) for _, media, found in self.context.media(operation, part))

    def is_unknown(self, operation: Operation, part: Part) -> bool:
        """Whether `x-unknown` says that nobody knows this body."""
        return operation.unknown(part)

    def variants(self, schema: Any) -> list[dict[str, Any]]:
        """A schema and all that its references, allOf, anyOf and oneOf add to it."""
        variants: list[dict[str, Any]] = []
        waiting = [schema]
        while waiting and len(variants) < _MOST_VARIANTS:
            node = obj(self.context.resolve("", waiting.pop(0)).value)
            if not any(node is other for other in variants):
                variants.append(node)
                waiting += [part for key in _UNIONS for part in seq(node.get(key))]
        return variants

    def required(self, schema: Any) -> set[str]:
        """The fields that every value of a schema has."""
        fields = self.context.fields("", schema)
        return {name for name, required in fields.items() if required}


def spellings(path: str) -> list[str]:
    """The shapes of a path as the provider writes it: with /v1 and without."""
    return [shape(spelling) for spelling in (path, "/v1" + path, path.removeprefix("/v1"))]


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}|(?<=/):\w+", "{}", path.rstrip("/") or "/")


def fields_of(variants: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The fields of a schema's variants, with the schemas that they give to each."""
    fields: dict[str, list[Any]] = {}
    for variant in variants:
        for name, schema in obj(variant.get("properties")).items():
            fields.setdefault(name, []).append(schema)
    return fields


def types_of(variants: list[dict[str, Any]]) -> set[str]:
    """The JSON types that a schema's variants admit; empty if any."""
    types: set[str] = set()
    for variant in variants:
        kind = variant.get("type")
        if kind is not None:
            types |= set(map(str, kind if isinstance(kind, list) else [kind]))
        elif "const" in variant or "enum" in variant:
            types |= {type_name(value) for value in options(variant)}
        elif not any(key in variant for key in (*_UNIONS, "properties")):
            return set()
    return types


def options(variant: dict[str, Any]) -> list[Any]:
    """The values that a schema lists."""
    return [variant["const"]] if "const" in variant else seq(variant.get("enum"))
