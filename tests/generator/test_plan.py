"""What the raw client is made of: types of responses, classes, and the facts of each operation."""

from __future__ import annotations

import copy as copying
from typing import Any

import pytest
from zoo import mini_document, zoo_document

from generator.document import Document, DocumentError
from generator.document.names import python_name
from generator.emit.plan import Plan

TEXT = {"type": "string"}
ACME = {"$ref": "#/components/schemas/AcmeVideo"}


def document(schema: Any, **schemas: Any) -> dict[str, Any]:
    """A document with one operation, whose reply has one field of this schema."""
    reply = {"type": "object", "properties": {"field": schema}}
    video = {"type": "object", "properties": {"id": TEXT}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/AcmeResponse"}}}
    get = {
        "operationId": "acme_get",
        "tags": ["videos.acme"],
        "responses": {"200": {"description": "", "content": content}},
    }
    return {
        "openapi": "3.2.0",
        "info": {"title": "One", "version": "1"},
        "paths": {"/acme": {"get": get}},
        "components": {"schemas": {"AcmeResponse": reply, "AcmeVideo": video, **schemas}},
    }


def planned(document: dict[str, Any]) -> Plan:
    return Plan(Document(document))


def field(schema: Any, **schemas: Any) -> str:
    """The type expression of a schema."""
    return planned(document(schema, **schemas)).classes["AcmeResponse"].fields[0].type


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (TEXT, "str | None"),
        ({"type": "integer", "format": "int64"}, "int | None"),
        ({"type": "number"}, "float | None"),
        ({"type": "boolean"}, "bool | None"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"type": ["null", "string", "integer"]}, "str | int | None"),
        ({}, "Any"),
        (True, "Any"),
        ({"description": "Whatever."}, "Any"),
        ({"anyOf": [TEXT, {}]}, "Any"),
        ({"type": "string", "format": "date-time"}, "str | None"),
        (
            {"type": "string", "contentMediaType": "image/png", "contentEncoding": "base64"},
            "str | None",
        ),
        ({"type": "array", "items": TEXT}, "list[str] | None"),
        ({"type": "array"}, "list[Any] | None"),
        ({"type": "array", "prefixItems": [TEXT, ACME]}, "list[str | AcmeVideo] | None"),
        ({"type": "object"}, "dict[str, Any] | None"),
        ({"type": "object", "additionalProperties": True}, "dict[str, Any] | None"),
        ({"type": "object", "additionalProperties": ACME}, "dict[str, AcmeVideo] | None"),
        ({"type": "string", "enum": ["a", 'b"\n']}, 'Literal["a", "b\\"\\n"] | str | None'),
        (
            {"enum": ["a", 1, True, 0.5, None]},
            'Literal["a", 1, True] | str | int | bool | float | None',
        ),
        ({"const": "a"}, 'Literal["a"] | None'),
        ({"const": None}, "None"),
        ({"const": 0.5}, "float | None"),
        (ACME, "AcmeVideo | None"),
        ({"anyOf": [ACME, {"type": "null"}], "description": "x"}, "AcmeVideo | None"),
        (
            {"oneOf": [ACME, TEXT, {"type": "array", "items": ACME}]},
            "AcmeVideo | str | list[AcmeVideo] | None",
        ),
        ({"allOf": [ACME, {"description": "A word of its own."}]}, "AcmeVideo | None"),
        (
            {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "dict[str, Any] | None",
        ),
    ],
)
def test_types(schema: Any, expected: str) -> None:
    assert field(schema) == expected


def test_types_of_references() -> None:
    reference = {"$ref": "#/components/schemas/AcmeNamed"}
    assert (
        field(reference, AcmeNamed={"type": "string", "enum": ["a"]}) == 'Literal["a"] | str | None'
    )
    assert field(reference, AcmeNamed=ACME) == "AcmeVideo | None"
    assert field(reference, AcmeNamed={"allOf": [ACME]}) == "AcmeVideo | None"
    assert (
        field(reference, AcmeNamed={"type": ["object", "null"], "properties": {"a": TEXT}})
        == "AcmeNamed | None"
    )
    assert (
        field(reference, AcmeNamed={"allOf": [ACME, {"properties": {"b": TEXT}}]})
        == "AcmeNamed | None"
    )
    assert (
        field(reference, AcmeNamed={"allOf": [{"type": "object", "properties": {"b": TEXT}}]})
        == "AcmeNamed | None"
    )
    recursive = {"anyOf": [TEXT, {"type": "array", "items": reference}]}
    assert field(reference, AcmeNamed=recursive) == "str | list[Any] | None"


def test_required_means_never_none_for_a_checker() -> None:
    made = document(TEXT)
    made["components"]["schemas"]["AcmeResponse"]["required"] = ["field"]
    (only,) = planned(made).classes["AcmeResponse"].fields
    assert (only.type, only.required) == ("str", True)


