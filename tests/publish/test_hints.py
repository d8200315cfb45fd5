"""What code generators are told: the size of numbers, and what is bytes, which of two spellings is
which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import FormatChecker
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from generator.join import operations
from generator.publish.versions import as_published
from generator.publish.versions.hints import hinted
from generator.publish.versions.walk import walk

ROOT = Path(__file__).resolve().parents[2]
LONG = "U_4E00_4E8C_4E09_56DB_4E94_516D_4E03_516B"


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
    made = inside({"properties": {"id": schema}})
    assert made["properties"]["id"].get("format") == format_
    made = inside({"properties": {"id": {"items": {"oneOf": [schema, {}]}}}})
    assert made["properties"]["id"]["items"]["oneOf"][0].get("format") == format_


@pytest.mark.parametrize(
    ("name", "schema", "format_"),
    [
        ("created_at", {}, "int64"),
        ("finishTime", {}, "int64"),
        ("duration_ms", {}, "int64"),
        ("seed", {}, "int64"),
        ("seed", {"maximum": 2**32 - 1}, "int64"),
        ("seed", {"maximum": 2**31 - 1}, None),
        ("seed", {"exclusiveMaximum": 1000}, None),
        ("userID", {}, "int64"),
        ("file_size", {}, "int64"),
        ("page_size", {}, None),
        ("view_count", {}, "int64"),
        ("totalTokenCount", {}, None),
        ("n", {}, None),
        ("width", {}, None),
        ("queue_position", {}, None),
        ("width", {"examples": [3_000_000_000]}, "int64"),
        ("数", {}, "int64"),
    ],
)
def test_only_what_may_be_large_has_64_bits(
    name: str, schema: dict[str, Any], format_: str | None
) -> None:
    """TypeScript clients take int64 for a bigint, which JSON.stringify refuses."""
    integer = {"type": "integer", **schema}
    assert inside({"properties": {name: integer}})["properties"][name].get("format") == format_
    parameter = {"name": name, "in": "query", "schema": integer}
    paths = {"/a": {"get": {"parameters": [parameter]}}}
    made = hinted({"openapi": "3.2.0", "info": {}, "paths": paths})
    (parameter,) = made["paths"]["/a"]["get"]["parameters"]
    assert parameter["schema"].get("format") == format_


def test_large_numbers_of_the_examples_have_64_bits() -> None:
    """No client that reads integers of 32 bits loses an example of a request or a response."""
    text = (ROOT / "generated/openapi.json").read_text("utf-8")
    document = walk(hinted(json.loads(text)), as_int32)
    document = json.loads(json.dumps(document).replace('"$ref": "#/', '"$ref": "urn:document#/'))
    resource = Resource(document, DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    formats = FormatChecker(())
    formats.checks("int32")(lambda value: not isinstance(value, int) or abs(value) < 2**31)
    large = 0
    for place, schema, value in examples(document):
        large += bool(re.search(r"[^\d\"][1-9]\d{9,}[,}\]]", json.dumps(value)))
        validator = OAS31Validator(schema, registry=registry, format_checker=formats)
        error = next(validator.iter_errors(value), None)
        assert error is None, f"{place}: {error.message[:300]} at {list(error.absolute_path)}"
    assert large > 30


def as_int32(kind: str, node: Any, place: str) -> Any:
    """An integer without a format as a client of 32 bits has it."""
    if kind == "schema" and isinstance(node, dict) and "integer" in str(node.get("type")):
        return {"format": "int32", **node}
    return node


def examples(document: Any) -> Iterator[tuple[str, Any, Any]]:
    """Place, schema and value of each JSON example of a body."""
    for path, method, operation in operations(document):
        for body in (operation.get("requestBody", {}), *operation["responses"].values()):
            media = body.get("content", {}).get("application/json", {})
            for example in media.get("examples", {}).values():
                yield f"{method} {path}", media["schema"], example["value"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["a", "b-c"], None),
        (["1:1", "16:9"], None),
        (["", "jina"], ["EMPTY", "JINA"]),
        (["漫画", "a.b", "3d"], ["U_6F2B_753B", "A_B", "N3D"]),
        (["+", "-"], ["U_002B", "U_002D"]),
        (["一二三四五六七八九", "一二三四五六七八十"], [LONG, f"{LONG}_2"]),
        ([1, 2], None),
        (["", None], None),
    ],
)
def test_values_that_are_no_identifiers_have_names(
    values: list[Any], names: list[str] | None
) -> None:
    assert inside({"enum": values}).get("x-enum-varnames") == names


def test_values_that_differ_in_case_alone_are_text() -> None:
    assert inside({"enum": ["high", "HIGH", "low"], "description": "Effort"}) == {
        "type": "string",
        "description": "Effort. One of `high`, `HIGH`, `low`.",
        "x-enum": ["high", "HIGH", "low"],
    }


def test_every_enum_has_distinct_ascii_names() -> None:
    document = hinted(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    named = []

    def check(kind: str, node: Any, place: str) -> Any:
        if kind == "schema" and isinstance(node, dict) and isinstance(node.get("enum"), list):
            names = node.get("x-enum-varnames", [str(value) for value in node["enum"]])
            assert len({name.casefold() for name in names}) == len(node["enum"]), place
            assert all(re.search("[A-Za-z0-9]", name) for name in names), place
            named.append(place)
        return node

    walk(document, check)
    assert len(named) > 300


def test_a_union_of_one_is_its_member() -> None:
    assert inside({"anyOf": [{"type": "string"}], "description": "d"}) == {
        "type": "string",
        "description": "d",
    }
    two = {"oneOf": [{"type": "string"}, {"type": "boolean"}]}
    assert inside(two) == two
    both = {"anyOf": [{"minLength": 1}], "minLength": 2}
    assert inside(both) == both, "a member that says something else about the same keyword stays"


def test_a_required_field_has_no_default() -> None:
    made = inside({"required": ["a"], "properties": {"a": {"default": 1}, "b": {"default": 1}}})
    assert made["properties"] == {"a": {"x-default": 1}, "b": {"default": 1}}


@pytest.mark.parametrize(
    ("operation", "description"),
    [
        ({"summary": "Get a task"}, "Get a task."),
        ({"summary": "Get a task", "description": "Polls it."}, "Get a task. Polls it."),
        ({"summary": "Get it.", "description": "Get it. Now."}, "Get it. Now."),
        ({"description": "Polls it."}, "Polls it."),
    ],
)
def test_a_description_says_what_a_call_does(operation: Any, description: str) -> None:
    """Tools for agents show nothing else of it."""
    document = {"openapi": "3.2.0", "info": {}, "paths": {"/a": {"get": operation}}}
    made = hinted(document)
    assert made["paths"]["/a"]["get"] == {**operation, "description": description}
    assert hinted(made) == made


def test_every_tag_has_a_description() -> None:
    tags = [
        {"name": "videos", "summary": "Video generation"},
        {"name": "videos.acme", "summary": "Acme", "parent": "videos"},
        {"name": "videos.other", "summary": "Other", "description": "Own.", "parent": "videos"},
    ]
    made = hinted({"openapi": "3.2.0", "info": {}, "paths": {}, "tags": tags})["tags"]
    assert [tag["description"] for tag in made] == [
        "Video generation.",
        "Video generation by Acme.",
        "Own.",
    ]


def test_spellings_of_one_word_have_names_apart() -> None:
    made = inside(
        {
            "properties": {
                "aspectRatio": {},
                "x": {},
                "aspect_ratio": {},
                "aspect-ratio": True,
                "ASPECT ratio": {"type": "string"},
                "一级": {},
                "一级_ID": {"type": "string"},
            }
        }
    )
    assert made["properties"] == {
        "aspectRatio": {},
        "x": {},
        "aspect_ratio": {"x-go-name": "AspectRatio2"},
        "aspect-ratio": True,
        "ASPECT ratio": {"type": "string", "x-go-name": "ASPECTRatio4"},
        "一级": {"x-go-name": "X一级"},
        "一级_ID": {"type": "string", "x-go-name": "X一级ID"},
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


def test_a_union_of_texts_is_one_text() -> None:
    file, text = {"type": "string", "x-file": ["base64"]}, {"type": "string"}
    made = inside({"properties": {"a": {"description": "D.", "anyOf": [file, text]}}})
    assert made["properties"]["a"] == {**file, "description": "D."}
    word = {"type": "string", "enum": ["x"]}
    made = inside({"properties": {"a": {"anyOf": [word, text]}}})
    assert made["properties"]["a"] == {"anyOf": [word, text]}


def test_no_union_of_the_document_has_two_plain_texts() -> None:
    """They would spoil every other union with a text in openapi-generator's Java."""
    left = [as_published(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))]
    while left:
        node: Any = left.pop()
        if isinstance(node, dict):
            members = [one for one in node.get("anyOf", []) if isinstance(one, dict)]
            plain = [one for one in members if one.get("type") == "string" and len(one) == 1]
            files = [one for one in members if one.get("type") == "string" and "x-file" in one]
            assert len(plain) < 2
            assert not (plain and files), node
            left += node.values()
        elif isinstance(node, list):
            left += node
