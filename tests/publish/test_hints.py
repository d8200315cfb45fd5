"""What code generators are told: the size of numbers, and what is bytes, which of two spellings is which."""

from __future__ import annotations

from typing import Any

import pytest

from generator.publish.versions.hints import hinted


@pytest.mark.parametrize(
    ("schema", "format_"),
    [
        ({"type": "number"}, "double"),
        ({"type": ["integer", "null"]}, "int64"),
        ({"type": "integer", "format": "int32"}, "int32"),
        ({"type": "integer", "enum": [0, 1]}, None),
        ({"type": "number", "const": 1}, None),
        ({"type": "string"}, None),
        ({"type": "string", "contentMediaType": "image/png"}, "binary"),
        ({"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"}, None),
        ({"type": "string", "contentMediaType": "application/json"}, None),
        ({}, None),
    ],
)
def test_a_format_tells_how_large_a_number_gets_and_what_is_bytes(
    schema: Any, format_: str | None
) -> None:
    assert inside(schema).get("format") == format_
    assert inside({"items": {"oneOf": [schema]}})["items"]["oneOf"][0].get("format") == format_


def test_spellings_of_one_word_have_names_apart() -> None:
    made = inside(
        {
            "properties": {
                "aspectRatio": {},
                "x": {},
                "aspect_ratio": {},
                "aspect-ratio": True,
                "ASPECT ratio": {"type": "string"},
            }
        }
    )
    assert made["properties"] == {
        "aspectRatio": {},
        "x": {},
        "aspect_ratio": {"x-go-name": "AspectRatio2"},
        "aspect-ratio": True,
        "ASPECT ratio": {"type": "string", "x-go-name": "ASPECTRatio4"},
    }


def test_a_body_without_a_schema_is_bytes() -> None:
    content = {
        "application/octet-stream": {},
        "text/event-stream": {"itemSchema": {}},
        "application/json": {"schema": {}},
    }
    document = {
        "openapi": "3.2.0",
        "info": {},
        "paths": {"/a": {"post": {"requestBody": {"content": content}}}},
    }
    made = hinted(document)["paths"]["/a"]["post"]["requestBody"]["content"]
    assert made == {
        **content,
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    }


def inside(schema: Any) -> Any:
    """The schema with hints; the one that was given is left alone."""
    before = repr(schema)
    document = hinted({"openapi": "3.2.0", "info": {}, "components": {"schemas": {"X": schema}}})
    assert repr(schema) == before
    return document["components"]["schemas"]["X"]
