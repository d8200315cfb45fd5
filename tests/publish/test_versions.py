"""The document in older versions: its meaning stays; what cannot be said is carried and listed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import extend
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from generator.publish.versions import Loss, to_30, to_31

ROOT = Path(__file__).resolve().parents[2]

NULL = {"type": "string", "nullable": True, "enum": [None]}


@cache
def documents() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[Loss]]:
    newest = json.loads((ROOT / "generated/openapi.json").read_text("utf-8"))
    middle, first = to_31(newest)
    oldest, then = to_30(middle)
    return newest, middle, oldest, [*first, *then]


def lowered(schema: Any) -> tuple[Any, list[Loss]]:
    """A schema of 3.1 in 3.0."""
    document, losses = to_30(
        {"openapi": "3.1.0", "info": {}, "components": {"schemas": {"X": schema}}}
    )
    return document["components"]["schemas"]["X"], losses


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "string", "enum": ["a", None], "nullable": True},
        ),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            {"type": ["string", "integer"], "anyOf": [{"minLength": 1}]},
            {
                "anyOf": [{"minLength": 1}],
                "allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}],
            },
        ),
        ({"type": "null"}, {"type": "string", "nullable": True, "enum": [None]}),
        ({"anyOf": [{"type": "string"}, {"const": None}]}, {"type": "string", "nullable": True}),
        (
            {"allOf": [{"type": ["string", "null"]}, {"minLength": 1}]},
            {"allOf": [{"type": "string", "nullable": True}, {"minLength": 1}]},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
            {"type": "string", "nullable": True, "description": "d"},
        ),
        (
            {"$ref": "#/components/schemas/X", "description": "d"},
            {"description": "d", "allOf": [{"$ref": "#/components/schemas/X"}]},
        ),
        (
            {"type": ["array", "string", "null"], "items": {"type": "integer"}},
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "integer"}},
                    {"type": "string"},
                    NULL,
                ],
            },
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"oneOf": [{"type": "string"}, {"type": "integer"}, NULL]},
        ),
        (
            {"anyOf": [{"$ref": "#/a"}, {"$ref": "#/b"}, {"type": "null"}]},
            {"anyOf": [{"$ref": "#/a"}, {"$ref": "#/b"}, NULL]},
        ),
        ({"enum": ["a", None]}, {"enum": ["a", None]}),
        ({"$ref": "#/components/schemas/X"}, {"$ref": "#/components/schemas/X"}),
        ({"const": "go", "type": "string"}, {"type": "string", "enum": ["go"]}),
        (
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        (
            {"type": "number", "exclusiveMinimum": 0, "minimum": 1},
            {"type": "number", "minimum": 1, "exclusiveMinimum": False},
        ),
        (
            {"type": "number", "exclusiveMaximum": 1, "maximum": 9},
            {"type": "number", "maximum": 1, "exclusiveMaximum": True},
        ),
        ({"type": "string", "examples": ["a"]}, {"type": "string", "example": "a"}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
        ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}, "b": {"not": {}}}}),
        ({"anyOf": [{"type": "string"}, True]}, {"anyOf": [{"type": "string"}, {}]}),
        ({"additionalProperties": True}, {"additionalProperties": True}),
        (
            {"properties": {"additionalProperties": True}},
            {"properties": {"additionalProperties": {}}},
        ),
        (
            {"properties": {"const": {"const": 1}}},
            {"properties": {"const": {"enum": [1]}}},
        ),  # a field may be called like a keyword
        (
            {"example": {"const": 1}, "x-price": {"const": 1}},
            {"example": {"const": 1}, "x-price": {"const": 1}},
        ),  # data is left alone
    ],
)
def test_a_schema_in_the_words_of_3_0(newer: Any, older: Any) -> None:
    assert lowered(newer) == (older, [])


@pytest.mark.parametrize(
    ("newer", "older", "lost"),
    [
        (
            {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
            {
                "type": "string",
                "format": "byte",
                "x-contentMediaType": "image/png",
                "x-contentEncoding": "base64",
            },
            ["schema.contentEncoding", "schema.contentMediaType"],
        ),
        (  # what is carried speaks 3.0 too
            {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"const": 1},
            },
            {
                "type": "string",
                "x-contentMediaType": "application/json",
                "x-contentSchema": {"enum": [1]},
            },
            ["schema.contentMediaType", "schema.contentSchema"],
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "x-prefixItems": [{"type": "string"}, {"type": "integer"}],
            },
            ["schema.prefixItems"],
        ),
        (  # in 3.1, `items` is about the rest
            {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}]},
                "x-prefixItems": [{"type": "string"}],
                "x-items": {"not": {}},
            },
            ["schema.items", "schema.prefixItems"],
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}], "items": {"const": 1}},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"enum": [1]}]},
                "x-prefixItems": [{"type": "string"}],
                "x-items": {"enum": [1]},
            },
            ["schema.items", "schema.prefixItems"],
        ),
        (
            {"anyOf": [{"$ref": "#/components/schemas/X"}, {"type": "null"}]},
            {"type": "object", "nullable": True, "allOf": [{"$ref": "#/components/schemas/X"}]},
            ["schema.null"],
        ),
        (
            {"type": "integer", "default": 5},
            {"type": "integer", "x-default": 5},
            ["schema.default"],
        ),  # generated clients would send it
        (
            {"propertyNames": {"pattern": "^a"}},
            {"x-propertyNames": {"pattern": "^a"}},
            ["schema.propertyNames"],
        ),
        (
            {"type": "string", "examples": ["a", "b"]},
            {"type": "string", "example": "a", "x-examples": ["a", "b"]},
            ["schema.examples"],
        ),
    ],
)
def test_what_3_0_has_no_word_for_is_carried_and_listed(
    newer: Any, older: Any, lost: list[str]
) -> None:
    schema, losses = lowered(newer)
    assert schema == older
    assert sorted(loss.what for loss in losses) == lost
    assert {loss.place for loss in losses} == {"#/components/schemas/X"}


def test_streams_and_the_tree_of_tags_in_3_1() -> None:
    stream = {"text/event-stream": {"itemSchema": {"type": "object"}}}
    document = {
        "openapi": "3.2.0",
        "info": {"title": "t"},
        "tags": [
            {"name": "videos", "summary": "Videos", "kind": "nav"},
            {"name": "videos.acme", "summary": "Acme", "parent": "videos"},
        ],
        "paths": {"/a": {"post": {"responses": {"200": {"summary": "ok", "content": stream}}}}},
    }
    older, losses = to_31(document)
    group = {"name": "Videos", "tags": ["videos.acme"], "x-name": "videos", "x-kind": "nav"}
    assert older["x-tagGroups"] == [group]
    (tag,) = older["tags"]  # a group without operations is not an empty section
    assert tag == {
        "name": "videos.acme",
        "x-displayName": "Acme",
        "x-parent": "videos",
    }
    reply = older["paths"]["/a"]["post"]["responses"]["200"]
    assert reply["description"] == reply["x-summary"] == "ok"
    events = {"x-itemSchema": {"type": "object"}}  # a schema would be about the whole stream
    assert reply["content"]["text/event-stream"] == events
    assert (
        Loss(
            "3.1",
            "mediaType.itemSchema",
            "x-itemSchema",
            "#/paths/~1a/post/responses/200/content/text~1event-stream",
        )
        in losses
    )
    assert document["tags"][1]["summary"] == "Acme", "the document itself is left alone"


def test_a_link_whose_body_is_no_text_is_carried() -> None:
    links = {
        "text": {"requestBody": "$response.body"},
        "object": {"requestBody": {"id": "$response.body#/id"}},
    }
    response = {"description": "", "links": links}
    older, losses = to_31(
        {
            "openapi": "3.2.0",
            "info": {},
            "paths": {"/a": {"post": {"responses": {"200": response}}}},
        }
    )
    assert older["paths"]["/a"]["post"]["responses"]["200"]["links"] == {
        "text": {"requestBody": "$response.body"},
        "object": {"x-requestBody": {"id": "$response.body#/id"}},
    }
    assert [loss.what for loss in losses] == ["link.requestBody"]


def test_a_group_that_has_operations_is_a_tag_too() -> None:
    tags = [{"name": "videos", "summary": "Videos"}, {"name": "videos.acme", "parent": "videos"}]
    paths = {"/a": {"get": {"tags": ["videos"], "responses": {}}}}
    older, _ = to_31({"openapi": "3.2.0", "info": {}, "tags": tags, "paths": paths})
    assert [tag["name"] for tag in older["tags"]] == ["videos", "videos.acme"]
    assert [group["name"] for group in older["x-tagGroups"]] == ["Videos"]


@pytest.mark.parametrize(
    ("newer", "description"),
    [
        ({"default": 5}, "Default: 5."),
        ({"default": "medium", "description": "Effort"}, "Effort. Default: medium."),
        ({"default": "a b", "description": "Text."}, "Text. Default: `a b`."),
        ({"default": "", "description": "Text."}, 'Text. Default: `""`.'),
        ({"default": [1, 2]}, "Default: `[1, 2]`."),
        ({"default": True, "description": "By default true."}, "By default true."),
    ],
)
def test_a_default_is_said_and_not_sent(newer: Any, description: str) -> None:
    """Clients that generators make send every `default`."""
    schemas = {"X": {"type": "object", "properties": {"field": newer}}}
    document = {"openapi": "3.2.0", "info": {}, "components": {"schemas": schemas}}
    middle, losses = to_31(document)
    oldest, _ = to_30(middle)
    for made in (middle, oldest):
        field = made["components"]["schemas"]["X"]["properties"]["field"]
        assert field == {"x-default": newer["default"], "description": description}
    place = "#/components/schemas/X/properties/field"
    assert losses == [Loss("3.1", "schema.default", "x-default", place)]


def test_no_older_document_has_a_default() -> None:
    for document in documents()[1:3]:
        assert '"default":' not in json.dumps({**document, "paths": {}}).replace(
            '"x-default":', ""
        ), "but responses are called so"


def test_beside_nullable_stands_a_type() -> None:
    """In 3.0.3 it has no meaning elsewhere, and validators say so."""

    def untyped(node: Any) -> int:
        if isinstance(node, list):
            return sum(map(untyped, node))
        if not isinstance(node, dict):
            return 0
        return (node.get("nullable") is True and "type" not in node) + sum(
            untyped(value) for key, value in node.items() if not key.startswith("x-")
        )

    oldest = documents()[2]
    assert untyped(oldest["components"]["schemas"]) == untyped(oldest["paths"]) == 0
    assert json.dumps(oldest).count('"nullable": true') > 1000


def leaves(node: Any) -> Iterator[str]:
    """Every text and number of a document, and of JSON text in it, which examples of forms have in
    3.0; without what older descriptions say beside it.
    """
    if isinstance(node, dict):
        for value in node.values():
            yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)
    else:
        said = r"\.? ?(Default: [^\n]*\.|The query takes `[^\n]*)$"
        text = re.sub(said, "", node) if isinstance(node, str) else node
        yield json.dumps(text).rstrip('."')
        if isinstance(node, str) and re.match(r"\{|\d+(\.\d+)?$", node):
            with suppress(ValueError):
                yield from leaves(json.loads(node))


@pytest.mark.parametrize("older", [1, 2])
def test_nothing_is_dropped_silently(older: int) -> None:
    there = documents()
    gone = Counter(leaves(there[0])) - Counter(leaves(there[older]))
    assert set(gone) <= {'"3.2.0', '"null'}, gone.most_common(5)


def test_words_beside_a_reference_are_carried_in_3_0() -> None:
    """There, what stands beside a reference is ignored; in 3.1 it counts, as in 3.2."""
    reply = {"$ref": "#/components/responses/Fine", "summary": "s", "description": "d"}
    document = {
        "openapi": "3.2.0",
        "info": {},
        "paths": {"/a": {"get": {"responses": {"200": reply}}}},
    }
    middle, first = to_31(document)
    assert (middle["paths"], first) == (document["paths"], [])
    oldest, then = to_30(middle)
    carried = {"$ref": "#/components/responses/Fine", "x-summary": "s", "x-description": "d"}
    assert oldest["paths"]["/a"]["get"]["responses"]["200"] == carried
    assert [loss.what for loss in then] == ["response.description", "response.summary"]


def test_every_loss_is_where_the_list_says() -> None:
    newest, middle, _, losses = documents()
    assert len(losses) > 100
    for loss in losses:
        node: Any = newest if loss.version == "3.1" else middle
        for part in loss.place.removeprefix("#").split("/")[1:]:
            node = node[
                int(part) if isinstance(node, list) else part.replace("~1", "/").replace("~0", "~")
            ]
        field = loss.what.partition(".")[2]
        assert field in node or (field == "null" and '"null"' in json.dumps(node)), loss


def examples(document: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Place, schema and value of each JSON example of a body, reply or parameter."""

    def of(holder: dict[str, Any], place: str) -> Iterator[tuple[str, Any, Any]]:
        values = [holder["example"]] if "example" in holder else []
        values += [
            example["value"]
            for example in holder.get("examples", {}).values()
            if "value" in example
        ]
        yield from ((place, holder["schema"], value) for value in values if "schema" in holder)

    for path, item in document["paths"].items():
        for method, operation in item.items():
            place = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                yield from of(parameter, place)
            for body in (operation.get("requestBody", {}), *operation["responses"].values()):
                for kind, media in body.get("content", {}).items():
                    if "event-stream" not in kind:
                        yield from of(media, f"{place} {kind}")


