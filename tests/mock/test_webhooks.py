"""A task with a webhook calls it when it ends; by default only on this machine."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
import uvicorn
from patience import happened, until

import api302
from api302 import webhooks
from api302_mock import MockServer, start
from api302_mock.app import MockApp
from api302_mock.webhooks import ATTEMPTS, is_loopback

from .conftest import KEY
from .test_own import REAL


class Receiver:
    """A program's own server, which takes webhooks."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.kinds: list[str | None] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                receiver.kinds.append(self.headers["content-type"])
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def hooked(mini: dict[str, Any]) -> Iterator[MockServer]:
    """A mock of the mini document, whose videos take a webhook; its tasks end after 0.1 s."""
    document = copy.deepcopy(mini)
    post = document["paths"]["/acme/v1/videos"]["post"]
    post["x-task"]["webhook"] = {"in": "body", "name": "notify"}
    with start(document, pace=0.05, polls=2) as server:
        yield server


def submit(server: MockServer, hook: Any, **more: Any) -> str:
    body = {"prompt": "a red panda", "notify": hook} | more
    response = httpx.post(f"{server.url}/acme/v1/videos", json=body, headers=KEY)
    return response.json()["data"]["task_id"]


def get(server: MockServer, task: str) -> dict[str, Any]:
    return httpx.get(f"{server.url}/acme/v1/videos/{task}", headers=KEY).json()["data"]


def test_a_task_that_nobody_polls_calls_its_webhook(hooked: MockServer, receiver: Receiver) -> None:
    task = submit(hooked, receiver.url)
    until(lambda: hooked.webhooks, "it is called")
    assert receiver.kinds == ["application/json"]
    told = json.loads(receiver.bodies[0])["data"]
    assert (told["task_id"], told["task_status"]) == (task, "succeed")
    assert httpx.get(told["task_result"]["videos"][0]["url"]).content[4:8] == b"ftyp"
    assert (hooked.webhooks[0].status, hooked.webhooks[0].error) == (200, None)
    # It is over for whoever polls, too, and no second message comes.
    assert get(hooked, task) == told
    time.sleep(0.2)
    assert len(receiver.bodies) == 1
    hooked.reset()
    assert hooked.webhooks == []


def test_a_task_that_is_polled_calls_it_at_its_end(hooked: MockServer, receiver: Receiver) -> None:
    hooked.settings.pace = 60
    task = submit(hooked, receiver.url)
    assert [get(hooked, task)["task_status"] for _ in range(2)] == ["submitted", "processing"]
    time.sleep(0.05)
    assert receiver.bodies == []
    last = get(hooked, task)
    until(lambda: hooked.webhooks, "it is called")
    assert json.loads(receiver.bodies[0])["data"] == last
    get(hooked, task)
    assert len(receiver.bodies) == 1


def test_a_failure_is_told_too(hooked: MockServer, receiver: Receiver) -> None:
    submit(hooked, receiver.url, prompt="mock:fail")
    until(lambda: hooked.webhooks, "it is called")
    assert json.loads(receiver.bodies[0])["data"]["task_status"] == "failed"


