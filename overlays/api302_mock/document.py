"""The joined OpenAPI document, indexed for answering requests: routes, operations, validators."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import jsonschema_rs

from api302_client.behaviour import Behaviour, Ends, read

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# Places where a schema describes one and the same value as the schema around it.
BRANCHES = ("allOf", "anyOf", "oneOf")


def load(source: str | Path | Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read a joined document: a mapping, a JSON file, or by default the one that ships with api302.

    Raises:
        FileNotFoundError: The file is missing, or (in a checkout) ``generated/openapi.json`` was
            not built yet.
    """
    if isinstance(source, Mapping):
        return dict(source)
    if source is not None:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    shipped = resources.files("api302_mock") / "openapi.json"
    if shipped.is_file():
        return json.loads(shipped.read_text(encoding="utf-8"))
    built = Path(__file__).parents[2] / "generated" / "openapi.json"
    if not built.is_file():
        raise FileNotFoundError(
            f"No document: neither {shipped} nor {built} is there. "
            "Run `python -m generator build`, or name one with --spec."
        )
    return json.loads(built.read_text(encoding="utf-8"))


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of the document, its references resolved one level deep."""

    id: str
    method: str
    path: str
    raw: dict[str, Any]
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    responses: dict[str, dict[str, Any]]
    security: list[dict[str, list[str]]]
    behaviour: Behaviour
    """What its `x-` extensions say."""
    paths: list[str] = field(default_factory=list[str])

    @property
    def tag(self) -> tuple[str, str]:
        """Its section and vendor, such as `("videos", "kling")`."""
        section, _, vendor = next(iter(self.raw.get("tags", [])), "").partition(".")
        return section, vendor


@dataclass(slots=True)
class Route:
    """A path template with the operations behind it, by upper-case method."""

    template: str
    pattern: re.Pattern[str]
    names: list[str]
    operations: dict[str, Operation]
    deep: bool = False
    """Whether a parameter may be several segments (`x-segments`)."""


class Document:
    """Routes, operations and validators of one joined document.

    Args:
        raw: The document. It is not changed, and must not be while this is in use.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.operations = {operation.id: operation for operation in self._read()}
        self._validators: dict[tuple[int, bool], jsonschema_rs.Validator] = {}
        self._routes: dict[str, Route] = {}
        for operation in self.operations.values():
            self._add_routes(operation)
        # A path that spells more out is tried first: /tasks/latest before /tasks/{id}.
        ordered = sorted(
            self._routes.values(), key=lambda route: (len(route.names), -len(route.template))
        )
        self._by_depth: dict[int, list[Route]] = {}
        self._deep = [route for route in ordered if route.deep]
        for route in ordered:
            if not route.deep:
                self._by_depth.setdefault(route.template.count("/"), []).append(route)

    def _read(self) -> Iterator[Operation]:
        for path, raw_item in self.raw.get("paths", {}).items():
            item = self.resolve(raw_item)
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, item)

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> Operation:
        raw = item[method]
        parameters = {
            (parameter["in"], parameter["name"]): parameter
            for parameter in map(
                self.resolve, [*item.get("parameters", []), *raw.get("parameters", [])]
            )
        }
        responses = raw.get("responses", {})
        return Operation(
            id=raw.get("operationId", f"{method} {path}"),
            method=method.upper(),
            path=path,
            raw=raw,
            parameters=list(parameters.values()),
            body=self.resolve(raw["requestBody"]) if "requestBody" in raw else None,
            responses={str(status): self.resolve(one) for status, one in responses.items()},
            security=raw.get("security", self.raw.get("security", [])),
            behaviour=read(raw),
            paths=[path, *raw.get("x-aliases", [])],
        )

    def _add_routes(self, operation: Operation) -> None:
        segments = {
            parameter["name"]
            for parameter in operation.parameters
            if "x-segments" in self.resolve(parameter.get("schema", {}))
        }
        for template in operation.paths:
            route = self._route(template, segments)
            route.operations.setdefault(operation.method, operation)

    def _route(self, template: str, segments: set[str]) -> Route:
        if template not in self._routes:
            pieces = re.split(r"\{([^}]+)\}", template)
            names = pieces[1::2]
            patterns = [re.escape(piece) for piece in pieces]
            patterns[1::2] = ["(.+?)" if name in segments else "([^/]+?)" for name in names]
            pattern = re.compile("".join(patterns), re.DOTALL)
            self._routes[template] = Route(
                template, pattern, names, {}, not segments.isdisjoint(names)
            )
        return self._routes[template]

    def match(self, path: str) -> Iterator[tuple[Route, dict[str, str]]]:
        """Routes that fit a percent-encoded path, the most literal first, with their parameters
        decoded.
        """
        for route in (*self._by_depth.get(path.count("/"), ()), *self._deep):
            if found := route.pattern.fullmatch(path):
                values = zip(route.names, found.groups(), strict=True)
                yield route, {name: unquote(value) for name, value in values}

    def find(self, method: str, path: str) -> tuple[Operation | None, dict[str, str], set[str]]:
        """The operation of a percent-encoded path with its parameters, and the methods that the
        path has.
        """
        shape, allowed = None, set[str]()
        for route, parameters in self.match(path):
            # Of two templates that fit a path, the one that spells more out is meant: another's
            # methods are not this one's.
            if shape not in (None, route.pattern.pattern):
                break
            shape = route.pattern.pattern
            if method in route.operations:
                return route.operations[method], parameters, set()
            allowed |= set(route.operations)
        return None, {}, allowed

    def resolve(self, node: Any) -> Any:
        """The node itself, or what its ``$ref`` points to."""
        while (reference := _reference(node)) is not None:
            node = self.raw
            for token in reference.removeprefix("#/").split("/"):
                node = node[unquote(token).replace("~1", "/").replace("~0", "~")]
        return node

    def branches(self, schema: Any) -> Iterator[dict[str, Any]]:
        """The schemas that describe one and the same value: its branches, innermost first, and
        the schema itself.
        """
        schema = self.resolve(schema)
        if isinstance(schema, dict):
            known = cast("dict[str, Any]", schema)
            for branch in BRANCHES:
                for part in known.get(branch, []):
                    yield from self.branches(part)
            yield known

    def properties(self, schema: Any) -> dict[str, Any]:
        """The properties of an object schema, those of its branches included."""
        properties: dict[str, Any] = {}
        for part in self.branches(schema):
            properties.update(part.get("properties", {}))
        return properties

    @cached_property
    def ends(self) -> Ends:
        """The words that several vendors of the document use for the end of a task."""
        rules = ((one.tag[1], one.behaviour.status) for one in self.operations.values())
        return Ends.of((vendor, rule) for vendor, rule in rules if rule is not None)

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        strict = {"components": _closed_all(self)}
        return jsonschema_rs.Registry([("urn:open", self.raw), ("urn:strict", strict)])

    def validator(self, schema: Any, *, strict: bool = False) -> jsonschema_rs.Validator:
        """The validator of a schema that is part of the document, made on first use.

        Args:
            schema: The node itself, not a copy: it is remembered by identity.
            strict: Refuse object fields that the schema does not name.
        """
        key = (id(schema), strict)
        if key not in self._validators:
            name = "urn:strict" if strict else "urn:open"
            alone = _closed(self, schema) if strict else schema
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                _absolute(alone, name), registry=self._registry, validate_formats=True
            )
        return self._validators[key]

    def is_valid(self, schema: Any, value: Any) -> bool:
        """Whether a value fits a schema that is part of the document."""
        try:
            return self.validator(schema).is_valid(value)
        except ValueError:  # text with half a character in it
            return self.validator(schema).is_valid(whole_characters(value))

    def first_error(
        self, schema: Any, value: Any, *, strict: bool = False
    ) -> jsonschema_rs.ValidationError | None:
        """The first way in which a value does not fit a schema that is part of the document."""
        validator = self.validator(schema, strict=strict)
        try:
            return next(validator.iter_errors(value), None)
        except ValueError:  # text with half a character in it
            return next(validator.iter_errors(whole_characters(value)), None)


