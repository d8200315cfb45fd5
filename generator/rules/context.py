"""What every rule looks at: the operations, and each OpenAPI object of the document with its kind
and place.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from generator import join
from generator.document import Document, DocumentError, Operation, Schema
from generator.document.objects import Node, nodes
from generator.document.references import Found, escape, find, follow
from generator.models import models as read_models
from generator.source import COMMON_FILE, VENDORS_FILE, Problem, Spec, obj, seq

from . import wording

DOCUMENT = "urn:spec"


@dataclass
class Context:
    """A specification and its joined document, indexed once for all rules."""

    spec: Spec
    document: dict[str, Any]
    events: dict[str, Any] = field(default_factory=dict)
    """The AsyncAPI document; empty without one."""
    model: Document = field(init=False)
    operations: list[Operation] = field(init=False)
    """The operations of all files; of one path in two files, both."""
    nodes: list[Node] = field(init=False)
    _validators: dict[str, jsonschema_rs.Validator | None] = field(default_factory=dict)

    models: dict[str, dict[str, Any]] = field(init=False)
    """The models of the catalogue that have what a model has, complete, by id."""

    def __post_init__(self) -> None:
        self.models = self._well_formed()
        self.model = Document(self.document, self.models)
        self.nodes = list(nodes(self.document))
        self.operations = []
        homes = {file.name: file for file in self.spec.vendor_files()}
        for path, method, node in join.operations(self.document):
            place = self.spec.place(self.document["paths"], path) or ("", 0)
            if file := homes.get(place[0]):
                home = (file.section, file.vendor)
                self.operations.append(Operation(self.model, *home, path, method, node, file.name))

    def _well_formed(self) -> dict[str, dict[str, Any]]:
        """Of the others `models.model_form` reports what is wrong."""
        validator = self.definition("model")
        found = read_models(self.spec)[0] if validator else {}
        return {
            id_: model for id_, model in found.items() if validator and validator.is_valid(model)
        }

    def definition(self, name: str) -> jsonschema_rs.Validator | None:
        """A validator for a definition of extensions.schema.json; None where it is broken."""
        try:
            definitions = obj(self.spec.extensions_schema()).get("$defs", {})
            schema = {"$ref": f"#/$defs/{name}", "$defs": definitions}
            return jsonschema_rs.Draft202012Validator(schema)
        except (OSError, ValueError, TypeError, jsonschema_rs.ReferencingError):
            return None

    def of_kind(self, kind: str) -> list[Node]:
        """All objects of a kind, in the order of the document."""
        return self._by_kind.get(kind, [])

    @cached_property
    def _by_kind(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.kind, []).append(node)
        return found

    @cached_property
    def by_id(self) -> dict[str, Operation]:
        """Operations by operationId; of two with one id, the first."""
        return {operation.id: operation for operation in reversed(self.operations) if operation.id}

    @cached_property
    def vendors(self) -> dict[str, Any]:
        """vendors.yaml."""
        return obj(self.spec.files.get(VENDORS_FILE))

    @cached_property
    def rows(self) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
        """Every ledger row: the mapping that holds it, its page, and the row."""
        return [
            (rows, page, obj(row))
            for rows in self.spec.ledgers().values()
            for page, row in rows.items()
        ]

    def file_of(self, node: Node) -> str:
        """The file that an object stands in."""
        return (self.spec.place(node.parent, node.key) or (COMMON_FILE, 1))[0]

    def problem(
        self,
        container: Any,
        key: str | int | None,
        message: str,
        fix: str,
        path: list[str | int] | None = None,
    ) -> Problem:
        """A problem at a key of a container, or further in, at `path` below that key."""
        if key is None:
            return self.spec.problem(container, None, message, fix)
        file, line = self.spec.locate(container, [key, *(path or [])])
        return Problem(file, line, message, fix)

    def at(self, node: Node, message: str, fix: str, key: str | None = None) -> Problem:
        """A problem at an OpenAPI object, or at one of its keys."""
        if key is not None and isinstance(node.value, dict) and key in node.value:
            return self.spec.problem(node.value, key, message, fix)
        return self.problem(node.parent, node.key, message, fix)

    def on(
        self,
        operation: Operation,
        key: str | None,
        message: str,
        fix: str,
        path: list[str | int] | None = None,
    ) -> Problem:
        """A problem at a key of an operation; where there is no such key, at its method; without a
        key, at its path.
        """
        if key in operation.node:
            return self.problem(operation.node, key, message, fix, path)
        paths = self.document["paths"]
        if key is None:
            return self.problem(paths, operation.path, message, fix)
        return self.problem(paths[operation.path], operation.method, message, fix)

    # Following references

    def find(self, reference: Any) -> Found | None:
        """What a local `$ref` points to; None for anything else."""
        return find(self.document, reference)

    def resolve(self, pointer: str, value: Any) -> Found:
        """The object itself, or what its chain of `$ref` leads to."""
        return follow(self.document, value, pointer)

    def media(self, operation: Operation, part: str) -> Iterator[tuple[str, str, Found]]:
        """Status (empty for the request), media type and media type object of an operation's
        `request`, or of its 2xx `response`.
        """
        for status, body in self._bodies(operation, part):
            for name, media in obj(obj(body.value).get("content")).items():
                yield status, name, self.resolve(f"{body.pointer}/content/{escape(name)}", media)

    def _bodies(self, operation: Operation, part: str) -> Iterator[tuple[str, Found]]:
        pointer, node = operation.pointer, operation.node
        if part == "request":
            yield "", self.resolve(f"{pointer}/requestBody", node.get("requestBody"))
            return
        for status, response in obj(node.get("responses")).items():
            if status.startswith("2"):
                yield status, self.resolve(f"{pointer}/responses/{status}", response)

    def parameters(self, operation: Operation) -> list[dict[str, Any]]:
        """The parameter objects of an operation."""
        listed = seq(operation.node.get("parameters"))
        return [
            obj(self.resolve(f"{operation.pointer}/parameters/{number}", value).value)
            for number, value in enumerate(listed)
        ]

    def fields(self, pointer: str, schema: Any, depth: int = 0) -> dict[str, bool]:
        """Top-level fields of a schema, through references and variants, and whether each is
        required in all of them.
        """
        found = obj(self.resolve(pointer, schema).value)
        required = set(map(str, seq(found.get("required"))))
        fields = {name: name in required for name in obj(found.get("properties"))}
        if depth < 10:
            for part in seq(found.get("allOf")):
                fields |= self.fields(pointer, part, depth + 1)
            for kind in ("anyOf", "oneOf"):
                listed = seq(found.get(kind))
                variants = [self.fields(pointer, variant, depth + 1) for variant in listed]
                fields |= _of_variants(variants, fields)
        return fields

    def body_fields(self, operation: Operation) -> dict[str, bool]:
        """Top-level fields of the request body, of whatever media type, and whether each is
        required.
        """
        fields: dict[str, bool] = {}
        for _, _, media in self.media(operation, "request"):
            fields |= self.fields(media.pointer, obj(media.value).get("schema"))
        return fields

    def request_fields(self, operation: Operation) -> dict[str, list[Schema]]:
        """The fields of an operation's request; none where a reference leads nowhere, which other
        rules report.
        """
        try:
            return operation.request_fields
        except DocumentError:
            return {}

    # Validating

    def fits(self, schema: Schema, value: Any) -> bool:
        """Whether a schema takes a value; a malformed one takes everything, and other rules report
        it.
        """
        key = f"node {id(schema.target.node)}"
        if key not in self._validators:
            self._validators[key] = None
            if self._registry is not None:
                node = _absolute(schema.target.node)
                with contextlib.suppress(ValueError, TypeError, jsonschema_rs.ReferencingError):
                    self._validators[key] = jsonschema_rs.Draft202012Validator(
                        node, registry=self._registry
                    )
        validator = self._validators[key]
        return validator is None or validator.is_valid(value)

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry | None:
        try:
            return jsonschema_rs.Registry([(DOCUMENT, self.document)])
        except (ValueError, TypeError, jsonschema_rs.ReferencingError):
            return None  # a schema is malformed, which the rules of structure report

    def validator(self, pointer: str, schema: Any) -> jsonschema_rs.Validator | None:
        """A validator for the schema at a pointer; None where it is malformed, which other rules
        report.
        """
        reference = obj(schema).get("$ref")
        if len(obj(schema)) == 1 and isinstance(reference, str) and reference.startswith("#/"):
            pointer = reference[1:]
        if pointer not in self._validators:
            self._validators[pointer] = None
            if self._registry is not None:
                target = f"{DOCUMENT}#{quote(pointer, safe='/~')}"
                with contextlib.suppress(ValueError, TypeError, jsonschema_rs.ReferencingError):
                    self._validators[pointer] = jsonschema_rs.Draft202012Validator(
                        {"$ref": target}, registry=self._registry
                    )
        return self._validators[pointer]

    def mismatches(
        self, pointer: str, schema: Any, value: Any
    ) -> list[tuple[list[str | int], str]]:
        """Where and how a value does not fit the schema at a pointer."""
        validator = self.validator(pointer, schema)
        return (
            [] if validator is None else [explain(error) for error in validator.iter_errors(value)]
        )


def _absolute(node: Any) -> Any:
    """A part of the document whose references also hold outside of it."""
    if isinstance(node, dict):
        return {
            key: f"{DOCUMENT}{value}"
            if key == "$ref" and isinstance(value, str)
            else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(value) for value in node] if isinstance(node, list) else node


def _of_variants(variants: list[dict[str, bool]], known: dict[str, bool]) -> dict[str, bool]:
    """The fields of all variants: required if all require them, or if that is known already."""
    names = dict.fromkeys(name for variant in variants for name in variant)
    by_all = {name: all(variant.get(name, False) for variant in variants) for name in names}
    return {name: known.get(name, False) or by_all[name] for name in names}


def explain(error: jsonschema_rs.ValidationError) -> tuple[list[str | int], str]:
    """Place in the instance and message of an error; of a union, those of the variant that fits
    best.
    """
    error = _best(error)
    path = list(error.instance_path)
    # Of additionalProperties: the keys that are too many.
    unexpected = getattr(error.kind, "unexpected", None)
    if unexpected and isinstance(unexpected[0], str):
        path.append(unexpected[0])
    inner = getattr(error.kind, "error", None)  # of propertyNames: what is wrong with the key
    name = getattr(inner, "instance", None)
    if isinstance(name, str):
        path.append(name)
    return path, wording.describe(error)


def _best(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Of a union's error, that of the variant which fits best."""
    for _ in range(10):
        variants = [variant for variant in getattr(error.kind, "context", None) or [] if variant]
        if not variants:
            break
        best = max(variants, key=lambda variant: _fit(error, variant))
        deepest = max(best, key=lambda inner: len(inner.instance_path))
        if len(variants) > 1 and not _fit(error, best)[0]:
            break  # none is meant more than the others, so the union's own message says more
        error = deepest
    return error


def _fit(
    union: jsonschema_rs.ValidationError, variant: list[jsonschema_rs.ValidationError]
) -> tuple[bool, int, int]:
    """How likely it is that a variant is the one that was meant: its type and its tag fit, its
    errors are deep and few.
    """
    depth = len(union.instance_path)
    wrong_type = any(
        wording.keyword(error) in ("type", "const", "enum") and len(error.instance_path) <= depth
        for error in variant
    )
    wrong_tag = any(
        wording.keyword(error) in ("const", "enum") and len(error.instance_path) == depth + 1
        for error in variant
    )
    return (
        not (wrong_type or wrong_tag),
        max(len(error.instance_path) for error in variant),
        -len(variant),
    )


def same(left: Any, right: Any) -> bool:
    """Equality as JSON sees it: 1 is not true."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