def test_merged_objects() -> None:
    merged = planned(zoo_document()).classes["ZooMerged"].fields
    assert [(field.wire, field.required) for field in merged] == [
        ("kind", True),
        ("name", False),
        ("lives", False),
        ("tail", True),
    ]
    variants = {
        "AcmeNamed": {
            "type": "object",
            "properties": {"a": TEXT},
            "oneOf": [ACME, {"required": ["a"]}],
        }
    }
    made = planned(document({"$ref": "#/components/schemas/AcmeNamed"}, **variants))
    assert [field.wire for field in made.classes["AcmeNamed"].fields] == ["id", "a"]


def test_only_what_replies_hold_gets_a_class() -> None:
    names = planned(mini_document()).classes.keys()
    assert {"AcmeChatResponse", "AcmeChatChunk", "AcmeTask", "ErrorResponse"} <= names
    assert not names & {
        "AcmeChatRequest",
        "AcmeChatMessage",
        "AcmeVideoForm",
        "AcmeChatEvent",
        "JsonObject",
    }
    assert list(names) == sorted(names)


def test_operations_keep_what_the_tool_would_lose() -> None:
    by_id = planned(mini_document()).endpoints
    assert by_id["acme_text_to_video"].media_types == ["application/json", "multipart/form-data"]
    assert [name for name, _ in by_id["acme_text_to_video"].params] == [
        "AcmeVideoForm",
        "AcmeVideoRequest",
    ]
    assert by_id["acme_get_video"].body is None
    assert by_id["acme_chat_completions"].stream == "AcmeChatChunk"
    assert by_id["acme_chat_completions"].returns == "AcmeChatResponse"
    assert by_id["acme_speech"].responses["200"] == {"audio/mpeg": "bytes", "audio/wav": "bytes"}
    assert by_id["acme_speech"].returns == "Binary"
    assert by_id["acme_transcribe"].returns == "AcmeTranscript | Text"


def test_parameters() -> None:
    parameters = planned(zoo_document()).endpoints["zoo_find"].parameters
    found = {one.name: (one.place, one.wire, one.type, one.description) for one in parameters}
    assert found == {
        "kind": ("path", "kind", "str", "The kind."),
        "animal_id": ("path", "animal-id", "int", "Its id."),
        "limit": ("query", "limit", "int | None", "How many. Server default: 20."),
        "tags": ("query", "tags", "list[str] | None", ""),
        "asleep": ("query", "asleep", "bool | None", ""),
        "from_": ("query", "from", 'Literal["zoo", "wild"] | str | None', ""),
        "client_": ("query", "client", "str | None", ""),
        "lang": ("query", "lang", "str | None", ""),
        "lang_header": ("header", "lang", "str | None", ""),
        "X_Trace": ("header", "X-Trace", "str", ""),
    }


def test_the_document_is_left_alone() -> None:
    made = zoo_document()
    before = copying.deepcopy(made)
    first = planned(made)
    assert made == before
    assert planned(made).classes == first.classes


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("maxTokens", "maxTokens"),
        ("voice-id", "voice_id"),
        ("timestamp_granularities[]", "timestamp_granularities"),
        ("from", "from_"),
        ("302-trace", "field_302_trace"),
        ("_id", "id"),
        ("$", "field"),
        ("ﬁle", "file"),
        ("名字", "名字"),
    ],
)
def test_python_names(wire: str, name: str) -> None:
    assert python_name(wire) == name
    assert name.isidentifier()


@pytest.mark.parametrize(
    ("schema", "schemas", "message"),
    [
        (
            {"type": "object", "properties": {"a": TEXT}},
            {},
            r"AcmeResponse\.field: an object with properties stands in line\. Name it",
        ),
        (
            {"allOf": [ACME, {"$ref": "#/components/schemas/AcmeResponse"}]},
            {},
            r"AcmeResponse\.field: an ",
        ),
        (
            {"$ref": "#/components/schemas/Nobody"},
            {},
            r"AcmeResponse\.field: #/components/schemas/Nobody is not in the document",
        ),
        (
            {"$ref": "#/components/schemas/A"},
            {"A": {"$ref": "#/components/schemas/A"}},
            "refers to itself",
        ),
        (
            {"$ref": "#/components/schemas/Model"},
            {"Model": {"properties": {"a": TEXT}}},
            r"schemas\.Model: the generated code needs",
        ),
        (
            {"$ref": "#/components/schemas/list"},
            {"list": {"properties": {"a": TEXT}}},
            r"schemas\.list: the generated code needs",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(schema: Any, schemas: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        planned(document(schema, **schemas))


def test_operations_that_cannot_be_made_are_refused_by_name() -> None:
    made = document(TEXT)
    get = made["paths"]["/acme"]["get"]
    get["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    with pytest.raises(
        DocumentError, match=r"acme_get: the path /acme has \[\], its parameters are \['id'\]"
    ):
        planned(made)
    get["parameters"] = [{"name": "crumb", "in": "cookie", "schema": TEXT}]
    with pytest.raises(DocumentError, match="acme_get: parameter 'crumb' is in 'cookie'"):
        planned(made)
    made["paths"]["/acme"] = {"query": get}
    with pytest.raises(DocumentError, match="/acme: the raw client has no method 'query'"):
        planned(made)
