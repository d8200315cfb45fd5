"""A test's own responses (a body, a model's text, an error), and settings that a reset restores."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest

from api302 import Client
from api302_mock import MockServer, Settings, start
from api302_mock.control import SettingsFields
from api302_mock.document import Document
from api302_mock.shapes import SHAPES
from api302_mock.streams import event_data
from api302_mock.wishes import Wish, WishFields

from .conftest import KEY

CHAT = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
VIDEO = {"prompt": "a red panda"}
REAL = json.loads(
    (Path(__file__).parents[2] / "generated" / "openapi.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def _real() -> Iterator[MockServer]:
    with start(REAL, delay=0) as server:
        yield server


@pytest.fixture
def real(_real: MockServer) -> MockServer:
    _real.reset()
    return _real


@pytest.fixture
def client(real: MockServer) -> Iterator[Client]:
    with Client(api_key="sk-test", base_url=real.url, max_retries=0) as client:
        yield client


# --- what a wish can say --------------------------------------------------------------------------


def test_the_names_of_wishes_and_settings_stand_in_one_place_each() -> None:
    assert [item.name for item in fields(Wish)] == list(get_type_hints(WishFields))
    assert [item.name for item in fields(Settings)] == list(get_type_hints(SettingsFields))
    for function in (MockServer.next, start):
        kinds = [one.kind for one in inspect.signature(function).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD in kinds
        assert "Unpack[" in str(list(inspect.signature(function).parameters.values())[-1])


@pytest.mark.parametrize(
    ("wish", "near"),
    [
        ({"operaton": "acme_speech"}, "`operation`"),
        ({"operation": "acme_speach"}, "`acme_speech`"),
        ({"fault": "cut_stream"}, "`cut-stream`"),
        ({"retry-after": 1}, "`retry_after`"),
        ({"tool_call": []}, "`tool_calls`"),
    ],
)
def test_an_unknown_name_is_told_with_the_near_ones(
    server: MockServer, http: httpx.Client, wish: dict[str, Any], near: str
) -> None:
    with pytest.raises(ValueError, match=near):
        server.next(**wish)
    response = http.post("/mock/next", json=wish)
    assert response.status_code == 422
    assert near in response.json()["error"]["message"]


# --- a body ---------------------------------------------------------------------------------------


def test_a_body_of_ones_own(http: httpx.Client, server: MockServer) -> None:
    body = {"code": 0, "data": {"task_id": "mine", "task_status": "submitted"}, "more": [1]}
    server.next(body=body, operation="acme_text_to_video", times=2)
    for _ in range(2):
        assert http.post("/acme/v1/videos", json=VIDEO).json() == body
    assert http.post("/acme/v1/videos", json=VIDEO).json() != body
    # Whatever it holds, also what the document does not allow; and of things that do not exist.
    http.post("/mock/next", json={"body": [], "code": 201})
    response = http.get("/acme/v1/videos/unknown")
    assert (response.status_code, response.json()) == (201, [])
    server.next(body={"any": "error"}, code=418)
    response = http.post("/acme/v1/videos", json=VIDEO)
    assert (response.status_code, response.json()) == (418, {"any": "error"})
    # The request is checked all the same.
    server.next(body=body)
    assert http.post("/acme/v1/videos", json={}).status_code == 422


def test_a_file_of_ones_own(http: httpx.Client, server: MockServer) -> None:
    server.next(body=b"\x00mine")
    response = http.post("/v1/audio/speech", json={"input": "x"})
    assert (response.content, response.headers["content-type"]) == (b"\x00mine", "audio/mpeg")


def test_events_of_ones_own(http: httpx.Client, server: MockServer) -> None:
    events = [{"choices": []}, {"usage": {"total_tokens": 3}}]
    server.next(body=events)
    response = http.post("/v1/chat/completions", json=CHAT | {"stream": True})
    assert response.headers["content-type"] == "text/event-stream"
    data = [event_data(event) for event in response.text.strip().split("\n\n")]
    assert [json.loads(one) for one in data[:-1]] == events
    assert data[-1] == "[DONE]"


# --- an error -------------------------------------------------------------------------------------


def test_an_error_of_ones_own(http: httpx.Client, server: MockServer) -> None:
    server.next(error="no more of this")
    response = http.post("/acme/v1/videos", json=VIDEO)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "no more of this"
    server.next(error="balance too low", code=402, err_code=-10004, retry_after=3)
    response = http.post("/acme/v1/videos", json=VIDEO)
    assert (response.status_code, response.headers["retry-after"]) == (402, "3")
    assert response.json()["error"]["err_code"] == -10004
    body = {"error": {"message": "m", "code": "insufficient_quota"}}
    server.next(error=body, code=429)
    response = http.post("/acme/v1/videos", json=VIDEO)
    assert (response.status_code, response.json()) == (429, body)


# --- what a model says ----------------------------------------------------------------------------

TEXT = "Hello,  wörld.\nAnd 你好 \U0001f43c!  "
CALL = {"name": "weather", "arguments": {"city": "Zürich", "days": [1, 2]}}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": ("/v1/chat/completions", CHAT),
    "openai_responses": ("/v1/responses", {"model": "small", "input": "hello"}),
    "anthropic_messages": ("/v1/messages", CHAT | {"max_tokens": 9}),
    "gemini": (
        "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    ),
}


def test_every_shape_that_the_document_names_is_known() -> None:
    streams = [one.behaviour.stream for one in Document(REAL).operations.values()]
    named = {stream.accumulate for stream in streams if stream is not None} - {None}
    assert named == set(SHAPES) == set(CALLS)


@pytest.mark.parametrize("kind", sorted(CALLS))
@pytest.mark.parametrize("as_stream", [False, True], ids=["whole", "stream"])
def test_a_model_says_what_the_test_wants(
    kind: str, as_stream: bool, real: MockServer, client: Client
) -> None:
    """As the client reads it: the accumulated stream is the whole response."""
    real.next(text=TEXT, tool_calls=[CALL | {"id": "call-1"}])  # type: ignore[typeddict-item]
    said = Said(kind, client, as_stream=as_stream)
    assert said.text == TEXT
    assert said.calls == [("weather", CALL["arguments"])]
    real.next(text="only this")
    said = Said(kind, client, as_stream=as_stream)
    assert (said.text, said.calls) == ("only this", [])
    real.next(tool_calls=[CALL, CALL])  # type: ignore[list-item]
    said = Said(kind, client, as_stream=as_stream)
    assert (said.text, len(said.calls)) == ("", 2)


class Said:
    """What a model said, by the client."""

    def __init__(self, kind: str, client: Client, *, as_stream: bool) -> None:
        self.kind = kind
        response = getattr(self, kind)(client, as_stream)
        self.value = response.to_dict()

    def openai_chat(self, client: Client, as_stream: bool) -> Any:
        _, body = CALLS["openai_chat"]
        if not as_stream:
            return client.chat.completions.create(**body)
        with client.chat.completions.stream(**body) as stream:
            return stream.final()

    def openai_responses(self, client: Client, as_stream: bool) -> Any:
        _, body = CALLS["openai_responses"]
        if not as_stream:
            return client.responses.create(**body)
        with client.responses.stream(**body) as stream:
            return stream.final()

    def anthropic_messages(self, client: Client, as_stream: bool) -> Any:
        _, body = CALLS["anthropic_messages"]
        if not as_stream:
            return client.llm.anthropic.messages(**body)
        with client.llm.anthropic.stream_messages(**body) as stream:
            return stream.final()

    def gemini(self, client: Client, as_stream: bool) -> Any:
        _, body = CALLS["gemini"]
        model = "gemini-2.0-flash"
        if not as_stream:
            return client.llm.google.generate_content(model=model, **body)
        with client.llm.google.stream_generate_content(model=model, **body) as stream:
            return stream.final()

    @property
    def text(self) -> str:
        value = self.value
        if self.kind == "openai_chat":
            return value["choices"][0]["message"].get("content") or ""
        if self.kind == "openai_responses":
            parts = [part for item in value["output"] for part in item.get("content", [])]
        elif self.kind == "anthropic_messages":
            parts = [block for block in value["content"] if block["type"] == "text"]
        else:
            parts = value["candidates"][0]["content"]["parts"]
        return "".join(part.get("text", "") for part in parts)

    @property
    def calls(self) -> list[tuple[str, Any]]:
        value = self.value
        if self.kind == "openai_chat":
            calls = [
                one["function"] for one in value["choices"][0]["message"].get("tool_calls") or []
            ]
        elif self.kind == "openai_responses":
            calls = [item for item in value["output"] if item["type"] == "function_call"]
        elif self.kind == "anthropic_messages":
            blocks = [block for block in value["content"] if block["type"] == "tool_use"]
            return [(block["name"], block["input"]) for block in blocks]
        else:
            parts = value["candidates"][0]["content"]["parts"]
            made = [part["functionCall"] for part in parts if "functionCall" in part]
            return [(call["name"], call["args"]) for call in made]
        return [(call["name"], json.loads(call["arguments"])) for call in calls]


def test_a_response_that_was_written_is_valid(real: MockServer) -> None:
    document = Document(REAL)
    with httpx.Client(base_url=real.url, headers=KEY) as http:
        for kind, (path, body) in CALLS.items():
            real.next(text=TEXT, tool_calls=[CALL])  # type: ignore[list-item]
            path = path.replace(":streamGenerateContent?alt=sse", ":generateContent")
            response = http.post(path, json=body)
            operation = document.operations[str(real.requests[-1].operation)]
            schema = operation.responses["200"]["content"]["application/json"]["schema"]
            assert document.is_valid(schema, response.json()), kind


def test_a_text_in_other_operations(http: httpx.Client, server: MockServer) -> None:
    files = {"file": ("a.wav", b"RIFF")}
    server.next(text="so it is")
    assert http.post("/v1/audio/transcriptions", files=files).json() == {"text": "so it is"}
    server.next(text="so it is")
    response = http.post("/v1/audio/transcriptions", files=files, headers={"Accept": "text/plain"})
    assert response.text == "so it is"
    for wish in ({"text": "x"}, {"tool_calls": []}):
        server.next(**wish)  # type: ignore[misc]
        response = http.post("/acme/v1/videos", json=VIDEO)
        assert response.status_code == 400
        assert "use `body`" in response.json()["error"]["message"]


def test_a_text_with_a_fault(http: httpx.Client, server: MockServer) -> None:
    server.next(text="one two three", fault="end-stream")
    text = http.post("/v1/chat/completions", json=CHAT | {"stream": True}).text
    assert "three" in text
    assert "[DONE]" not in text
    server.next(text="one two three", fault="broken-json")
    with pytest.raises(json.JSONDecodeError):
        http.post("/v1/chat/completions", json=CHAT).json()


# --- settings -------------------------------------------------------------------------------------


def test_a_reset_restores_everything(mini: dict[str, Any]) -> None:
    with start(mini, polls=1, delay=0, strict=True) as server:
        begun = Settings(polls=1, delay=0, strict=True)
        assert server.settings == begun
        server.settings.polls = 99
        server.settings.strict = False
        server.settings.delay = 5
        server.settings.webhooks = "any"
        server.next(code=500, times=9)
        httpx.get(f"{server.url}/nothing")
        server.reset()
        assert server.settings == begun
        assert server.requests == []
        assert httpx.get(f"{server.url}/acme/v1/videos/t-1", headers=KEY).status_code == 200
        # The other way round, by a program that sees the mock from outside.
        shown = httpx.post(f"{server.url}/mock/settings", json={"polls": 7, "strict": False})
        assert (shown.json()["polls"], server.settings.polls) == (7, 7)
        assert httpx.post(f"{server.url}/mock/reset").json() == {"reset": True}
        assert httpx.get(f"{server.url}/mock/settings").json()["polls"] == 1
        assert server.settings == begun


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"poll": 1}, "`polls`"),
        ({"polls": -1}, "`polls`"),
        ({"polls": 1, "delay": "x"}, "`delay`"),
        ({"strict": 1}, "`strict`"),
        ({"webhooks": "some"}, "loopback"),
        ([], "object"),
    ],
)
def test_a_wrong_setting_changes_nothing(
    http: httpx.Client, server: MockServer, values: Any, named: str
) -> None:
    response = http.post("/mock/settings", json=values)
    assert response.status_code == 422
    assert named in response.json()["error"]["message"]
    assert server.settings == Settings(delay=0)


def test_a_wrong_setting_starts_nothing(mini: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="`polls`"):
        start(mini, poll=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="`polls`: -1 is not"):
        start(mini, polls=-1)


def test_settings_act_at_once(http: httpx.Client, server: MockServer) -> None:
    server.settings.strict = True
    assert http.post("/acme/v1/videos", json=VIDEO | {"more": 1}).status_code == 422
    server.settings.pace = 2
    assert http.post("/acme/v1/videos", json=VIDEO).headers["retry-after-ms"] == "2000"
    server.settings.same_host = True
    url = http.get("/acme/v1/videos/t-1").json()["data"]["task_result"]["videos"][0]["url"]
    assert url.startswith(server.url)