def or_null(keyword: str) -> Any:
    """A keyword as tools read it: `nullable` beside it lets null pass."""
    strict = OAS30Validator.VALIDATORS[keyword]

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if instance is not None or not schema.get("nullable"):
            yield from strict(validator, value, instance, schema) or ()

    return check


LENIENT = extend(
    OAS30Validator, {keyword: or_null(keyword) for keyword in ("allOf", "anyOf", "oneOf")}
)


def test_what_fits_the_document_fits_it_in_3_0() -> None:
    oldest = json.loads(
        json.dumps(documents()[2]).replace('"$ref": "#/', '"$ref": "urn:document#/')
    )
    registry: Registry[Any] = Registry().with_resource("urn:document", Resource(oldest, DRAFT4))
    held = 0
    for place, schema, value in examples(oldest):
        error = next(LENIENT(schema, registry=registry).iter_errors(value), None)
        assert error is None, f"{place}: {error.message[:300]} at {list(error.absolute_path)}"
        held += 1
    assert held > 800


def with_parameters(*parameters: dict[str, Any]) -> dict[str, Any]:
    """A document with a call that takes these beside a body with a field `format`."""
    body = {"type": "object", "properties": {"format": {"type": "string"}}}
    call = {
        "operationId": "acme_draw",
        "description": "Draws.",
        "parameters": list(parameters),
        "requestBody": {"content": {"multipart/form-data": {"schema": body}}},
        "responses": {"200": {"description": "Done."}},
    }
    return {"openapi": "3.2.0", "paths": {"/draw": {"post": call}}, "components": {}}


