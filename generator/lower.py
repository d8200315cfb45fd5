"""Lower the joined OpenAPI 3.2 document to the 3.1 copy from which openapi-python-client renders the raw client.

openapi-python-client names the modules, lays out the package and runs our templates. What it cannot say is worked out here and travels
in an extension of ours, `x-client`, on each schema and operation:

- types of replies as Python type expressions (`list[KlingTask] | str | None`), from which the annotations *and* the structuring of replies
  at run time follow; enums stay open (`Literal["a", "b"] | str`), constants do not, so that a type checker tells a union's members apart;
- every (status, media type) pair, where the tool keeps one media type a reply;
- the type of the JSON inside an event stream's `data`, where it knows no streams;
- Python names that stay as close to the wire as Python allows.

A schema gets a class when it has properties and a reply can hold it. Schemas of requests get none: bodies are mappings.
"""

from __future__ import annotations

import builtins
import json
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The methods that openapi-python-client renders; another one in the document is refused."""

ANNOTATION_NAMES = frozenset(
    {
        "Any",
        "False",
        "Literal",
        "None",
        "True",
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "str",
    }
)
"""What type expressions are made of, besides the classes."""

RESERVED_FIELDS = frozenset({"http", "request_id", "to_dict", "self"}) | ANNOTATION_NAMES
"""Field names that would hide something of the base class, or of the annotations beside them."""

RESERVED_ARGUMENTS = frozenset(
    {"asyncio_detailed", "body", "build", "client", "content_type", "sync_detailed", "RESPONSES"}
)
"""What the functions of an endpoint module take or use beside the API's parameters."""

RESERVED_CLASSES = frozenset(
    {
        "ABSENT",
        "Binary",
        "Client",
        "JsonList",
        "JsonObject",
        "Mapping",
        "Model",
        "Response",
        "Responses",
        "Text",
        "TYPE_CHECKING",
    }
)
"""What generated modules import under these names."""

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


class LoweringError(ValueError):
    """The document says something that the raw client cannot be made from. The message names the place and the fix."""


def lower(document: Mapping[str, Any]) -> Json:
    """Return the 3.1 copy of a joined 3.2 document; the document itself is left as it is.

    Raises:
        LoweringError: naming the schema or operation, and what to change.
    """
    types = Types(document)
    paths = {
        path: _path_item(path, item, types)
        for path, item in sorted(document.get("paths", {}).items())
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": document["info"]["title"], "version": document["info"]["version"]},
        "servers": document.get("servers", []),
        "paths": paths,
        "components": {"schemas": types.classes()},
    }


def operations(lowered: Mapping[str, Any]) -> Iterator[Json]:
    """Each operation of the lowered document, in order of path and method."""
    for item in lowered["paths"].values():
        yield from item.values()


