"""What code generators need to be told and a reader does not, in every published version.

How large numbers get, what is bytes, and names for two spellings of one word. Without these hints
generated code does not compile, or it compiles and rounds numbers without a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from generator.document.media import is_json

from .walk import Json, walk

# Without a format oapi-codegen takes a number for a float32, which holds seven digits: a time in
# seconds is minutes off. openapi-generator takes an integer for a Java int, which is too small for
# a time in milliseconds.
_FORMATS = {"number": "double", "integer": "int64"}
_SELF_EXPLANATORY = {"format", "enum", "const"}


def hinted(document: Json) -> Json:
    """A copy of a document with the hints."""
    return walk(document, _hinted)


def _hinted(kind: str, node: Any, place: str) -> Any:
    if not isinstance(node, dict):
        return node
    if kind == "mediaType" and not node.keys() & {"schema", "itemSchema"}:
        # A body without a schema is bytes.
        return {"schema": {"type": "string", "format": "binary"}, **node}
    return _schema(node) if kind == "schema" else node


def _schema(schema: Json) -> Json:
    schema = dict(schema)
    types = schema.get("type")
    for type_ in types if isinstance(types, list) else [types]:
        if type_ in _FORMATS and not schema.keys() & _SELF_EXPLANATORY:
            schema["format"] = _FORMATS[type_]
    if _is_bytes(schema):
        # The word of 3.0 for bytes, which is all that many generators look for.
        schema["format"] = "binary"
    if "properties" in schema:
        schema["properties"] = _go_names(schema["properties"])
    return schema


def _is_bytes(schema: Json) -> bool:
    if "contentEncoding" in schema or "contentMediaType" not in schema:
        return False
    return not is_json(schema["contentMediaType"])


def _go_names(properties: Json) -> Json:
    """The properties; each further spelling of a word gets a number in Go.

    `aspectRatio` and `aspect_ratio` are one name to oapi-codegen, and a struct that has it twice
    does not compile.
    """
    spellings: Counter[str] = Counter()
    named = {}
    for name, schema in properties.items():
        words = re.findall(r"[^\W_]+", name)
        word = "".join(words).lower()
        spellings[word] += 1
        if spellings[word] > 1 and isinstance(schema, dict):
            camel = "".join(part[0].upper() + part[1:] for part in words)
            schema = {**schema, "x-go-name": f"{camel}{spellings[word]}"}
        named[name] = schema
    return named