def test_a_query_parameter_with_the_name_of_a_field_is_told_in_the_description() -> None:
    schema = {"type": "string"}
    twin = {"name": "format", "in": "query", "description": "`url` for URLs.", "schema": schema}
    other = {"name": "async", "in": "query", "schema": schema}
    document = with_parameters(twin, other)
    older, losses = to_31(document)
    call = older["paths"]["/draw"]["post"]
    assert call["parameters"] == [other]
    assert call["x-query-parameters"] == [twin]
    assert call["description"] == "Draws. The query takes `format` too. `url` for URLs."
    assert [loss.carried for loss in losses] == ["x-query-parameters"]
    assert document["paths"]["/draw"]["post"]["parameters"] == [twin, other]


@pytest.mark.parametrize("changed", [{"required": True}, {"in": "header"}, {"name": "size"}])
def test_other_parameters_stay(changed: dict[str, Any]) -> None:
    parameter = {"name": "format", "in": "query", "schema": {"type": "string"}, **changed}
    older, losses = to_31(with_parameters(parameter))
    assert older["paths"]["/draw"]["post"]["parameters"] == [parameter]
    assert losses == []


def test_an_extension_that_is_named_like_a_keyword_stays_as_it_is() -> None:
    """`x-items` of our own is a path, not a schema that was carried."""
    schema = {"type": "object", "x-items": "data", "x-properties": "fields"}
    assert lowered(schema) == (schema, [])
    carried = lowered({"prefixItems": [{"const": 1}], "items": {"type": ["string", "null"]}})[0]
    assert carried["x-items"] == {"type": "string", "nullable": True}


