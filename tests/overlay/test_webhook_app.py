"""Webhooks: which messages are read, signed URLs, and the ASGI application that takes them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
import uvicorn
from patience import PATIENCE, happened
from support import KEY, Lazy, api302, http

webhooks = Lazy("api302.webhooks")
DONE = {"id": "g-1", "status": "done", "images": ["https://x/a.png"]}
PENDING = {"id": "g-1", "status": "pending"}
URL = "https://me.test/hook"


# --- messages -------------------------------------------------------------------------------------


def test_a_message_has_what_resumes_its_task(serve: Any, connect: Any) -> None:
    client = connect(serve())
    event = client.webhooks.parse(json.dumps(DONE), operation_id="gifts_paint")
    assert (event.task_id, event.status.state, event.operation_id) == (
        "g-1",
        "succeeded",
        "gifts_paint",
    )
    task = client.resume(event.task_dict)
    assert (task.id, task.to_dict()["parameters"]) == ("g-1", {"id": "g-1"})


@pytest.mark.parametrize(
    ("operation", "message", "said"),
    [
        (
            "gifts_paint",
            {"data": {"task_id": "1", "task_status": "succeed"}},
            "no state at `status`",
        ),
        ("gifts_paint", {}, "no state at `status`"),
        ("gifts_paint", {"status": None, "id": "g-1"}, "no state at `status`"),
        ("gifts_paint", {"status": {"code": 1}}, "no state at `status`"),
        ("acme_text_to_video", DONE, "is not a message about a task of acme_text_to_video"),
        ("extra_song", {"hello": 1}, "neither an id nor an output"),
        (None, {"hello": 1}, "operation_id=task.to_dict"),
    ],
)
def test_what_is_another_message_is_refused(operation: Any, message: Any, said: str) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        webhooks.parse(message, operation_id=operation)


def test_a_new_state_is_read() -> None:
    event = webhooks.parse({"id": "g-1", "status": "resting"}, operation_id="gifts_paint")
    assert (event.status.state, event.status.raw_state) == ("pending", "resting")


def test_a_message_without_an_id_has_an_empty_one() -> None:
    event = webhooks.parse({"status": "completed", "video_url": "https://x/a"})
    assert (event.task_id, event.status.outputs) == ("", ("https://x/a",))


def test_without_its_call_a_message_names_no_task() -> None:
    event = webhooks.parse({"task_id": "t-1", "status": "completed", "video_url": "https://x/a"})
    with pytest.raises(api302.InvalidArgument, match="name the call"):
        event.task_dict  # noqa: B018


# --- signed URLs ----------------------------------------------------------------------------------


def test_a_signed_url(serve: Any, connect: Any) -> None:
    client, other = connect(serve()), connect(serve()).with_options(api_key="sk-another-key-1234")
    url = client.webhooks.url(f"{URL}?a=1&b=#part", call="gifts_paint", expires_in=60)
    assert url.startswith(f"{URL}?a=1&b=&api302=1.")
    assert url.endswith("#part")
    assert KEY not in url
    token = client.webhooks.verify(url)
    assert token.operation_id == "gifts_paint"
    assert 0 < token.expires_at - time.time() <= 60
    assert client.webhooks.verify(url.partition("?")[2]) == token
    assert client.webhooks.verify(url.partition("?")[2].encode()) == token
    with pytest.raises(api302.InvalidArgument, match="not ours"):
        other.webhooks.verify(url)
    assert client.webhooks.url(URL) != client.webhooks.url(URL), "no two are alike"
    own = client.webhooks.url(URL, secret="mine")
    assert other.webhooks.verify(own, secret=b"mine").operation_id is None


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.partition("?")[0],
        lambda url: url.replace("gifts_paint", "acme_text_to_video"),
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.replace("api302=1.", "api302=1.9"),
        lambda url: url + "x",
        lambda url: f"{URL}?api302=",
        lambda url: f"{URL}?api302=1.2.3",
        lambda url: f"{URL}?api302=%ff%00é",
    ],
)
def test_a_url_that_is_not_ours(change: Any, serve: Any, connect: Any) -> None:
    client = connect(serve())
    url = client.webhooks.url(URL, call="gifts_paint")
    with pytest.raises(api302.InvalidArgument, match="not ours"):
        client.webhooks.verify(change(url))


@pytest.mark.parametrize("url", [5, None, "api302=\ud83d", "x://\ud83d?api302=\ud83d"])
def test_fault_25_what_is_no_url_is_not_ours(url: Any, serve: Any, connect: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match="url: "):
        connect(serve()).webhooks.verify(url)


def test_fault_25_a_url_that_has_a_token_already_gets_a_new_one(serve: Any, connect: Any) -> None:
    """Or else whoever checks it finds the old one, and every message is refused."""
    webhooks = connect(serve()).webhooks
    url = webhooks.url(webhooks.url(f"{URL}?api302=old&a=1"), call="gifts_paint")
    assert url.count("api302=") == 1
    assert webhooks.verify(url).operation_id == "gifts_paint"
    assert webhooks.verify(webhooks.url(URL, secret="\ud83d"), secret="\ud83d")


def test_fault_15_unknown_states_are_logged_to_a_limit(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: set[Any] = set()
    monkeypatch.setattr("api302._features.polling._logged", logged)
    monkeypatch.setattr("api302._features.polling.MOST_LOGGED", 20)
    for number in range(30):
        message = {"id": "g-1", "status": f"{number:03}" + "x" * 1000}
        webhooks.parse(message, operation_id="gifts_paint")
    assert len(logged) == len(caplog.messages) == 20
    assert max(map(len, caplog.messages)) < 200


def test_a_url_ends(serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(serve())
    url = client.webhooks.url(URL, expires_in=10)
    later = time.time() + 11
    monkeypatch.setattr("api302.webhooks.time.time", lambda: later)
    with pytest.raises(api302.InvalidArgument, match="has expired"):
        client.webhooks.verify(url)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"url": "/hook"}, "url: must be a whole URL"),
        ({"url": "http://[::1"}, "url: must be a whole URL"),
        ({"url": "https://x.test:99999/"}, "url: must be a whole URL"),
        ({"url": 5}, "url: must be a whole URL"),
        ({"url": None}, "url: must be a whole URL"),
        ({"url": URL, "call": "gifts_draw"}, "call: gifts_draw takes no webhook"),
        ({"url": URL, "call": "gifts_pain"}, "did you mean gifts_paint"),
        ({"url": URL, "expires_in": 0}, "expires_in: must be seconds"),
        ({"url": URL, "secret": ""}, "secret: is empty"),
    ],
)
def test_bad_arguments(arguments: Any, said: str, serve: Any, connect: Any) -> None:
    with pytest.raises(api302.InvalidArgument, match=said):
        connect(serve()).webhooks.url(**{"url": URL, **arguments})


def test_a_key_that_changes_signs_nothing() -> None:
    with api302.Client(lambda: KEY, base_url="https://x.test") as client:
        with pytest.raises(api302.InvalidArgument, match="secret: give one"):
            client.webhooks.url(URL)
        assert client.webhooks.verify(client.webhooks.url(URL, secret="s"), secret="s")


# --- the application ------------------------------------------------------------------------------


class App:
    """The application beside the client that it asks."""

    def __init__(self, client: Any, **how: Any) -> None:
        self.events: list[Any] = []
        self.client, self.failing = client, False
        self.app = client.webhooks.app(how.pop("on_event", self.note), **how)
        self.url = client.webhooks.url(URL, call="gifts_paint")

    def note(self, event: Any) -> None:
        if self.failing:
            raise KeyError("mine")
        self.events.append(event)

    async def call(
        self, body: Any = DONE, method: str = "POST", query: str | None = None
    ) -> tuple[int, str]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        pieces = [content[:5], content[5:]]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        found = self.url.partition("?")[2] if query is None else query
        scope = {"type": "http", "method": method, "query_string": found.encode()}
        await self.app(scope, receive, send)
        return sent[0]["status"], sent[1]["body"].decode()

    def post(self, *given: Any, **more: Any) -> tuple[int, str]:
        return asyncio.run(self.call(*given, **more))


def test_a_message_is_confirmed_and_handed_over_once(serve: Any, connect: Any) -> None:
    server = serve(http({**DONE, "images": ["https://x/true.png"]}))
    app = App(connect(server))
    assert app.post() == (200, "ok")
    assert app.post() == (200, "known already")
    (event,) = app.events
    assert event.status.outputs == ("https://x/true.png",), "as the service says, not the message"
    assert event.task_id == "g-1"
    assert [request.path for request in server.requests] == ["/gifts/paint/g-1"]


def test_a_message_that_is_not_true(serve: Any, connect: Any) -> None:
    server = serve(http(PENDING), http(DONE))
    app = App(connect(server))
    assert app.post()[0] == 503
    assert app.events == []
    assert app.post()[0] == 200, "the service tries again"
    assert len(app.events) == 1


def test_a_message_about_progress(serve: Any, connect: Any) -> None:
    app = App(connect(serve(http(PENDING), http(DONE))))
    assert app.post(PENDING)[0] == 200
    assert app.events == []
    assert app.post()[0] == 200
    assert len(app.events) == 1


def test_fault_05_the_end_is_not_lost_while_the_progress_is_asked_for(serve: Any) -> None:
    """Both messages are about one task, and the second comes before the first is confirmed."""
    first, second = threading.Event(), threading.Event()

    def slow(connection: Any, request: Any) -> None:
        first.set()
        happened(second)
        connection.sendall(http(PENDING))

    server = serve(slow, http(DONE))

    async def main() -> list[Any]:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            app = App(client)
            progress = asyncio.create_task(app.call(PENDING))
            await asyncio.to_thread(happened, first)
            assert await app.call() == (200, "ok")
            second.set()
            assert (await progress)[0] == 200
            return app.events

    assert [event.status.state for event in asyncio.run(main())] == ["succeeded"]


def test_a_failed_task_is_an_event_too(serve: Any, connect: Any) -> None:
    failed = {"id": "g-1", "status": "failed", "error": {"message": "refused"}}
    app = App(connect(serve(http(failed))))
    assert app.post(failed)[0] == 200
    assert (app.events[0].status.state, app.events[0].status.message) == ("failed", "refused")


def test_an_event_that_is_not_handled_comes_again(
    serve: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(connect(serve(http(DONE), forever=True)))
    app.failing = True
    assert app.post()[0] == 500
    assert "KeyError" in caplog.text
    app.failing = False
    assert app.post() == (200, "ok")


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (http({}, "503 x"), 503),
        (http({"error": {"message": "no"}}, "404 x"), 404),
        (http({"error": {}}, "401 x"), 500),
    ],
)
def test_a_status_that_cannot_be_had(step: bytes, status: int, serve: Any, connect: Any) -> None:
    app = App(connect(serve(step, http(DONE)), max_retries=0))
    assert app.post()[0] == status
    assert app.post() == (200, "ok")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"method": "GET"}, 405),
        ({"query": ""}, 403),
        ({"query": "api302=1.9999999999.gifts_paint.aa.bb"}, 403),
        ({"body": b"no JSON"}, 400),
        ({"body": {"hello": 1}}, 400),
        ({"body": {"status": "done"}}, 400),
        ({"body": b"[" * (1 << 20) + b"]"}, 413),
    ],
)
def test_what_is_refused_asks_nobody(given: Any, status: int, serve: Any, connect: Any) -> None:
    server = serve()
    app = App(connect(server))
    assert app.post(**given)[0] == status
    assert (server.requests, app.events) == ([], [])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fault_16_a_message_that_trickles_in_is_given_up(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    """Each piece comes in time, and the last one never."""
    monkeypatch.setattr("api302.webhooks.PATIENCE", 0.2)
    server = serve(http(DONE), forever=True)
    app = App(connect(server))
    sent: list[dict[str, Any]] = []
    pieces = iter(json.dumps(DONE))

    async def receive() -> dict[str, Any]:
        await anyio.sleep(0.05)
        return {"type": "http.request", "body": next(pieces).encode(), "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def main(version: str) -> None:
        query = app.url.partition("?")[2].encode()
        scope = {"type": "http", "method": "POST", "query_string": query, "http_version": version}
        await app.app(scope, receive, send)

    for version, closes in (("1.1", True), ("2", False)):
        sent.clear()
        anyio.run(main, version, backend=backend)
        assert sent[0]["status"] == 408
        assert (b"connection" in dict(sent[0]["headers"])) is closes
        assert next(pieces), "it was given up before its end"
    assert (server.requests, app.events) == ([], [])
    assert app.post() == (200, "ok"), "it is not known: the service sends it again"


def test_fault_16_a_server_ends_the_connection_of_a_message_that_trickles_in(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api302.webhooks.PATIENCE", 0.2)
    app = App(connect(serve(http(DONE))))
    path = app.url.removeprefix("https://me.test")
    with (
        running(app.app) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as caller,
    ):
        head = f"POST {path} HTTP/1.1\r\nhost: me\r\ncontent-length: 100\r\n\r\n"
        caller.sendall(head.encode() + b'{"id":')
        answer = b"".join(iter(lambda: caller.recv(65536), b""))  # up to the connection's end
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert app.events == []


@contextmanager
def running(app: Any) -> Iterator[int]:
    """An ASGI application behind uvicorn; its port."""
    config = uvicorn.Config(app, port=0, ws="none", log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def test_a_url_without_a_call_cannot_be_confirmed(serve: Any, connect: Any) -> None:
    app = App(connect(serve()))
    app.url = app.client.webhooks.url(URL)
    message = {"task_id": "t-1", "status": "completed", "video_url": "https://x/a"}
    assert app.post(message) == (400, "operation_id: name the call that submitted the task")


def test_an_async_client_and_a_memory_of_ones_own(serve: Any) -> None:
    server = serve(http(DONE), forever=True)
    events: list[Any] = []

    async def note(event: Any) -> None:
        await asyncio.sleep(0)
        events.append(event)

    async def main() -> None:
        async with api302.AsyncClient(api_key=KEY, base_url=server.url) as client:
            seen: set[str] = set()
            app = App(client, on_event=note, seen=seen)
            assert [await app.call() for _ in range(2)] == [(200, "ok"), (200, "known already")]
            assert seen == {"gifts_paint:g-1"}
            many = App(client, on_event=note)
            answers = await asyncio.gather(*[many.call() for _ in range(20)])
            assert sorted(text for _, text in answers) == ["known already"] * 19 + ["ok"]
            event = client.webhooks.parse(PENDING, operation_id="gifts_paint")
            assert (await client.webhooks.confirm(event)).status.state == "succeeded"

    asyncio.run(main())
    assert len(events) == 2


def test_confirm(serve: Any, connect: Any) -> None:
    client = connect(serve(http(DONE)))
    event = client.webhooks.parse(PENDING, operation_id="gifts_paint")
    assert client.webhooks.confirm(event).status.state == "succeeded"


def test_the_start_and_end_of_a_server(serve: Any, connect: Any) -> None:
    app = App(connect(serve())).app
    coming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    async def main() -> None:
        await app({"type": "lifespan"}, receive, send)
        with pytest.raises(ValueError, match="by HTTP"):
            await app({"type": "websocket"}, receive, send)

    asyncio.run(main())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
