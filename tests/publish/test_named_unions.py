"""Unions of scalars have names of their own; a body that is a union is one object in 3.0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.publish.versions import as_published, to_30, to_31
from generator.publish.versions.named_unions import with_named_unions

ROOT = Path(__file__).resolve().parents[2]
INTEGER, TEXT, NULL = {"type": "integer"}, {"type": "string"}, {"type": "null"}
FAST = {"type": "string", "enum": ["fast"]}


def named(**schemas: Any) -> dict[str, Any]:
    """The schemas of a document with these, after their unions got names."""
    document = {"openapi": "3.2.0", "components": {"schemas": schemas}}
    made: dict[str, Any] = with_named_unions(document)["components"]["schemas"]
    assert with_named_unions({"components": {"schemas": made}})["components"]["schemas"] == made
    return made


def with_field(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"seed": schema}}


@pytest.mark.parametrize(
    ("schema", "name", "union"),
    [
        ({"anyOf": [TEXT, INTEGER]}, "IntegerOrString", {"anyOf": [INTEGER, TEXT]}),
        ({"oneOf": [INTEGER, TEXT]}, "IntegerOrString", {"oneOf": [INTEGER, TEXT]}),
        ({"type": ["string", "integer"]}, "IntegerOrString", {"anyOf": [INTEGER, TEXT]}),
        (
            {"type": ["integer", "string"], "format": "int64"},
            "Int64OrString",
            {"anyOf": [{**INTEGER, "format": "int64"}, TEXT]},
        ),
        ({"anyOf": [FAST, INTEGER]}, "XSeedValue", {"anyOf": [INTEGER, FAST]}),
        ({"anyOf": [FAST, TEXT]}, "XSeedValue", {"anyOf": [FAST, TEXT]}),
    ],
)
def test_a_union_of_scalars_is_a_component(schema: Any, name: str, union: Any) -> None:
    made = named(X=with_field({**schema, "description": "Random seed.", "minimum": 1}))
    field = {"$ref": f"#/components/schemas/{name}", "description": "Random seed.", "minimum": 1}
    assert made == {name: union, "X": with_field(field)}


def test_null_stays_at_the_field() -> None:
    union = {"anyOf": [INTEGER, TEXT]}
    for schema in ({"anyOf": [TEXT, INTEGER, NULL]}, {"type": ["null", "string", "integer"]}):
        made = named(X=with_field(schema))
        field = {"anyOf": [{"$ref": "#/components/schemas/IntegerOrString"}, NULL]}
        assert made == {"IntegerOrString": union, "X": with_field(field)}
    oldest = to_30({"openapi": "3.1.0", "components": {"schemas": made}})[0]
    null = {"type": "string", "nullable": True, "enum": [None]}
    field = {"anyOf": [{"$ref": "#/components/schemas/IntegerOrString"}, null]}
    assert oldest["components"]["schemas"]["X"] == with_field(field)


@pytest.mark.parametrize(
    "schema",
    [
        INTEGER,
        {"type": ["integer", "null"]},
        {"anyOf": [TEXT, NULL]},
        {"anyOf": [TEXT, {"$ref": "#/components/schemas/Y"}]},
        {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
        {"anyOf": [TEXT, {"const": "[DONE]"}]},
        {"type": ["string", "array"], "items": TEXT},
        {"anyOf": [TEXT, INTEGER], "oneOf": [TEXT, INTEGER]},
    ],
)
def test_anything_else_stays(schema: Any) -> None:
    schemas = {"X": with_field(schema), "Y": {"anyOf": [TEXT, INTEGER]}}
    assert named(**schemas) == schemas


def test_a_name_that_is_taken_gets_a_number() -> None:
    union = {"anyOf": [INTEGER, TEXT]}
    made = named(
        IntegerOrString=with_field(union), XSeedValue=TEXT, X=with_field({"anyOf": [INTEGER, FAST]})
    )
    assert made["IntegerOrString2"] == union
    assert made["X"] == with_field({"$ref": "#/components/schemas/XSeedValue2"})


def test_a_union_of_items_is_named_after_the_list() -> None:
    made = named(X=with_field({"type": "array", "items": {"anyOf": [INTEGER, FAST]}}))
    items = {"$ref": "#/components/schemas/XSeedItemValue"}
    assert made["X"] == with_field({"type": "array", "items": items})


def test_f18_no_schema_that_is_published_has_a_nameless_union_of_scalars() -> None:
    newest = as_published(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    middle = to_31(newest)[0]
    for document in (newest, middle):
        assert with_named_unions(document) == document
    schemas = to_30(middle)[0]["components"]["schemas"]
    assert schemas["IntegerOrString"] == {"anyOf": [INTEGER, TEXT]}
    references = json.dumps(schemas).count('"#/components/schemas/IntegerOrString"')
    assert references > 10


def test_in_3_0_a_reference_stands_alone() -> None:
    """In an extension too, where linters look."""
    newest = as_published(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    carried: list[Any] = [to_30(to_31(newest)[0])[0]["components"]]
    seen = 0
    while carried:
        node = carried.pop()
        if isinstance(node, dict):
            carried += node.values()
            if isinstance(node.get("$ref"), str):
                seen += 1
                assert node.keys() <= {"$ref", "x-summary", "x-description"}
        elif isinstance(node, list):
            carried += node
    assert seen > 1000


def body(*branches: Any, union: str = "oneOf") -> tuple[dict[str, Any], list[str]]:
    """A body of these branches in 3.0, and what is listed as lost."""
    refs = [{"$ref": f"#/components/schemas/B{number}"} for number in range(len(branches))]
    schemas: dict[str, Any] = {f"B{number}": one for number, one in enumerate(branches)}
    schemas["Body"] = {"description": "Either.", union: refs}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}
    call = {"operationId": "acme_draw", "requestBody": {"content": content}, "responses": {}}
    paths = {"/draw": {"post": call}}
    made, losses = to_30({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}})
    one = made["components"]["schemas"]["Body"]
    assert one.pop("description") == "Either."
    assert one.pop("x-schema", {union: refs}) == {union: refs}
    return one, [f"{loss.what} {loss.place}" for loss in losses]


def branch(word: str, *required: str, **fields: Any) -> dict[str, Any]:
    type_ = {"type": "string", "const": word, "description": "The type."}
    properties = {"type": type_, **fields}
    return {"type": "object", "required": ["type", *required], "properties": properties}


@pytest.mark.parametrize("union", ["oneOf", "anyOf"])
def test_f10_a_union_as_a_body_is_one_object_in_3_0(union: str) -> None:
    seed = {**INTEGER, "description": "Random seed."}
    hook = {"type": ["string", "null"], "minLength": 1, "format": "uri", "description": "A URL."}
    first = branch("text", "prompt", prompt=TEXT, seed=seed, size=INTEGER, hook=hook)
    second = branch(
        "image", "file", file=TEXT, seed=INTEGER, size=TEXT, hook={**TEXT, "format": "uri"}
    )
    made, losses = body(first, second, union=union)
    assert made == {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"type": "string", "enum": ["text", "image"], "description": "The type."},
            "prompt": TEXT,
            "seed": seed,
            "size": {"anyOf": [INTEGER, TEXT]},
            "hook": {**TEXT, "nullable": True, "format": "uri", "description": "A URL."},
            "file": TEXT,
        },
    }
    assert losses == [f"schema.{union} #/components/schemas/Body"]


def test_objects_at_one_field_of_a_body_are_one_object() -> None:
    first = branch("text", input={"type": "object", "properties": {"a": TEXT}})
    second = branch("image", input={"type": "object", "properties": {"b": INTEGER}})
    made, _ = body(first, second)
    assert made["properties"]["input"] == {
        "type": "object",
        "properties": {"a": TEXT, "b": INTEGER},
    }


def test_a_body_stays_where_a_branch_is_no_plain_object() -> None:
    refs = [{"$ref": "#/components/schemas/B0"}, {"$ref": "#/components/schemas/B1"}]
    for other in (TEXT, {**branch("x"), "minProperties": 2}):
        assert body(branch("text"), other) == ({"oneOf": refs}, [])


def test_f10_no_body_of_the_document_is_a_union_in_3_0() -> None:
    newest = as_published(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    document = to_30(to_31(newest)[0])[0]
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for operation in item.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                name = media["schema"].get("$ref", "").rpartition("/")[2]
                assert not schemas.get(name, {}).keys() & {"oneOf", "anyOf"}, name
    chat = schemas["OpenaiChatCompletionsRequest"]
    assert {"model", "messages", "message", "tools"} <= chat["properties"].keys()
