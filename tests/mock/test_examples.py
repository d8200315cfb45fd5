"""Responses that are made from schemas, chosen by `Accept`, and changed to words that are new."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

import api302_mock
from api302_client.behaviour import Stream
from api302_mock import MockServer, create_app, start
from api302_mock.document import Document
from api302_mock.examples import Example, chosen, made
from api302_mock.faults import NEW_NUMBER, NEW_WORD, with_new_words
from api302_mock.streams import event_json, shown_events

from .conftest import DOCUMENT, KEY

EMPTY = Document({"openapi": "3.2.0", "paths": {}})
LOOP = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"examples": [1, 2], "default": 3}, 1),
        ({"example": 1, "enum": [2]}, 1),
        ({"const": "x"}, "x"),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "string", "x-file": ["part", "url"]}, "https://file.302.ai/mock.png"),
        ({"type": "string", "x-file": ["base64"]}, "iVBORw0KGgo="),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "minimum": 3, "maximum": 2}, 2),
        ({"type": "boolean"}, True),
        ({"type": ["null", "string"]}, None),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, [None, None]),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, 1),
        (
            {"anyOf": [{"required": ["a"]}], "properties": {"a": {"const": 1}}},
            {"a": 1},
        ),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}], "properties": {"b": {"const": 2}}},
            {"a": 1, "b": 2},
        ),
        ({"allOf": [{"const": "x"}]}, "x"),
        (True, {}),
        ({}, {}),
    ],
)
def test_what_is_made_of_a_schema(schema: Any, value: Any) -> None:
    assert made(EMPTY, schema) == value


def test_a_schema_that_holds_itself_ends() -> None:
    document = Document({"openapi": "3.2.0", "components": {"schemas": {"Loop": LOOP}}})
    value = made(document, {"$ref": "#/components/schemas/Loop"})
    assert value == {"next": {"next": {"next": {}}}}


def test_what_an_accept_header_likes() -> None:
    examples = [Example(200, kind, "", None, True) for kind in ("audio/mpeg", "audio/wav")]

    def kind(accept: str, form: str | None = None) -> str | None:
        return chosen(examples, accept, form).media_type

    assert kind("*/*") == kind("nonsense") == kind("audio/wav;q=0") == "audio/mpeg"
    assert kind("audio/mpeg;q=0.5, audio/wav;q=0.8") == kind("AUDIO/WAV, */*") == "audio/wav"
    # What is not a quality is none.
    assert kind("audio/wav;q=x, audio/mpeg;q=0.9") == kind("audio/wav;q=nan, */*") == "audio/wav"
    assert kind("*/*", "wav") == "audio/wav"


def test_a_stream_of_one_event_that_is_made() -> None:
    ends = Stream(sentinel="[DONE]")
    example = Example(200, "text/event-stream", "", {"data": '{"a": 1}'}, True)
    assert shown_events(example, ends, lambda value: value) == [
        'data: {"a": 1}\n\n',
        "data: [DONE]\n\n",
    ]
    example = Example(200, "text/event-stream", "", {"data": "[DONE]"}, True)
    assert shown_events(example, ends, lambda value: value) == ["data: [DONE]\n\n"]
    assert len(shown_events(example, Stream(), lambda value: value)) == 1


def test_new_words_stand_where_words_are_listed() -> None:
    word = {"type": "string", "enum": ["a", "b"]}
    schema = {
        "properties": {
            "one": word,
            "many": {"type": "array", "items": {"anyOf": [word, {"type": "null"}]}},
            "number": {"enum": [1, 2]},
            "flag": {"enum": [True]},
            "free": {"type": "string"},
        }
    }
    value = {"one": "a", "many": ["b", None], "number": 1, "flag": True, "free": "a", "more": "a"}
    operation = Document(DOCUMENT).operations["chat"]
    changed = with_new_words(EMPTY, operation, schema, value)
    assert changed == {
        "one": NEW_WORD,
        "many": [NEW_WORD, None],
        "number": NEW_NUMBER,
        "flag": True,
        "free": "a",
        "more": "a",
    }
    assert value["one"] == "a"


def test_new_words_in_a_stream_and_in_a_state(http: httpx.Client, made: dict[str, Any]) -> None:
    chat = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    prefer = {"Prefer": "fault=new-word"}
    text = http.post("/v1/chat/completions", json=chat, headers=prefer).text
    first = event_json(text.split("\n\n")[0])
    assert first["choices"][0]["delta"]["role"] == NEW_WORD
    assert text.rstrip().endswith("[DONE]")
    status = http.get("/acme/v1/videos/t-1", headers=prefer).json()["data"]
    assert (status["task_id"], status["task_status"]) == ("t-1", NEW_WORD)
    speech = http.post("/v1/audio/speech", json={"input": "x"}, headers=prefer)
    assert speech.status_code == 400
    with start(made) as server:
        # A state that is a number, in a response whose schema lists none.
        task = httpx.post(f"{server.url}/chat?async=true", json={"q": "x"}, headers=KEY).json()
        url = f"{server.url}/result?task_id={task['task_id']}"
        assert httpx.get(url, headers=KEY | prefer).json()["status_code"] == NEW_NUMBER
        # The task itself goes on as if nothing had been.
        assert [httpx.get(url, headers=KEY).json()["status_code"] for _ in range(2)] == [0, 200]


def test_the_states_of_a_document_are_read_as_clients_read_them(mini: dict[str, Any]) -> None:
    """Case does not count, and `"0"` is 0."""
    document = json.loads(json.dumps(mini))
    get = document["paths"]["/acme/v1/videos/{task_id}"]["get"]
    get["x-task-status"] |= {"pending": ["SUBMITTED", "Processing"], "succeeded": ["SUCCEED"]}
    with start(document, polls=1) as server, httpx.Client(base_url=server.url, headers=KEY) as http:
        task = http.post("/acme/v1/videos", json={"prompt": "x"}).json()["data"]["task_id"]
        states = [http.get(f"/acme/v1/videos/{task}").json()["data"]["task_status"] for _ in "ab"]
        assert states == ["submitted", "succeed"]


# --- the app and its package ----------------------------------------------------------------------


def test_the_app_lives_and_dies_with_its_server(mini: dict[str, Any]) -> None:
    sent: list[str] = []
    events = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    app = create_app(mini)
    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    asyncio.run(app({"type": "another"}, receive, send))
    assert len(sent) == 2


def test_what_is_missing_is_told() -> None:
    assert set(api302_mock.__all__) <= {
        name for name in api302_mock.__all__ if getattr(api302_mock, name)
    }
    with pytest.raises(AttributeError, match="nothing"):
        _ = api302_mock.nothing
    told = api302_mock.missing(ModuleNotFoundError(name="api302_client"))
    assert "generator build" in told
    assert "api302[mock]" in api302_mock.missing(ModuleNotFoundError(name="uvicorn"))


def test_an_extension_that_names_nothing_is_refused(mini: dict[str, Any]) -> None:
    document = json.loads(json.dumps(mini))
    document["paths"]["/acme/v1/videos"]["post"]["x-task"]["cancel"] = "nothing"
    with pytest.raises(ValueError, match="acme_text_to_video names nothing"):
        create_app(document)


def test_the_log_names_what_was_called(http: httpx.Client, server: MockServer) -> None:
    http.get("/nowhere")
    http.get("/mock/files/x.png")
    http.post("/v1/audio/speech", json={"input": "x"})
    assert [seen.operation for seen in server.requests] == [None, None, "acme_speech"]
    assert [seen.status for seen in server.requests] == [404, 200, 200]
    assert server.requests[0].body is None
