"""Each program against the mock: what it does, and what it sent."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patience import until
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

import api302_mock
from api302 import AsyncClient, Client
from api302_mock.server import Serving

from . import (
    audio,
    chat,
    commands,
    images,
    many,
    mcp_tools,
    mixed,
    money,
    notebook,
    orders,
    receiver,
    structured,
    tools,
    videos,
    vision,
    web,
)

KEY = "sk-test"
OSLO = '{"name": "Oslo", "people": 700000}'


class Closing:
    """An application with the `close` that the server asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def running() -> Iterator[api302_mock.MockServer]:
    with api302_mock.start() as server:
        yield server


@pytest.fixture
def server(running: api302_mock.MockServer) -> api302_mock.MockServer:
    running.reset()
    return running


@pytest.fixture
def client(server: api302_mock.MockServer) -> Iterator[Client]:
    with Client(api_key=KEY, base_url=server.url) as made:
        yield made


def said(server: api302_mock.MockServer, number: int = -1) -> Any:
    """The body of a call that the mock had."""
    return server.requests[number].body


def test_a_conversation_keeps_its_history(server: api302_mock.MockServer, client: Client) -> None:
    server.next(text="Blue.")
    server.next(text="Green.")
    assert chat.converse(client) == ["Blue.", "Green."]
    history = said(server)["messages"]
    assert [one["role"] for one in history] == ["user", "assistant", "user"]
    assert history[1]["content"] == "Blue."


def test_a_stream(server: api302_mock.MockServer, client: Client) -> None:
    server.next(text="Once upon a time.", times=2)
    text, tokens = chat.tell(client)
    assert text == "Once upon a time."
    assert tokens > 0
    assert chat.as_openai_does(client) == "Once upon a time."
    assert said(server)["stream"] is True


def test_structured_output(server: api302_mock.MockServer, client: Client) -> None:
    server.next(text=OSLO, times=2)
    oslo = structured.City(name="Oslo", people=700000)
    assert structured.ask(client) == oslo
    assert said(server)["response_format"]["json_schema"]["schema"]["required"] == [
        "name",
        "people",
    ]
    assert structured.ask_by_responses(client) == oslo
    server.next(text="I like Oslo.")
    assert structured.ask_anyway(client).startswith("no city: ")


def test_a_picture_in_a_message(
    server: api302_mock.MockServer, client: Client, tmp_path: Path
) -> None:
    picture = Image.new("RGB", (8, 8), "red")
    picture.save(tmp_path / "red.png")
    server.next(text="Red.", times=2)
    for form in (picture, tmp_path / "red.png"):
        assert vision.describe(client, form) == "Red."
        sent = said(server)["messages"][0]["content"][1]["image_url"]["url"]
        assert sent.startswith("data:image/png;base64,")


def test_images(server: api302_mock.MockServer, client: Client, tmp_path: Path) -> None:
    paths = images.draw(client, tmp_path)
    assert [path.name for path in paths] == ["sky-0.png"]
    more = [images.draw_as_openai_does(client, tmp_path), images.edit(client, tmp_path)]
    assert all(path.stat().st_size for path in (*paths, *more))
    assert any(seen.operation == "openai_edit_image" for seen in server.requests)


def test_three_videos(server: api302_mock.MockServer, client: Client, tmp_path: Path) -> None:
    server.settings.polls = 1
    paths = videos.film(client, tmp_path)
    assert len(set(paths)) == len(videos.PROMPTS) == 3
    assert all(path.stat().st_size for path in paths)
    states, url = videos.follow(client)
    assert states[-1] == "succeed"
    assert url.startswith("http")


def test_speech_and_back(server: api302_mock.MockServer, client: Client, tmp_path: Path) -> None:
    path = audio.speak(client, tmp_path / "hello.mp3")
    audio.speak_streamed(client, tmp_path / "story.mp3")
    assert path.stat().st_size
    assert (tmp_path / "story.mp3").stat().st_size
    assert audio.write_down(client, path) == audio.write_down_open_file(client, path) != ""


