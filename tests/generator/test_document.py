"""The document as objects: operations, schemas, references, names."""

from __future__ import annotations

import pytest
from openapi_python_client.strings import ClassName
from zoo import mini_document, zoo_document

from generator.document import Document, DocumentError
from generator.document.media import has_fields, is_event_stream, is_json, json_first
from generator.document.names import class_name, is_name
from generator.document.references import find, follow, references

DOCUMENT = Document(zoo_document())


def test_an_operation_knows_its_home_and_its_place_below_the_client() -> None:
    video = DOCUMENT.by_id["acme_text_to_video"]
    assert (video.section, video.vendor, video.action) == ("videos", "acme", "text_to_video")
    assert (video.tag, video.place) == ("videos.acme", ["videos", "create"])
    assert video.dotted("submit") == "client.videos.submit"
    assert video.pointer == "/paths/~1acme~1v1~1videos/post"
    assert str(video) == "acme_text_to_video"


def test_what_goes_in_and_what_comes_out() -> None:
    video = DOCUMENT.by_id["acme_text_to_video"]
    assert video.body is not None
    assert video.body.media_types == ["application/json", "multipart/form-data"]
    assert video.body.media["application/json"].schema.target.name == "AcmeVideoRequest"
    assert [response.status for response in video.responses if response.is_success] == ["200"]
    assert video.example() == ("application/json", {"prompt": "a red panda", "duration": "5"})
    find_ = DOCUMENT.by_id["zoo_find"]
    assert find_.body is None
    assert find_.example() == ("", None)
    assert {one.wire: one.place for one in find_.parameters}["X-Trace"] == "header"


def test_an_example_is_a_copy() -> None:
    video = DOCUMENT.by_id["acme_text_to_video"]
    video.example()[1]["prompt"] = "changed"
    assert video.example()[1]["prompt"] == "a red panda"


def test_a_schema_is_one_object_wherever_it_is_met() -> None:
    named = DOCUMENT.schemas["AcmeVideoRequest"]
    media = DOCUMENT.by_id["acme_text_to_video"].body.media["application/json"]  # type: ignore[union-attr]
    assert media.schema.referred is named
    assert media.schema is media.schema.document.schema(media.schema.node, "elsewhere")
    assert list(named.properties)[:2] == ["prompt", "duration"]
    assert named.properties["prompt"].where == "AcmeVideoRequest.prompt"


def test_the_words_of_a_reference_count_before_those_of_its_target() -> None:
    node = mini_document()
    schemas = node["components"]["schemas"]
    schemas["Tone"] = {"type": "string", "description": "The tone.", "default": "warm"}
    document = Document(node)
    reference = {"$ref": "#/components/schemas/Tone"}
    assert document.schema(reference, "x").description == "The tone."
    own = document.schema({**reference, "description": "Mine."}, "x")
    assert (own.description, own.default) == ("Mine.", "warm")


def test_a_schema_that_holds_itself_has_an_end() -> None:
    node = mini_document()
    value = {"$ref": "#/components/schemas/Value"}
    node["components"]["schemas"]["Value"] = {"allOf": [value], "anyOf": [value]}
    schema = Document(node).schemas["Value"]
    assert schema.fields().schemas == {}
    assert schema.holds_object()


def test_references_to_nothing_are_named() -> None:
    node = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}, "c": [{"d": 1}]}
    with pytest.raises(DocumentError, match="here: #/b refers to itself"):
        Document(node).resolve(node["a"], "here")
    with pytest.raises(DocumentError, match="here: #/z is not in the document"):
        Document(node).resolve({"$ref": "#/z"}, "here")
    assert find(node, "#/c/0/d") == ("/c/0/d", 1)
    assert find(node, "other.yaml#/c") is None
    assert find(node, "#/c/1") is None
    assert follow(node, {"$ref": "#/z"}).value == {"$ref": "#/z"}


def test_a_reference_inside_data_is_data() -> None:
    node = {"items": {"$ref": "#/a"}, "example": {"$ref": "#/b"}, "allOf": [{"$ref": "#/c"}]}
    assert sorted(references(node)) == ["#/a", "#/c"]


@pytest.mark.parametrize(
    ("media_type", "json", "fields"),
    [
        ("application/json", True, True),
        ("Application/JSON; charset=utf-8", True, True),
        ("application/problem+json", True, True),
        ("multipart/form-data", False, True),
        ("text/event-stream", False, False),
        ("image/png", False, False),
    ],
)
def test_media_types(media_type: str, json: bool, fields: bool) -> None:
    assert (is_json(media_type), has_fields(media_type)) == (json, fields)
    assert is_event_stream(media_type) is (media_type == "text/event-stream")
    assert json_first(["image/png", "application/json"]) == ["application/json", "image/png"]


NAMES = [
    "AcmeTask",
    "acmeTask",
    "Acme_Task",
    "AcmeGPT4oTask",
    "Doc2XThing",
    "None",
    "print",
    "A1b2C",
    "名字x",
]


@pytest.mark.parametrize("name", [*DOCUMENT.schemas, *NAMES])
def test_a_class_is_called_as_the_tool_calls_it(name: str) -> None:
    assert class_name(name) == str(ClassName(name, ""))


@pytest.mark.parametrize("name", ["class", "_x", "str", "a-b", "", "1a"])
def test_what_no_method_can_be_called(name: str) -> None:
    assert not is_name(name)
