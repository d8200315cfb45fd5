"""Enums of responses are open in what is published: a new word must not lose a response.

A client in a language with strict enums refuses a response that has a value which the document
does not list: the new state of a task would lose the task's id, and what was paid for it. So in all
schemas that only responses use an enum becomes its bare type, the known values are listed in
`x-extensible-enum`, and the description says that more may come. A schema that requests use too
stays as it is for them, and responses get a twin of it: `Name` and `NameResponse`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from generator.build import BuildError
from generator.join import operations
from generator.source import obj, seq

from .prose import as_text, code, sentence
from .walk import SCHEMAS, UNIONS, Json, walk

KNOWN = "x-extensible-enum"
_MAX_LISTED = 20
_JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    list: "array",
    dict: "object",
}


def open_responses(document: Json) -> Json:
    """A copy of a document in which no enum of a response is closed.

    Args:
        document: A document of OpenAPI 3.2 or 3.1. It may be open already.

    Raises:
        BuildError: A twin's name is taken by another schema.
    """
    plan = _Plan(document)
    components = dict(obj(document.get("components")))
    schemas = dict(plan.schemas)
    for name in plan.closed:
        schemas[plan.twins.get(name, name)] = plan.opened("schema", plan.schemas[name])
    if schemas:
        components["schemas"] = schemas
    for kind, part in (("responses", "response"), ("headers", "header")):
        if kind in components:
            opened = components[kind].items()
            components[kind] = {name: plan.opened(part, value) for name, value in opened}
    paths = {path: dict(item) for path, item in document.get("paths", {}).items()}
    for path, method, operation in operations(document):
        paths[path][method] = {**operation, "responses": plan.responses(operation)}
        if "callbacks" in operation:
            paths[path][method]["callbacks"] = plan.callbacks(operation)
    return {**document, "paths": paths, "components": components}


class _Plan:
    """Which schemas are opened, and which of them get a twin."""

    def __init__(self, document: Json) -> None:
        components = obj(document.get("components"))
        self.schemas: Json = obj(components.get("schemas"))
        self.uses = {
            (kind, name): _references(part)
            for kind, parts in components.items()
            for name, part in parts.items()
        }
        """The components that each component refers to, by kind and name."""
        of_responses = self._reached(
            [operation.get("responses"), operation.get("callbacks")]
            for _, _, operation in operations(document)
        )
        of_requests = self._reached(_of_request(document))
        closed = of_responses & self._closed()
        self.closed = [name for name in self.schemas if name in closed]
        self.twins = {name: f"{name}Response" for name in self.closed if name in of_requests}
        """The schemas that serve both ways, and the names of their twins for responses."""
        for name, twin in self.twins.items():
            if twin in self.schemas:
                raise BuildError(
                    f"responses need an open twin of the schema `{name}`, but `{twin}` is taken: "
                    "rename that schema in the specification"
                )

    def responses(self, operation: Json) -> Json:
        """The responses of an operation, opened."""
        responses = obj(operation.get("responses"))
        return {status: self.opened("response", value) for status, value in responses.items()}

    def callbacks(self, operation: Json) -> Json:
        """What is sent to an operation's webhook, opened: who is called gets it as a response."""
        callbacks = json.loads(json.dumps(operation["callbacks"]))
        for callback in callbacks.values():
            for item in callback.values():
                for message in item.values():
                    message["requestBody"] = self.opened("requestBody", message["requestBody"])
        return callbacks

    def opened(self, kind: str, node: Any) -> Any:
        """A copy of an object of a response with its enums opened, and its references to twins."""
        return walk(node, self._change, kind)

    def _change(self, kind: str, node: Any, place: str) -> Any:
        if kind != "schema" or not isinstance(node, dict):
            return node
        twin = self.twins.get(str(node.get("$ref")).removeprefix(SCHEMAS))
        if twin:
            node = {**node, "$ref": f"{SCHEMAS}{twin}"}
        return _opened(node, place)

    def _reached(self, nodes: Iterable[Any]) -> set[str]:
        """The names of the schemas that are used, directly or through other components."""
        reached = set(_references(list(nodes)))
        waiting = list(reached)
        while waiting:
            new = set(self.uses.get(waiting.pop(), ())) - reached
            reached |= new
            waiting += new
        return {name for kind, name in reached if kind == "schemas"}

    def _closed(self) -> set[str]:
        """The names of the schemas that have a closed enum in themselves or in what they use."""
        closed = {name for name, schema in self.schemas.items() if self._has_closed_enum(schema)}
        grows = True
        while grows:
            using = {name for name in self.schemas if closed & self._used_schemas(name)}
            grows = not using <= closed
            closed |= using
        return closed

    def _used_schemas(self, name: str) -> set[str]:
        return {used for kind, used in self.uses["schemas", name] if kind == "schemas"}

    def _has_closed_enum(self, schema: Any) -> bool:
        return walk(schema, _change_enum, "schema") != schema


