"""The specification as a page is held against it: operations by path and page number, schemas with all their variants."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from .. import join
from ..rules.context import Context, Operation
from ..source import Home, Spec, SpecError, obj, seq
from . import DocsError
from .page import Call, page_number, type_name

_LIMIT = 40  # variants and references below one schema


class Described:
    """A specification that was read whole, with what `docs` asks of it."""

    def __init__(self, folder: Path) -> None:
        self.spec = Spec.load(folder)
        document, problems = join.assemble(self.spec)
        if problems:  # also a path that two files claim
            raise SpecError(problems)
        self.context = Context(self.spec, document)
        self.schemas: dict[str, Any] = obj(document["components"].get("schemas"))
        self.rows = {
            page: (file, obj(row))
            for file, ledger in self.spec.ledgers().items()
            for page, row in ledger.items()
        }
        """Ledger rows by page, each with its file."""

    @cached_property
    def by_path(self) -> dict[tuple[str, str], list[Operation]]:
        """Operations by method and path, aliases included, whatever the parameters in braces are called."""
        found: dict[tuple[str, str], list[Operation]] = {}
        for operation in self.context.operations:
            for path in [operation.path, *map(str, seq(operation.node.get("x-aliases")))]:
                found.setdefault((operation.method, shape(path)), []).append(operation)
        return found

    @cached_property
    def numbers(self) -> dict[str, list[tuple[Operation, str]]]:
        """Operations by the page numbers in their x-docs, each with the ledger's page if that is said."""
        found: dict[str, list[tuple[Operation, str]]] = {}
        for operation in self.context.operations:
            for entry in map(obj, seq(operation.node.get("x-docs"))):
                url = str(entry.get("url") or "")
                if re.search("302|apifox", url) and (number := page_number(url)):
                    found.setdefault(number, []).append((operation, str(entry.get("page") or "")))
        return found

    @cached_property
    def decided(self) -> dict[tuple[str, str], str]:
        """What a person decided to leave as it is (`decided.yaml` beside openapi.yaml): the reason by operation and message.

        A page that says something else tomorrow has another message, and is to decide again. Raises DocsError if the file is malformed.
        """
        file = self.spec.root / "decided.yaml"
        try:
            rows = (
                yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
            ) or []
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise DocsError(f"{file}: this is not YAML: {error}") from error
        found: dict[tuple[str, str], str] = {}
        for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
            operation, message, reason = (
                obj(row).get(key) for key in ("operation", "message", "reason")
            )
            if not (operation and message and reason):
                raise DocsError(
                    f"{file}: entry {number} needs operation, message (as `diff` prints it) and reason"
                )
            found[str(operation), " ".join(str(message).split())] = str(reason)
        return found

    def find(self, call: Call) -> Operation | None:
        """The operation of a call's method and path, without /v1 or with it."""
        for path in [call.path, *call.others]:
            for spelling in spellings(path):
                homes = {
                    operation.id: operation
                    for operation in self.by_path.get((call.method, spelling), [])
                }
                if len(homes) > 1:
                    names = " and ".join(
                        "`{}` ({}:{})".format(name, *self.place(operation))
                        for name, operation in homes.items()
                    )
                    raise DocsError(
                        f"{call.method.upper()} {path} is claimed by {names}; keep it at one of them"
                    )
                if homes:
                    return next(iter(homes.values()))
        return None

    def numbered(self, call: Call, number: str) -> Operation | None:
        """The one operation of a call's method that a page with this number is said to describe."""
        found = {
            operation.id: operation
            for operation, _ in self.numbers.get(number, [])
            if operation.method == call.method
        }
        return next(iter(found.values())) if len(found) == 1 else None

    def place(self, operation: Operation, *keys: str | int) -> tuple[str, int]:
        """File and line of an operation, or of a part of it."""
        return self.spec.locate(
            self.context.document, ["paths", operation.path, operation.method, *keys]
        )

    def home(self, path: str) -> Home | None:
        """The longest prefix of a path in vendors.yaml. Raises DocsError if two vendors claim it."""
        found = [home for home in self.spec.homes() if home.holds(path)]
        best = [home for home in found if len(home.prefix) == max(len(one.prefix) for one in found)]
        names = sorted({f"{home.section}.{home.vendor}" for home in best})
        if len(names) > 1:
            raise DocsError(
                f"{path} is claimed by {' and '.join(names)} in vendors.yaml;"
                " give one of them a longer prefix, or the other none"
            )
        return best[0] if best else None

    def variants(self, schema: Any) -> list[dict[str, Any]]:
        """A schema and all that its references, allOf, anyOf and oneOf add to it."""
        found: list[dict[str, Any]] = []
        waiting = [schema]
        while waiting and len(found) < _LIMIT:
            node = obj(self.context.resolve("", waiting.pop(0)).value)
            if not any(node is other for other in found):
                found.append(node)
                waiting += [
                    part for key in ("allOf", "anyOf", "oneOf") for part in seq(node.get(key))
                ]
        return found

    def required(self, schema: Any) -> set[str]:
        """The fields that every value of a schema has."""
        return {name for name, required in self.context.fields("", schema).items() if required}


def spellings(path: str) -> list[str]:
    """The shapes of a path as the provider writes it: with /v1 and without."""
    return [shape(spelling) for spelling in (path, "/v1" + path, path.removeprefix("/v1"))]


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}|(?<=/):\w+", "{}", path.rstrip("/") or "/")


def fields(variants: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The fields of a schema's variants, with the schemas that they give to each."""
    found: dict[str, list[Any]] = {}
    for variant in variants:
        for name, schema in obj(variant.get("properties")).items():
            found.setdefault(name, []).append(schema)
    return found


def types(variants: list[dict[str, Any]]) -> set[str]:
    """The JSON types that a schema's variants admit; empty if any."""
    found: set[str] = set()
    for variant in variants:
        kind = variant.get("type")
        if kind is not None:
            found |= set(map(str, kind if isinstance(kind, list) else [kind]))
        elif "const" in variant or "enum" in variant:
            found |= {type_name(value) for value in options(variant)}
        elif not any(key in variant for key in ("allOf", "anyOf", "oneOf", "properties")):
            return set()
    return found


def options(variant: dict[str, Any]) -> list[Any]:
    """The values that a schema lists."""
    return [variant["const"]] if "const" in variant else seq(variant.get("enum"))
