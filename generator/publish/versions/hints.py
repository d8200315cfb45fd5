"""What code generators need to be told and a reader does not, in every published version.

How large numbers get, what is bytes, what a call does, names for values and for two spellings of a
word. Without
these hints generated code does not compile, or it compiles and rounds numbers without a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from generator.document.media import is_json
from generator.source import obj, seq

from .enum_names import with_enum_names
from .numbers import sized
from .prose import sentence
from .walk import UNIONS, Json, walk

_OF_TEXT = {"type", "description", "x-file", "x-file-max"}
"""What a text says at most that may be a file."""


def hinted(document: Json) -> Json:
    """A copy of a document with the hints."""
    document = walk(document, _hinted)
    schemas = obj(obj(document.get("components")).get("schemas"))
    if schemas:
        named = {name: sized(name, schema) for name, schema in schemas.items()}
        document["components"] = {**document["components"], "schemas": named}
    return (
        {**document, "tags": _described_tags(document["tags"])} if "tags" in document else document
    )


def _hinted(kind: str, node: Any, place: str) -> Any:
    if not isinstance(node, dict):
        return node
    if kind == "schema":
        return _schema(node)
    if kind == "mediaType":
        return _media_type(node)
    if kind == "operation":
        return _with_summary(node)
    if kind == "parameter" and "schema" in node:
        return {**node, "schema": sized(str(node.get("name")), node["schema"])}
    return node


def _with_summary(operation: Json) -> Json:
    """A copy whose description begins with the summary: agents' tools show that alone."""
    summary = sentence(str(operation.get("summary") or ""))
    own = str(operation.get("description") or "")
    if own.startswith(summary):
        return operation
    return {**operation, "description": f"{summary} {own}".strip()}


def _media_type(node: Json) -> Json:
    if not node.keys() & {"schema", "itemSchema", "x-itemSchema"}:
        # A body without a schema is bytes.
        return {"schema": {"type": "string", "format": "binary"}, **node}
    return {**node, "schema": sized("", node["schema"])} if "schema" in node else node


def _schema(schema: Json) -> Json:
    schema = _without_union_of_one(_without_union_of_texts(schema))
    types = schema.get("type")
    types = types if isinstance(types, list) else [types]
    if "number" in types and not schema.keys() & {"format", "enum", "const"}:
        # Without a format oapi-codegen takes a number for a float32, which holds seven digits: a
        # time in seconds is minutes off.
        schema["format"] = "double"
    if _is_bytes(schema):
        # The word of 3.0 for bytes, which is all that many generators look for.
        schema["format"] = "binary"
    if "properties" in schema:
        schema["properties"] = _properties(schema)
    return with_enum_names(schema)


def _without_union_of_texts(schema: Json) -> Json:
    """A copy in which a union of texts, one of which may be a file, is one text.

    With two texts in one union, openapi-generator's Java reads no text in any other.
    """
    members = [obj(member) for member in seq(schema.get("anyOf"))]
    is_text = len(members) > 1 and all(
        one.get("type") == "string" and one.keys() <= _OF_TEXT for one in members
    )
    if not is_text:
        return schema
    merged = {key: value for one in members for key, value in one.items()}
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**merged, **rest}


def _without_union_of_one(schema: Json) -> Json:
    """A copy in which a union of one member is that member."""
    for union in UNIONS:
        members = seq(schema.get(union))
        only = members[0] if len(members) == 1 else None
        if isinstance(only, dict) and not only.keys() & schema.keys() - {"description"}:
            rest = {key: value for key, value in schema.items() if key != union}
            return {**only, **rest}
    return dict(schema)


def _is_bytes(schema: Json) -> bool:
    if "contentEncoding" in schema or "contentMediaType" not in schema:
        return False
    return not is_json(schema["contentMediaType"])


def _properties(schema: Json) -> Json:
    """The properties of an object, each with what its name and its being required tell."""
    properties = {name: sized(name, one) for name, one in schema["properties"].items()}
    for name in seq(schema.get("required")):
        if "default" in obj(properties.get(name)):
            # What must be sent has no default; clients would offer to leave it out.
            own = dict(properties[name])
            own["x-default"] = own.pop("default")
            properties[name] = own
    return _go_names(properties)


def _go_names(properties: Json) -> Json:
    """The properties, those that would lose their field in Go with a name for it.

    `aspectRatio` and `aspect_ratio` are one name to oapi-codegen, and a struct that has it twice
    does not compile: each further spelling gets a number. A field whose name begins with a letter
    that has no capital, as Chinese ones, is not exported, and JSON passes it by: it gets an X.
    """
    spellings: Counter[str] = Counter()
    named = {}
    for name, schema in properties.items():
        words = re.findall(r"[^\W_]+", name)
        word = "".join(words).lower()
        spellings[word] += 1
        if isinstance(schema, dict) and (go := _go_name(words, spellings[word])):
            schema = {**schema, "x-go-name": go}
        named[name] = schema
    return named


def _go_name(words: list[str], spelling: int) -> str:
    """The name that a field needs in Go; empty where oapi-codegen finds a good one itself."""
    camel = "".join(part[0].upper() + part[1:] for part in words)
    number = str(spelling) if spelling > 1 else ""
    if camel[:1].isalpha() and not camel[0].isupper():
        return f"X{camel}{number}"
    return f"{camel}{number}" if number else ""


def _described_tags(tags: list[Json]) -> list[Json]:
    """The tags; one without a description gets it from its title and its section's."""
    titles = {tag["name"]: tag.get("summary", tag["name"]) for tag in tags}
    described = []
    for tag in tags:
        section = titles.get(tag.get("parent", ""))
        if "description" not in tag:
            text = f"{section} by {titles[tag['name']]}." if section else f"{titles[tag['name']]}."
            tag = {**tag, "description": text}
        described.append(tag)
    return described