def test_it_tries_three_times(hooked: MockServer, receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    submit(hooked, receiver.url)
    until(lambda: hooked.webhooks, "it is called")
    assert len(receiver.bodies) == 3
    assert hooked.webhooks[0].error is None
    receiver.statuses = [503] * ATTEMPTS
    submit(hooked, receiver.url)
    until(lambda: len(hooked.webhooks) == 2, "it is called")
    assert len(receiver.bodies) == 3 + ATTEMPTS
    assert hooked.webhooks[1].status == 503
    assert "503" in str(hooked.webhooks[1].error)


@pytest.mark.parametrize(
    "hook",
    [
        "http://192.0.2.1:9/hook",
        "http://example.com/hook",
        "http://127.0.0.1.example.com/",
        "http://localhost@192.0.2.1/",
        "ftp://127.0.0.1/x",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "hook",
    ],
)
def test_others_are_not_called(hooked: MockServer, hook: str) -> None:
    submit(hooked, hook)
    until(lambda: hooked.webhooks, "it is called")
    assert hooked.webhooks[0].url == hook
    assert hooked.webhooks[0].status is None
    assert hooked.webhooks[0].error


def test_none_are_called_where_they_are_turned_off(hooked: MockServer, receiver: Receiver) -> None:
    hooked.settings.webhooks = "none"
    submit(hooked, receiver.url)
    until(lambda: hooked.webhooks, "it is called")
    assert receiver.bodies == []
    assert "off" in str(hooked.webhooks[0].error)


@pytest.mark.parametrize("hook", [7, ""])
def test_a_webhook_that_is_no_text_is_none(hooked: MockServer, hook: Any) -> None:
    task = submit(hooked, hook)
    assert [get(hooked, task)["task_status"] for _ in range(3)][-1] == "succeed"
    assert hooked.webhooks == []


def test_a_webhook_after_a_reset_is_not_called(
    hooked: MockServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_reset, has_ended = threading.Event(), threading.Event()
    end_later = MockApp._end_later

    async def end(*given: Any) -> None:
        await asyncio.to_thread(happened, was_reset)
        await end_later(*given)
        has_ended.set()

    monkeypatch.setattr(MockApp, "_end_later", end)
    submit(hooked, receiver.url)
    hooked.reset()
    was_reset.set()
    happened(has_ended)
    assert receiver.bodies == []


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.example.com", False),
        ("2130706433", False),
    ],
)
def test_what_is_this_machine(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("/302/v2/video/create", "webhook", {"model": "kling_v1", "prompt": "x"}),
        ("/klingai/v1/videos/text2video", None, {"prompt": "x"}),
    ],
)
def test_the_client_reads_what_comes(
    path: str, query: str | None, body: dict[str, Any], receiver: Receiver
) -> None:
    with start(REAL, pace=0.02) as server:
        params = {query: receiver.url} if query else {}
        sent = body if query else body | {"callback_url": receiver.url}
        submitted = httpx.post(server.url + path, json=sent, headers=KEY, params=params)
        assert submitted.is_success, submitted.text
        until(lambda: server.webhooks, "it is called")
        operation = None if query else server.requests[0].operation
        event = webhooks.parse(receiver.bodies[0], operation_id=operation)
        assert event.task_id
        assert event.task_id in submitted.text
        assert event.status.state == "succeeded"
        assert event.status.outputs


class Served:
    """An ASGI application, served on this machine."""

    def __init__(self, app: Any) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        self._server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="error"))
        sockets = {"sockets": [listener]}
        self._thread = threading.Thread(target=self._server.run, kwargs=sockets, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.mark.parametrize(
    ("operation", "field"),
    [("ai302_generate_image", "webhook"), ("kling_text_to_video", "callback_url")],
)
def test_our_own_application_takes_what_comes(operation: str, field: str) -> None:
    events: list[webhooks.Event] = []
    with (
        start(REAL, pace=0.02) as server,
        api302.Client("sk-test", base_url=server.url) as client,
        closing(Served(client.webhooks.app(events.append))) as served,
    ):
        url = client.webhooks.url(served.url, call=operation)
        arguments = {"prompt": "a red panda", field: url}
        if operation == "ai302_generate_image":
            arguments["model"] = "gemini-2.5-flash-image"
        task = client.submit(operation, arguments)
        until(lambda: events and server.webhooks, "it is called")
        assert (server.webhooks[0].status, server.webhooks[0].error) == (200, None)
        (event,) = events
        assert (event.task_id, event.operation_id) == (task.id, operation)
        assert event.status.outputs == client.resume(event.task_dict).status().outputs
        body = json.loads(server.webhooks[0].body)
        assert httpx.post(served.url, json=body).status_code == 403, "no token"
        assert httpx.post(url, json=body).text == "known already"
        assert len(events) == 1