def test_a_batch_of_five(server: api302_mock.MockServer, tmp_path: Path) -> None:
    client = AsyncClient(api_key=KEY, base_url=server.url)
    assert many.run(client, tmp_path)["saved"] == 5
    assert many.run(client, tmp_path)["saved"] == 5
    assert len(server.requests) == 5


def test_errors_by_their_kind(server: api302_mock.MockServer) -> None:
    with Client(api_key=KEY, base_url=server.url, max_retries=0) as client:
        server.next(code=401)
        assert money.kind_of_failure(client) == "key"
        server.next(code=429, retry_after=7)
        assert money.kind_of_failure(client) == "again in 7.0"
        server.next(code=500)
        assert money.kind_of_failure(client).startswith("500 ")
        server.next(fault="reset")
        assert money.kind_of_failure(client).startswith("no response: POST /v1/chat/completions")
        assert money.kind_of_failure(client) == "none"


def test_a_budget_and_a_settlement(server: api302_mock.MockServer, client: Client) -> None:
    low, high = money.price(client)
    assert low == high == 0.1
    made, spent = money.draw_within(client, 0.2)
    assert made >= 1
    assert 0.1 < spent <= 0.2
    server.next(fault="reset")
    assert "outcome=" in money.was_it_billed(client)


def test_a_webhook(server: api302_mock.MockServer, client: Client) -> None:
    done: list[str] = []
    server.settings.polls = 0
    with Serving(Closing(receiver.application(client, done))) as web:
        receiver.order(client, web.url)
        until(lambda: server.webhooks, "the webhook is called")
    assert [(one.status, one.error) for one in server.webhooks] == [(200, None)]
    assert len(done) == 1


def test_mcp_tools(server: api302_mock.MockServer) -> None:
    environment = {**os.environ, "AI302_API_KEY": KEY, "AI302_BASE_URL": server.url}
    tools = asyncio.run(mcp_tools.tools(environment))
    assert sorted(tools) == ["call", "describe", "search", "wait"]


@pytest.mark.parametrize("job", commands.JOBS)
def test_the_command_line(job: str, server: api302_mock.MockServer, tmp_path: Path) -> None:
    server.settings.polls = 0
    if job == "chat":
        server.next(text="Hello, hallo, hola.")
    state = {"AI302_STATE_DIR": str(tmp_path / "state")}
    environment = {**os.environ, **state, "AI302_API_KEY": KEY, "AI302_BASE_URL": server.url}
    out = commands.run(job, tmp_path, environment)
    files = {"image": "sky.png", "video": "panda.mp4", "speech": "hello.mp3"}
    if name := files.get(job):
        assert (tmp_path / name).stat().st_size
        assert name in out
    else:
        assert {"chat": "Hello, hallo, hola.", "models": "kling-v2-6"}[job] in out


# --- written anew in November 2026, from the README alone -----------------------------------------

RED = b"\x89PNG\r\n\x1a\n" + bytes(30)


@pytest.fixture
def browser(
    server: api302_mock.MockServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    monkeypatch.setenv("AI302_API_KEY", KEY)
    monkeypatch.setenv("AI302_BASE_URL", server.url)
    with TestClient(web.application()) as browser:
        yield browser


QUESTION = {"messages": [{"role": "user", "content": "Hi"}]}


def test_a_web_application_streams(server: api302_mock.MockServer, browser: TestClient) -> None:
    server.next(text="Hello there.")
    told = browser.post("/chat", json=QUESTION).text
    events = [one.split("\n") for one in told.strip().split("\n\n")]
    texts = [json.loads(data[6:])["text"] for kind, data in events if kind == "event: text"]
    assert "".join(texts) == "Hello there."
    assert json.loads(events[-1][1][6:])["tokens"] > 0
    assert said(server)["messages"] == QUESTION["messages"]

    server.next(fault="cut-stream")
    assert "event: error" in browser.post("/chat", json=QUESTION).text
    server.next(code=429, retry_after=0.5, times=3)
    refused = browser.post("/chat", json=QUESTION)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "0.5")