def _change_enum(kind: str, node: Any, place: str) -> Any:
    return _opened(node, place) if kind == "schema" and isinstance(node, dict) else node


def _of_request(document: Json) -> Iterator[Any]:
    """All that a request is made of."""
    for path, _, operation in operations(document):
        yield document["paths"][path].get("parameters")
        yield [operation.get(key) for key in ("parameters", "requestBody")]
    yield document.get("webhooks")


def _references(node: Any) -> list[tuple[str, str]]:
    """Kind and name of each component that an object refers to."""
    return re.findall(r'"\$ref": "#/components/(\w+)/([^"/]+)"', json.dumps(node))


def _opened(schema: Json, place: str) -> Json:
    """A schema without closed enum; its parts are open already."""
    schema = _without_exclusion(schema)
    keyword = _closing_keyword(schema, place)
    if keyword is None:
        return schema
    values = _values(schema, keyword)
    if values == [None]:
        return schema
    known = [value for value in values if value is not None]
    rest = {key: value for key, value in schema.items() if key != keyword}
    rest.setdefault("type", _type(values))
    return {**rest, KNOWN: known, "description": _description(rest.get("description"), known)}


def _without_exclusion(schema: Json) -> Json:
    """With their enums open, members of a oneOf may no longer exclude each other."""
    if "oneOf" not in schema or KNOWN not in json.dumps(schema["oneOf"]):
        return schema
    return {("anyOf" if key == "oneOf" else key): value for key, value in schema.items()}


def _closing_keyword(schema: Json, place: str) -> str | None:
    """The keyword that closes a schema: `enum`, `const`, or a union of constants alone.

    A constant beside other members of a union is a marker, such as `[DONE]`, and closes nothing.
    """
    in_union = re.search(r"/(anyOf|oneOf)/\d+$", place)
    if "enum" in schema:
        is_constant = len(schema["enum"]) == 1 and "type" not in schema  # as 3.0 has it
        return None if in_union and is_constant else "enum"
    if "const" in schema:
        return None if in_union else "const"
    for union in UNIONS:
        if union in schema and all("const" in obj(member) for member in schema[union]):
            return union
    return None


def _values(schema: Json, keyword: str) -> list[Any]:
    if keyword == "const":
        return [schema["const"]]
    if keyword == "enum":
        return seq(schema["enum"])
    return [member["const"] for member in schema[keyword]]


def _type(values: list[Any]) -> str | list[str]:
    types = list(dict.fromkeys(_JSON_TYPES[type(value)] for value in values))
    return types[0] if len(types) == 1 else types


def _description(description: str | None, values: list[Any]) -> str:
    listed = f"`{KNOWN}`"
    if len(values) <= _MAX_LISTED:
        listed = ", ".join(code(as_text(value)) for value in values)
    return f"{sentence(description or '')} Known values: {listed}; more may come.".strip()
