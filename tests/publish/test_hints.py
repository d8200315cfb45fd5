"""What code generators are told: the size of numbers, and which of two spellings is which."""

from __future__ import annotations

from typing import Any

import pytest

from generator.publish.hints import hinted


@pytest.mark.parametrize(
    ("schema", "format_"),
    [
        ({"type": "number"}, "double"),
        ({"type": ["integer", "null"]}, "int64"),
        ({"type": "integer", "format": "int32"}, "int32"),
        ({"type": "integer", "enum": [0, 1]}, None),
        ({"type": "number", "const": 1}, None),
        ({"type": "string"}, None),
        ({}, None),
    ],
)
def test_a_number_says_how_large_it_gets(schema: Any, format_: str | None) -> None:
    assert inside(schema).get("format") == format_
    assert inside({"items": {"oneOf": [schema]}})["items"]["oneOf"][0].get("format") == format_


def test_spellings_of_one_word_have_names_apart() -> None:
    made = inside(
        {"properties": {"aspectRatio": {}, "x": {}, "aspect_ratio": {}, "aspect-ratio": True, "ASPECT ratio": {"type": "string"}}}
    )
    assert made["properties"] == {
        "aspectRatio": {},
        "x": {},
        "aspect_ratio": {"x-go-name": "AspectRatio2"},
        "aspect-ratio": True,
        "ASPECT ratio": {"type": "string", "x-go-name": "ASPECTRatio4"},
    }


def inside(schema: Any) -> Any:
    """The schema with hints; the one that was given is left alone."""
    before = repr(schema)
    document = hinted({"openapi": "3.2.0", "info": {}, "components": {"schemas": {"X": schema}}})
    assert repr(schema) == before
    return document["components"]["schemas"]["X"]