def test_a_web_application_hands_an_upload_on(
    server: api302_mock.MockServer, browser: TestClient
) -> None:
    server.next(text="Red.")
    described = browser.post("/describe", files={"file": ("red.png", RED, "image/png")})
    assert described.json() == {"text": "Red."}
    url = said(server)["messages"][0]["content"][1]["image_url"]["url"]
    assert url == f"data:image/png;base64,{base64.b64encode(RED).decode()}"


def test_a_port_with_tools(server: api302_mock.MockServer, client: Client) -> None:
    call: Any = [{"name": "weather", "arguments": {"city": "Oslo"}}]
    server.next(tool_calls=call)
    server.next(text="It is warm.")
    server.next(text='{"city": "Oslo", "degrees": 21.5, "advice": ["go out"]}')
    report = tools.report(client, "Weather?")
    assert report == tools.Report(city="Oslo", degrees=21.5, advice=["go out"])
    roles = [message["role"] for message in said(server)["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant"]

    server.next(tool_calls=[*call, {"name": "weather", "arguments": {"city": "Rome"}}])
    assert [one.city for _, one in tools.streamed(client, "Weather?")] == ["Oslo", "Rome"]
    server.next(tool_calls=call)
    server.next(text="Sunny.")
    assert tools.by_responses(client, "Weather?") == "Sunny."
    assert said(server)["input"][-1]["type"] == "function_call_output"


def test_orders_survive_a_restart(
    server: api302_mock.MockServer, client: Client, tmp_path: Path
) -> None:
    server.settings.polls = 0
    kept = orders.Orders(tmp_path / "orders.db")
    with Serving(Closing(orders.receiver(client, kept))) as web_server:
        told = orders.order(client, kept, "a red panda", f"{web_server.url}/")
        until(lambda: server.webhooks, "the webhook is called")
    assert kept.states() == {told: "succeeded"}
    server.settings.polls = 1
    untold = [orders.order(client, kept, "a crane"), orders.order_by_model(client, kept, "a bear")]
    server.next(fault="task-failed")
    failing = orders.order(client, kept, "a ghost")
    kept.close()

    again = orders.Orders(tmp_path / "orders.db")
    with Client(api_key=KEY, base_url=server.url) as started:
        saved = orders.resume(started, again, tmp_path)
        assert orders.resume(started, again, tmp_path) == []
    assert {path.stem for path in saved} == set(untold)
    assert again.states().pop(failing).startswith("failed: ")
    again.close()


def test_a_session_with_images(server: api302_mock.MockServer, client: Client) -> None:
    pictures = notebook.variants(client, np.int64(3))
    assert [picture.dtype for picture in pictures] == [np.uint8] * 3
    (edit,) = (seen for seen in server.requests if seen.operation == "openai_edit_image")
    assert edit.body["n"] == 3
    other = notebook.cut_out(client)
    server.next(text="The first.")
    assert notebook.compare(client, other) == "The first."
    urls = [part["image_url"]["url"] for part in said(server)["messages"][0]["content"][1:]]
    assert (urls[0].partition(",")[0], urls[1]) == ("data:image/png;base64", other.url)
    one, three = notebook.price(client, 1), notebook.price(client, np.int64(3))
    assert one is not None
    assert three is not None
    assert three > 2.9 * one
    assert notebook.vectors(client, ["a", "b"])[0] == 2


@pytest.mark.parametrize(("limit", "all_made"), [(9.0, True), (0.05, False)])
def test_mixed_calls_within_a_budget(
    limit: float, all_made: bool, server: api302_mock.MockServer, tmp_path: Path
) -> None:
    server.settings.polls = 1

    async def work() -> tuple[mixed.Report, list[str], str]:
        async with AsyncClient(api_key=KEY, base_url=server.url) as client:
            report = await mixed.run(client, tmp_path, limit, ["one", "two"])
            both = await mixed.both(client, "Hi")
            return report, both, await mixed.first_of(client, ["a", "b"])

    report, both, url = asyncio.run(work())
    assert report.failed == []
    made = len(report.texts) + len(report.files)
    assert made + len(report.refused) == 8
    assert (report.refused == []) == all_made
    assert all(path.stat().st_size for path in report.files)
    assert report.spent > 0  # also for what has no documented price, and is allowed
    assert len(both) == 2
    assert url.startswith("http")