def with_request(media_type: str, schema: Any, **more: Any) -> dict[str, Any]:
    """A document of 3.1 with one call that takes a body."""
    media = {"schema": {"$ref": "#/components/schemas/X"}, **more}
    call = {"requestBody": {"content": {media_type: media}}, "responses": {}}
    return {
        "openapi": "3.1.0",
        "info": {},
        "paths": {"/x": {"post": call}},
        "components": {"schemas": {"X": schema, "Y": {"type": "object", "properties": {}}}},
    }


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "number"}], "description": "D"}, {"D."}),
        ({"type": ["string", "integer"], "description": "D."}, {"D."}),
        ({"$ref": "#/components/schemas/Y", "description": "D."}, {"D. As JSON text."}),
        ({"type": "object", "additionalProperties": True}, {"As JSON text."}),
    ],
)
def test_a_form_has_text_where_it_had_a_union_or_an_object(field: Any, text: set[str]) -> None:
    schema = {"type": "object", "properties": {"a": field, "b": {"type": "integer"}}}
    examples = {"e": {"value": {"a": {"k": 1}, "b": 2}}}
    document = with_request("multipart/form-data", schema, examples=examples)
    oldest, losses = to_30(document)
    made = oldest["components"]["schemas"]["X"]["properties"]
    alone = {**field, "allOf": [{"$ref": field["$ref"]}]} if "$ref" in field else field
    alone.pop("$ref", None)
    assert {key: made["a"][key] for key in ("type", "x-schema")} == {
        "type": "string",
        "x-schema": alone,
    }
    assert {made["a"]["description"]} == text
    assert made["b"] == {"type": "integer"}
    media = oldest["paths"]["/x"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert media["examples"]["e"]["value"] == {"a": '{"k": 1}', "b": 2}
    assert [(loss.carried, loss.place) for loss in losses] == [
        ("x-schema", "#/components/schemas/X/properties/a")
    ]
    as_json = to_30(with_request("application/json", schema))[0]["components"]["schemas"]["X"]
    assert "x-schema" not in json.dumps(as_json)


def test_a_file_in_a_form_stays_and_one_or_several_are_several() -> None:
    file = {"type": "string", "format": "binary"}
    one = {**file, "x-file": ["part", "url"]}
    union = [file, {"type": "array", "items": file, "maxItems": 3}]
    schema = {"properties": {"a": one, "b": {"x-file": ["part"], "anyOf": union}}}
    examples = {
        "one": {"value": {"a": "A", "b": "B"}},
        "several": {"value": {"a": "A", "b": ["B", "C"]}},
    }
    document = with_request("multipart/form-data", schema, examples=examples)
    oldest, losses = to_30(document)
    made = oldest["components"]["schemas"]["X"]["properties"]
    assert made["a"] == one
    several = {**union[1], "x-file": ["part"]}
    assert made["b"] == {**several, "x-schema": {"anyOf": union}}
    media = oldest["paths"]["/x"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert media["examples"]["one"]["value"] == {"a": "A", "b": ["B"]}
    assert media["examples"]["several"]["value"] == {"a": "A", "b": ["B", "C"]}
    assert [loss.place for loss in losses] == ["#/components/schemas/X/properties/b"]


@pytest.mark.parametrize("media_type", ["multipart/form-data", "application/json"])
def test_a_form_lists_its_words_itself(media_type: str) -> None:
    words = {"type": "integer", "enum": [256, 512], "description": "Size."}
    field = {"$ref": "#/components/schemas/Size"}
    schema = {"type": "object", "properties": {"a": field, "b": {**field, "description": "B."}}}
    document = with_request(media_type, schema)
    document["components"]["schemas"]["Size"] = words
    made = to_30(document)[0]["components"]["schemas"]["X"]["properties"]
    if media_type == "application/json":
        assert made["a"] == field
    else:
        carried = {"x-schema": field}
        assert made == {"a": words | carried, "b": {**words, "description": "B.", **carried}}


def test_ogen_reads_the_names_of_fields_at_their_object() -> None:
    fields = {"id": {"type": "string"}, "_id": {"type": "string", "x-go-name": "Id2"}}
    schema = {"type": "object", "properties": fields}
    made, _ = to_30({"openapi": "3.1.0", "info": {}, "components": {"schemas": {"X": schema}}})
    assert made["components"]["schemas"]["X"]["x-ogen-properties"] == {"_id": {"name": "Id2"}}


def test_words_of_a_form_in_two_types_are_words() -> None:
    union = {"anyOf": [{"type": "string", "enum": ["5", "a"]}, {"type": "integer", "enum": [5]}]}
    schema = {"type": "object", "properties": {"a": union}}
    made = to_30(with_request("multipart/form-data", schema))[0]["components"]["schemas"]["X"]
    assert made["properties"]["a"]["enum"] == ["5", "a"]


def test_a_field_of_a_request_has_one_spelling_and_of_a_response_all() -> None:
    fields = {"aB": {"type": "string"}, "a_b": {"type": "string"}, "c": {"type": "string"}}
    document = with_request("application/json", {"type": "object", "properties": fields})
    oldest, losses = to_30(document)
    made = oldest["components"]["schemas"]["X"]["properties"]
    assert made == {
        "aB": {"type": "string", "x-also": {"a_b": {"type": "string"}}},
        "c": fields["c"],
    }
    assert [(loss.what, loss.carried) for loss in losses] == [("properties.a_b", "x-also")]
    response = {
        "description": "",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}},
    }
    document["paths"]["/x"]["post"]["responses"] = {"200": response}
    assert to_30(document)[0]["components"]["schemas"]["X"]["properties"] == fields


