"""The mock's WebSockets: of the real document by the client, and what only a raw client sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from patience import PATIENCE
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

import api302
from api302_mock import MockServer, start
from api302_mock.app import MockApp
from api302_mock.control import Settings
from api302_mock.document import Document
from api302_mock.server import has_websockets
from generator import join, realtime
from generator.source import Spec

pytestmark = pytest.mark.skipif(not has_websockets(), reason="this uvicorn serves no WebSockets")

ROOT = Path(__file__).parents[2]
KEY = {"Authorization": "Bearer sk-test"}
HI = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}


@pytest.fixture(scope="module")
def _real() -> Iterator[MockServer]:
    with start(delay=0) as server:
        yield server


@pytest.fixture
def real(_real: MockServer) -> MockServer:
    """The mock of the document that ships."""
    _real.reset()
    return _real


@pytest.fixture
def openai(real: MockServer) -> Iterator[Any]:
    with api302.Client("sk-test-0123456789", base_url=real.url, max_retries=0) as client:
        yield client.audio.openai


@pytest.fixture(scope="module")
def mini() -> Iterator[MockServer]:
    spec = Spec.load(ROOT / "tests/fixtures/mini_spec")
    app = MockApp(Document(join.join(spec)), Settings(delay=0), realtime.join(spec))
    with MockServer(app) as server:
        yield server


def until(session: Any, name: str) -> list[Any]:
    """The events up to one of a type."""
    events = [session.receive(timeout=PATIENCE)]
    while events[-1].type != name:
        events.append(session.receive(timeout=PATIENCE))
    return events


def raw(server: MockServer, path: str = "/v1/talk?model=m1", **headers: str) -> ClientConnection:
    url = server.url.replace("http", "ws") + path
    return connect(url, additional_headers={**KEY, **headers}, proxy=None)


def heard(connection: ClientConnection) -> Any:
    return json.loads(connection.recv(timeout=PATIENCE))


# --- conversations --------------------------------------------------------------------------------


def test_a_text_conversation(openai: Any) -> None:
    settings = {"type": "realtime", "output_modalities": ["text"], "instructions": "Be kind."}
    with openai.realtime(model="gpt-realtime-mini-2025-10-06", session=settings) as session:
        (created,) = until(session, "session.created")
        assert created.session.model == "gpt-realtime-mini-2025-10-06"
        assert created.session.output_modalities == ["audio"]
        updated = until(session, "session.updated")[-1].session
        assert (updated.id, updated.instructions) == (created.session.id, "Be kind.")
        assert updated.audio.output.voice == created.session.audio.output.voice

        session.conversation.item.create(item=HI)
        added, done = until(session, "conversation.item.done")
        assert added.item.id == done.item.id
        assert added.item.content[0].text == "Hi"

        session.response.create()
        events = until(session, "response.done")

    text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
    response = events[-1].response
    assert text == response.output[0].content[0].text != ""
    assert {one.response_id for one in events[1:-1] if hasattr(one, "response_id")} == {response.id}
    assert not any("audio" in one.type for one in events)
    assert len({one.event_id for one in events}) == len(events)


def test_a_conversation_with_sound(openai: Any) -> None:
    with openai.realtime(model="gpt-realtime") as session:
        session.send_audio(b"\0\1" * 30_000)
        session.input_audio_buffer.commit()
        committed = until(session, "input_audio_buffer.committed")[-1]
        assert until(session, "conversation.item.done")[-1].item.id == committed.item_id
        session.response.create()
        events = until(session, "response.done")

    sound = b"".join(session.audio(event) for event in events)
    assert len(sound) > 0
    assert len(sound) % 2 == 0
    assert any(one.type == "response.output_audio_transcript.done" for one in events)
    assert not any(one.type == "response.output_text.delta" for one in events)


def test_a_response_says_what_a_test_wants(real: MockServer, openai: Any) -> None:
    real.next(operation="openai_realtime", text="Paris is in France.")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create(response={"output_modalities": ["text"]})
        events = until(session, "response.done")
    pieces = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert len(pieces) > 1
    assert "".join(pieces) == events[-1].response.output[0].content[0].text == "Paris is in France."


def test_a_response_calls_a_function(real: MockServer, openai: Any) -> None:
    call: Any = {"name": "find", "arguments": {"city": "Rome", "days": 3}}
    real.next(operation="openai_realtime", tool_calls=[call])
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        events = until(session, "response.done")
        (item,) = events[-1].response.output
        assert (item.name, json.loads(item.arguments)) == ("find", {"city": "Rome", "days": 3})
        output = {"type": "function_call_output", "call_id": item.call_id, "output": "warm"}
        session.conversation.item.create(item=output)
        assert until(session, "conversation.item.done")[-1].item.call_id == item.call_id
    name = "response.function_call_arguments.delta"
    assert "".join(one.delta for one in events if one.type == name) == item.arguments


def test_a_response_is_interrupted(real: MockServer, openai: Any) -> None:
    real.settings.delay = 0.05
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        begun = until(session, "response.output_audio.delta")
        session.interrupt(played_ms=120)
        (*_, ended) = until(session, "response.done")
        assert ended.response.status == "cancelled"
        assert ended.response.id == begun[-1].response_id
        cut = until(session, "conversation.item.truncated")[-1]
        assert (cut.item_id, cut.audio_end_ms) == (begun[-1].item_id, 120)


def test_items_are_remembered(openai: Any) -> None:
    with openai.realtime(model="gpt-realtime") as session:
        session.conversation.item.create(item={**HI, "id": "mine"})
        assert until(session, "conversation.item.done")[-1].item.id == "mine"
        session.conversation.item.retrieve(item_id="mine")
        assert until(session, "conversation.item.retrieved")[-1].item.content[0].text == "Hi"
        session.conversation.item.delete(item_id="another")
        error = until(session, "error")[-1].error
        assert (error.param, "another" in error.message) == ("item_id", True)
        session.conversation.item.delete(item_id="mine")
        assert until(session, "conversation.item.deleted")[-1].item_id == "mine"


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"type": "no.such"}, "type"),
        ({"type": "conversation.item.create"}, None),
        ({"type": "conversation.item.create", "item": 7}, "item"),
        ({"type": "response.cancel"}, None),
        (
            {
                "type": "conversation.item.truncate",
                "item_id": "x",
                "content_index": "0",
                "audio_end_ms": 1,
            },
            "content_index",
        ),
    ],
)
def test_a_wrong_event_gets_an_error_and_the_session_goes_on(
    openai: Any, event: dict[str, Any], param: str | None
) -> None:
    with openai.realtime(model="gpt-realtime") as session:
        session.send({**event, "event_id": "mine"})
        error = until(session, "error")[-1].error
        assert (error.event_id, error.param) == ("mine", param)
        session.response.create()
        until(session, "response.done")


def test_one_response_at_a_time(real: MockServer, openai: Any) -> None:
    real.settings.delay = 0.05
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        session.response.create()
        assert "in progress" in until(session, "error")[-1].error.message


# --- what goes wrong ------------------------------------------------------------------------------


def test_the_handshake_needs_a_key_and_a_model(real: MockServer) -> None:
    for headers, query, status in (
        ({}, "?model=m", 401),
        ({"Authorization": "Bearer wrong"}, "?model=m", 401),
        (KEY, "", 422),
        (KEY, "?model=", 422),
    ):
        url = f"{real.url.replace('http', 'ws')}/v1/realtime{query}"
        with pytest.raises(InvalidStatus) as caught:
            connect(url, additional_headers=headers, proxy=None)
        assert caught.value.response.status_code == status
        assert b'"error"' in caught.value.response.body
    assert [one.status for one in real.requests] == [401, 401, 422, 422]
    assert {one.operation for one in real.requests} == {"openai_realtime"}


@pytest.mark.parametrize(
    ("wish", "name"),
    [({"code": 429}, "RateLimitError"), ({"error": "Broke.", "code": 402}, "QuotaError")],
)
def test_the_handshake_is_refused_on_request(
    real: MockServer, openai: Any, wish: dict[str, Any], name: str
) -> None:
    real.next(operation="openai_realtime", **wish)
    with pytest.raises(getattr(api302, name)):
        openai.realtime(model="gpt-realtime").open()
    with openai.realtime(model="gpt-realtime") as session:
        until(session, "session.created")


def test_the_handshake_is_reset_on_request(real: MockServer, openai: Any) -> None:
    real.next(operation="openai_realtime", fault="reset")
    with pytest.raises(api302.ConnectionError) as caught:
        openai.realtime(model="gpt-realtime").open()
    assert caught.value.sent is False


def test_a_response_is_cut(real: MockServer, openai: Any) -> None:
    real.next(operation="openai_realtime", fault="cut-stream")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        with pytest.raises(api302.RealtimeClosed) as caught:
            until(session, "response.done")
    assert caught.value.close_code == 1006


def test_a_session_is_ended(real: MockServer, openai: Any) -> None:
    real.next(operation="openai_realtime", fault="end-stream")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        events = [event.type for event in session]
    assert "response.created" in events
    assert "response.done" not in events


def test_events_are_wrong_or_new_on_request(real: MockServer, openai: Any) -> None:
    real.next(operation="openai_realtime", fault="error-event")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        until(session, "error")
        session.response.create()
        until(session, "response.done")
    real.next(operation="openai_realtime", fault="new-word")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        assert any(one.type == "mock.new_event" for one in until(session, "response.done"))
    real.next(operation="openai_realtime", fault="broken-json")
    with openai.realtime(model="gpt-realtime") as session:
        session.response.create()
        with pytest.raises(api302.DecodeError):
            until(session, "response.done")
        until(session, "response.done")


def test_connections_are_cut_from_outside(real: MockServer, openai: Any) -> None:
    with openai.realtime(model="gpt-realtime") as session:
        session.conversation.item.create(item=HI)
        until(session, "conversation.item.done")
        assert real.cut() == 1
        with pytest.raises(api302.RealtimeClosed):
            session.receive(timeout=PATIENCE)
    assert real.cut() == 0


def test_a_plain_request_is_told_what_to_do(real: MockServer) -> None:
    response = httpx.get(f"{real.url}/v1/realtime", params={"model": "m"}, headers=KEY)
    assert response.status_code == 426
    assert "WebSocket" in response.text
    with pytest.raises(InvalidStatus) as caught:
        raw(real, "/v1/no-such")
    assert caught.value.response.status_code == 404


def test_the_prefer_header_works_too(mini: MockServer) -> None:
    with pytest.raises(InvalidStatus) as caught:
        raw(mini, Prefer="code=503")
    assert caught.value.response.status_code == 503


# --- another document -----------------------------------------------------------------------------


def test_any_document_is_spoken(mini: MockServer) -> None:
    with raw(mini) as connection:
        hello = heard(connection)
        assert hello == {"type": "hello", "settings": {"style": "long", "model": "m1"}}
        connection.send(json.dumps({"type": "setup", "settings": {"style": "brief"}}))
        assert heard(connection)["settings"] == {"style": "brief", "model": "m1"}
        connection.send(json.dumps({"type": "ask", "text": "Hi"}))
        began, came, ended = (heard(connection) for _ in range(3))
        assert (began["type"], came["type"], ended["state"]) == ("began", "sound.came", "done")
        assert began["response_id"] == came["response_id"] == ended["response_id"]
        for text in ("[]", "no JSON", b"\xff"):
            connection.send(text)
            assert heard(connection)["type"] == "oops"


def test_a_body_of_a_test_is_the_response(mini: MockServer) -> None:
    mini.next(operation="acme_talk", body=[{"type": "mine", "value": 1}])
    with raw(mini) as connection:
        heard(connection)
        connection.send(json.dumps({"type": "ask"}))
        assert heard(connection) == {"type": "mine", "value": 1}


@pytest.mark.parametrize(
    "value", ['{"a":' * 5000 + "1" + "}" * 5000, "[" * 300 + "]" * 300, "1e999", "NaN", "9" * 5000]
)
def test_fault_26_a_message_that_no_program_reads_gets_an_error(
    real: MockServer, value: str
) -> None:
    with raw(real, "/v1/realtime?model=gpt-realtime") as connection:
        assert heard(connection)["type"] == "session.created"
        connection.send(f'{{"type": "session.update", "session": {value}}}')
        assert "not a JSON object" in heard(connection)["error"]["message"]
        connection.send('{"type": "input_audio_buffer.clear"}')
        assert heard(connection)["type"] == "input_audio_buffer.cleared"


def test_fault_10_half_a_character_ends_no_session(real: MockServer) -> None:
    with raw(real, "/v1/realtime?model=gpt-realtime") as connection:
        heard(connection)
        session = r'{"type": "realtime", "instructions": "\ud83d"}'
        connection.send(f'{{"type": "session.update", "session": {session}}}')
        assert heard(connection)["session"]["instructions"] == "\ud83d"