def python_name(wire: str, reserved: Iterable[str] = ()) -> str:
    """The wire name as a Python identifier: `voice-id` is voice_id, `from` is from_, `302-trace` is field_302_trace; `maxTokens` stays."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", wire)).strip(
        "_"
    )  # as Python itself reads identifiers
    if not name or name[0].isdigit():
        name = f"field_{name}".rstrip("_")
    return f"{name}_" if keyword.iskeyword(name) or name in reserved else name


def _unique(name: str, taken: Iterable[str]) -> str:
    while name in taken:
        name += "_"
    return name


def is_json(media_type: str) -> bool:
    """Whether a body of this media type is JSON."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence in {"application/json", "*/*"} or essence.endswith("+json")


class Types:
    """Turns schemas into type expressions, and remembers which classes those need."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
        self._needed: dict[str, None] = {}

    def resolve(self, node: Any, where: str) -> Any:
        """Follow local references."""
        seen: set[str] = set()
        while isinstance(node, Mapping) and "$ref" in node:
            ref = node["$ref"]
            if ref in seen:
                raise LoweringError(f"{where}: {ref} refers to itself and to nothing else.")
            seen.add(ref)
            target: Any = self.document
            for part in ref.removeprefix("#/").split("/"):
                part = part.replace("~1", "/").replace("~0", "~")
                if not isinstance(target, Mapping) or part not in target:
                    raise LoweringError(
                        f"{where}: {ref} is not in the document. Define it, or correct the reference."
                    )
                target = target[part]
            node = target
        return node

    def expression(self, schema: Any, where: str) -> str:
        """The type expression of a schema; `where` names the place in messages."""
        return " | ".join(self._members(schema, where, ()))

    def _members(self, schema: Any, where: str, open_refs: tuple[str, ...]) -> list[str]:
        """The alternatives of a schema's type, without repetition, None last."""
        found = dict.fromkeys(self._alternatives(schema, where, open_refs))
        if "Any" in found:
            return ["Any"]
        if "None" in found:
            del found["None"]
            found["None"] = None
        return list(found)

    def _alternatives(self, schema: Any, where: str, open_refs: tuple[str, ...]) -> Iterator[str]:
        if not isinstance(schema, Mapping) or not schema:
            yield "Any"
        elif "$ref" in schema:
            yield from self._reference(schema["$ref"], where, open_refs)
        elif "const" in schema:
            yield from _literal([schema["const"]], is_open=False)
        elif "enum" in schema:
            yield from _literal(schema["enum"], is_open=True)
        elif self._has_properties(schema):
            raise LoweringError(
                f"{where}: an object with properties stands in line. Name it under components.schemas and refer to it."
            )
        elif parts := [
            part
            for part in schema.get("oneOf") or schema.get("anyOf") or ()
            if not self._only_constrains(part)
        ]:
            for part in parts:
                yield from self._members(part, where, open_refs)
        elif parts := [part for part in schema.get("allOf", ()) if self._says_a_type(part)]:
            if len(parts) > 1:
                raise LoweringError(
                    f"{where}: an allOf of several types stands in line. Name it under components.schemas and refer to it."
                )
            yield from self._members(parts[0], where, open_refs)
        else:
            kinds = schema.get("type", "any")
            for kind in kinds if isinstance(kinds, list) else [kinds]:
                yield self._plain(kind, schema, where, open_refs)

    def _plain(
        self, kind: str, schema: Mapping[str, Any], where: str, open_refs: tuple[str, ...]
    ) -> str:
        if kind == "array":
            items = schema.get("prefixItems") or [schema.get("items", {})]
            members = dict.fromkeys(
                member for item in items for member in self._members(item, where, open_refs)
            )
            return f"list[{'Any' if 'Any' in members else ' | '.join(members)}]"
        if kind == "object":
            values = " | ".join(
                self._members(schema.get("additionalProperties", {}), where, open_refs)
            )
            return f"dict[str, {values}]"
        return SCALARS.get(kind, "Any")

    def _reference(self, ref: str, where: str, open_refs: tuple[str, ...]) -> Iterator[str]:
        if (
            ref in open_refs
        ):  # a union or a list that holds itself: Python 3.11 has no name for such a type
            yield "Any"
            return
        target = self.resolve({"$ref": ref}, where)
        name = ref.rpartition("/")[2]
        if "$ref" in self.schemas.get(name, ()):  # another name for a schema
            yield from self._reference(self.schemas[name]["$ref"], where, open_refs)
        elif ref.startswith("#/components/schemas/") and self._has_properties(target):
            self._needed[name] = None
            yield name
            kinds = target.get("type", ())
            if isinstance(kinds, list) and "null" in kinds:
                yield "None"
        else:
            yield from self._members(target, name, (*open_refs, ref))

    def _says_a_type(self, schema: Any) -> bool:
        return isinstance(schema, Mapping) and bool(
            schema.keys()
            & {"$ref", "type", "const", "enum", "oneOf", "anyOf", "allOf", "properties"}
        )

    def _only_constrains(self, schema: Any) -> bool:
        """Whether a variant says which fields go together, not what they are."""
        return (
            isinstance(schema, Mapping)
            and bool(schema.keys() & {"required", "not", "dependentRequired"})
            and not self._says_a_type(schema)
        )

    def _has_properties(self, schema: Mapping[str, Any]) -> bool:
        """Whether a schema is an object with fields of its own; an allOf of one reference is but another name."""
        if schema.get("properties"):
            return True
        parts = [part for part in schema.get("allOf", ()) if self._says_a_type(part)]
        if len(parts) == 1 and "$ref" in parts[0]:
            return False
        return any(self._has_properties(self.resolve(part, "allOf")) for part in parts)

    def classes(self) -> Json:
        """The schemas that need a class, with their fields. To be called when every type has been asked for."""
        done: Json = {}
        while todo := [name for name in self._needed if name not in done]:
            for name in todo:
                done[name] = self._class(name)
        return dict(sorted(done.items()))

    def _class(self, name: str) -> Json:
        if name in RESERVED_CLASSES | ANNOTATION_NAMES or hasattr(builtins, name):
            raise LoweringError(
                f"components.schemas.{name}: the generated code needs this name. Put the vendor's name in front."
            )
        schema = self.schemas[name]
        properties, required = self._collect(schema, name, set())
        fields: list[Json] = []
        taken: set[str] = set()
        reserved = RESERVED_FIELDS | self.schemas.keys()
        for wire, node in properties.items():
            members = self._members(node, f"{name}.{wire}", ())
            optional = wire not in required or "None" in members
            if optional and members != ["Any"]:
                members = [*(member for member in members if member != "None"), "None"]
            python = _unique(python_name(wire, reserved), taken)
            taken.add(python)
            description = node.get("description", "") if isinstance(node, Mapping) else ""
            fields.append(
                {
                    "wire": wire,
                    "name": python,
                    "type": " | ".join(members),
                    "required": not optional,
                    "description": _prose(description),
                }
            )
        names = _names(field["type"] for field in fields)
        return {
            "type": "object",
            "x-client": {
                "description": _prose(schema.get("description", "")),
                "fields": fields,
                "wire": {
                    field["name"]: field["wire"]
                    for field in fields
                    if field["name"] != field["wire"]
                },
                "typing": sorted(names & {"Any", "Literal"}),
                "models": sorted(names - ANNOTATION_NAMES - {name}),
            },
        }

    def _collect(
        self, schema: Mapping[str, Any], where: str, seen: set[int]
    ) -> tuple[Json, set[str]]:
        """Properties and required names of an object, its allOf parts merged in; what only some variants have is optional."""
        properties: Json = {}
        required: set[str] = set(schema.get("required", ()))
        if id(schema) in seen:
            return properties, required
        seen.add(id(schema))
        for part in schema.get("allOf", ()):
            inner, needed = self._collect(self.resolve(part, where), where, seen)
            properties |= inner
            required |= needed
        for key in ("oneOf", "anyOf"):
            for part in schema.get(key, ()):
                inner, _ = self._collect(self.resolve(part, where), where, seen)
                properties = inner | properties
        properties |= schema.get("properties", {})
        return properties, required


def _literal(values: Iterable[Any], *, is_open: bool) -> Iterator[str]:
    """The type of an enum or a constant. Numbers with a fraction have no literal type."""
    values = list(values)
    literals = [value for value in values if isinstance(value, (str, int))]
    if literals:
        rendered = ", ".join(
            _quoted(value) if isinstance(value, str) else repr(value) for value in literals
        )
        yield f"Literal[{rendered}]"
    rest = values if is_open else [value for value in values if not isinstance(value, (str, int))]
    for value in rest:
        yield (
            "None"
            if value is None
            else type(value).__name__
            if isinstance(value, (str, bool, int, float))
            else "Any"
        )


def _quoted(text: str) -> str:
    """A Python string literal in double quotes, as the formatter wants it."""
    return json.dumps(text, ensure_ascii=False)


def _names(expressions: Iterable[str]) -> set[str]:
    """The names that type expressions use, literals left out."""
    return {
        name
        for text in expressions
        for name in re.findall(r"[A-Za-z_]\w*", re.sub(r'"(?:\\.|[^"\\])*"', "", text))
    }


def _prose(text: str) -> str:
    return " ".join(str(text).split())


# -- operations ------------------------------------------------------------------------------------------------------------------------


def _path_item(path: str, item: Mapping[str, Any], types: Types) -> Json:
    shared = item.get("parameters", [])
    lowered: Json = {}
    for method, node in item.items():
        if method in METHODS:
            lowered[method] = _operation(path, method, node, shared, types)
        elif (
            isinstance(node, Mapping) and "responses" in node
        ) or method == "additionalOperations":
            raise LoweringError(
                f"{path}: the raw client has no method {method!r}. It knows {', '.join(METHODS)}."
            )
    return lowered


def _operation(
    path: str, method: str, node: Mapping[str, Any], shared: list[Any], types: Types
) -> Json:
    name = node.get("operationId")
    if not name:
        raise LoweringError(f"{method.upper()} {path}: has no operationId.")
    parameters = _parameters(name, path, [*shared, *node.get("parameters", [])], types)
    body = types.resolve(node.get("requestBody", {}), name)
    responses, stream = _responses(name, node, types)
    returns = _returns(responses)
    names = _names([returns, *(parameter["type"] for parameter in parameters)])
    template = path
    for parameter in parameters:
        if parameter["segments"]:  # as URI templates (RFC 6570) write it
            template = template.replace(f"{{{parameter['wire']}}}", f"{{+{parameter['wire']}}}")
    media_types = sorted(body.get("content", {}), key=lambda media: not is_json(media))
    return {
        "operationId": name,
        "tags": node.get("tags", [])[:1],
        "summary": node.get("summary", ""),
        "parameters": [
            {
                "name": parameter["wire"],
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
            for parameter in parameters
            if parameter["in"] == "path"
        ],
        "responses": {status: {"description": ""} for status in responses},
        "x-client": {
            "id": name,
            "method": method.upper(),
            "path": template,
            "summary": _prose(node.get("summary", "")),
            "description": _prose(node.get("description", "")),
            "parameters": parameters,
            "media_types": media_types,
            "body": {
                "type": "Mapping[str, Any]" if any(map(_is_mapping, media_types)) else "Any",
                "required": bool(body.get("required")),
                "schemas": sorted(
                    {
                        media["schema"]["$ref"].rpartition("/")[2]
                        for media in body.get("content", {}).values()
                        if "$ref" in media.get("schema", {})
                    }
                ),
            }
            if media_types
            else None,
            "responses": responses,
            "stream": stream,
            "returns": returns,
            "typing": sorted(names & {"Any", "Literal"}),
            "runtime": sorted(names & RETURNED.keys()),
            "models": sorted(names - ANNOTATION_NAMES - RETURNED.keys()),
        },
    }


def _is_mapping(media_type: str) -> bool:
    return is_json(media_type) or media_type in {
        "multipart/form-data",
        "application/x-www-form-urlencoded",
    }


def _parameters(name: str, path: str, nodes: list[Any], types: Types) -> list[Json]:
    """Parameters in the order path (as in the path), query, header; the operation's own replace the path's."""
    found: dict[tuple[str, str], Json] = {}
    for node in nodes:
        parameter = types.resolve(node, name)
        found[parameter["in"], parameter["name"]] = parameter
    if strange := [key for key in found if key[0] not in {"path", "query", "header"}]:
        raise LoweringError(
            f"{name}: parameter {strange[0][1]!r} is in {strange[0][0]!r}. The raw client sends path, query and header."
        )
    in_path = re.findall(r"{([^{}]+)}", path)
    declared = [wire for place, wire in found if place == "path"]
    if sorted(in_path) != sorted(declared):
        raise LoweringError(
            f"{name}: the path {path} has {in_path}, its parameters are {declared}. Make them agree."
        )
    order = {"path": 0, "query": 1, "header": 2}
    keys = sorted(
        found, key=lambda key: (order[key[0]], in_path.index(key[1]) if key[0] == "path" else 0)
    )
    taken: set[str] = set()
    lowered: list[Json] = []
    for place, wire in keys:
        parameter = found[place, wire]
        python = python_name(wire, RESERVED_ARGUMENTS)
        python = _unique(f"{python}_{place}" if python in taken else python, taken)
        taken.add(python)
        schema = parameter.get("schema", {})
        where = f"{name}, parameter {wire}"
        kind = types.expression(schema, where)
        required = bool(parameter.get("required"))
        description = _prose(parameter.get("description", ""))
        resolved = types.resolve(schema, where)
        if isinstance(resolved, Mapping) and "default" in resolved:
            description = f"{description} Server default: {resolved['default']!r}.".strip()
        if not required and "None" not in kind.split(" | ") and kind != "Any":
            kind += " | None"
        segments = place == "path" and isinstance(resolved, Mapping) and "x-segments" in resolved
        said = {"required": required, "description": description, "segments": segments}
        lowered.append({"in": place, "wire": wire, "name": python, "type": kind, **said})
    return sorted(
        lowered, key=lambda parameter: (order[parameter["in"]], not parameter["required"])
    )


def _responses(
    name: str, node: Mapping[str, Any], types: Types
) -> tuple[dict[str, dict[str, str]], str | None]:
    """Type expressions by status and media type, and the type of one stream event's data."""
    responses: dict[str, dict[str, str]] = {}
    stream: str | None = None
    for status, response in sorted(node.get("responses", {}).items(), key=_by_precision):
        where = f"{name}, reply {status}"
        content = types.resolve(response, where).get("content", {})
        by_media: dict[str, str] = {}
        for media_type in sorted(content, key=lambda media: not is_json(media)):
            media = types.resolve(content[media_type], where)
            schema = media.get("schema", {})
            if media_type == "text/event-stream":
                by_media[media_type] = "str"
                if status.startswith("2"):
                    stream = _event_type(media.get("itemSchema", {}), types, where)
            elif is_json(media_type):
                by_media[media_type] = types.expression(schema, where)
            else:
                by_media[media_type] = (
                    "str" if media_type.startswith("text/") or _is_text(schema) else "bytes"
                )
        responses[status.upper() if status != "default" else status] = by_media
    return responses, stream


def _by_precision(entry: tuple[str, Any]) -> tuple[int, str]:
    status = entry[0]
    return (2 if status == "default" else status.upper().endswith("XX"), status)


def _is_text(schema: Any) -> bool:
    return (
        isinstance(schema, Mapping)
        and schema.get("type") == "string"
        and not schema.keys() & {"contentMediaType", "format"}
    )


def _event_type(schema: Any, types: Types, where: str) -> str:
    """The type of the JSON inside the `data` of an event; `str` where data is not JSON."""
    inside = list(_content_schemas(types.resolve(schema, where), types, where))
    return types.expression({"anyOf": inside}, where) if inside else "str"


def _content_schemas(schema: Any, types: Types, where: str) -> Iterator[Any]:
    schema = types.resolve(schema, where)
    if not isinstance(schema, Mapping):
        return
    if "contentSchema" in schema:
        yield schema["contentSchema"]
    for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _content_schemas(part, types, where)
    if "data" in schema.get("properties", {}):
        yield from _content_schemas(schema["properties"]["data"], types, where)


RETURNED = {"Binary": "bytes", "JsonObject": "dict[str, Any]", "Text": "str"}
"""Classes that replies get when they are no model, so that they too carry the HTTP facts."""


def _returns(responses: Mapping[str, Mapping[str, str]]) -> str:
    """What a successful call returns. A stream read whole is left out when there is another form: the streaming call is for that."""
    replies = [by_media for status, by_media in responses.items() if status.startswith("2")]
    forms = {(media, kind) for by_media in replies for media, kind in by_media.items()}
    if len(forms) > 1:
        forms = {form for form in forms if form[0] != "text/event-stream"}
    named = {kind: name for name, kind in RETURNED.items()}
    ordered = dict.fromkeys(
        named.get(kind, kind)
        for by_media in replies
        for media, kind in by_media.items()
        if (media, kind) in forms
    )
    if "Any" in ordered or not ordered:
        return "Any"
    return " | ".join(ordered)
