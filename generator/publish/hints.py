"""What code generators need to be told and a reader does not: how large numbers get, what is bytes, names for two spellings of one word.

Every published version carries them. Without them generated code does not compile, or compiles and rounds numbers, and nothing warns.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ..document.media import is_json
from .versions import Json, walk

# Without a format oapi-codegen takes a number for a float32, which holds seven digits: a time in seconds is minutes off.
# openapi-generator takes an integer for a Java int: a time in milliseconds does not fit.
SIZES = {"number": "double", "integer": "int64"}


def hinted(document: Json) -> Json:
    """A copy of a document with the hints."""

    def change(kind: str, node: Any, place: str) -> Any:
        if not isinstance(node, dict):
            return node
        if kind == "mediaType" and not node.keys() & {"schema", "itemSchema"}:
            return {
                "schema": {"type": "string", "format": "binary"},
                **node,
            }  # without a schema it is bytes
        return _schema(node) if kind == "schema" else node

    return walk(document, change)


def _schema(schema: Json) -> Json:
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind in SIZES and not schema.keys() & {"format", "enum", "const"}:
            schema = {**schema, "format": SIZES[kind]}
    if (
        "contentEncoding" not in schema
        and "contentMediaType" in schema
        and not is_json(schema["contentMediaType"])
    ):
        schema = {
            **schema,
            "format": "binary",
        }  # the word of 3.0 for bytes, which many generators still look for alone
    if "properties" in schema:
        schema = {**schema, "properties": _apart(schema["properties"])}
    return schema


def _apart(properties: Json) -> Json:
    """The properties; each further spelling of a word gets a number in Go.

    `aspectRatio` and `aspect_ratio` are one name to oapi-codegen, and a struct that has it twice does not compile.
    """
    spellings: Counter[str] = Counter()
    named = {}
    for name, schema in properties.items():
        words = re.findall(r"[^\W_]+", name)
        spellings[word := "".join(words).lower()] += 1
        if spellings[word] > 1 and isinstance(schema, dict):
            schema = {
                **schema,
                "x-go-name": "".join(part[0].upper() + part[1:] for part in words)
                + str(spellings[word]),
            }
        named[name] = schema
    return named