def test_the_same_words_in_two_types_are_text() -> None:
    branches = [{"type": "integer", "enum": [4, 8]}, {"type": "string", "enum": ["8", "4"]}]
    other = [{"type": "integer", "enum": [4]}, {"type": "string", "enum": ["x"]}]
    schema = {"type": "object", "properties": {"a": {"anyOf": branches}, "b": {"anyOf": other}}}
    made = to_30(with_request("application/json", schema))[0]["components"]["schemas"]["X"]
    carried = {"x-schema": {"anyOf": branches}}
    assert made["properties"] == {"a": {**branches[1], **carried}, "b": {"anyOf": other}}


def test_lists_of_words_are_one_list_which_has_names_for_them() -> None:
    branches = [{"type": "string", "enum": ["en"]}, {"type": "string", "const": ""}]
    schema = {"type": "object", "properties": {"a": {"anyOf": branches, "description": "d"}}}
    made = to_30(with_request("application/json", schema))[0]["components"]["schemas"]["X"]
    words = {"type": "string", "enum": ["en", ""], "x-enum-varnames": ["EN", "EMPTY"]}
    assert made["properties"]["a"] == {
        **words,
        "description": "d",
        "x-schema": {"anyOf": branches},
    }


def test_a_list_of_words_in_a_form_is_a_list_of_texts() -> None:
    field = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "maxItems": 2}
    schema = {"type": "object", "properties": {"of": field}}
    document, losses = to_30(with_request("multipart/form-data", schema))
    made = document["components"]["schemas"]["X"]["properties"]["of"]
    told = {"description": "Each is one of `a`, `b`.", "x-schema": field}
    assert made == {**field, "items": {"type": "string"}, **told}
    assert [loss.what for loss in losses] == ["schema.items"]
    json_ = to_30(with_request("application/json", schema))[0]
    assert json_["components"]["schemas"]["X"]["properties"]["of"] == field


def test_no_form_has_a_union_or_an_object_in_3_0() -> None:
    oldest = documents()[2]
    schemas = oldest["components"]["schemas"]
    unions = []
    for item in oldest["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}) if operation else {}
            media = content.get("multipart/form-data", {}).get("schema", {})
            fields = schemas.get(media.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
            for name, one in fields.items():
                target = schemas.get(one.get("$ref", "").rpartition("/")[2], one)
                if "x-file" not in target and ({"anyOf", "oneOf"} & target.keys()):
                    unions.append((operation["operationId"], name))
                assert target.get("type") != "object", (operation["operationId"], name)
    assert unions == []