def whole_characters(value: Any) -> Any:
    """A copy of JSON data without half characters, which JSON allows and UTF-8 does not."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _reference(node: Any) -> str | None:
    reference = cast("dict[str, Any]", node).get("$ref") if isinstance(node, dict) else None
    return reference if isinstance(reference, str) else None


def _absolute(node: Any, base: str) -> Any:
    """A copy whose local references name the document, so that it can be compiled apart."""
    if isinstance(node, list):
        return [_absolute(item, base) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    copied = {key: _absolute(value, base) for key, value in cast("dict[str, Any]", node).items()}
    if (reference := _reference(copied)) is not None and reference.startswith("#"):
        copied["$ref"] = base + reference
    return copied


def _closed_all(document: Document) -> dict[str, Any]:
    schemas = document.raw.get("components", {}).get("schemas", {})
    closed = {name: _closed(document, schema, site=False) for name, schema in schemas.items()}
    return {"schemas": closed}


def _closed(document: Document, schema: Any, *, site: bool = True) -> Any:
    """A copy that refuses unknown fields.

    The refusal is put where a value is described as a whole (a property, an item, the body),
    never inside a branch of it, where it would refuse what the other branches name.
    """
    if not isinstance(schema, dict):
        return schema
    closed = dict(cast("dict[str, Any]", schema))
    for name in closed.keys() & {"properties", "patternProperties"}:
        closed[name] = {key: _closed(document, value) for key, value in closed[name].items()}
    for name in closed.keys() & {"items", "additionalProperties"}:
        closed[name] = _closed(document, closed[name])
    for name in closed.keys() & set(BRANCHES):
        closed[name] = [_closed(document, part, site=False) for part in closed[name]]
    if site and document.properties(schema):
        closed.setdefault("unevaluatedProperties", False)
    return closed
