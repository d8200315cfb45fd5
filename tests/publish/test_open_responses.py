"""In what is published no enum of a response is closed, and requests keep theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from proof.tools import with_new_words
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from generator.build import BuildError
from generator.join import operations
from generator.publish.versions import as_published, open_responses, to_30, to_31

ROOT = Path(__file__).resolve().parents[2]
STATES = {"type": "string", "enum": ["queued", "done"], "description": "State"}
OPEN_STATES = {
    "type": "string",
    "x-extensible-enum": ["queued", "done"],
    "description": "State. Known values: `queued`, `done`; more may come.",
}


def document(schemas: dict[str, Any], request: Any = None, response: Any = None) -> dict[str, Any]:
    """A document of one operation, whose bodies have these schemas."""
    operation: dict[str, Any] = {"responses": {"200": {"description": "Done."}}}
    if request is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": request}}}
    if response is not None:
        operation["responses"]["200"]["content"] = {"application/json": {"schema": response}}
    info = {"title": "T", "version": "1.0.0"}
    paths = {"/a": {"post": {"operationId": "a", **operation}}}
    return {"openapi": "3.2.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def opened(schema: Any) -> Any:
    """A schema as it is published in a response."""
    made = open_responses(document({}, response=schema))
    content = made["paths"]["/a"]["post"]["responses"]["200"]["content"]
    return content["application/json"]["schema"]


@pytest.mark.parametrize(
    ("closed", "open_"),
    [
        (STATES, OPEN_STATES),
        (
            {"enum": [0, 1]},
            {
                "type": "integer",
                "x-extensible-enum": [0, 1],
                "description": "Known values: `0`, `1`; more may come.",
            },
        ),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {
                "type": ["string", "null"],
                "x-extensible-enum": ["a"],
                "description": "Known values: `a`; more may come.",
            },
        ),
        (
            {"enum": ["5", 5, None]},
            {
                "type": ["string", "integer", "null"],
                "x-extensible-enum": ["5", 5],
                "description": "Known values: `5`, `5`; more may come.",
            },
        ),
        (
            {"const": "list", "description": "Kind."},
            {
                "type": "string",
                "x-extensible-enum": ["list"],
                "description": "Kind. Known values: `list`; more may come.",
            },
        ),
        (
            {"oneOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]},
            {
                "type": "string",
                "x-extensible-enum": ["a", "b"],
                "description": "Known values: `a`, `b`; more may come.",
            },
        ),
        ({"enum": [None]}, {"enum": [None]}),
        (
            {"type": "string", "example": {"enum": [1]}},
            {"type": "string", "example": {"enum": [1]}},
        ),
        # A marker beside other values closes nothing.
        ({"anyOf": [{"const": "[DONE]"}, {"type": "string"}]},) * 2,
    ],
)
def test_an_enum_becomes_its_type(closed: Any, open_: Any) -> None:
    assert opened(closed) == open_
    assert opened({"type": "array", "items": closed})["items"] == open_
    assert opened(open_) == open_, "what is open stays as it is"


def test_many_values_are_listed_in_the_extension_alone() -> None:
    schema = opened({"enum": [f"v{number}" for number in range(21)]})
    assert schema["description"] == "Known values: `x-extensible-enum`; more may come."
    assert len(schema["x-extensible-enum"]) == 21


def test_a_union_whose_members_lose_their_marks_is_not_exclusive() -> None:
    marks = [{"properties": {"type": {"const": letter}}} for letter in "ab"]
    assert opened({"oneOf": [{"type": "object", **mark} for mark in marks]}).keys() == {"anyOf"}
    assert opened({"oneOf": [{"type": "string"}, {"type": "integer"}]}).keys() == {"oneOf"}


def test_what_serves_both_ways_gets_a_twin() -> None:
    """Also what reaches it, and a schema that reaches itself; requests keep the closed enum."""
    leaf = {"type": "object", "properties": {"state": STATES, "next": ref("Leaf")}}
    schemas = {
        "Leaf": leaf,
        "Middle": {"type": "array", "items": ref("Leaf")},
        "Plain": {"type": "string"},
        "Response": {"properties": {"leaf": ref("Leaf"), "plain": ref("Plain")}},
    }
    made = open_responses(document(schemas, request=ref("Middle"), response=ref("Response")))
    assert made["components"]["schemas"] == {
        **schemas,
        "Response": {"properties": {"leaf": ref("LeafResponse"), "plain": ref("Plain")}},
        "LeafResponse": {
            "type": "object",
            "properties": {"state": OPEN_STATES, "next": ref("LeafResponse")},
        },
    }
    assert open_responses(made) == made


def test_parameters_and_requests_keep_their_enums() -> None:
    made = document({"Request": {"properties": {"state": STATES}}}, request=ref("Request"))
    made["paths"]["/a"]["parameters"] = [{"name": "q", "in": "query", "schema": STATES}]
    made["components"]["parameters"] = {"P": {"name": "p", "in": "query", "schema": STATES}}
    assert open_responses(made) == made


def test_common_responses_and_headers_are_open() -> None:
    made = document({})
    headers = {"X-State": {"schema": STATES}}
    made["components"] |= {"responses": {"Error": {"headers": headers}}, "headers": headers}
    made["paths"]["/a"]["post"]["responses"]["4XX"] = {"$ref": "#/components/responses/Error"}
    components = open_responses(made)["components"]
    assert components["headers"]["X-State"]["schema"] == OPEN_STATES
    assert components["responses"]["Error"]["headers"]["X-State"]["schema"] == OPEN_STATES


def test_a_twin_whose_name_is_taken_is_refused() -> None:
    schemas = {"Leaf": STATES, "LeafResponse": {"type": "string"}}
    with pytest.raises(BuildError, match="open twin of the schema `Leaf`, but `LeafResponse`"):
        open_responses(document(schemas, request=ref("Leaf"), response=ref("Leaf")))


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@cache
def published() -> dict[str, Any]:
    """The published document of the whole API, by version."""
    newest = as_published(json.loads((ROOT / "generated/openapi.json").read_text("utf-8")))
    middle, _ = to_31(newest)
    oldest, _ = to_30(middle)
    return {"3.2": newest, "3.1": middle, "3.0": oldest}


def enums(document: dict[str, Any], node: Any, seen: set[str]) -> Iterator[tuple[Any, Any]]:
    """The values of each enum that an object or what it refers to has, with the object."""
    if isinstance(node, list):
        for item in node:
            yield from enums(document, item, seen)
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        _, _, kind, name = reference.split("/")
        yield from enums(document, document["components"][kind][name], seen)
    if isinstance(node.get("enum"), list):
        yield node["enum"], node
    for key, value in node.items():
        if key not in ("example", "examples", "enum", "default") and not key.startswith("x-"):
            yield from enums(document, value, seen)


@pytest.mark.parametrize("version", ["3.2", "3.1", "3.0"])
def test_no_enum_of_a_response_is_closed(version: str) -> None:
    document = published()[version]
    of_responses = [content["responses"] for _, _, content in operations(document)]
    closed = [node for values, node in enums(document, of_responses, set()) if values != [None]]
    assert closed == []
    assert json.dumps([*of_responses, document["components"]]).count('"x-extensible-enum"') > 30


@pytest.mark.parametrize("version", ["3.2", "3.1", "3.0"])
def test_what_is_published_is_open_already(version: str) -> None:
    """So that published documents can be compared with what would be published."""
    assert open_responses(published()[version]) == published()[version]


def test_requests_keep_theirs() -> None:
    source = json.loads((ROOT / "generated/openapi.json").read_text("utf-8"))

    def of_requests(document: dict[str, Any]) -> list[Any]:
        bodies = [content.get("requestBody") for _, _, content in operations(document)]
        return [values for values, _ in enums(document, bodies, set())]

    assert of_requests(open_responses(source)) == of_requests(source)
    assert len(of_requests(source)) > 400


def test_a_new_word_fits_every_response() -> None:
    """Each example of a response is valid with a state that the document does not list."""
    newest = published()["3.2"]
    text = json.dumps(newest).replace('"$ref": "#/', '"$ref": "urn:document#/')
    resource = Resource(json.loads(text), DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    changed = 0
    for _, _, operation in operations(resource.contents):
        for response in operation["responses"].values():
            media = response.get("content", {}).get("application/json", {})
            for example in media.get("examples", {}).values():
                value = with_new_words(example["value"])
                changed += value != example["value"]
                error = next(
                    OAS31Validator(media["schema"], registry=registry).iter_errors(value), None
                )
                assert error is None, f"{operation['operationId']}: {error.message[:300]}"
    assert changed > 50


def test_what_is_sent_to_a_webhook_is_open() -> None:
    schemas = {"Task": {"type": "object", "properties": {"state": STATES}}}
    given = document(schemas, request={"$ref": "#/components/schemas/Task"})
    sent = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}}
    message = {"requestBody": sent, "responses": {"200": {"description": "Taken."}}}
    post = given["paths"]["/a"]["post"]
    post["callbacks"] = {"taskEnded": {"{$request.query.hook}": {"post": message}}}
    made = open_responses(given)
    found = made["paths"]["/a"]["post"]["callbacks"]["taskEnded"]["{$request.query.hook}"]["post"]
    content = found["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/TaskResponse"}
    twin = made["components"]["schemas"]["TaskResponse"]
    assert twin["properties"]["state"] == OPEN_STATES
    assert made["components"]["schemas"]["Task"]["properties"]["state"] == STATES
    assert sent["content"]["application/json"]["schema"]["$ref"].endswith("/Task")
    assert open_responses(made) == made
